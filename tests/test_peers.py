"""Peers, where they are installed, search and train what ours do."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from minimt.benchmark import peers
from minimt.config import Config
from minimt.memory import l2_normalize
from minimt.search import exact_topk


def test_a_package_that_is_not_installed_is_none():
    assert peers.available("no_such_package_anywhere") is None


def test_the_packages_that_are_installed_are_listed():
    assert "scikit-learn" in peers.installed()


def test_flat_searches_find_the_nearest_keys(rng):
    """On the sphere the largest product is the smallest distance."""
    q, keys = (
        l2_normalize(rng.normal(size=(7, 6))),
        l2_normalize(rng.normal(size=(90, 6))),
    )
    q, keys = q.astype(np.float32), keys.astype(np.float32)
    _, index, _ = exact_topk(q[None, None], keys[None, None], np.ones((1, 90), bool), 5)
    searches = peers.flat_searches(keys, 5)
    assert "scikit-learn" in searches
    for found in (search(q) for search in searches.values()):
        np.testing.assert_array_equal(found, index[0, 0])


def test_faiss_indexes_count_what_they_score(rng):
    pytest.importorskip("faiss")
    keys = l2_normalize(rng.normal(size=(5000, 8))).astype(np.float32)
    shares = dict()
    for name, _, search in peers.faiss_indexes(keys, 5, cells=64):
        found, share = search(keys[:9])
        assert found.shape == (9, 5)
        shares.setdefault(name, []).append(share)
    assert shares["faiss IVF"] == sorted(shares["faiss IVF"])
    assert 0 < shares["faiss IVF"][0] < shares["faiss IVF"][-1] <= 1.1


def test_their_model_trains_a_step_with_a_full_memory():
    pytest.importorskip("memorizing_transformers_pytorch")
    config = Config(vocab=50, layers=2, embed=32, segment=8, cache=8, memory=64)
    config = replace(config, neighbours=4)
    theirs = peers.TheirModel(config, streams=2, spare=24)
    before = theirs.model.token_emb.weight.clone()
    tokens = torch.randint(1, 50, (2, 8))
    for _ in range(2):  # what leaves their cache in the second goes to the memory
        theirs.step(tokens, tokens)
    assert not torch.equal(before, theirs.model.token_emb.weight)
    assert len(theirs.memories[0].knns[0].ids) == 64 - 24 + 8
