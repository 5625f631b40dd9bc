"""The process of a submission: makes the calls of a case and writes their results.

It runs as `python -I child.py`, from a copy of this file in a fresh folder that also
holds a copy of calls.py and the files of the submission.
"""

import importlib
import os
import sys
from contextlib import suppress

# The option -I hides NumPy where it is installed for one user only. This folder comes
# last, so that no file in it hides a library.
sys.path += [sys.argv[1], os.getcwd()]
from calls import FILE, perform, raised, read, write

MEMORY = 4 << 30  # bytes that a submission may use
REFUSED = ("subprocess", "socket", "ctypes", "pty", "shutil", "sys.addaudithook")
REFUSED += ("os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.kill")
REFUSED += ("os.link", "os.symlink", "os.rename", "os.remove", "os.rmdir", "os.mkdir")
REFUSED += ("os.ch", "os.truncate", "sqlite3", "resource", "signal")


def main(stem, seconds, *forbidden):
    """Import a submission, make the calls in calls.json, write result.json, and end.

    If it fails, it writes a pair instead: what went wrong, and the exception.
    """
    calls = read("calls")
    limit(int(seconds))
    guard(forbidden)
    file = os.path.abspath(f"{stem}.py")
    try:
        module = importlib.import_module(stem)
    except BaseException as error:
        results = "cannot be imported", raised(error, file)
    else:
        results = perform(module, calls, BaseException)  # SystemExit too
    try:
        write(results, "result")
    except Exception as error:
        what = "returned something that cannot be read back"
        write((what, raised(error, file)), "result")
    sys.stdout.flush()
    os._exit(0)  # even if threads or exit handlers are left


def limit(seconds):
    """Bound memory, file size and processor time, where the system can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    bounds = dict(RLIMIT_AS=MEMORY, RLIMIT_FSIZE=FILE, RLIMIT_CORE=0)
    bounds["RLIMIT_CPU"] = 2 * seconds  # in case the grader cannot end the process
    for name, most in bounds.items():
        with suppress(ValueError, OSError):  # this system has no such limit
            resource.setrlimit(getattr(resource, name), (most, most))


def guard(forbidden):
    """Refuse what no step needs, with a hook that Python code cannot remove.

    A submission may not open anything under a forbidden path or in the folder of
    another case, and it may not write outside its own folder.
    """
    here, devnull = os.getcwd() + os.sep, os.devnull
    others = os.path.join(os.path.dirname(os.getcwd()), "minimt-")
    closed = ("/proc/", *(path + os.sep for path in forbidden))
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    real, decoded, absolute = os.path.realpath, os.fsdecode, os.path.isabs

    def hook(event, args):
        if event.startswith(REFUSED):
            raise PermissionError(f"a submission must not use {event}")
        if event == "import" and str(args[0]).split(".")[0] == "minimt":
            raise PermissionError("a submission must not import minimt")
        if event == "open" and not isinstance(args[0], int):
            path = str.__str__(decoded(args[0]))
            if args[1] is None and not absolute(path):  # could be in any folder
                raise PermissionError("os.open must be given an absolute path")
            path, inside = real(path), real(path).startswith(here)
            if (path + os.sep).startswith((*closed, *(() if inside else (others,)))):
                raise PermissionError("a submission must not read this file")
            if (args[2] or 0) & writing and not inside and path != devnull:
                raise PermissionError("a submission must not write outside its folder")

    sys.addaudithook(hook)


if __name__ == "__main__":
    main(*sys.argv[2:])
