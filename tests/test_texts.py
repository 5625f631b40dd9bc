"""From a folder of files to documents: nothing lost, and a reason for what is."""

import errno
import gzip
import os
import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minimt import texts
from minimt.errors import InputError


def write(folder, **files):
    for name, content in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        raw = content if isinstance(content, bytes) else content.encode()
        path.with_suffix(".txt").write_bytes(raw)


def test_a_folder_is_read_recursively(tmp_path):
    write(tmp_path, b="two", a="one", deep__down="three")
    (tmp_path / "code.py").write_text("pass")
    expected = [("a.txt", "one"), ("b.txt", "two"), ("deep/down.txt", "three")]
    assert texts.read_folder(tmp_path, [".txt"]) == (expected, {})
    assert texts.read_folder(tmp_path, [".TXT"]) == (expected, {})
    assert len(texts.read_folder(tmp_path)[0]) == 4


def test_every_file_that_is_left_out_has_a_reason(tmp_path):
    write(tmp_path, a="one\ntwo", again="one\ntwo", empty="", blank=" \n")
    write(tmp_path, crlf=b"one\r\ntwo", cr=b"one\rtwo", bom=b"\xef\xbb\xbfone\ntwo")
    write(tmp_path, binary=b"a\0\1", latin=b"ab caf\xe9", wide="one".encode("utf-16"))
    write(tmp_path, packed=gzip.compress(b"one"), run__report="three")
    (tmp_path / "run" / texts.RUN_FILE).write_text("{}")
    (tmp_path / "page.html").write_text('<meta name="generator" content="minimt">')
    (tmp_path / "x.json").write_text('{"command": "python -m minimt bench"}')
    (tmp_path / "x.md").write_text("# x\n<!-- written by minimt -->\n")
    (tmp_path / ".hidden").write_text("no")
    (tmp_path / ".git").mkdir()
    (tmp_path / "broken").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")  # reading it would take for ever
    found, left_out = texts.read_folder(tmp_path)
    assert found == [("a.txt", "one\ntwo")]
    assert left_out == {
        "written by minimt": ["run/", "page.html", "x.json", "x.md"],
        "hidden": [".git/", ".hidden"],
        "copies of another file": ["again.txt", "bom.txt", "cr.txt", "crlf.txt"],
        "binary": ["binary.txt"],
        "empty": ["blank.txt", "empty.txt"],
        "missing": ["broken"],
        "not UTF-8; iconv converts it": ["latin.txt at byte 6"],
        "compressed": ["packed.txt"],
        "not a regular file": ["pipe"],
        "UTF-16; iconv -f UTF-16 -t UTF-8 converts it": ["wide.txt"],
    }
    told = list(texts.described(left_out))
    assert "2 files (hidden): .git/, .hidden" in told
    assert "4 files (copies of another file): again.txt, bom.txt, cr.txt, …" in told
    assert "1 file (not UTF-8; iconv converts it): latin.txt at byte 6" in told


def test_files_and_folders_without_permission_are_told_of(tmp_path, monkeypatch):
    write(tmp_path, a="one", b="two", closed__c="three")

    def refuse(function, name):
        def checked(path, *args):
            if pathlib.Path(path).name == name:
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return function(path, *args)

        return checked

    monkeypatch.setattr(os, "scandir", refuse(os.scandir, "closed"))
    monkeypatch.setattr(
        pathlib.Path, "read_bytes", refuse(pathlib.Path.read_bytes, "b.txt")
    )
    found, left_out = texts.read_folder(tmp_path)
    assert found == [("a.txt", "one")]
    assert left_out == {"no permission": ["closed/", "b.txt"]}


def test_linked_folders_are_followed_once(tmp_path):
    write(tmp_path, elsewhere__a="one", texts__b="two", texts__deep__c="three")
    root = tmp_path / "texts"
    (root / "linked").symlink_to(tmp_path / "elsewhere")
    (root / "again").symlink_to(tmp_path / "elsewhere")
    (root / "deep" / "up").symlink_to(root)  # a loop
    found, left_out = texts.read_folder(root)
    assert [text for _, text in found] == ["one", "two", "three"] and left_out == {}
    assert found[0][0] == "again/a.txt"


def test_a_name_may_have_any_bytes(tmp_path):
    with open(os.fsencode(tmp_path) + b"/caf\xe9.txt", "w") as file:
        file.write("one")
    ((name, _),) = texts.read_folder(tmp_path)[0]
    assert name == r"caf\xe9.txt" and name.encode()


@pytest.mark.parametrize(
    "endings, reason",
    [([], r"1 file \(binary\): b.txt; 1 file"), ([".md"], r"no file in .* in \.md")],
)
def test_a_folder_with_nothing_to_read_says_why(tmp_path, endings, reason):
    write(tmp_path, b=b"\0", c="")
    with pytest.raises(InputError, match=reason):
        texts.read_folder(tmp_path, endings)


def test_a_missing_or_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="is not a directory"):
        texts.read_folder(tmp_path / "nowhere")
    with pytest.raises(InputError, match="read: it is empty"):
        texts.read_folder(tmp_path)


UNREADABLE = dict(empty="empty", binary="binary", latin="at byte 1", missing="cannot")


@pytest.mark.parametrize("name, reason", UNREADABLE.items())
def test_a_file_without_text_is_refused(tmp_path, name, reason):
    write(tmp_path, empty="", binary=b"\0\1", latin=b"a\xe9")
    with pytest.raises(InputError, match=reason):
        texts.read_text(tmp_path / f"{name}.txt")


def test_a_byte_order_mark_is_not_text(tmp_path):
    write(tmp_path, a=b"\xef\xbb\xbfone")
    assert texts.read_text(tmp_path / "a.txt") == "one"


@given(
    words=st.lists(st.sampled_from(["a", "rose", " ", "\n", "\n\n"]), max_size=9),
    times=st.integers(1, 9000),
)
def test_a_text_is_cut_between_paragraphs_and_nothing_is_lost(words, times):
    text = "".join(words) * times
    parts = texts.cut("x", text)
    assert "".join(part for _, part in parts) == text or not text.strip()
    if "\n\n" in words and len(text) > 50_000:
        assert all(part.endswith("\n\n") for _, part in parts[:-1])
    assert all(len(part) < 2.6 * texts.BLOCK for _, part in parts)
    assert len({name for name, _ in parts}) == len(parts)


def test_the_standard_library_is_found_without_its_tests():
    names = [name for name, _ in texts.standard_library()]
    assert len(names) > 150 and "argparse.py" in names
    assert names == sorted(names)
    assert not [name for name in names if "test" in name.split("/")]
