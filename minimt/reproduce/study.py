"""A study: what a claim has trained and read, as many at a time as there are cores."""

import os
import pathlib
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

import torch
from tqdm import tqdm

from .trained import Shelf

KEPT = pathlib.Path("runs/reproduce")


class Study:
    """Trains and reads cases, each on one core, so that results are the same on any
    number of them; on a GPU one by one. Use it in a `with`.

    KeyboardInterrupt when Ctrl-C comes; the next study goes on with what was begun.
    """

    def __init__(self, folder=KEPT, device="cpu"):
        self.shelf, self.used = Shelf(folder, device), {}
        workers = cores() if device == "cpu" else 1
        self.pool = ProcessPoolExecutor(workers, get_context("spawn"), _begin)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.pool.shutdown(cancel_futures=True)

    def train(self, cases):
        """Train all cases that have not been; `used` has what is kept of each."""
        cases = list(dict.fromkeys(cases))
        befores = [case.before for case in cases if case.before]
        if befores:
            self.train(befores)
        todo = [case for case in cases if not self.shelf.weights(case).exists()]
        steps = [case.training.steps for case in todo]
        self.map(self.shelf.train, [(case,) for case in todo], "train", steps)
        for case in cases:
            kept = self.shelf.trained(case)
            self.used[case] = {x: kept[x] for x in ("losses", "seconds")}

    def read(self, wanted):
        """The readings of [(case, changes)], as `Shelf.read` gives them, in order."""
        return self.map(self.shelf.read, wanted, "read")

    def map(self, function, arguments, label, sizes=None):
        """function(*x) for each x of arguments, in the pool; the results in order.

        sizes: how much work each is, for the progress bar.
        """
        sizes = sizes or [1] * len(arguments)
        futures = {
            self.pool.submit(_run, function, *x): size
            for x, size in zip(arguments, sizes)
        }
        about = dict(desc=f"{label:5}", total=sum(sizes), disable=None, leave=False)
        with tqdm(**about) as bar:
            for future in as_completed(futures):
                future.result()
                bar.update(futures[future])
        return [future.result() for future in futures]


def cores():
    """How many cores this process may use."""
    able = hasattr(os, "sched_getaffinity")
    return len(os.sched_getaffinity(0)) if able else os.cpu_count()


_stopped = False  # in a worker: Ctrl-C has come


def _begin():
    """Begin a worker: one thread, and the terminal left to the process above."""
    torch.set_num_threads(1)
    sys.stderr = open(os.devnull, "w")


def _run(function, *arguments):
    """In a worker: do a task, and none any more after Ctrl-C."""
    global _stopped
    try:
        if _stopped:
            raise KeyboardInterrupt
        return function(*arguments)
    except KeyboardInterrupt:
        _stopped = True
        raise
