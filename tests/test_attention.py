"""Attention: the alignment rule, the softmax and the weighted mean, against loops."""

import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sizes import rngs, sizes

from minimt.attention import causal_mask, distance, split_heads

near = partial(np.testing.assert_allclose, rtol=0, atol=1e-12)


def attend_by_loops(q, k, v, scale, bias, mask):
    """(B, H, T, D); zeros for a query that may attend to nothing."""
    out = np.zeros(q.shape)
    for b, h, i in np.ndindex(q.shape[:3]):
        weight = {}
        for j in np.flatnonzero(mask[b, h, i]):
            dot = sum(q[b, h, i, d] * k[b, h, j, d] for d in range(q.shape[3]))
            weight[j] = math.exp(scale[h] * dot + bias[h, i, j])
        for j, one in weight.items():
            for d in range(q.shape[3]):
                out[b, h, i, d] += one / sum(weight.values()) * v[b, h, j, d]
    return out


def example(rng, B=2, H=3, T=4, S=7, D=5):
    """q (B, H, T, D), k and v (B, H, S, D), scale (H,), bias (H, T, S)."""
    q = rng.normal(size=(B, H, T, D))
    k, v = rng.normal(size=(2, B, H, S, D))
    return q, k, v, rng.uniform(0.5, 2, size=H), rng.normal(size=(H, T, S))


def test_softmax_of_0_and_log_3_is_a_quarter_and_three_quarters(twin):
    near(twin.softmax(np.array([0.0, math.log(3)])), [0.25, 0.75])


@given(rng=rngs, axis=st.sampled_from([0, 1, 2, -1]), **sizes("T S K"))
def test_softmax_is_the_exponential_over_its_sum_along_the_axis(
    twin, rng, axis, T, S, K
):
    x = rng.normal(size=(T, S, K))
    expected = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        line = list(place)
        line[axis] = slice(None)
        total = sum(math.exp(y) for y in x[tuple(line)])
        expected[place] = math.exp(x[place]) / total
    near(twin.softmax(x, axis), expected)


def test_softmax_runs_along_the_last_axis_by_default(twin, rng):
    x = rng.normal(size=(2, 3, 3))
    near(twin.softmax(x), twin.softmax(x, 2))


@given(shift=st.integers(-10_000, 10_000))
def test_softmax_does_not_change_when_a_constant_is_added_to_all(twin, shift):
    x = np.array([[1.0, 2.0, 4.0], [0.0, -8.0, 16.0]])
    near(twin.softmax(x + shift), twin.softmax(x))


@given(rng=rngs, share=st.sampled_from([0, 0.3, 0.7, 1]), **sizes("T S"))
def test_weights_sum_to_1_unless_all_are_minus_infinity(twin, rng, share, T, S):
    x = np.where(rng.random((T, S)) < share, rng.normal(size=(T, S)), -np.inf)
    weight, some = twin.softmax(x), (x > -np.inf).any(axis=-1)
    near(weight.sum(axis=-1), some.astype(float))
    np.testing.assert_array_equal(weight > 0, x > -np.inf)


def test_softmax_gives_minus_infinity_weight_0(twin):
    near(twin.softmax(np.array([0.0, -np.inf, math.log(3)])), [0.25, 0, 0.75])


def test_softmax_of_nothing_but_minus_infinity_is_0(twin):
    x, expected = np.array([[-np.inf, -np.inf], [5.0, 5.0]]), [[0, 0], [0.5, 0.5]]
    near(twin.softmax(x), expected)
    near(twin.softmax(x.T.copy(), 0), np.transpose(expected))


def test_the_last_query_stands_at_the_last_key():
    np.testing.assert_array_equal(distance(2, 4), [[2, 1, 0, -1], [3, 2, 1, 0]])


@pytest.mark.parametrize("function", [distance, causal_mask])
@pytest.mark.parametrize("T, S", [(0, 3), (4, 3), (-1, 3)])
def test_fewer_keys_than_queries_or_no_query_is_an_error(function, T, S):
    with pytest.raises(ValueError):
        function(T, S)


def test_two_queries_after_two_cached_keys_see_three_and_four_keys(twin):
    mask = twin.causal_mask(2, 4)
    np.testing.assert_array_equal(mask, [[1, 1, 1, 0], [1, 1, 1, 1]])
    assert mask.dtype == bool


@given(C=st.integers(0, 9), **sizes("T", T=9))
def test_a_query_may_attend_to_itself_and_what_came_before(twin, T, C):
    S = C + T
    mask = twin.causal_mask(T, S)
    assert mask.shape == (T, S)
    for i, j in np.ndindex(T, S):
        assert mask[i, j] == (j <= S - T + i)


@given(rng=rngs, share=st.sampled_from([0.2, 0.5, 1]), **sizes("B H T S D"))
def test_attention_is_the_weighted_mean_of_the_loops(twin, rng, share, B, H, T, S, D):
    inputs, mask = example(rng, B, H, T, S, D), rng.random((B, H, T, S)) < share
    near(twin.attend(*inputs, mask), attend_by_loops(*inputs, mask))


@given(rng=rngs, **sizes("B H T S D"))
def test_without_bias_and_mask_every_key_counts_by_its_dot_product(
    twin, rng, B, H, T, S, D
):
    q, k, v, scale, bias = example(rng, B, H, T, S, D)
    everything = np.ones((B, H, T, S), bool)
    expected = attend_by_loops(q, k, v, scale, 0 * bias, everything)
    near(twin.attend(q, k, v, scale), expected)


@given(
    rng=rngs,
    full=st.tuples(*4 * [st.booleans()]),
    missing=st.integers(0, 2),
    **sizes("B H T S"),
)
def test_a_mask_is_broadcast_over_axes_of_size_1_and_missing_ones(
    twin, rng, full, missing, B, H, T, S
):
    inputs, shape = example(rng, B, H, T, S), (B, H, T, S)
    narrow = [n if one else 1 for n, one in zip(shape, full)][missing:]
    mask = rng.random(narrow) < 0.5
    expected = attend_by_loops(*inputs, np.broadcast_to(mask, shape))
    near(twin.attend(*inputs, mask), expected)


@given(rng=rngs, C=st.integers(0, 6), **sizes("T"))
def test_a_masked_key_has_no_influence(twin, rng, T, C):
    S = C + T
    q, k, v, scale, bias = example(rng, T=T, S=S)
    mask = twin.causal_mask(T, S)
    expected = twin.attend(q, k, v, scale, bias, mask)[:, :, 0]
    k[:, :, C + 1 :] = v[:, :, C + 1 :] = 1e3
    near(twin.attend(q, k, v, scale, bias, mask)[:, :, 0], expected)


def test_a_query_that_may_attend_to_nothing_gets_zeros(twin, rng):
    inputs, mask = example(rng), np.ones((4, 7), bool)
    mask[1] = False
    out = twin.attend(*inputs, mask)
    near(out[:, :, 1], np.zeros((2, 3, 5)))
    near(out[:, :, 2:], twin.attend(*inputs)[:, :, 2:])


def test_a_single_token_attends_to_itself(twin, rng):
    q, k, v, scale, _ = example(rng, T=1, S=1)
    near(twin.attend(q, k, v, scale, None, twin.causal_mask(1, 1)), v)


@given(rng=rngs, **sizes("B H T S D"))
def test_with_scale_0_attention_is_the_mean_of_the_values(twin, rng, B, H, T, S, D):
    q, k, v, scale, _ = example(rng, B, H, T, S, D)
    mean = v.mean(axis=2, keepdims=True)
    near(twin.attend(q, k, v, 0 * scale), np.broadcast_to(mean, q.shape))


@given(rng=rngs, C=st.integers(0, 6), **sizes("B H T D"))
def test_a_segment_after_cached_keys_equals_the_end_of_a_long_one(
    twin, rng, C, B, H, T, D
):
    S = C + T
    q, k, v, scale, bias = example(rng, B, H, S, S, D)
    whole = twin.attend(q, k, v, scale, bias, twin.causal_mask(S, S))
    q, bias = q[:, :, C:], bias[:, C:]
    part = twin.attend(q, k, v, scale, bias, twin.causal_mask(T, S))
    near(part, whole[:, :, C:])


@given(rng=rngs, **sizes("B H T S D"))
def test_streams_do_not_see_each_other(twin, rng, B, H, T, S, D):
    q, k, v, scale, bias = example(rng, B, H, T, S, D)
    together = twin.attend(q, k, v, scale, bias)
    for b in range(B):
        alone = twin.attend(q[b : b + 1], k[b : b + 1], v[b : b + 1], scale, bias)
        near(together[b : b + 1], alone)


def test_attention_of_float32_is_float32(twin, rng):
    single = [x.astype(np.float32) for x in example(rng)]
    assert twin.attend(*single, twin.causal_mask(4, 7)).dtype == np.float32
    assert twin.softmax(single[0]).dtype == np.float32


@given(rng=rngs, **sizes("B H T D"))
def test_head_h_holds_the_channels_from_h_times_D(twin, rng, B, H, T, D):
    x = rng.normal(size=(B, T, H * D))
    heads = twin.split_heads(x, H)
    assert heads.shape == (B, H, T, D)
    for b, h, t, d in np.ndindex(heads.shape):
        assert heads[b, h, t, d] == x[b, t, h * D + d]


@given(rng=rngs, **sizes("B H T D"))
def test_merging_puts_the_heads_side_by_side(twin, rng, B, H, T, D):
    heads = rng.normal(size=(B, H, T, D))
    x = twin.merge_heads(heads)
    assert x.shape == (B, T, H * D)
    for b, h, t, d in np.ndindex(heads.shape):
        assert x[b, t, h * D + d] == heads[b, h, t, d]


def test_channels_that_do_not_divide_into_equal_heads_are_an_error():
    with pytest.raises(ValueError):
        split_heads(np.zeros((2, 4, 10)), 4)
