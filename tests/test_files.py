"""Files are written whole, one at a time, and nothing is left lying about."""

import json
import math
import multiprocessing
import os

import numpy as np
import pytest

from minimt import files


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def killed_while_writing(path):
    """Write a file in a process that is killed before it gets its name."""
    fork = multiprocessing.get_context("fork")

    def write():
        os.replace = lambda *_: os._exit(9)
        files.replace_file(path, b"half")

    process = fork.Process(target=write)
    process.start()
    process.join(30)
    assert process.exitcode == 9


def test_what_a_killed_save_left_is_removed_by_the_next(tmp_path):
    path = tmp_path / "a[1]*.pt"
    files.replace_file(path, b"old")
    for _ in range(2):
        killed_while_writing(path)
    (tmp_path / ".another.pt.1.tmp").touch()
    assert path.read_bytes() == b"old" and len(names(tmp_path)) == 4 - 1
    files.replace_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == [".another.pt.1.tmp", "a[1]*.pt"]


def write_many(path, content, barrier):
    for _ in range(30):
        barrier.wait()
        files.replace_file(path, content)


def test_two_processes_may_write_one_file_at_a_time(tmp_path):
    fork, path = multiprocessing.get_context("fork"), tmp_path / "x"
    barrier = fork.Barrier(3)
    several = [
        fork.Process(target=write_many, args=(path, content, barrier))
        for content in (b"a" * 99_999, b"b" * 99_999, b"c" * 99_999)
    ]
    for process in several:
        process.start()
    for process in several:
        process.join(30)
    assert [process.exitcode for process in several] == [0, 0, 0]
    assert len(set(path.read_bytes())) == 1 and names(tmp_path) == ["x"]


def test_a_lock_is_for_one_process_until_it_ends(tmp_path):
    fork = multiprocessing.get_context("fork")
    ready, end = fork.Event(), fork.Event()

    def hold():
        with files.locked(tmp_path):
            ready.set()
            end.wait(30)

    process = fork.Process(target=hold)
    process.start()
    assert ready.wait(30)
    with pytest.raises(BlockingIOError), files.locked(tmp_path):
        pass
    process.kill()
    with files.locked(tmp_path, wait=True):
        pass
    process.join(30)


def test_numbers_that_are_not_finite_become_null():
    content = dict(a=[1.5, math.inf, (math.nan, -math.inf)], b=None, c=True, d="NaN")
    content["e"] = np.float64("inf")
    assert json.loads(files.as_json(content)) == dict(
        a=[1.5, None, [None, None]], b=None, c=True, d="NaN", e=None
    )
