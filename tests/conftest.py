"""Fixtures: random numbers, and each function in NumPy and in torch behind one face."""

import os
import signal
from types import SimpleNamespace

# Before NumPy and torch begin: two tests at a time, a core each, wait for nothing.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A job in the background ignores Ctrl-C, and so would all that the tests begin.
signal.signal(signal.SIGINT, signal.default_int_handler)

import numpy as np
import pytest

from minimt import attention, cache, gate, memory, position, search


class Torch:
    """The functions of minimt.torch_model, with arrays in and arrays out."""

    def __init__(self, torch_model):
        self.module = torch_model

    def __getattr__(self, name):
        function = getattr(self.module, name)
        return lambda *args: self.arrays(function(*self.tensors(args)))

    def tensors(self, x):
        if isinstance(x, tuple):
            return tuple(map(self.tensors, x))
        return self.module.torch.from_numpy(x) if isinstance(x, np.ndarray) else x

    def arrays(self, x):
        return tuple(map(self.arrays, x)) if isinstance(x, tuple) else x.numpy()


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def torch_model():
    from minimt import torch_model  # here, so that the NumPy tests need no torch

    return torch_model


@pytest.fixture(params=["numpy", "torch"])
def twin(request):
    """One of the two implementations; both take and return arrays."""
    if request.param == "torch":
        return Torch(request.getfixturevalue("torch_model"))
    names = {}
    for module in (attention, position, cache, memory, search, gate):
        names.update(vars(module))
    return SimpleNamespace(**names)
