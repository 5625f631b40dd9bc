"""From a folder of files to documents: nothing lost, and a reason for what is."""

import contextlib
import errno
import gzip
import os
import pathlib

import pytest

from minimt import progress, texts
from minimt.errors import InputError
from minimt.inspection import explorer

RESULTS = pathlib.Path(__file__).parent.parent / "results"


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
    others = {"not ending in .txt": ["code.py"]}
    assert texts.read(tmp_path, [".txt"]) == (expected, others)
    assert texts.read(tmp_path, [".txt", ".PY"])[1] == {}
    assert len(texts.read(tmp_path)[0]) == 4


def test_every_file_that_is_left_out_has_a_reason(tmp_path):
    write(tmp_path, a="one\ntwo", again="one\ntwo", empty="", blank=" \n")
    write(tmp_path, crlf=b"one\r\ntwo", cr=b"one\rtwo", bom=b"\xef\xbb\xbfone\ntwo")
    write(tmp_path, binary=b"a\0\1", latin=b"ab caf\xe9", wide="one".encode("utf-16"))
    write(tmp_path, wider="one".encode("utf-32"), paper=b"%PDF-1.4\n\xe2\xe3")
    write(tmp_path, packed=gzip.compress(b"one"), run__report="three")
    (tmp_path / "run" / texts.RUN_FILE).write_text("{}")
    (tmp_path / ".hidden").write_text("no")
    (tmp_path / ".git").mkdir()
    (tmp_path / "broken").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")  # reading it would take for ever
    found, left_out = texts.read(tmp_path)
    assert found == [("a.txt", "one\ntwo")]
    assert left_out == {
        "written by minimt": ["run/"],
        "hidden": [".git/", ".hidden"],
        "the same as another": ["again.txt", "bom.txt", "cr.txt", "crlf.txt"],
        "binary": ["binary.txt"],
        "empty": ["blank.txt", "empty.txt"],
        "broken link": ["broken"],
        "not UTF-8: convert with iconv": ["latin.txt at byte 6"],
        "compressed": ["packed.txt"],
        "PDF: convert with pdftotext": ["paper.txt"],
        "pipe, socket or device": ["pipe"],
        "UTF-16: convert with iconv -f UTF-16 -t UTF-8": ["wide.txt"],
        "UTF-32: convert with iconv -f UTF-32 -t UTF-8": ["wider.txt"],
    }


def test_what_is_left_out_is_counted_with_the_first_names():
    left_out = {
        "hidden": [".git/", ".x"],
        "no permission": ["a/"],
        "the same as another": ["b", "c", "d", "e"],
        "not UTF-8": ["f at byte 6"],
    }
    assert list(texts.described(left_out)) == [
        "1 file and 1 folder (hidden): .git/, .x",
        "1 folder (no permission): a/",
        "4 files (the same as another): b, c, d, …",
        "1 file (not UTF-8): f at byte 6",
    ]


@pytest.mark.parametrize("beginning", ["BZh", "PK", "a\x0c", "%PDF", "\ufeff"])
def test_a_text_may_begin_like_another_kind_of_file(tmp_path, beginning):
    write(tmp_path, a=f"{beginning} begins this text")
    ((_, text),), left_out = texts.read(tmp_path)
    assert text == f"{beginning} begins this text".strip("\ufeff") and not left_out


def test_texts_that_differ_in_more_than_their_line_ends_are_both_read(tmp_path):
    for i, text in enumerate(["a\nb", "a\x0cb", "a\u2028b", "a\nb\n", "a\n\nb"]):
        (tmp_path / f"{i}").write_text(text, encoding="utf-8")
    found, left_out = texts.read(tmp_path)
    assert len(found) == 5 and not left_out


def test_what_minimt_wrote_is_never_a_text(tmp_path):
    template = explorer.TEMPLATE.read_text(encoding="utf-8")
    written = dict(page=template, claim=(RESULTS / "memory.md").read_text())
    written |= dict(result=(RESULTS / "memory.json").read_text())
    write(tmp_path, **written, about=f"On minimt's results:\n{written['result'][:500]}")
    found, left_out = texts.read(tmp_path)
    assert [name for name, _ in found] == ["about.txt"]
    assert left_out == {"written by minimt": ["claim.txt", "page.txt", "result.txt"]}
    assert texts.read_text(tmp_path / "page.txt")  # to be inspected, if somebody asks


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
    found, left_out = texts.read(tmp_path)
    assert found == [("a.txt", "one")]
    assert left_out == {"no permission": ["closed/", "b.txt"]}


def test_linked_folders_are_followed_once(tmp_path):
    write(tmp_path, elsewhere__a="one", texts__b="two", texts__deep__c="three")
    root = tmp_path / "texts"
    (root / "linked").symlink_to(tmp_path / "elsewhere")
    (root / "again").symlink_to(tmp_path / "elsewhere")
    (root / "deep" / "up").symlink_to(root)  # a loop
    found, left_out = texts.read(root)
    assert [text for _, text in found] == ["one", "two", "three"]
    assert found[0][0] == "again/a.txt"
    assert left_out == {"the same as another": ["deep/up/", "linked/"]}


def test_the_order_of_a_folder_does_not_matter(tmp_path, monkeypatch):
    write(tmp_path, a="one", b="one", c__d="two", c__e="", f="", g__h="three")
    (tmp_path / "i").symlink_to("c")
    expected, listed = texts.read(tmp_path), os.scandir

    class Listed(contextlib.nullcontext):
        """What `os.scandir` gives, from z to a."""

        def __next__(self):
            if not self.enter_result:
                raise StopIteration
            return self.enter_result.pop()

    def scandir(path):
        return Listed(sorted(listed(path), key=lambda entry: entry.name))

    monkeypatch.setattr(os, "scandir", scandir)
    assert next(os.walk(tmp_path))[2] == ["f.txt", "b.txt", "a.txt"]
    assert texts.read(tmp_path) == expected


def test_what_vanishes_while_it_is_read_is_told_of(tmp_path, monkeypatch):
    write(tmp_path, a="one", b="two", c__d="three", e__f="four")
    paths, left_out = texts.walk(tmp_path)
    (tmp_path / "b.txt").unlink()
    monkeypatch.setattr(texts, "walk", lambda root: (paths, left_out))
    found, left_out = texts.read(tmp_path)
    assert len(found) == 3 and left_out == {"deleted in the meantime": ["b.txt"]}


def test_a_folder_that_vanishes_while_it_is_read_is_told_of(tmp_path, monkeypatch):
    write(tmp_path, a="one", b__c="two")
    listed = os.scandir

    def scandir(path):
        if pathlib.Path(path).name == "b" and (tmp_path / "b").exists():
            (tmp_path / "b/c.txt").unlink()
            (tmp_path / "b").rmdir()
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found, left_out = texts.read(tmp_path)
    assert len(found) == 1 and left_out == {"deleted in the meantime": ["b/"]}


def test_reading_shows_how_far_it_is(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(progress, "LINES_EVERY", 0)
    write(tmp_path, a="one", b__c="two")
    texts.read(tmp_path)
    lines = ["looking for files: 1 folders", "looking for files: 2 folders"]
    lines += ["reading: 1 of 2 files, ", "reading: 2 of 2 files, "]
    told = capsys.readouterr().err.splitlines()
    assert [line[: len(start)] for line, start in zip(told, lines)] == lines


@pytest.mark.parametrize("name", [b"caf\xe9", b"a\nb", b"\x1b[31m", b"\xe2\x80\xae"])
def test_a_name_may_have_any_bytes(tmp_path, name):
    with open(os.fsencode(tmp_path) + b"/" + name, "w") as file:
        file.write("one")
    ((told, _),) = texts.read(tmp_path)[0]
    assert told.isprintable() and told.encode()


def test_a_single_file_is_read_like_a_folder_of_one(tmp_path):
    write(tmp_path, a=b"\xef\xbb\xbfone\r\n")
    (tmp_path / "run.json").write_text('{"command": "python -m minimt bench"}')
    assert texts.read(tmp_path / "a.txt", [".txt"]) == ([("a.txt", "one\n")], {})
    for name, endings in ("a.txt", [".md"]), ("run.json", []):
        with pytest.raises(InputError, match=rf"read: 1 file \(.*\): {name}$"):
            texts.read(tmp_path / name, endings)


@pytest.mark.parametrize(
    "endings, reason",
    [
        ([], r"1 file \(binary\): b.txt; 1 file"),
        ([".md"], r"2 files \(not ending in .md\): b.txt, c.txt"),
    ],
)
def test_a_folder_with_nothing_to_read_says_why(tmp_path, endings, reason):
    write(tmp_path, b=b"\0", c="")
    with pytest.raises(InputError, match=reason):
        texts.read(tmp_path, endings)


def test_a_missing_or_an_empty_folder_is_refused(tmp_path):
    gone = tmp_path / "gone"
    with pytest.raises(InputError, match=f"{gone}: No such .* or restore the one"):
        texts.read(gone)
    with pytest.raises(InputError, match="read: it is empty"):
        texts.read(tmp_path)


UNREADABLE = dict(empty="empty", binary="binary", latin="at byte 1", missing="cannot")


@pytest.mark.parametrize("name, reason", UNREADABLE.items())
def test_a_file_without_text_is_refused(tmp_path, name, reason):
    write(tmp_path, empty="", binary=b"\0\1", latin=b"a\xe9")
    with pytest.raises(InputError, match=reason):
        texts.read_text(tmp_path / f"{name}.txt")


def test_a_text_has_no_byte_order_mark_and_one_kind_of_line_end(tmp_path):
    write(tmp_path, a=b"\xef\xbb\xbfone\r\ntwo\rthree\n\r\n")
    assert texts.read_text(tmp_path / "a.txt") == "one\ntwo\nthree\n\n"


def test_the_standard_library_is_found_without_its_tests():
    names = [name for name, _ in texts.standard_library()]
    assert len(names) > 150 and "argparse.py" in names
    assert names == sorted(names)
    assert not [name for name in names if "test" in name.split("/")]
