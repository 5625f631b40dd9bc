"""Attention: the alignment rule, the softmax and the weighted mean, against loops."""

import math
from functools import partial

import numpy as np
import pytest

from minimt.attention import causal_mask, distance, split_heads

near = partial(np.testing.assert_allclose, rtol=0, atol=1e-12)
B, H, T, S, D = 2, 3, 4, 7, 5


def attend_by_loops(q, k, v, scale, bias, mask):
    out = np.zeros(q.shape)
    for b, h, i in np.ndindex(q.shape[:3]):
        keys = [j for j in range(k.shape[2]) if mask[b, h, i, j]]
        weight = {}
        for j in keys:
            dot = sum(q[b, h, i, d] * k[b, h, j, d] for d in range(q.shape[3]))
            weight[j] = math.exp(scale[h] * dot + bias[h, i, j])
        for d in range(q.shape[3]):
            total = sum(weight[j] * v[b, h, j, d] for j in keys)
            out[b, h, i, d] = total / sum(weight.values())
    return out


@pytest.fixture
def example(rng):
    q = rng.normal(size=(B, H, T, D))
    k, v = rng.normal(size=(2, B, H, S, D))
    return q, k, v, np.array([0.5, 1.0, 2.0]), rng.normal(size=(H, T, S))


def test_softmax_of_0_and_log_3_is_a_quarter_and_three_quarters(twin):
    near(twin.softmax(np.array([0.0, math.log(3)])), [0.25, 0.75])


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_softmax_is_the_exponential_over_its_sum_along_the_axis(twin, rng, axis):
    x = rng.normal(size=(2, 3, 4))
    expected = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        line = list(place)
        line[axis] = slice(None)
        total = sum(math.exp(y) for y in x[tuple(line)])
        expected[place] = math.exp(x[place]) / total
    near(twin.softmax(x, axis), expected)


def test_softmax_runs_along_the_last_axis_unless_told(twin, rng):
    x = rng.normal(size=(2, 3, 3))
    near(twin.softmax(x), twin.softmax(x, 2))


@pytest.mark.parametrize("shift", [-1e4, 1e4])
def test_softmax_does_not_feel_a_constant_added_to_all(twin, shift):
    x = np.array([[1.0, 2.0, 4.0], [0.0, -8.0, 16.0]])
    near(twin.softmax(x + shift), twin.softmax(x))


def test_softmax_gives_minus_infinity_weight_0(twin):
    near(twin.softmax(np.array([0.0, -np.inf, math.log(3)])), [0.25, 0, 0.75])


def test_softmax_of_nothing_but_minus_infinity_is_0(twin):
    x, expected = np.array([[-np.inf, -np.inf], [5.0, 5.0]]), [[0, 0], [0.5, 0.5]]
    near(twin.softmax(x), expected)
    near(twin.softmax(x.T.copy(), 0), np.transpose(expected))


def test_the_last_query_stands_at_the_last_key():
    np.testing.assert_array_equal(distance(2, 4), [[2, 1, 0, -1], [3, 2, 1, 0]])


@pytest.mark.parametrize("T, S", [(0, 3), (4, 3), (-1, 3)])
def test_fewer_keys_than_queries_or_no_query_is_an_error(T, S):
    with pytest.raises(ValueError):
        distance(T, S)
    with pytest.raises(ValueError):
        causal_mask(T, S)


def test_two_queries_after_two_cached_keys_see_three_and_four_keys(twin):
    mask = twin.causal_mask(2, 4)
    np.testing.assert_array_equal(mask, [[1, 1, 1, 0], [1, 1, 1, 1]])
    assert mask.dtype == bool


@pytest.mark.parametrize("T, S", [(1, 1), (1, 5), (5, 5), (3, 8)])
def test_a_query_may_attend_to_itself_and_what_came_before(twin, T, S):
    mask = twin.causal_mask(T, S)
    assert mask.shape == (T, S)
    for i in range(T):
        for j in range(S):
            assert mask[i, j] == (j <= S - T + i)


def test_attention_is_the_weighted_mean_of_the_loops(twin, example, rng):
    mask = rng.random((B, H, T, S)) < 0.5
    mask[..., 2] = True
    near(twin.attend(*example, mask), attend_by_loops(*example, mask))


def test_without_bias_and_mask_every_key_counts_by_its_dot_product(twin, example):
    q, k, v, scale, bias = example
    everything = np.ones((B, H, T, S), bool)
    expected = attend_by_loops(q, k, v, scale, 0 * bias, everything)
    near(twin.attend(q, k, v, scale), expected)


@pytest.mark.parametrize("shape", [(T, S), (B, 1, T, S), (H, 1, S)])
def test_a_mask_of_fewer_axes_is_broadcast(twin, example, rng, shape):
    mask = rng.random(shape) < 0.5
    mask[..., 0] = True
    full = np.broadcast_to(mask, (B, H, T, S))
    near(twin.attend(*example, mask), attend_by_loops(*example, full))


def test_a_masked_key_has_no_influence(twin, example):
    q, k, v, scale, bias = example
    mask = twin.causal_mask(T, S)
    expected = twin.attend(q, k, v, scale, bias, mask)[:, :, 0]
    k[:, :, S - T + 1 :] = v[:, :, S - T + 1 :] = 1e3
    near(twin.attend(q, k, v, scale, bias, mask)[:, :, 0], expected)


def test_a_query_that_may_attend_to_nothing_gets_zeros(twin, example):
    mask = np.ones((T, S), bool)
    mask[1] = False
    out = twin.attend(*example, mask)
    near(out[:, :, 1], np.zeros((B, H, D)))
    near(out[:, :, 2:], twin.attend(*example)[:, :, 2:])


def test_a_single_token_attends_to_itself(twin, example):
    q, k, v, scale, _ = (x[:, :, :1] if x.ndim == 4 else x for x in example)
    near(twin.attend(q, k, v, scale, None, twin.causal_mask(1, 1)), v)


def test_with_scale_0_attention_is_the_mean_of_the_values(twin, example):
    q, k, v, scale, _ = example
    mean = v.mean(axis=2, keepdims=True)
    near(twin.attend(q, k, v, 0 * scale), np.broadcast_to(mean, q.shape))


def test_a_segment_after_cached_keys_equals_the_end_of_a_long_one(twin, example, rng):
    _, k, v, scale, _ = example
    q, bias = rng.normal(size=(B, H, S, D)), rng.normal(size=(H, S, S))
    whole = twin.attend(q, k, v, scale, bias, twin.causal_mask(S, S))
    q, bias = q[:, :, -T:], bias[:, -T:]
    part = twin.attend(q, k, v, scale, bias, twin.causal_mask(T, S))
    near(part, whole[:, :, -T:])


def test_streams_do_not_see_each_other(twin, example):
    q, k, v, scale, bias = example
    together = twin.attend(q, k, v, scale, bias)
    for b in range(B):
        alone = twin.attend(q[b : b + 1], k[b : b + 1], v[b : b + 1], scale, bias)
        near(together[b : b + 1], alone)


def test_attention_of_float32_is_float32(twin, example):
    single = [x.astype(np.float32) for x in example]
    out = twin.attend(*single, twin.causal_mask(T, S))
    assert out.dtype == np.float32
    assert twin.softmax(single[0]).dtype == np.float32


def test_head_h_holds_the_channels_from_h_times_D(twin, rng):
    x = rng.normal(size=(B, T, H * D))
    heads = twin.split_heads(x, H)
    assert heads.shape == (B, H, T, D)
    for b, h, t, d in np.ndindex(heads.shape):
        assert heads[b, h, t, d] == x[b, t, h * D + d]


def test_merging_puts_the_heads_side_by_side(twin, rng):
    heads = rng.normal(size=(B, H, T, D))
    x = twin.merge_heads(heads)
    assert x.shape == (B, T, H * D)
    for b, h, t, d in np.ndindex(heads.shape):
        assert x[b, t, h * D + d] == heads[b, h, t, d]


def test_channels_that_do_not_divide_into_equal_heads_are_an_error():
    with pytest.raises(ValueError):
        split_heads(np.zeros((B, T, 10)), 4)
