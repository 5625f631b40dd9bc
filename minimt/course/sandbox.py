"""Runs a submission where it can do little harm: a process of its own for each case.

The process has its own group, a fresh folder with only the files of the case, a time
limit, bounded memory and bounded output. It returns data that are never unpickled. It
is no prison: tutorial/INSTRUCTORS.md tells what a submission could still do.
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

from .calls import Raised, read, readable, write

PRINTED = 1 << 20  # characters that a submission may print
HERE = pathlib.Path(__file__).parent
REFERENCE = HERE.parent
LIBRARIES = pathlib.Path(np.__file__).parent.parent  # where NumPy is installed
RUNNING = set()  # the processes that are to be ended when grading is
ENDED = threading.Event()  # it is: what starts now ends at once


@dataclass(frozen=True)
class Limits:
    """Seconds for one case, starting Python and NumPy included; and as which user.

    Another user's name needs the rights of root; None is who grades.
    """

    seconds: int = 10
    user: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of a case: the calls' results, or the trouble that ended it."""

    results: list | None = None
    trouble: str = ""
    printed: str = ""


def run(files, stem, calls, limits=Limits(), closed=()):
    """Make the calls of the submission STEM.py among the files {name: bytes}.

    It may open nothing of the reference and none of the files or folders in closed.
    """
    fresh = dict(prefix="minimt-", ignore_cleanup_errors=True)
    with tempfile.TemporaryDirectory(**fresh) as folder:
        folder = pathlib.Path(folder)
        for name, content in files.items():
            (folder / name).write_bytes(content)
        for name in ("child.py", "calls.py"):
            shutil.copy(HERE / name, folder)
        write(calls, folder / "calls")
        if limits.user:
            for path in (folder, *folder.iterdir()):
                shutil.chown(path, limits.user)
        paths = map(os.path.realpath, (REFERENCE, *closed))
        code, printed, why = watched(folder, (stem, limits.seconds, *paths), limits)
        if why:
            return Outcome(trouble=why, printed=printed)
        try:
            results = read(folder / "result")
        except Exception:  # whatever a submission put there in the results' place
            return Outcome(trouble=ending(code), printed=printed)
    if type(results) is tuple and len(results) == 2:
        return Outcome(trouble=ended_by(*results), printed=printed)
    if type(results) is not list or len(results) != len(calls):
        return Outcome(trouble=ending(code), printed=printed)
    return Outcome(results, printed=printed)


def watched(folder, arguments, limits):
    """Run the child until it ends or must be ended: exit code, output, and why."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-B", "child.py", LIBRARIES, *map(str, arguments)],
        cwd=folder,
        env=environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        **(dict(user=limits.user, extra_groups=[]) if limits.user else {}),
    )
    RUNNING.add(process)
    if ENDED.is_set():
        end(process)
    output, late = bytearray(), False
    listener = threading.Thread(target=listen, args=(process, output), daemon=True)
    listener.start()
    try:
        process.wait(limits.seconds)
    except subprocess.TimeoutExpired:
        late = True
    finally:
        end(process)  # also what it has started
        listener.join(1)
        RUNNING.discard(process)
    why = ""
    if len(output) >= PRINTED:
        why = f"printed more than {PRINTED >> 20} MB: does a loop never end?"
    elif late:
        why = f"took longer than {limits.seconds} s: does a loop never end?"
    lines = output.decode("utf-8", "replace").split("\n")
    printed = "\n".join(readable(line, PRINTED) for line in lines)
    return process.returncode, printed, why


def listen(process, output):
    """Collect what the process prints, and end it when that is too much."""
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
    """Kill all that runs, and what is just being started."""
    ENDED.set()
    for process in list(RUNNING):
        end(process)


def environment(folder):
    """As little as Python needs; one thread each, since cases run side by side."""
    kept = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "LD_LIBRARY_PATH")
    values = {name: os.environ[name] for name in kept if name in os.environ}
    threads = dict(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
    return values | threads | dict(HOME=str(folder), TMPDIR=str(folder))


def ending(code):
    """Why there is no result, in words."""
    if code is not None and code < 0:
        names = {number.value: number.name for number in signal.Signals}
        return f"crashed ({names.get(-code, f'signal {-code}')})"
    return f"ended Python (exit code {code}) before it returned anything"


def ended_by(what, error):
    """What an exception kept a submission from, in words."""
    if not isinstance(error, Raised):
        return ending(0)
    where = f"line {error.line}: " if error.line else ""
    return f"{readable(str(what))}: {where}{error.kind}: {error.message}"
