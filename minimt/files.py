"""Writing files whole, and by one process at a time: no crash leaves half of one."""

import glob
import json
import math
import os
import pathlib
import shutil
from contextlib import ExitStack, contextmanager, suppress

try:
    import fcntl
except ImportError:  # on Windows, nothing is locked
    fcntl = None

from .errors import InputError

RUN_FILE = "minimt-run.json"  # in the folder of every run


def replace_file(path, content):
    """Write bytes to a temporary name beside `path`, then rename it into place.

    A link stays a link: the file that it leads to is replaced. Leftovers of killed
    processes are deleted. Raises OSError with the name `path`.
    """
    try:
        write_whole(path, content)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def write_whole(path, content):
    """Do what `replace_file` does; an OSError may have any name."""
    if pathlib.Path(path).exists() and not pathlib.Path(path).is_file():
        pathlib.Path(path).write_bytes(content)  # a device or a pipe
        return
    path = pathlib.Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(path.parent, f".{glob.escape(path.name)}.*.tmp")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with in_use(temporary, pathlib.Path.touch):
        try:
            with open(temporary, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def in_use(temporary, make):
    """A temporary file or folder, locked so that others do not take it for abandoned.

    make: the method of `pathlib.Path` that makes it.
    """
    with ExitStack() as stack:
        while True:
            make(temporary, exist_ok=True)
            with suppress(FileNotFoundError):
                stack.enter_context(locked(temporary, wait=True))
            if temporary.exists():  # nobody removed it before it was locked
                break
        yield


def remove_abandoned(folder, pattern):
    """Delete the temporary files and folders there that no process uses any more."""
    for left in folder.glob(pattern):
        with suppress(OSError), locked(left):
            shutil.rmtree(left) if left.is_dir() else left.unlink()


def write_json(path, content):
    """Write a JSON file that people can read, too."""
    replace_file(path, as_json(content).encode())


def as_json(content):
    """JSON for people and programs; a number that is not finite becomes null."""
    return json.dumps(finite(content), indent=2, allow_nan=False)


def finite(x):
    """The same lists and dicts, with None for infinity and NaN."""
    if isinstance(x, dict):
        return {key: finite(value) for key, value in x.items()}
    if isinstance(x, (list, tuple)):
        return [finite(value) for value in x]
    return None if isinstance(x, float) and not math.isfinite(x) else x


@contextmanager
def locked(path, wait=False):
    """Hold the lock of a file or folder.

    If another process has it, this waits if `wait`, or else raises BlockingIOError.
    """
    if not fcntl:
        yield
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(descriptor)


def check_output(path, inputs=()):
    """Raise InputError, before the work, if a file cannot or should not be written.

    inputs: files that the command reads, which it must not replace.
    """
    path = pathlib.Path(path)
    if path.is_dir():
        raise InputError(f"{path} is a directory: give a file to write to")
    if path.exists() and any(path.samefile(x) for x in inputs if os.path.exists(x)):
        raise InputError(f"{path} is what the command reads: give another file")
    if path.is_file() and (path.name == RUN_FILE or path.suffix == ".pt"):
        raise InputError(f"{path} belongs to a run: give another file")
    if path.exists() and not os.access(path, os.W_OK):
        raise InputError(f"{path} cannot be written to: give another file")
    check_folder(path.parent)


def check_folder(path):
    """Raise InputError if files cannot be written to a folder, existing or new."""
    path = pathlib.Path(path)
    there = next(x for x in (path.absolute(), *path.absolute().parents) if x.exists())
    if not there.is_dir():
        raise InputError(f"{there} is not a directory: choose another place for {path}")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"{there} cannot be written to: choose another place")
