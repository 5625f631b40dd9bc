"""Exact search: the K largest dot products, against loops and scikit-learn."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sizes import rngs, sizes
from sklearn.neighbors import NearestNeighbors

from minimt.memory import l2_normalize
from minimt.search import exact_topk

near = partial(np.testing.assert_allclose, rtol=0, atol=1e-12)
B, H, T, D = 2, 3, 4, 5
# Few and many keys for so many neighbours: searches group them where they can.
FEW_KEYS = dict(M=st.integers(1, 40), K=st.integers(1, 45))
MANY_KEYS = dict(M=st.integers(100, 300), K=st.integers(1, 20))
SIZES = [(256, 127), (256, 128), (256, 300), (300, 7)]
SHARES = st.sampled_from([0, 0.1, 0.7, 1])  # of the slots that are valid


def topk_by_loops(q, keys, valid, K):
    shape = (*q.shape[:3], K)
    scores, index = np.full(shape, -np.inf), np.zeros(shape, int)
    found = np.zeros(shape, bool)
    for b, h, t in np.ndindex(q.shape[:3]):
        query = q[b, h, t].tolist()
        ranked = []
        for slot in np.flatnonzero(valid[b]).tolist():
            key = keys[b, h, slot].tolist()
            ranked.append((-sum(x * y for x, y in zip(query, key)), slot))
        for place, (score, slot) in enumerate(sorted(ranked)[:K]):
            scores[b, h, t, place], index[b, h, t, place] = -score, slot
            found[b, h, t, place] = True
    return scores, index, found


def check(result, expected):
    near(result[0], expected[0])
    np.testing.assert_array_equal(result[1], expected[1])
    np.testing.assert_array_equal(result[2], expected[2])


def example(rng, M, share=0.7, B=B, H=H, T=T, D=D):
    """q (B, H, T, D), keys (B, H, M, D), valid (B, M)."""
    q, keys = rng.normal(size=(B, H, T, D)), rng.normal(size=(B, H, M, D))
    return q, keys, rng.random((B, M)) < share


@given(rng=rngs, share=SHARES, **FEW_KEYS, **sizes("B H T D"))
def test_the_k_best_are_those_of_the_loops(twin, rng, share, M, K, B, H, T, D):
    inputs = example(rng, M, share, B, H, T, D)
    check(twin.exact_topk(*inputs, K), topk_by_loops(*inputs, K))


@given(rng=rngs, share=SHARES, **MANY_KEYS)
def test_the_k_best_of_many_keys_are_those_of_the_loops(twin, rng, share, M, K):
    inputs = example(rng, M, share, B=2, H=1, T=3)
    check(twin.exact_topk(*inputs, K), topk_by_loops(*inputs, K))


@pytest.mark.parametrize("M, K", SIZES)
def test_the_k_best_are_those_of_the_loops_where_grouping_just_begins(twin, rng, M, K):
    inputs = example(rng, M)
    check(twin.exact_topk(*inputs, K), topk_by_loops(*inputs, K))


@pytest.mark.parametrize("M, K", [(13, 5), (256, 7)])
def test_normalised_keys_rank_as_scikit_learn_ranks_their_distances(twin, rng, M, K):
    q, keys, valid = example(rng, M)
    q, keys = l2_normalize(q), l2_normalize(keys)
    scores, index, found = twin.exact_topk(q, keys, valid, K)
    assert found.all()
    for b, h in np.ndindex(B, H):
        stored = np.flatnonzero(valid[b])
        oracle = NearestNeighbors(n_neighbors=K, algorithm="brute")
        distance, rank = oracle.fit(keys[b, h, stored]).kneighbors(q[b, h])
        np.testing.assert_array_equal(index[b, h], stored[rank])
        near(scores[b, h], 1 - distance**2 / 2)


def test_the_largest_dot_product_wins_and_not_the_nearest_key(twin):
    q, keys = np.array([[[[1.0, 0.0]]]]), np.array([[[[1.0, 0.0], [9.0, 9.0]]]])
    scores, index, _ = twin.exact_topk(q, keys, np.ones((1, 2), bool), 2)
    np.testing.assert_array_equal(index, [[[[1, 0]]]])
    np.testing.assert_array_equal(scores, [[[[9, 1]]]])


def test_of_equal_scores_the_lower_slot_comes_first():
    q, keys = np.ones((1, 1, 1, 1)), np.array([2.0, 3, 2, 3, 1, 3, 2])[:, None]
    keys, valid = keys[None, None], np.arange(7)[None] != 3
    scores, index, _ = exact_topk(q, keys, valid, 5)
    np.testing.assert_array_equal(index[0, 0, 0], [1, 5, 0, 2, 6])
    np.testing.assert_array_equal(scores[0, 0, 0], [3, 3, 2, 2, 2])


def with_ties(rng, M, D=1, levels=30, **sizes):
    """Whole numbers, whose products are exact and often equal."""
    q, keys, valid = example(rng, M, D=D, **sizes)
    q = rng.integers(-2, 3, size=q.shape).astype(float)
    return q, rng.integers(0, levels, size=keys.shape).astype(float), valid


@given(rng=rngs, levels=st.integers(1, 30), **FEW_KEYS, **sizes("D"))
def test_equal_scores_keep_the_order_of_their_slots(rng, levels, M, K, D):
    inputs = with_ties(rng, M, D, levels)
    check(exact_topk(*inputs, K), topk_by_loops(*inputs, K))


@given(rng=rngs, levels=st.integers(1, 30), **MANY_KEYS)
def test_many_equal_scores_keep_the_order_of_their_slots(rng, levels, M, K):
    """With few neighbours among many keys only some groups are sorted."""
    inputs = with_ties(rng, M, levels=levels, B=2, H=1, T=3)
    check(exact_topk(*inputs, K), topk_by_loops(*inputs, K))


@given(rng=rngs, levels=st.integers(1, 30), **FEW_KEYS)
def test_both_twins_find_the_same_equal_scores_and_no_slot_twice(
    twin, rng, levels, M, K
):
    """Which of them is up to the twin; every score is that of its slot."""
    q, keys, valid = with_ties(rng, M, levels=levels)
    scores, index, found = twin.exact_topk(q, keys, valid, K)
    expected, _, there = topk_by_loops(q, keys, valid, K)
    np.testing.assert_array_equal(scores, expected)
    np.testing.assert_array_equal(found, there)
    for b, h, t in np.ndindex(B, H, T):
        slots = index[b, h, t][found[b, h, t]].tolist()
        assert len(set(slots)) == len(slots) and valid[b, slots].all()
        products = keys[b, h, slots] @ q[b, h, t]
        np.testing.assert_array_equal(scores[b, h, t, : len(slots)], products)


@pytest.mark.parametrize("K", [7, 200])
def test_equal_scores_are_found_once_each(twin, K):
    q, keys = np.ones((B, H, T, D)), np.ones((B, H, 256, D))
    scores, index, found = twin.exact_topk(q, keys, np.ones((B, 256), bool), K)
    assert found.all() and (scores == D).all()
    for b, h, t in np.ndindex(B, H, T):
        assert len(set(index[b, h, t].tolist())) == K


@pytest.mark.parametrize("M, K", [(13, 8), (13, 16), (256, 8)])
def test_missing_neighbours_have_score_minus_infinity_and_index_0(twin, rng, M, K):
    q, keys, _ = example(rng, M)
    valid = np.zeros((B, M), bool)
    valid[0, [3, 9, 11]] = valid[1, 6] = True
    scores, index, found = twin.exact_topk(q, keys, valid, K)
    expected = np.zeros((B, H, T, K), bool)
    expected[0, ..., :3] = expected[1, ..., :1] = True
    np.testing.assert_array_equal(found, expected)
    assert (scores[~expected] == -np.inf).all() and (index[~expected] == 0).all()
    assert (np.sort(index[0, ..., :3]) == [3, 9, 11]).all()
    assert (index[1, ..., 0] == 6).all()


@pytest.mark.parametrize("M, K", [(13, 5), (13, 20), (256, 5)])
def test_where_no_slot_is_valid_nothing_is_found(twin, rng, M, K):
    q, keys, valid = example(rng, M)
    valid[1] = False
    scores, index, found = twin.exact_topk(q, keys, valid, K)
    assert scores.shape == index.shape == found.shape == (B, H, T, K)
    assert found[0].any() and not found[1].any()
    assert (scores[1] == -np.inf).all() and (index[1] == 0).all()


@given(rng=rngs, share=SHARES, M=st.sampled_from([13, 256]))
def test_an_invalid_slot_has_no_influence_whatever_it_holds(twin, rng, share, M):
    q, keys, valid = example(rng, M, share)
    expected = twin.exact_topk(q, keys, valid, 5)
    for held in (1e3 * rng.normal(size=D), np.nan):
        keys[np.broadcast_to(~valid[:, None], keys.shape[:3])] = held
        check(twin.exact_topk(q, keys, valid, 5), expected)


@pytest.mark.parametrize("M", [13, 256])
def test_empty_slots_do_not_outrank_keys_with_negative_scores(twin, rng, M):
    q, keys = rng.random((B, H, T, D)), np.zeros((B, H, M, D))
    keys[:, :, 4:6] = -rng.random((B, H, 2, D))
    valid = np.zeros((B, M), bool)
    valid[:, 4:6] = True
    scores, index, found = twin.exact_topk(q, keys, valid, 3)
    assert (scores[..., :2] < 0).all()
    assert (np.sort(index[..., :2]) == [4, 5]).all()
    assert (found == [True, True, False]).all()


@given(rng=rngs, **FEW_KEYS, **sizes("B H T"))
def test_streams_and_heads_are_searched_separately(twin, rng, M, K, B, H, T):
    q, keys, valid = example(rng, M, B=B, H=H, T=T)
    together = twin.exact_topk(q, keys, valid, K)
    for b, h in np.ndindex(B, H):
        one = np.s_[b : b + 1, h : h + 1]
        alone = twin.exact_topk(q[one], keys[one], valid[b : b + 1], K)
        check([x[one] for x in together], alone)


@pytest.mark.parametrize(
    "name, axis",
    [("q", 0), ("q", 1), ("keys", 0), ("keys", 1), ("valid", 0), ("valid", 1)],
)
def test_nothing_is_spread_over_streams_heads_or_slots(twin, rng, name, axis):
    arrays = dict(zip(("q", "keys", "valid"), example(rng, 13)))
    arrays[name] = arrays[name].take([0], axis)
    with pytest.raises(ValueError, match=r"must have shapes?"):
        twin.exact_topk(*arrays.values(), 3)


@pytest.mark.parametrize("K", [0, -1])
def test_fewer_than_one_neighbour_is_an_error(rng, K):
    with pytest.raises(ValueError):
        exact_topk(*example(rng, 13), K)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("K", [5, 20])
def test_scores_have_the_dtype_of_the_queries(twin, rng, dtype, K):
    q, keys, valid = example(rng, 13)
    q, keys = q.astype(dtype), keys.astype(dtype)
    scores, index, found = twin.exact_topk(q, keys, valid, K)
    assert scores.dtype == dtype
    assert index.dtype == np.int64
    assert found.dtype == bool


def test_the_search_is_constant_for_the_gradient(torch_model):
    torch = torch_model.torch
    q, keys = torch.ones(B, H, T, D, requires_grad=True), torch.ones(B, H, 9, D)
    scores, _, _ = torch_model.exact_topk(q, keys, torch.ones(B, 9, dtype=bool), 3)
    assert not scores.requires_grad
