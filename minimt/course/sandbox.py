"""Runs a submission where it can do little harm: a process of its own for each case.

The process has its own group, a fresh folder with only the files of the case, a time
limit, bounded memory and bounded output. It returns data that is never unpickled. This
does not stop everything: tutorial/INSTRUCTORS.md says what a submission can still do.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass

import numpy as np

from . import landlock, seccomp
from .calls import Raised, checked, read, readable, write

PRINTED = 1 << 20  # bytes that a submission may print, at most
HERE = pathlib.Path(__file__).parent
COPIED = ("child.py", "calls.py", "guard.py", "landlock.py", "seccomp.py")
LINES = ("landlock", "seccomp", "hook")  # of defence; the first two need Linux
LIBRARIES = pathlib.Path(np.__file__).parent.parent  # where NumPy is installed
RUNNING = set()  # the processes to kill when grading is stopped
ENDED = threading.Event()  # set when grading is stopped: kill new processes too


@dataclass(frozen=True)
class Limits:
    """The seconds for one case, with the start of Python and NumPy, and the user.

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


def run(files, stem, calls, limits=Limits()):
    """Make the calls with the submission STEM.py, one of the files {name: bytes}."""
    fresh = dict(prefix="minimt-", ignore_cleanup_errors=True)
    with tempfile.TemporaryDirectory(**fresh) as folder:
        folder = pathlib.Path(folder).resolve()
        for name, content in files.items():
            (folder / name).write_bytes(content)
        for name in COPIED:
            shutil.copy(HERE / name, folder)
        write(calls, folder / "calls")
        write(settings(files, stem, limits), folder / "settings")
        if limits.user:
            for path in (folder, *folder.iterdir()):
                shutil.chown(path, limits.user, group_of(limits.user))
        code, printed, why = watched(folder, limits)
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
        made = read(folder / "result")
        if type(made) is tuple:
            return Outcome(trouble=ended_by(*made), printed=printed)
        return Outcome(checked(calls, made), printed=printed)
    except Exception:  # a submission may have put anything there
        return Outcome(trouble=ending(code), printed=printed)


def watched(folder, limits):
    """Run the child until it ends or is killed: exit code, output, and the reason."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-B", "child.py", LIBRARIES],
        cwd=folder,
        env=environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        **identity(limits.user),
    )
    RUNNING.add(process)
    if ENDED.is_set():
        end(process)
    output, timed_out = bytearray(), False
    recorder = threading.Thread(target=record, args=(process, output), daemon=True)
    recorder.start()
    try:
        process.wait(limits.seconds)
    except subprocess.TimeoutExpired:
        timed_out = True
    finally:
        end(process)  # and what it has started
        recorder.join(1)
        RUNNING.discard(process)
    why = ""
    if len(output) >= PRINTED:
        why = f"printed more than {PRINTED >> 20} MB: is there an endless loop?"
    elif timed_out:
        why = f"took longer than {limits.seconds} s: is there an endless loop?"
    lines = output.decode("utf-8", "replace").split("\n")
    printed = "\n".join(readable(line, PRINTED) for line in lines)
    return process.returncode, printed, why


def identity(user):
    """What makes a process belong to the user: the user's own group and no other."""
    return dict(user=user, group=group_of(user), extra_groups=[]) if user else {}


def group_of(user):
    """The user's own group, as a number."""
    import pwd  # Windows does not have it

    return pwd.getpwnam(user).pw_gid


def record(process, output):
    """Collect what the process prints, and kill it if that is too much."""
    with process.stdout as pipe:
        while some := pipe.read1(1 << 16):
            output.extend(some[: PRINTED - len(output)])
            if len(output) >= PRINTED:
                end(process)
                return


def end(process):
    """Kill the process and its group, if any of it is left."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    except AttributeError:  # Windows has no groups of this kind
        process.kill()
    process.wait()


def end_all():
    """Kill all processes that are running, and those that are just being started."""
    ENDED.set()
    for process in list(RUNNING):
        end(process)


def environment(folder):
    """The few variables that Python needs; one thread, since cases run side by side."""
    kept = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "LD_LIBRARY_PATH")
    values = {name: os.environ[name] for name in kept if name in os.environ}
    threads = dict(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
    return values | threads | dict(HOME=str(folder), TMPDIR=str(folder))


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
