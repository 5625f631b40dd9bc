"""Texts: documents as [(name, text)], from a folder or the standard library."""

import pathlib
import sysconfig

from .errors import InputError

RUN_FILE = "minimt-run.json"  # in the folder of every run
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


def read_folder(folder, endings=()):
    """All text files in and below `folder` with one of the endings (none = any).

    Returns [(name, text)], sorted by name, and the names of the files left out: those
    that are empty, binary or exact copies. Hidden files and the files of minimt's own
    runs are skipped. Raises InputError for a missing folder, or one without text.
    """
    root = pathlib.Path(folder)
    if not root.is_dir():
        raise InputError(f"{folder} is not a directory: give a folder of text files")
    runs = {path.parent for path in root.rglob(RUN_FILE)}
    documents, left_out, seen = [], [], set()
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        inside = path.relative_to(root)
        name, hidden = str(inside), any(part.startswith(".") for part in inside.parts)
        if hidden or path.parent in runs:
            continue
        if endings and not name.endswith(tuple(endings)):
            continue
        try:
            text = read_text(path)
        except InputError:
            text = ""
        if text and text not in seen:
            documents.append((name, text))
            seen.add(text)
        else:
            left_out.append(name)
    if not documents:
        kind = f" ending in {' or '.join(endings)}" if endings else ""
        raise InputError(
            f"{folder} contains no text files{kind}: give a folder that does"
        )
    return documents, left_out


def read_text(path):
    """The text of one file. Raises InputError if it is missing, empty or not UTF-8."""
    try:
        text = pathlib.Path(path).read_bytes().decode("utf-8")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise InputError(f"{path} is not UTF-8 text: give a text file")
    if not text.strip():
        raise InputError(f"{path} is empty: give a file with text in it")
    return text
