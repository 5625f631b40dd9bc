"""Timing side by side: the functions to compare take turns in one process."""

import statistics
import time

import torch

from ..progress import progress


def in_turns(cases, repeats, label="timing"):
    """The seconds of every round of {name: function}: {name: [seconds]}.

    The functions take turns, so that a machine that is busy for a while slows them all
    down. Each runs once beforehand, unmeasured.
    """
    seconds = {name: [] for name in cases}
    with progress(label, (repeats + 1) * len(cases), "run") as bar:
        for turn in range(repeats + 1):
            for name, function in cases.items():
                began = clock()
                function()
                if turn:
                    seconds[name].append(clock() - began)
                bar.update()
    return seconds


def clock():
    """The time in seconds, once the GPU has finished all its work."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    if torch.backends.mps.is_available():
        torch.mps.synchronize()
    return time.perf_counter()


def median_range(values):
    """Median, lowest and highest."""
    return dict(median=statistics.median(values), low=min(values), high=max(values))


def ratio(seconds, name, base):
    """How many times as long as `base` a case took, round by round."""
    return median_range([a / b for a, b in zip(seconds[name], seconds[base])])
