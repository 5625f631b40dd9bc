"""The configuration: what it refuses, and how its `search` finds one more search."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from models import CONFIG, params_of, stream
from trainers import finish, trainer_of

from minimt import config, search, torch_model, torch_search
from minimt.config import Config
from minimt.model import forward
from minimt.torch_model import MemorizingTransformer


class Farthest(search.Search):
    """A search for the keys with the smallest dot product, in NumPy."""

    def topk(self, q, keys, valid, K):
        scores, index, found = search.exact_topk(-q, keys, valid, K)
        return np.where(found, -scores, -np.inf), index, found


class TorchFarthest(torch_search.Search):
    """The same in PyTorch."""

    def topk(self, q, keys, valid, K):
        scores, index, found = torch_search.exact_topk(-q, keys, valid, K)
        return torch.where(found, -scores, -torch.inf), index, found


@pytest.fixture
def farthest(monkeypatch):
    """A configuration that names the new search, which has a line in each table."""
    monkeypatch.setitem(config.SEARCHES, "farthest", lambda c: Farthest())
    monkeypatch.setitem(torch_model.SEARCHES, "farthest", lambda c: TorchFarthest())
    return replace(CONFIG, search="farthest")


def run(config, params, segments):
    """The logits of NumPy and of torch for some segments: twice (segments, B, T, V)."""
    twin, state, twin_state = (
        MemorizingTransformer(config).load_numpy(params),
        None,
        None,
    )
    both = [], []
    for tokens, starts in segments:
        logits, state = forward(params, config, tokens, state, starts)
        both[0].append(logits)
        tokens, starts = torch.from_numpy(tokens), torch.from_numpy(starts)
        with torch.no_grad():
            logits, twin_state = twin(tokens, twin_state, starts)
        both[1].append(logits.numpy())
    return tuple(map(np.stack, both))


def test_a_new_search_is_found_by_its_name_in_both_backends(rng, farthest):
    params, segments = params_of(farthest), list(stream(rng, farthest, 8))
    mine, twins = run(farthest, params, segments)
    np.testing.assert_allclose(twins, mine, rtol=0, atol=1e-10 * np.abs(mine).max())
    nearest, _ = run(CONFIG, params, segments)
    assert np.abs(mine - nearest).max() > 1e-3


def test_a_new_search_trains_and_goes_on_from_a_checkpoint(farthest):
    whole, stopped, resumed = (trainer_of(farthest) for _ in range(3))
    for _ in range(7):
        stopped.step()
    resumed.load_state_dict(stopped.state_dict())
    assert finish(resumed) == finish(whole) != finish(trainer_of())


def test_every_search_has_its_twin():
    assert config.SEARCHES.keys() == torch_model.SEARCHES.keys()


def test_a_search_is_built_once_from_the_whole_configuration(rng):
    wanted = dict(tables=3, bits=2, search_seed=7, probes=2)
    config = replace(CONFIG, search="lsh", **wanted)
    params, state = params_of(config), None
    for tokens, starts in stream(rng, config, 3):
        _, state = forward(params, config, tokens, state, starts)
    numpy = state.memory.searcher
    twins = MemorizingTransformer(config).first_state(3).memory.searcher
    for lsh in (numpy, twins):
        found = lsh.tables, lsh.cells, lsh.seed, lsh.probes
        assert found == (3, 2**2, 7, 2)
    assert numpy.scored.shape == (3, CONFIG.heads, CONFIG.segment)  # it can be asked


def test_the_default_configuration_can_be_changed_by_name():
    config = Config(heads=8, search="lsh", init="random")
    assert (config.heads, config.head) == (8, 16)


@pytest.mark.parametrize(
    "field",
    "vocab layers heads embed segment cache memory memory_layer neighbours tables bits "
    "probes search_seed".split(),
)
@pytest.mark.parametrize("value", [-1, 2.0, True, "3", None])
def test_what_is_not_a_whole_number_is_refused_by_name(field, value):
    with pytest.raises(ValueError, match=f"^{field} must be a whole number"):
        Config(**{field: value})


@pytest.mark.parametrize(
    "changes, reason",
    [
        (dict(embed=10, heads=4), "embed (10) must be divisible by heads (4)"),
        (dict(memory_layer=4), "memory_layer must be less than layers (4)"),
        (dict(bits=31), "bits must be a whole number from 0 to 30, not 31"),
        (dict(search="nearest"), "search must be exact or lsh"),
        (dict(search=["lsh"]), "search must be exact or lsh"),
        (dict(init="lookup"), "init must be random or primed or induction"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_reason(changes, reason):
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}"):
        Config(**changes)
