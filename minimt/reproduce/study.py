"""A study: trains and reads what a claim needs, one task on each core at a time."""

import os
import pathlib
import signal
import threading
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from multiprocessing import active_children, get_context, parent_process

import torch

from ..errors import InputError
from ..progress import progress
from .trained import TrainedModels

POSIX = hasattr(signal, "pthread_sigmask")  # not on Windows
FOLDER = pathlib.Path("runs/reproduce")
CASE_MEMORY = 4 * 2**30  # bytes of a GPU that are enough for a case


class Study:
    """Trains and reads cases; to be used in a `with` statement.

    Each case has a core to itself, so that results do not depend on how many there are.
    On a GPU, as many cases run at once as its memory allows. Raises KeyboardInterrupt
    on Ctrl-C; the next study continues what was begun.
    """

    def __init__(self, folder=FOLDER, device="cpu"):
        self.trained, self.used = TrainedModels(folder, device), {}
        self.pool = ProcessPoolExecutor(workers(device), get_context("spawn"), _begin)

    def __enter__(self):
        return self

    def __exit__(self, error, *_):
        if error:  # SIGTERM, unlike Ctrl-C, does not reach the workers
            for worker in active_children():
                with suppress(ProcessLookupError):  # it has just ended
                    os.kill(worker.pid, signal.SIGINT)
        self.pool.shutdown(cancel_futures=True)

    def train(self, cases):
        """Train all cases that are not trained yet; `used` gets the losses of each."""
        cases = list(dict.fromkeys(cases))
        befores = [case.before for case in cases if case.before]
        if befores:
            self.train(befores)
        todo = [case for case in cases if not self.trained.weights(case).exists()]
        steps = [case.training.steps for case in todo]
        wanted = [(case,) for case in todo]
        self.map(self.trained.train, wanted, "training", "step", steps)
        for case in cases:
            content = self.trained.load(case)
            self.used[case] = {x: content[x] for x in ("losses", "seconds", "curve")}

    def read(self, wanted):
        """The readings of [(case, changes)], as `TrainedModels.read` returns them."""
        return self.map(self.trained.read, wanted, "reading")

    def map(self, function, arguments, label, unit="case", sizes=None):
        """function(*x) for each x of arguments, in the pool; the results in order.

        sizes: how much work each is, in units of `unit`, to show progress.
        """
        sizes = sizes or [1] * len(arguments)
        with _ctrl_c_waits():  # and so it does in workers, until they are ready for it
            futures = {
                self.pool.submit(_run, function, *x): size
                for x, size in zip(arguments, sizes)
            }
        with progress(label, sum(sizes), unit) as bar:
            for future in as_completed(futures):
                try:
                    future.result()
                except BrokenExecutor:
                    what = "a worker was killed, perhaps because memory ran out"
                    again = "free some memory and run the command again to continue"
                    raise InputError(f"{what}: {again}") from None
                bar.update(futures[future])
        return [future.result() for future in futures]


def workers(device):
    """How many cases to work on at once: one on each core, if they fit on the GPU."""
    if device == "cpu":
        return cores()
    free = torch.cuda.mem_get_info(device)[0] if device != "mps" else 0
    return min(cores(), max(1, free // CASE_MEMORY))


def cores():
    """How many cores this process may use."""
    able = hasattr(os, "sched_getaffinity")
    return len(os.sched_getaffinity(0)) if able else os.cpu_count()


@contextmanager
def _ctrl_c_waits():
    """Hold Ctrl-C back; processes that are started here are born holding it back."""
    if not POSIX:
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_busy = _stopped = False  # in a worker: a task is running; Ctrl-C has come


def _begin():
    """Set up a worker: one thread, and Ctrl-C ends its task but not the worker.

    It ends with its parent, even if that is killed.
    """
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, _stop)
    if POSIX:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])


def _end_with_parent():
    """In a worker: wait for the end of the process that started it."""
    parent_process().join()
    os._exit(1)


def _stop(*_):
    """In a worker, on Ctrl-C: end the task that is running, if any; begin no more."""
    global _stopped
    _stopped = True
    if _busy:
        raise KeyboardInterrupt


def _run(function, *arguments):
    """In a worker: do a task, but none after Ctrl-C, even if the last one caught it."""
    global _busy, _stopped
    _busy = True
    try:
        if _stopped:
            raise KeyboardInterrupt
        return function(*arguments)
    except KeyboardInterrupt:
        _stopped = True
        raise
    finally:
        _busy = False
