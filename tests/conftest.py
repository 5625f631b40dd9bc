"""Fixtures: random numbers, both twins behind one face, and a run of the commands."""

import json
import os
import signal
from types import SimpleNamespace

# Before NumPy and torch begin: two tests at a time, a core each, wait for nothing.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A job in the background ignores Ctrl-C, and so would all that the tests begin.
signal.signal(signal.SIGINT, signal.default_int_handler)

import numpy as np
import pytest
from hypothesis import settings

from minimt import attention, cache, gate, memory, position, search

# The same examples on every machine, and few enough that all tests of a part are quick.
settings.register_profile(
    "everywhere", derandomize=True, deadline=None, max_examples=50, database=None
)
settings.load_profile("everywhere")


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


@pytest.fixture(scope="module", params=["numpy", "torch"])
def twin(request):
    """One of the two implementations; both take and return arrays.

    They have no state, and one for the whole module is what Hypothesis asks for.
    """
    if request.param == "torch":
        return Torch(request.getfixturevalue("torch_model"))
    names = {}
    for module in (attention, position, cache, memory, search, gate):
        names.update(vars(module))
    return SimpleNamespace(**names)


@pytest.fixture
def small_model(torch_model):
    """A model in torch that has the weights of the NumPy tests."""
    from models import CONFIG, params_of

    return torch_model.MemorizingTransformer(CONFIG).load_numpy(params_of(CONFIG))


@pytest.fixture(scope="module")
def one_thread():
    """As in the processes of `commands.environment`: their numbers are the same."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a corpus of six small documents in it."""
    place = tmp_path_factory.mktemp("place")
    (place / "texts").mkdir()
    for i in range(6):
        words = " ".join(
            f"name{(7 * j * (i + 1)) % 31} = value{j % 5};" for j in range(90)
        )
        (place / "texts" / f"{i}.txt").write_text(words)
    return place


@pytest.fixture(scope="module")
def run(place, one_thread):
    """A finished run: its folder, and what `train --json` printed."""
    from commands import SMALL, minimt

    flags = ("--data", "texts", *SMALL, "--json")
    code, out, errors = minimt(place, "train", *flags)
    assert code == 0, errors
    return place / "runs" / "texts", json.loads(out)
