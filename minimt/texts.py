"""Texts: documents as [(name, text)], and a reason for each file left out."""

import hashlib
import os
import pathlib
import stat
import sysconfig

from .errors import InputError
from .files import RUN_FILE
from .progress import progress

COMPRESSED = b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"
UTF_16 = b"\xff\xfe", b"\xfe\xff"
BLOCK = 32_768  # characters in each document that a long text is cut into, about
LEAST = 1024  # and in those of a short one, at least
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


def read_folder(folder, endings=()):
    """All text files in and below `folder` with one of the endings (none = any).

    Returns [(name, text)], sorted by name, and {reason: names} of what was left out.
    Links are followed, but no folder is read twice. Of texts that differ in nothing but
    their line ends, the first is read. Raises InputError for a missing folder, and for
    one without text.
    """
    root, endings = pathlib.Path(folder), tuple(x.lower() for x in endings)
    if not root.is_dir():
        raise InputError(f"{folder} is not a directory: give a folder of text files")
    paths, left_out = walk(root)
    chosen = [x for x in paths if not endings or x.name.lower().endswith(endings)]
    if paths and not chosen:
        kind = " or ".join(endings)
        raise InputError(f"no file in {folder} ends in {kind}: give other --endings")
    documents, seen = [], set()
    with progress("read", len(chosen), "file") as bar:
        for path in sorted(chosen):
            bar.update()
            try:
                text = decode(read_bytes(path))
                lines = hashlib.sha256("\n".join(text.splitlines()).encode()).digest()
                if lines in seen:
                    raise NoTextError("copies of another file")
            except NoTextError as error:
                name = shown(path.relative_to(root)) + error.place
                left_out.setdefault(str(error), []).append(name)
            else:
                documents.append((shown(path.relative_to(root)), text))
                seen.add(lines)
    if not documents:
        reasons = "; ".join(described(left_out)) or "it is empty"
        raise InputError(f"{folder} has no text that can be read: {reasons}")
    return documents, left_out


def walk(root):
    """The files in and below a folder, and {reason: names} of what is not looked at."""
    paths, left_out, visited = [], {}, set()

    def leave(reason, path, ending=""):
        left_out.setdefault(reason, []).append(shown(path.relative_to(root)) + ending)

    def refused(error):
        leave("no permission", pathlib.Path(error.filename), "/")

    for place, folders, names in os.walk(root, onerror=refused, followlinks=True):
        here, status = pathlib.Path(place), os.stat(place)
        if (status.st_dev, status.st_ino) in visited:  # reached by a link
            folders.clear()
            continue
        visited.add((status.st_dev, status.st_ino))
        if RUN_FILE in names:
            leave("written by minimt", here, "/")
            folders.clear()
            continue
        for name in sorted(folders):
            if name.startswith("."):
                leave("hidden", here / name, "/")
                folders.remove(name)
        folders.sort()
        for name in sorted(names):
            if name.startswith("."):
                leave("hidden", here / name)
            else:
                paths.append(here / name)
    return paths, left_out


def described(left_out):
    """A phrase for each reason: how many files, why, and the first of them."""
    for reason, names in left_out.items():
        few = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
        yield f"{len(names)} file{'s' * (len(names) > 1)} ({reason}): {few}"


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
    """The content of a file in a folder of texts. Raises NoTextError if it has none."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would wait for ever
            raise NoTextError("not a regular file")
        return path.read_bytes()
    except PermissionError:
        raise NoTextError("no permission") from None
    except FileNotFoundError:  # a broken link, or a file deleted in the meantime
        raise NoTextError("missing") from None
    except OSError as error:
        raise NoTextError(error.strerror) from None


def decode(raw):
    """The text of bytes in UTF-8, without a byte order mark; raises NoTextError."""
    if raw.startswith(UTF_16):
        raise NoTextError("UTF-16; iconv -f UTF-16 -t UTF-8 converts it")
    if raw.startswith(COMPRESSED):
        raise NoTextError("compressed")
    if b"\0" in raw:
        raise NoTextError("binary")
    if written_by_minimt(raw):
        raise NoTextError("written by minimt")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = f" at byte {error.start}"
        raise NoTextError("not UTF-8; iconv converts it", place) from None
    if not text.strip():
        raise NoTextError("empty")
    return text


def written_by_minimt(raw):
    """Whether a file is one of the pages and results that minimt writes."""
    page = b'<meta name="generator" content="minimt">' in raw[:1000]
    result = b'"command": "python -m minimt' in raw[:1000]
    return page or result or raw[-99:].endswith(b"<!-- written by minimt -->\n")


def shown(path):
    """A path as text, whatever bytes it has."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def cut(name, text):
    """One text as several documents [(name, text)] of about BLOCK characters.

    It is cut before the first line of a paragraph where possible, or else after a line
    or a word. A short text makes four documents or, if they would be under LEAST
    characters each, fewer.
    """
    parts = max(1, min(max(4, round(len(text) / BLOCK)), len(text) // LEAST))
    ends, begin, documents = [], 0, []
    for part in range(1, parts):
        ends.append(cut_after(text, max(begin, part * len(text) // parts)))
        begin = ends[-1]
    for i, (start, end) in enumerate(zip([0, *ends], [*ends, len(text)]), 1):
        if text[start:end].strip():
            documents.append((f"{name}, part {i} of {parts}", text[start:end]))
    return documents


def cut_after(text, place):
    """Where a new paragraph begins at or after a place; or else a line, or a word."""
    window = text[place : place + BLOCK // 4]
    for end in ("\n\n", "\n", " "):
        found = window.find(end)
        if found >= 0:
            return place + found + len(end)
    return place
