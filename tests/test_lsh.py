"""LSH search: the contract of exact search, among the keys of the probed cells."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sizes import rngs, sizes

from minimt.lsh import LSH, draw_pivots
from minimt.memory import l2_normalize
from minimt.search import exact_topk

near = partial(np.testing.assert_allclose, rtol=0, atol=1e-12)
B, H, T, M, D = 2, 3, 4, 30, 5
# Tables and bits: few and many cells for so many keys.
TABLES = dict(tables=st.integers(1, 5), bits=st.integers(0, 6))


def drawn(rng, M=M, share=0.7, B=B, H=H, T=T, D=D):
    """q (B, H, T, D), keys (B, H, M, D), valid (B, M)."""
    q, keys = rng.normal(size=(B, H, T, D)), rng.normal(size=(B, H, M, D))
    return q, keys, rng.random((B, M)) < share


@pytest.fixture
def example(rng):
    return drawn(rng)


def best_pivots(x, pivots):
    """Pivots from the one that x is nearest to, by product, to the farthest."""
    return sorted(range(len(pivots)), key=lambda i: -sum(x * pivots[i]))


def share_a_cell(lsh, query, key, keys, slots):
    """The query probes the cell of the key, in any table."""
    tables = draw_pivots(slots, lsh.tables, lsh.cells, lsh.seed)
    return any(
        best_pivots(key, keys[chosen])[0]
        in best_pivots(query, keys[chosen])[: lsh.probes]
        for chosen in tables
    )


def topk_by_loops(lsh, q, keys, valid, K):
    """As `LSH.topk`, and the number of candidates of each query."""
    shape = *q.shape[:3], K
    scores, index = np.full(shape, -np.inf), np.zeros(shape, int)
    found, scored = np.zeros(shape, bool), np.zeros(shape[:3], int)
    for b, h, t in np.ndindex(q.shape[:3]):
        slots = np.flatnonzero(valid[b])
        ranked = sorted(
            (-(q[b, h, t] @ keys[b, h, slot]), slot)
            for slot in slots
            if share_a_cell(lsh, q[b, h, t], keys[b, h, slot], keys[b, h], slots)
        )
        scored[b, h, t] = len(ranked)
        for place, (score, slot) in enumerate(ranked[:K]):
            scores[b, h, t, place], index[b, h, t, place] = -score, slot
            found[b, h, t, place] = True
    return scores, index, found, scored


def check(result, expected):
    near(result[0], expected[0])
    np.testing.assert_array_equal(result[1], expected[1])
    np.testing.assert_array_equal(result[2], expected[2])


@given(rng=rngs, **TABLES, **sizes("probes B H T D M K", M=30, K=40))
def test_the_best_keys_of_the_probed_cells_are_found(
    rng, tables, bits, probes, B, H, T, D, M, K
):
    inputs = drawn(rng, M, 0.7, B, H, T, D)
    lsh = LSH(D, tables, bits, seed=1, probes=probes)
    result = lsh.topk(*inputs, K)
    *expected, scored = topk_by_loops(lsh, *inputs, K)
    check(result, expected)
    np.testing.assert_array_equal(lsh.scored, scored)


def test_the_scored_keys_are_those_of_the_last_search(example):
    q, keys, valid = example
    lsh = LSH(D, 2, 3, seed=1)
    lsh.topk(q, keys, valid, 4)
    lsh.topk(q[:, :, :2], keys, valid, 4)
    expected = topk_by_loops(lsh, q, keys, valid, 4)[3]
    np.testing.assert_array_equal(lsh.scored, expected[:, :, :2])


@given(rng=rngs, **TABLES, **sizes("B H T D M K", M=60, K=70))
def test_probing_every_cell_is_exact_search(rng, tables, bits, B, H, T, D, M, K):
    q, keys, valid = drawn(rng, M, 0.7, B, H, T, D)
    lsh = LSH(D, tables, bits, seed=1, probes=2**bits)
    check(lsh.topk(q, keys, valid, K), exact_topk(q, keys, valid, K))
    expected = np.broadcast_to(valid.sum(axis=1)[:, None, None], (B, H, T))
    np.testing.assert_array_equal(lsh.scored, expected)


def test_of_equal_scores_the_lower_slot_comes_first(example):
    q, keys, valid = example
    keys[:, :, 15:] = keys[:, :, :15]
    valid[:, 15:] = valid[:, :15]
    lsh = LSH(D, 3, 2, seed=1, probes=2)
    scores, index, found = lsh.topk(q, keys, valid, 6)
    assert found.all()
    near(scores[..., ::2], scores[..., 1::2])
    np.testing.assert_array_equal(index[..., ::2] + 15, index[..., 1::2])


def test_a_key_met_in_many_tables_is_returned_and_counted_once(example):
    q, keys, valid = example
    lsh = LSH(D, 40, 1, seed=1)
    _, index, found = lsh.topk(q, keys, valid, M)
    assert found.sum() == lsh.scored.sum()
    for b, h, t in np.ndindex(B, H, T):
        slots = index[b, h, t][found[b, h, t]].tolist()
        assert len(slots) == len(set(slots)) == valid[b].sum()


@given(rng=rngs, **TABLES, **sizes("B H T D M K", M=60))
def test_every_score_is_the_exact_dot_product_and_the_best_come_first(
    rng, tables, bits, B, H, T, D, M, K
):
    q, keys, valid = drawn(rng, M, 0.7, B, H, T, D)
    scores, index, found = LSH(D, tables, bits, seed=1).topk(q, keys, valid, K)
    assert valid[np.nonzero(found)[0], index[found]].all()
    for b, h, t, place in np.argwhere(found):
        key = keys[b, h, index[b, h, t, place]]
        near(scores[b, h, t, place], sum(q[b, h, t, d] * key[d] for d in range(D)))
    assert (scores[..., :-1] >= scores[..., 1:]).all()
    assert (scores[~found] == -np.inf).all() and (index[~found] == 0).all()


@given(rng=rngs, share=st.sampled_from([0, 0.1, 0.7]), **TABLES, **sizes("B H T M"))
def test_among_unit_keys_every_query_finds_one_if_there_is_one(
    rng, share, tables, bits, B, H, T, M
):
    """A pivot of length 1 lies in its own cell, so that no cell is empty."""
    q, keys, valid = drawn(rng, M, share, B, H, T)
    _, _, found = LSH(D, tables, bits, seed=1).topk(q, l2_normalize(keys), valid, 1)
    some = np.broadcast_to(valid.any(axis=1)[:, None, None], (B, H, T))
    np.testing.assert_array_equal(found[..., 0], some)


@given(rng=rngs, share=st.sampled_from([0, 0.1, 0.7]), **TABLES)
def test_an_invalid_slot_has_no_influence_whatever_it_holds(rng, share, tables, bits):
    q, keys, valid = drawn(rng, share=share)
    lsh = LSH(D, tables, bits, seed=1)
    expected, scored = lsh.topk(q, keys, valid, 5), lsh.scored
    keys[np.broadcast_to(~valid[:, None], (B, H, M))] = 1e3 * rng.normal(size=D)
    check(lsh.topk(q, keys, valid, 5), expected)
    np.testing.assert_array_equal(lsh.scored, scored)


@pytest.mark.parametrize("bits", [0, 2])
def test_where_no_slot_is_valid_nothing_is_found(example, bits):
    q, keys, valid = example
    valid[0] = False
    lsh = LSH(D, 3, bits, seed=1)
    scores, index, found = lsh.topk(q, keys, valid, 5)
    assert found[1].any() and not found[0].any()
    assert (scores[0] == -np.inf).all() and not index[0].any()
    assert not lsh.scored[0].any()


def test_with_the_most_bits_allowed_streams_and_heads_stay_apart(rng):
    one = l2_normalize(rng.normal(size=(M, D)))
    keys = np.stack([np.roll(one, shift, axis=0) for shift in range(B * H)])
    keys, valid = keys.reshape(B, H, M, D), np.ones((B, M), bool)
    q, lsh = np.tile(one[:T], (B, H, 1, 1)), LSH(D, 1, 30, seed=1)
    scores, index, found = lsh.topk(q, keys, valid, 1)
    *expected, scored = topk_by_loops(lsh, q, keys, valid, 1)
    check((scores, index, found), expected)
    np.testing.assert_array_equal(lsh.scored, scored)
    near(scores, np.ones((B, H, T, 1)))


def planted(rng, pairs=300, size=16):
    """Unit keys of one stream and head, and for each a query at an angle of 18°."""
    keys = l2_normalize(rng.normal(size=(1, 1, pairs, size)))
    aside = rng.normal(size=keys.shape)
    aside = l2_normalize(aside - (aside * keys).sum(axis=-1, keepdims=True) * keys)
    return np.cos(0.1 * np.pi) * keys + np.sin(0.1 * np.pi) * aside, keys


def recall(lsh, q, keys):
    valid = np.ones((1, keys.shape[2]), bool)
    _, index, found = lsh.topk(q, keys, valid, 1)
    return (found & (index == np.arange(q.shape[2])[:, None])).mean()


@pytest.mark.parametrize("what", ["tables", "probes"])
def test_more_tables_or_more_probes_find_more(rng, what):
    q, keys = planted(rng)
    one = dict(tables=1, probes=1, bits=6)
    met = [recall(LSH(16, **one | {what: n}, seed=1), q, keys) for n in (1, 4, 16)]
    assert met == sorted(set(met)) and met[-1] > 0.99


def test_more_bits_score_fewer_keys(rng):
    q, keys = planted(rng)
    scored = []
    for bits in (0, 2, 4, 6):
        lsh = LSH(16, 4, bits, seed=1)
        recall(lsh, q, keys)
        scored.append(lsh.scored.sum())
    assert scored == sorted(set(scored), reverse=True)


def test_pivots_drawn_from_the_keys_divide_a_crowd_that_random_ones_do_not(rng):
    """Keys around one direction: the largest cell of 64 stays small."""
    crowd = l2_normalize(rng.normal(size=(1000, 16)) + 4 * np.eye(16)[0])

    def largest_cell(pivots):
        return np.bincount((crowd @ pivots.T).argmax(axis=-1)).max()

    (chosen,) = draw_pivots(np.arange(1000), 1, 64, seed=1)
    assert 3 * largest_cell(crowd[chosen]) < largest_cell(rng.normal(size=(64, 16)))


def test_the_same_seed_gives_the_same_search_and_another_seed_another(example):
    first, again, other = (LSH(D, 2, 3, seed) for seed in (1, 1, 2))
    check(first.topk(*example, 4), again.topk(*example, 4))
    other.topk(*example, 4)
    np.testing.assert_array_equal(first.scored, again.scored)
    assert (first.scored != other.scored).any()


@given(rng=rngs, **TABLES, **sizes("probes B H T M", M=40))
def test_streams_and_heads_are_searched_separately(
    rng, tables, bits, probes, B, H, T, M
):
    q, keys, valid = drawn(rng, M, 0.7, B, H, T)
    lsh = LSH(D, tables, bits, seed=1, probes=probes)
    together, scored = lsh.topk(q, keys, valid, 6), lsh.scored
    for b, h in np.ndindex(B, H):
        one = np.s_[b : b + 1, h : h + 1]
        alone = lsh.topk(q[one], keys[one], valid[b : b + 1], 6)
        check([x[one] for x in together], alone)
        np.testing.assert_array_equal(scored[one], lsh.scored)


def test_a_search_leaves_its_inputs_unchanged(example):
    before = [x.copy() for x in example]
    LSH(D, 2, 3, seed=1).topk(*example, 4)
    for now, then in zip(example, before):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize("K", [0, -1])
@pytest.mark.parametrize("bits", [0, 3])
def test_fewer_than_one_neighbour_is_an_error(example, bits, K):
    with pytest.raises(ValueError):
        LSH(D, 2, bits, seed=1).topk(*example, K)


@pytest.mark.parametrize(
    "sizes", [(0, 2, 3), (D, 0, 3), (D, 2, -1), (D, 2, 31), (D, 2, 3, 1, 0)]
)
def test_sizes_that_allow_no_table_are_an_error(sizes):
    with pytest.raises(ValueError):
        LSH(*sizes[:3], *(sizes[3:] or [1]))


def test_queries_of_another_size_are_an_error(example):
    with pytest.raises(ValueError, match="size 6, not 5"):
        LSH(D + 1, 2, 3, seed=1).topk(*example, 4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scores_have_the_dtype_of_the_queries(example, dtype):
    q, keys, valid = example
    lsh = LSH(D, 2, 3, seed=1)
    scores, index, found = lsh.topk(q.astype(dtype), keys.astype(dtype), valid, 20)
    assert scores.dtype == dtype
    assert index.dtype == np.int64
    assert found.dtype == bool
