"""Runs a submission where it can do little harm: a process of its own for each case.

The process has its own group, a fresh folder with only the files of the case, a time
limit, bounded memory and bounded output. It returns data that is never unpickled. This
does not stop everything: tutorial/INSTRUCTORS.md says what a submission can still do.
"""

import pathlib
import shutil
import signal
import tempfile
import threading
from dataclasses import dataclass

from . import landlock, seccomp
from .calls import Raised, checked, read, readable, write
from .processes import PRINTED, Processes, identity

LINES = ("landlock", "seccomp", "hook")  # of defence; the first two need Linux
# NumPy parses the headers of arrays, and Python 3.11 may fail if two threads parse at
# once: "AST constructor recursion depth mismatch". A right result would be lost.
READING = threading.Lock()


@dataclass(frozen=True)
class Limits:
    """The seconds for one case, and the user.

    Only root can run a case as another user; None is the user who grades.
    """

    seconds: int = 10
    user: str | None = None


@dataclass(frozen=True)
class Outcome:
    """The outcome of a case: the results of its calls, or what went wrong."""

    results: list | None = None
    trouble: str = ""
    printed: str = ""


def run(files, stem, calls, limits=Limits(), processes=None):
    """Make the calls with the submission STEM.py, one of the files {name: bytes}.

    `processes` makes the process; without it, the server that does so ends, too.
    """
    if processes is None:
        with Processes() as processes:
            return run(files, stem, calls, limits, processes)
    fresh = dict(prefix="minimt-", ignore_cleanup_errors=True)
    with tempfile.TemporaryDirectory(**fresh) as folder:
        folder = pathlib.Path(folder).resolve()
        for name, content in files.items():
            (folder / name).write_bytes(content)
        write(calls, folder / "calls")
        write(settings(files, stem, limits), folder / "settings")
        if ids := identity(limits.user):
            for path in (folder, *folder.iterdir()):
                shutil.chown(path, ids["user"], ids["group"])
        code, output, why = processes.run(folder, limits)
        lines = output.decode("utf-8", "replace").split("\n")
        printed = "\n".join(readable(line, PRINTED) for line in lines)
        if why:
            return Outcome(trouble=why, printed=printed)
        return returned(folder, calls, code, printed)


def settings(files, stem, limits):
    """What the process needs to know; the submission is the last of its modules."""
    earlier = [name.removesuffix(".py") for name in files if name != f"{stem}.py"]
    return dict(seconds=limits.seconds, lines=LINES, modules=(*earlier, stem))


def returned(folder, calls, code, printed):
    """The outcome of a process that has ended, from the file that it has written."""
    try:
        with READING:
            made = read(folder / "result")
        if type(made) is tuple:
            return Outcome(trouble=ended_by(*made), printed=printed)
        return Outcome(checked(calls, made), printed=printed)
    except Exception:  # a submission may have put anything there
        return Outcome(trouble=ending(code), printed=printed)


def defences():
    """What confines a submission on this system, in a sentence."""
    there = dict(Landlock=landlock.offered(), seccomp=seccomp.offered(), hook=True)
    have = ", ".join(name for name in there if there[name])
    missing = " or ".join(name for name in there if not there[name])
    return f"confined by {have}" + f" (this system has no {missing})" * bool(missing)


def ending(code):
    """Why there is no result, in words."""
    if code is not None and code < 0:
        names = {number.value: number.name for number in signal.Signals}
        return f"crashed ({names.get(-code, f'signal {-code}')})"
    return f"ended Python (exit code {code}) before it returned anything"


def ended_by(what, error):
    """How a submission failed, and with which exception, in words."""
    if not isinstance(error, Raised):
        return ending(0)
    where = f"line {error.line}: " if error.line else ""
    return f"{readable(str(what))}: {where}{error.kind}: {error.message}"
