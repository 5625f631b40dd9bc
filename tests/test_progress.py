"""Progress: plain lines where there is no terminal, and none for a short job."""

import subprocess
import sys

import pytest

from minimt import progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test moves: the seconds are in clock[0]."""
    clock = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    return clock


def test_a_long_job_prints_a_line_every_half_minute(clock, capsys):
    with progress.progress("train", 4000, "token") as bar:
        for step in range(4):
            clock[0] += 20
            bar.note = f"loss {step}"
            bar.update(1000)
    out, err = capsys.readouterr()
    assert not out and err.splitlines() == [
        "train: 2.00k of 4.00k tokens, 00:40 left, loss 1",
        "train: 4.00k of 4.00k tokens, 00:00 left, loss 3",
    ]


def test_a_job_that_goes_on_counts_only_its_own_speed(clock, capsys):
    with progress.progress("train", 40, "token", done=30) as bar:
        clock[0] += 60
        bar.update(5)
    assert capsys.readouterr().err == "train: 35 of 40 tokens, 01:00 left\n"


def test_a_job_without_an_end_counts(clock, capsys):
    with progress.progress("read", unit="file") as bar:
        clock[0] += 31
        bar.update(7)
    assert capsys.readouterr().err == "read: 7 files\n"


@pytest.mark.parametrize("shown", [True, False])
def test_a_short_job_or_a_hidden_one_prints_nothing(clock, capsys, shown):
    with progress.progress("read", 10, shown=shown) as bar:
        clock[0] += 29 if shown else 1000
        bar.update(10)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_a_bar_that_is_wiped_at_the_end(monkeypatch, capsys):
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True, raising=False)
    with progress.progress("train", 10, "token") as bar:
        bar.note = "loss 1"
        bar.update(10)
        bar.refresh()
    written = capsys.readouterr().err
    assert "10.0/10.0" in written and "loss 1" in written and "\n" not in written
    assert written.endswith("\r") and not written.split("\r")[-2].strip()


def test_a_process_that_is_killed_leaves_no_semaphore():
    job = """
import multiprocessing, os
from minimt.progress import progress
multiprocessing.set_start_method("spawn")
with progress("hidden", shown=False):
    os._exit(1)
"""
    done = subprocess.run([sys.executable, "-c", job], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "")
