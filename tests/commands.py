"""Running commands in the tests: in this process, or in one that can be stopped."""

import io
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress

TESTS = pathlib.Path(__file__).resolve().parent
ROOT = TESTS.parent
PATIENCE = 180  # seconds until a test gives up on a process: machines may be slow
SMALL = (
    "--vocab 280 --embed 16 --heads 2 --layers 2 --segment 8 --cache 8 --memory 64 "
    "--neighbours 4 --streams 2 --steps 6 --repetition-steps 4 --held-out 2 "
    "--device cpu"
).split()


def script(name):
    """The command that runs one of the tests' scripts."""
    return [sys.executable, str(TESTS / "scripts" / name)]


def environment():
    """For a process of its own: it finds minimt and the tests' helpers, on one core."""
    path = os.pathsep.join([str(ROOT), str(TESTS)])
    return os.environ | dict(PYTHONPATH=path, OMP_NUM_THREADS="1")


def minimt(place, *args):
    """A command in a folder, in this process: (exit code, output, error output)."""
    from minimt.console.cli import main  # here: the grader's tests need no torch

    out, err, before = io.StringIO(), io.StringIO(), os.getcwd()
    os.chdir(place)
    try:
        with redirect_stdout(out), redirect_stderr(err):
            code = main([str(x) for x in args])
    except SystemExit as end:
        code = end.code
    finally:
        os.chdir(before)
    return code, out.getvalue(), err.getvalue()


@contextmanager
def started(command, place="."):
    """A process of its own; neither it nor what it started outlives the `with`."""
    pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    session = dict(cwd=place, env=environment(), start_new_session=True)
    with subprocess.Popen(command, **pipes, **session) as process:
        try:
            yield process
        finally:
            process.terminate()  # torchrun's workers have sessions of their own
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=30)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def wait_for_line(process, words):
    """Return as soon as the process prints a line with these words."""
    found = []

    def read():
        found.append(any(words in line for line in process.stdout))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(PATIENCE)  # returns early where the output ends
    if found != [True]:
        give_up(process, f"it printed no line with {words!r}")


def wait_for_file(process, folder, pattern):
    """Return as soon as the process has written such a file."""
    deadline = time.monotonic() + PATIENCE
    while not any(folder.glob(pattern)):
        if process.poll() is not None:
            give_up(process, f"it ended before it wrote {pattern}")
        if time.monotonic() >= deadline:
            give_up(process, f"no {pattern} after {PATIENCE} seconds")
        time.sleep(0.02)


def give_up(process, why):
    """Fail, with what the process said."""
    process.terminate()
    process.wait(timeout=30)
    os.set_blocking(process.stderr.fileno(), False)  # its children may be left
    raise AssertionError(f"{why}; it said {process.stderr.read()!r}")
