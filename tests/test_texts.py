"""From a folder of files to documents: nothing lost, and a reason for what is."""

import pytest

from minimt import texts
from minimt.errors import InputError


def write(folder, **files):
    for name, content in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        raw = content if isinstance(content, bytes) else content.encode()
        path.with_suffix(".txt").write_bytes(raw)


def test_a_folder_is_read_recursively_and_the_files_left_out_are_listed(tmp_path):
    write(tmp_path, b="two", a="one", deep__down="three", again="one")
    write(tmp_path, empty="", blank=" \n", binary=b"\0\1", latin=b"caf\xe9")
    (tmp_path / ".hidden").write_text("no")
    write(tmp_path, run__report="left by a run")
    (tmp_path / "run" / texts.RUN_FILE).write_text("{}")
    (tmp_path / "code.py").write_text("pass")
    found, left_out = texts.read_folder(tmp_path, [".txt"])
    assert found == [("a.txt", "one"), ("b.txt", "two"), ("deep/down.txt", "three")]
    expected = ["again.txt", "binary.txt", "blank.txt", "empty.txt", "latin.txt"]
    assert left_out == expected
    assert len(texts.read_folder(tmp_path)[0]) == 4


def test_a_folder_that_is_missing_or_has_nothing_to_read_is_refused(tmp_path):
    with pytest.raises(InputError, match="is not a directory"):
        texts.read_folder(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"no text files ending in \.md"):
        texts.read_folder(tmp_path, [".md"])


@pytest.mark.parametrize(
    "name, reason", dict(empty="is empty", binary="not UTF-8", missing="read").items()
)
def test_a_file_that_is_missing_empty_or_binary_is_refused(tmp_path, name, reason):
    write(tmp_path, empty="", binary=b"\0\1")
    with pytest.raises(InputError, match=reason):
        texts.read_text(tmp_path / f"{name}.txt")


def test_the_standard_library_is_found_without_its_tests():
    names = [name for name, _ in texts.standard_library()]
    assert len(names) > 150 and "argparse.py" in names
    assert names == sorted(names)
    assert not [name for name in names if "test" in name.split("/")]
