"""Many short trainings in two processes each, made by fork; prints their exit codes."""

import multiprocessing
import os
import socket
import sys
from dataclasses import replace

import torch
from trainers import TRAINING, trainer_of

from minimt import distributed

torch.set_num_threads(1)
KEPT = []  # as a trainer may be, until its process ends


def train(rank, port):
    """One of two processes."""
    os.environ |= dict(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), WORLD_SIZE="2")
    os.environ |= dict(RANK=str(rank), LOCAL_RANK=str(rank), LOCAL_WORLD_SIZE="2")
    with distributed.group("cpu"):
        KEPT.append(trainer_of(training=replace(TRAINING, streams=4, steps=4)))
        while not KEPT[0].done:
            KEPT[0].step()


def pair():
    """The exit codes of two processes; None for one that does not end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    fork = multiprocessing.get_context("fork")
    both = [fork.Process(target=train, args=(rank, port)) for rank in (0, 1)]
    for process in both:
        process.start()
    for process in both:
        process.join(20)
    codes = [process.exitcode for process in both]
    for process in both:
        process.kill()
    return codes


for _ in range(int(sys.argv[1])):
    print(pair(), flush=True)
