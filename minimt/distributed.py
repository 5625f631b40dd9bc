"""Training one model in several processes, each with its share of the streams."""

import os
import shlex
import signal
import time
from contextlib import contextmanager
from itertools import chain

import torch
from torch import distributed
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from .errors import InputError

GRACE = 5  # seconds within which torchrun ends the others when one process has failed


def rank():
    """The number of this process, from 0, as set by torchrun."""
    return int(os.environ.get("RANK", 0))


def size():
    """How many processes train together; 1 without torchrun."""
    return int(os.environ.get("WORLD_SIZE", 1))


def leader():
    """True in the one process that writes, prints and evaluates."""
    return rank() == 0


def launcher(processes):
    """The first words of a command that starts this many processes."""
    return f"torchrun --nproc-per-node {processes}" if processes > 1 else "python"


def check(streams, processes, folder=""):
    """Raise InputError unless a run has its number of processes, with equal shares.

    folder: that of the run, if it is resumed.
    """
    if processes != size():
        raise InputError(
            f"the run needs the number of processes that it began with, {processes}, "
            f"not {size()}: resume it with {launcher(processes)} -m minimt train "
            f"--resume {shlex.quote(str(folder))}"
        )
    if streams % size():
        raise InputError(
            f"--streams {streams} cannot be shared by {size()} processes: give a "
            f"multiple of {size()}"
        )


@contextmanager
def group(device):
    """Join the other processes; yields this one's device, or `device` itself if alone.

    Raises InputError if the machine has fewer such devices than processes.
    """
    if size() == 1:
        yield device
        return
    local, here = (int(os.environ[x]) for x in ("LOCAL_RANK", "LOCAL_WORLD_SIZE"))
    devices = dict(cpu=here, cuda=torch.cuda.device_count()).get(device, 1)
    if here > devices:
        raise InputError(
            f"{here} processes cannot share {devices} {device} device(s): start fewer, "
            "or use --device cpu"
        )
    backend = "gloo"
    if device == "cuda":  # flags and checkpoints go over gloo and never wait for a GPU
        device, backend = f"cuda:{local}", "cpu:gloo,cuda:nccl"
        torch.cuda.set_device(device)
    distributed.init_process_group(backend)
    try:
        yield device
    finally:
        distributed.destroy_process_group()


@contextmanager
def leader_first():
    """The others wait until the leader has finished the block, or failed in it."""
    if not leader():
        barrier()
    try:
        yield
    finally:
        if leader():
            barrier()


def from_leader(function):
    """What a function returns in the leader, or the InputError it raises, in each."""
    found = [None, None]
    if leader():
        try:
            found[0] = function()
        except InputError as error:
            found[1] = error
    if size() > 1:
        distributed.broadcast_object_list(found)
    if found[1]:
        raise found[1]
    return found[0]


def let_leader_speak():
    """The others wait, so that a mistake they all make is reported by the leader alone.

    Once the leader has ended, torchrun ends the others, by SIGTERM.
    """
    if not leader():
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # end without another word
        time.sleep(GRACE)


def add_gradients(model):
    """Replace gradients by their sums over all processes, in one message.

    It waits for the others, so nothing is under way when a process ends.
    """
    if size() > 1:
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        summed = parameters_to_vector(gradients)
        distributed.all_reduce(summed)
        vector_to_parameters(summed, gradients)


def share(x):
    """This process's rows of an array or tensor (B, …): B / size() of them."""
    rows = len(x) // size()
    return x[rank() * rows : (rank() + 1) * rows]


def gather(x):
    """In the leader, all rows of a tensor (B, …) or list, from all the shares."""
    if size() == 1:
        return x
    if isinstance(x, list):
        parts = [None] * size() if leader() else None
        distributed.gather_object(x, parts)
        return list(chain.from_iterable(parts)) if leader() else x
    x = x.cpu().contiguous()
    parts = [torch.empty_like(x) for _ in range(size())] if leader() else None
    distributed.gather(x, parts)
    return torch.cat(parts) if leader() else x


def total(x):
    """The sum of a tensor over all processes, the same in each, without gradient."""
    x = x.detach().clone()
    if size() > 1:
        distributed.all_reduce(x)
    return x


def anywhere(*flags):
    """For each flag: is it true in any of the processes?"""
    return total(torch.tensor([int(bool(x)) for x in flags])).bool().tolist()


def barrier():
    """Wait until all processes are here."""
    total(torch.tensor(0))
