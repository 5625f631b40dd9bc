"""Texts: documents as [(name, text)], and a reason for each file left out."""

import errno
import os
import pathlib
import stat
import sysconfig

from .errors import InputError
from .files import RUN_FILE
from .progress import progress

CONVERT = "convert with iconv -f {0} -t UTF-8"
BEGINNINGS = {  # by which a file that is not UTF-8 tells what it is
    b"\xff\xfe\0\0": "UTF-32: " + CONVERT.format("UTF-32"),
    b"\0\0\xfe\xff": "UTF-32: " + CONVERT.format("UTF-32"),
    b"\xff\xfe": "UTF-16: " + CONVERT.format("UTF-16"),
    b"\xfe\xff": "UTF-16: " + CONVERT.format("UTF-16"),
    b"\x1f\x8b": "compressed",
    b"PK\x03\x04": "compressed",
    b"BZh": "compressed",
    b"\xfd7zXZ\0": "compressed",
    b"\x28\xb5\x2f\xfd": "compressed",
    b"%PDF": "PDF: convert with pdftotext",
}
LEFT_OUT = set(  # folders of tests, tables and other people's packages
    "test tests idle_test encodings pydoc_data idlelib lib2to3 distutils ensurepip "
    "turtledemo site-packages dist-packages __pycache__".split()
)


def standard_library(least_bytes=8192):
    """The Python standard library's source files as [(name, text)], sorted by name.

    Leaves out small files, `_sysconfigdata`, which differs between machines, and links,
    which would repeat a text.
    """
    root, documents = pathlib.Path(sysconfig.get_path("stdlib")), []
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root)
        if LEFT_OUT & set(name.parts) or name.name.startswith("_sysconfigdata"):
            continue
        if not path.is_symlink() and path.stat().st_size >= least_bytes:
            documents.append((str(name), read_text(path)))
    return documents


class NoTextError(ValueError):
    """A file has no text that can be read; its message is the reason, in a few words.

    place: where in the file, such as " at byte 3000", or "".
    """

    def __init__(self, reason, place=""):
        super().__init__(reason)
        self.place = place


def read(place, endings=()):
    """The text files in and below a folder, or one file, as documents.

    endings: of the names of files to read; none = any. Returns [(name, text)], sorted
    by name, and {reason: names} of what was left out, where a folder's name ends in
    "/". Links are followed, but no folder is read twice, and of equal texts the first
    is read. Raises InputError if there is no text.
    """
    root, endings = pathlib.Path(place), tuple(x.lower() for x in endings)
    try:
        folder = stat.S_ISDIR(os.stat(root).st_mode)
    except OSError as error:
        raise InputError(
            f"cannot read {place}: {error.strerror}; give a folder of text files, or "
            "restore the one that the run was trained on"
        ) from None
    paths, left_out = walk(root) if folder else ([root], {})
    documents, seen = [], set()
    with progress("reading", len(paths), "file") as bar:
        for path in paths:
            bar.update()
            name = shown(path.relative_to(root if folder else root.parent))
            try:
                if endings and not path.name.lower().endswith(endings):
                    raise NoTextError(f"not ending in {' or '.join(endings)}")
                text = decode(read_bytes(path))
                if text in seen:
                    raise NoTextError("the same as another")
            except NoTextError as error:
                left_out.setdefault(str(error), []).append(name + error.place)
            else:
                documents.append((name, text))
                seen.add(text)
    if not documents:
        reasons = "; ".join(described(left_out)) or "it is empty"
        raise InputError(f"{place} has no text that can be read: {reasons}")
    return documents, left_out


def walk(root):
    """The files in and below a folder, sorted, and {reason: names} of what it skips."""
    paths, left_out, visited = [], {}, set()

    def leave(reason, path, ending=""):
        left_out.setdefault(reason, []).append(shown(path.relative_to(root)) + ending)

    def refused(error):
        path = pathlib.Path(error.filename)
        leave(why(error, path), path, "/")

    with progress("looking for files", None, "folder") as bar:
        for place, folders, names in os.walk(root, onerror=refused, followlinks=True):
            bar.update()
            here, target = pathlib.Path(place), os.path.realpath(place)
            ours = RUN_FILE in names
            if ours or target in visited:
                leave("written by minimt" if ours else "the same as another", here, "/")
                folders.clear()
                continue
            visited.add(target)
            for name in sorted(filter(hidden, folders)):
                leave("hidden", here / name, "/")
            for name in sorted(filter(hidden, names)):
                leave("hidden", here / name)
            folders[:] = sorted(x for x in folders if not hidden(x))
            paths += [here / x for x in names if not hidden(x)]
    return sorted(paths), left_out


def hidden(name):
    """Whether a file or folder of this name is hidden."""
    return name.startswith(".")


def described(left_out):
    """A phrase for each reason: how many files and folders, why, and the first few."""
    for reason, names in left_out.items():
        folders = sum(name.endswith("/") for name in names)
        counts = (len(names) - folders, "file"), (folders, "folder")
        what = " and ".join(counted(n, name) for n, name in counts if n)
        few = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
        yield f"{what} ({reason}): {few}"


def counted(n, name):
    """A number of things: 1 document, 2 documents."""
    return f"{n} {name}{'s' * (n != 1)}"


def read_text(path):
    """The text of one file. Raises InputError if it is missing, empty or not UTF-8."""
    try:
        return decode(pathlib.Path(path).read_bytes())
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except NoTextError as error:
        what = f"has no text that can be read ({error}){error.place}"
        raise InputError(f"{path} {what}: give a text file in UTF-8") from None


def read_bytes(path):
    """The content of a file to train on; raises NoTextError if it has none for that."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would wait for ever
            raise NoTextError("pipe, socket or device")
        raw = path.read_bytes()
    except OSError as error:
        raise NoTextError(why(error, path)) from None
    if written_by_minimt(raw):
        raise NoTextError("written by minimt")
    return raw


def why(error, path):
    """Why a file or folder cannot be read, in a few words."""
    if error.errno in (errno.EACCES, errno.EPERM):
        return "no permission"
    if error.errno == errno.ENOENT:
        return "broken link" if path.is_symlink() else "deleted in the meantime"
    return error.strerror


def decode(raw):
    """The text of bytes in UTF-8, without a byte order mark; raises NoTextError.

    Every line ends in \\n, so copies that differ only in their line ends are equal.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise not_utf_8(raw, error.start) from None
    if "\0" in text:
        raise NoTextError("binary")
    if not text.strip():
        raise NoTextError("empty")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def not_utf_8(raw, first):
    """The NoTextError for bytes that are not UTF-8 from the index `first` on."""
    for beginning, reason in BEGINNINGS.items():
        if raw.startswith(beginning):
            return NoTextError(reason)
    if b"\0" in raw:
        return NoTextError("binary")
    return NoTextError("not UTF-8: convert with iconv", f" at byte {first}")


def written_by_minimt(raw):
    """Whether a file is one of the pages and results that minimt writes."""
    head = raw[:1000]
    page = b'<meta name="generator" content="minimt">' in head
    result = b'"command": "python -m minimt' in head
    return (
        (page and head.startswith(b"<!DOCTYPE html>"))
        or (result and head.startswith(b"{"))
        or raw[-99:].endswith(b"<!-- written by minimt -->\n")
    )


def shown(path):
    """A path as text that can be written and printed, whatever characters it has."""
    return "".join(x if x.isprintable() else ascii(x)[1:-1] for x in str(path))
