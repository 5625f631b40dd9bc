"""Checkpoints: the state of a training run in a file, written whole or not at all."""

import hashlib
import io
import pathlib
from contextlib import contextmanager

import torch

from . import distributed
from .config import Config
from .errors import InputError
from .files import replace_file
from .optimizer import Training

HASH = hashlib.sha256().digest_size  # bytes


def pack(state):
    """A model's state in a checkpoint's terms: tensors, lists, dicts and None.

    With several processes, the leader gets the rows of all of them.
    """
    if state is None:
        return None
    gather = distributed.gather
    caches = [cache and tuple(gather(x) for x in cache) for cache in state.caches]
    memory = state.memory.state_dict() if state.memory else {}
    memory = {name: gather(x) for name, x in memory.items()} or None
    return dict(age=gather(state.age), caches=caches, memory=memory)


def unpack(saved, model):
    """This process's rows of the state that `pack` was given, on the model's device."""
    if saved is None:
        return None
    device, share = model.norm.device, distributed.share
    state = model.first_state(len(share(saved["age"])))
    state.age = share(saved["age"]).to(device)
    state.caches = [
        cache and tuple(share(x).to(device) for x in cache) for cache in saved["caches"]
    ]
    if state.memory:
        rows = {name: share(x) for name, x in saved["memory"].items()}
        state.memory.load_state_dict(rows)
    return state


def save_checkpoint(path, content):
    """Write a checkpoint whole or not at all: as torch does, and a hash at its end."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    buffer.write(hashlib.sha256(buffer.getbuffer()).digest())
    replace_file(path, buffer.getbuffer())


def load_checkpoint(path):
    """What a checkpoint holds; no code in it is run. Raises InputError if unusable."""
    if not pathlib.Path(path).is_file():
        raise InputError(f"the checkpoint {path} does not exist: train first")
    with loading(path):
        whole = memoryview(pathlib.Path(path).read_bytes())
        body, digest = whole[:-HASH], whole[-HASH:]
        if hashlib.sha256(body).digest() != digest:  # torch.load checks nothing
            raise ValueError("another hash")
        content = torch.load(io.BytesIO(body), map_location="cpu", weights_only=True)
        Config(**content["config"]), Training(**content["training"])
    return content


@contextmanager
def loading(path):
    """Turn whatever the content of a damaged file raises into an InputError."""
    try:
        yield
    except Exception as error:
        raise InputError(
            f"{path} is damaged or not a minimt checkpoint ({type(error).__name__}): "
            "restore it, or delete it and train again"
        ) from None


MISMATCHES = dict(
    origin="{path} belongs to another run or another model: restore the run's own file",
    documents="these are not the documents that the run was trained on: restore them, "
    "train again, or evaluate on another folder with --data",
    vocabulary="the run has another vocabulary than this version of minimt would give "
    "it: train again",
)


def check(path, saved, **expected):
    """Raise InputError unless a checkpoint has the expected values."""
    for name, value in expected.items():
        if saved.get(name) != value:
            raise InputError(MISMATCHES[name].format(path=path))
