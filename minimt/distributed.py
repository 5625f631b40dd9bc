"""Several processes that train one model, a share of the streams each: torchrun."""

import os
import time
from contextlib import contextmanager
from itertools import chain

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from .errors import InputError

GRACE = 5  # seconds in which torchrun ends the other processes when one has failed


def rank():
    """The number of this process, from 0; torchrun sets it."""
    return int(os.environ.get("RANK", 0))


def size():
    """How many processes train together; 1 without torchrun."""
    return int(os.environ.get("WORLD_SIZE", 1))


def leader():
    """True in the one process that writes, prints and evaluates."""
    return rank() == 0


def launcher(processes):
    """What starts so many processes: the first words of a command."""
    return f"torchrun --nproc-per-node {processes}" if processes > 1 else "python"


def check(streams, processes):
    """InputError unless a run of `processes` is run by as many, with equal shares."""
    if processes != size():
        raise InputError(
            f"the run was begun with {processes} processes, not {size()}: resume it by "
            f"{launcher(processes)} -m minimt train --resume"
        )
    if streams % size():
        raise InputError(
            f"--streams {streams} cannot be shared by {size()} processes: give a "
            f"multiple of {size()}"
        )


@contextmanager
def group(device):
    """Join the other processes; the device of this one. `device` itself when alone.

    InputError when the machine has fewer such devices than processes.
    """
    if size() == 1:
        yield device
        return
    local, beside = (int(os.environ[x]) for x in ("LOCAL_RANK", "LOCAL_WORLD_SIZE"))
    room = dict(cpu=beside, cuda=torch.cuda.device_count()).get(device, 1)
    if beside > room:
        raise InputError(
            f"{beside} processes cannot share {room} {device}: start fewer, or use "
            "--device cpu"
        )
    backend = "gloo"
    if device == "cuda":  # flags and checkpoints go by gloo, never waiting for a GPU
        device, backend = f"cuda:{local}", "cpu:gloo,cuda:nccl"
        torch.cuda.set_device(device)
    distributed.init_process_group(backend)
    try:
        yield device
    finally:
        distributed.destroy_process_group()


@contextmanager
def leader_first():
    """The others wait until the leader has done, or failed at, what is inside."""
    if not leader():
        barrier()
    try:
        yield
    finally:
        if leader():
            barrier()


def let_leader_speak():
    """Wait, in the others: if the leader failed alike, it says so and all are ended."""
    if not leader():
        time.sleep(GRACE)


def parallel(model):
    """The model, with gradients averaged over all processes when there are several."""
    if size() == 1:
        return model
    unused = not model.config.memory  # then the gate never has a gradient
    return DistributedDataParallel(model, find_unused_parameters=unused)


def share(x):
    """This process's rows of an array or tensor (B, …): a size()-th of them."""
    rows = len(x) // size()
    return x[rank() * rows : (rank() + 1) * rows]


def gather(x):
    """All rows of a tensor (B, …) or list, in the leader, from each process's share."""
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
    """The sum of a tensor over all processes, the same in each; no gradient."""
    x = x.detach().clone()
    if size() > 1:
        distributed.all_reduce(x)
    return x


def anywhere(*flags):
    """For each flag, in all processes: is it true in one of them?"""
    return total(torch.tensor([int(bool(x)) for x in flags])).bool().tolist()


def barrier():
    """Wait until all processes are here."""
    total(torch.tensor(0))
