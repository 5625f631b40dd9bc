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

from . import child

SECONDS = 10  # for one case, starting Python and NumPy included
PRINTED = 1 << 20  # characters that a submission may print
REFERENCE = pathlib.Path(__file__).parent.parent


@dataclass(frozen=True)
class Outcome:
    """What came of a case: the calls' results, or the trouble that ended it."""

    results: list | None = None
    trouble: str = ""
    printed: str = ""


def run(files, stem, calls, seconds=SECONDS, closed=()):
    """Make the calls of the submission STEM.py among the files {name: bytes}.

    It may open nothing of the reference and none of the files or folders in closed.
    """
    fresh = dict(prefix="minimt-", ignore_cleanup_errors=True)
    with tempfile.TemporaryDirectory(**fresh) as folder:
        folder = pathlib.Path(folder)
        for name, content in files.items():
            (folder / name).write_bytes(content)
        shutil.copy(child.__file__, folder / "child.py")
        child.write(calls, folder / "calls")
        closed = map(os.path.realpath, (REFERENCE, *closed))
        code, printed, why = watched(folder, (stem, *closed), seconds)
        if why:
            return Outcome(trouble=why, printed=printed)
        try:
            results = child.read(folder / "result")
        except (OSError, ValueError, LookupError, TypeError, EOFError):
            return Outcome(trouble=ending(code), printed=printed)
        except (RecursionError, MemoryError):
            return Outcome(trouble="returned data that cannot be read", printed=printed)
    if isinstance(results, child.Raised):
        return Outcome(trouble=cannot_import(results), printed=printed)
    if type(results) is not list or len(results) != len(calls):
        return Outcome(trouble=ending(code), printed=printed)
    return Outcome(results, printed=printed)


def watched(folder, arguments, seconds):
    """Run the child until it ends or must be ended: exit code, output, and why."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-B", "child.py", *arguments],
        cwd=folder,
        env=environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    output, full = bytearray(), threading.Event()

    def listen():
        while not full.is_set() and (some := process.stdout.read1(1 << 16)):
            output.extend(some[: PRINTED - len(output)])
            if len(output) >= PRINTED:
                full.set()
                end(process)

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    late = False
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        late = True
    finally:
        end(process)  # also what it has started
        listener.join(1)
    why = ""
    if full.is_set():
        why = f"printed more than {PRINTED >> 20} MB, a loop that never ends?"
    elif late:
        why = f"took longer than {seconds} seconds, a loop that never ends?"
    return process.returncode, output.decode("utf-8", "replace"), why


def end(process):
    """Kill the process and its group, if any of it is left."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    except AttributeError:  # Windows has no groups of this kind
        process.kill()
    process.wait()


def environment(folder):
    """As little as Python needs; one thread each, since cases run side by side."""
    kept = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "LD_LIBRARY_PATH")
    values = {name: os.environ[name] for name in kept if name in os.environ}
    threads = dict(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
    return values | threads | dict(HOME=str(folder), TMPDIR=str(folder))


def ending(code):
    """Why there is no result, in words."""
    if code is not None and code < 0:
        return f"crashed ({signal.Signals(-code).name})"
    return f"ended Python (exit code {code}) before it returned anything"


def cannot_import(error):
    """What stopped the file from being imported, in words."""
    where = f"line {error.line}: " if error.line else ""
    return f"cannot be imported: {where}{error.kind}: {error.message}"
