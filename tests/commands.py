"""Running commands in the tests: in this process, or in one that can be stopped."""

import io
import os
import pathlib
import time
from contextlib import redirect_stderr, redirect_stdout

from minimt.console.cli import main

TESTS = pathlib.Path(__file__).resolve().parent
ROOT = TESTS.parent
SMALL = (
    "--vocab 280 --embed 16 --heads 2 --layers 2 --segment 8 --cache 8 --memory 64 "
    "--neighbours 4 --streams 2 --steps 6 --held_out 2 --device cpu"
).split()


def environment():
    """For a process of its own: it finds minimt and the tests' helpers, on one core."""
    path = os.pathsep.join([str(ROOT), str(TESTS)])
    return os.environ | dict(PYTHONPATH=path, OMP_NUM_THREADS="1")


def minimt(place, *args):
    """A command in a folder, in this process: (exit code, output, error output)."""
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


def wait_for_file(process, folder, pattern, seconds=60):
    """Return as soon as `process` has written such a file; fail if it never does."""
    deadline = time.monotonic() + seconds
    while not any(folder.glob(pattern)):
        assert process.poll() is None, f"it ended before it wrote {pattern}"
        assert time.monotonic() < deadline, f"no {pattern} after {seconds} seconds"
        time.sleep(0.02)
