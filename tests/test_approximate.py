"""What approximate search gives up, counted on small examples."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from models import CONFIG

from minimt.benchmark import approximate
from minimt.corpus import HeldOut
from minimt.memory import l2_normalize
from minimt.torch_model import MemorizingTransformer

B, H, T, M, D, K = 2, 2, 5, 300, 6, 4


@pytest.fixture
def example(rng):
    q, keys = rng.normal(size=(B, H, T, D)), rng.normal(size=(B, H, M, D))
    return [torch.from_numpy(l2_normalize(x).astype(np.float32)) for x in (q, keys)]


def test_recall_is_the_share_of_true_indices_that_were_found():
    found = torch.tensor([[1, 2, 3], [7, 8, -1]])
    truth = torch.tensor([[3, 9], [8, 7]])
    assert approximate.recall(found, truth) == 0.75


def test_hyperplanes_take_a_query_s_own_cell_first_and_all_cells_last(example):
    q, keys = (x[0, 0].numpy() for x in example)
    planes = np.random.default_rng(0).normal(size=(D, 3))
    found = approximate.hyperplane_candidates(q, keys, bits=3, probes=1)
    for t, m in np.ndindex(T, M):
        same = ((q[t] @ planes > 0) == (keys[m] @ planes > 0)).all()
        assert found[t, m] == same
    assert approximate.hyperplane_candidates(q, keys, 3, probes=8).all()


def test_an_lsh_memory_is_filled_with_all_keys_and_probed_until_recall(example):
    q, keys = example
    memory = approximate.filled(keys, probes=1, segment=7)
    np.testing.assert_array_equal(memory.keys, keys)
    assert memory.valid.all()
    low = approximate.recall_of(memory, q, K)
    probes = approximate.probes_for(memory, q, K, least=0.95)
    assert approximate.recall_of(memory, q, K) >= 0.95 > low
    memory.searcher.probes = approximate.LADDER[approximate.LADDER.index(probes) - 1]
    assert approximate.recall_of(memory, q, K) < 0.95


def test_probing_all_pages_scores_all_keys_and_each_page_s_pivot(example):
    q, keys = example
    memory = approximate.filled(keys, probes=10_000, segment=50)
    pages = memory.searcher.index[0][0].live.shape[1]
    share = approximate.share_scored(memory, q)
    np.testing.assert_allclose(share, 1 + pages / M, rtol=1e-6)
    memory.searcher.probes = 1
    assert approximate.share_scored(memory, q) < share - 0.5


def test_losses_lie_between_exact_search_and_none(rng):
    model = MemorizingTransformer(replace(CONFIG, memory=0), seed=3)
    docs = [rng.integers(CONFIG.vocab, size=n) for n in (90, 70)]
    held = HeldOut(("a", "b"), ("", ""), docs)
    rows = approximate.losses(model, held, M=256, ladder=(1, 1000))
    nats = {(x["search"], x["probes"]): x["nats_per_token"] for x in rows}
    assert abs(nats["LSH", 1000] - nats["exact", None]) < 1e-6
    assert abs(nats["LSH", 1] - nats["exact", None]) > 1e-6
    assert abs(nats["without memory", None] - nats["exact", None]) > 1e-6


def test_the_curve_has_every_method_and_exact_search_finds_all(rng):
    keys = torch.from_numpy(l2_normalize(rng.normal(size=(1, 2, 4096, D))))
    q = torch.from_numpy(l2_normalize(rng.normal(size=(1, 2, T, D))))
    rows = approximate.curve(q.float(), keys.float(), K, segment=512, repeats=1)
    recall = {(x["method"], x["setting"]): x["recall"] for x in rows}
    assert recall["exact", 0] == 1
    cells = [recall["LSH, cells of stored keys", p] for p in approximate.LADDER]
    assert cells == sorted(cells) and cells[0] < cells[-1]
    for where in ("origin", "mean"):
        name = f"LSH, hyperplanes through the {where}"
        assert recall[name, 512] > recall[name, 8]
    assert recall["one maximum per bucket", 4096] == 1
    assert all(0 < x["scored"] <= 1.3 for x in rows if x["scored"] is not None)
