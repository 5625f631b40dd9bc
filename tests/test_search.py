"""Exact search: the K largest dot products, against loops and scikit-learn."""

from functools import partial

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from minimt.memory import l2_normalize
from minimt.search import exact_topk

near = partial(np.testing.assert_allclose, rtol=0, atol=1e-12)
B, H, T, D = 2, 3, 4, 5
# Few and many keys for so many neighbours: searches group them where they can.
SIZES = [(13, 1), (13, 5), (13, 13), (13, 20), (128, 5), (256, 7), (256, 127)]
SIZES += [(256, 128), (256, 300), (300, 7)]


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


def example(rng, M, share=0.7):
    q, keys = rng.normal(size=(B, H, T, D)), rng.normal(size=(B, H, M, D))
    return q, keys, rng.random((B, M)) < share


@pytest.mark.parametrize("M, K", SIZES)
def test_the_k_best_are_those_of_the_loops(twin, rng, M, K):
    q, keys, valid = example(rng, M)
    assert len({tuple(row) for row in valid}) == B
    check(twin.exact_topk(q, keys, valid, K), topk_by_loops(q, keys, valid, K))


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


@pytest.mark.parametrize("M, K", [(60, 40), (300, 5), (301, 9)])
def test_many_equal_scores_keep_the_order_of_their_slots(rng, M, K):
    """With few neighbours among many keys only some groups are sorted."""
    q, _, valid = example(rng, M)
    q, keys = q[..., :1], rng.integers(0, 30, size=(B, H, M, 1)).astype(float)
    check(exact_topk(q, keys, valid, K), topk_by_loops(q, keys, valid, K))


def test_equal_scores_are_found_once_each(twin):
    q, keys = np.ones((B, H, T, D)), np.ones((B, H, 256, D))
    valid = np.ones((B, 256), bool)
    for K in (7, 200):
        scores, index, found = twin.exact_topk(q, keys, valid, K)
        assert found.all() and (scores == D).all()
        for b, h, t in np.ndindex(B, H, T):
            assert len(set(index[b, h, t].tolist())) == K


@pytest.mark.parametrize("M, K", [(13, 8), (13, 16), (256, 8)])
def test_what_is_missing_has_score_minus_infinity_and_index_0(twin, rng, M, K):
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


@pytest.mark.parametrize("M", [13, 256])
def test_an_invalid_slot_has_no_influence_whatever_it_holds(twin, rng, M):
    q, keys, valid = example(rng, M)
    expected = twin.exact_topk(q, keys, valid, 5)
    keys[np.broadcast_to(~valid[:, None], keys.shape[:3])] = 1e3 * rng.normal(size=D)
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


def test_streams_and_heads_are_searched_apart(twin, rng):
    q, keys, valid = example(rng, 20)
    together = twin.exact_topk(q, keys, valid, 6)
    for b, h in np.ndindex(B, H):
        one = np.s_[b : b + 1, h : h + 1]
        alone = twin.exact_topk(q[one], keys[one], valid[b : b + 1], 6)
        check([x[one] for x in together], alone)


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
