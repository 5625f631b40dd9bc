"""Attention over what was retrieved, and the gate that mixes it with the local one."""

import math
from functools import partial

import numpy as np
import pytest

near = partial(np.testing.assert_allclose, rtol=0, atol=1e-12)
B, H, T, K, D = 2, 3, 4, 6, 5
SCALE = np.array([0.5, 1.0, 2.0])
GATE = np.array([-2.0, 0.5, 3.0])


def attend_by_loops(q, k, v, found, scale):
    out = np.zeros(q.shape)
    for b, h, t in np.ndindex(q.shape[:3]):
        weight = {}
        for n in np.flatnonzero(found[b, h, t]):
            dot = sum(q[b, h, t, d] * k[b, h, t, n, d] for d in range(q.shape[3]))
            weight[n] = math.exp(scale[h] * dot)
        for n, one in weight.items():
            for d in range(q.shape[3]):
                out[b, h, t, d] += one / sum(weight.values()) * v[b, h, t, n, d]
    return out


@pytest.fixture
def example(rng):
    q = rng.normal(size=(B, H, T, D))
    k, v = rng.normal(size=(2, B, H, T, K, D))
    found = rng.random((B, H, T, K)) < 0.6
    found[0, 1, 2] = found[1, 0, 0] = False
    return q, k, v, found, SCALE


@pytest.fixture
def halves(rng):
    """remembered, local, gate_logit, found, where two queries found nothing."""
    remembered, local = rng.normal(size=(2, B, H, T, D))
    found = rng.random((B, H, T, K)) < 0.4
    found[0, 1, 2] = found[1, 0, 0] = False
    found[0, 0, 0] = np.arange(K) == K - 1
    return remembered, local, GATE, found


def test_attention_over_the_retrieved_is_that_of_the_loops(twin, example):
    near(twin.attend_to_memory(*example), attend_by_loops(*example))


def test_two_memories_are_weighed_by_scale_times_dot_product(twin):
    q, found = np.ones((1, 1, 1, 1)), np.ones((1, 1, 1, 2), bool)
    k, v = np.array([[0, math.log(3) / 2], [4, 8]]).reshape(2, 1, 1, 1, 2, 1)
    out = twin.attend_to_memory(q, k, v, found, np.array([2.0]))
    near(out, np.full((1, 1, 1, 1), 7))


def test_what_is_not_found_has_no_influence(twin, example):
    q, k, v, found, scale = example
    expected = twin.attend_to_memory(q, k, v, found, scale)
    k[~found], v[~found] = 1e3, -1e3
    near(twin.attend_to_memory(q, k, v, found, scale), expected)
    k[~found] = -1e3
    near(twin.attend_to_memory(q, k, v, found, scale), expected)


def test_where_nothing_was_found_zeros_are_remembered(twin, example):
    q, k, v, found, scale = example
    out = twin.attend_to_memory(q, k, v, found, scale)
    np.testing.assert_array_equal(out[~found.any(axis=-1)], 0)
    assert (out[found.any(axis=-1)] != 0).all()
    out = twin.attend_to_memory(q, k, v, found & False, scale)
    np.testing.assert_array_equal(out, np.zeros((B, H, T, D)))


def test_a_single_memory_is_returned_as_it_is(twin, example):
    q, k, v, found, scale = example
    found[:] = np.arange(K) == 2
    near(twin.attend_to_memory(q, k, v, found, scale), v[..., 2, :])


def test_the_order_of_the_memories_does_not_matter(twin, example, rng):
    q, k, v, found, scale = example
    order = rng.permutation(K)
    k2, v2, found2 = k[..., order, :], v[..., order, :], found[..., order]
    out = twin.attend_to_memory(q, k2, v2, found2, scale)
    near(out, twin.attend_to_memory(q, k, v, found, scale))


def test_remembering_all_keys_equals_local_attention_without_bias(twin, rng):
    M = 9
    q, valid = rng.normal(size=(B, H, T, D)), rng.random((B, M)) < 0.7
    keys, values = rng.normal(size=(2, B, H, M, D))
    _, index, found = twin.exact_topk(q, keys, valid, M)
    stream, head = np.ogrid[:B, :H]
    place = stream[..., None, None], head[..., None, None], index
    out = twin.attend_to_memory(q, keys[place], values[place], found, SCALE)
    mask = np.broadcast_to(valid[:, None, None], (B, H, T, M)).copy()
    near(out, twin.attend(q, keys, values, SCALE, None, mask))


def test_the_gate_weighs_head_by_head(twin, halves):
    remembered, local, logit, found = halves
    out = twin.mix(*halves)
    assert out.shape == (B, H, T, D)
    for b, h, t, d in np.ndindex(B, H, T, D):
        g = 1 / (1 + math.exp(-logit[h])) if found[b, h, t].any() else 0
        near(out[b, h, t, d], g * remembered[b, h, t, d] + (1 - g) * local[b, h, t, d])


def test_a_gate_of_0_takes_half_of_each(twin, halves):
    remembered, local, _, found = halves
    out = twin.mix(remembered, local, np.zeros(H), found | True)
    near(out, (remembered + local) / 2)


@pytest.mark.parametrize("logit", [-np.inf, -2.0, 50.0, np.inf])
def test_a_query_that_found_nothing_keeps_local_alone(twin, halves, logit):
    remembered, local, _, found = halves
    nothing = ~found.any(axis=-1)
    assert nothing.any()
    out = twin.mix(remembered, local, np.full(H, logit), found)
    np.testing.assert_array_equal(out[nothing], local[nothing])


@pytest.mark.parametrize("low, high", [(-np.inf, np.inf), (-40.0, 40.0)])
def test_the_limits_of_the_gate_are_local_alone_and_memory_alone(
    twin, halves, low, high
):
    remembered, local, _, found = halves
    out = twin.mix(remembered, local, np.array([low, high, low]), found | True)
    near(out[:, [0, 2]], local[:, [0, 2]])
    near(out[:, 1], remembered[:, 1])


def test_float32_stays_float32(twin, example, halves):
    q, k, v, found, scale = (
        x if x.dtype == bool else x.astype(np.float32) for x in example
    )
    remembered = twin.attend_to_memory(q, k, v, found, scale)
    assert remembered.dtype == np.float32
    local, logit = halves[1].astype(np.float32), GATE.astype(np.float32)
    assert twin.mix(remembered, local, logit, found).dtype == np.float32


def test_where_nothing_was_found_the_gradient_is_zero_and_no_nan(torch_model, example):
    q, k, v, found, scale = map(torch_model.torch.from_numpy, example)
    q.requires_grad_()
    torch_model.attend_to_memory(q, k, v, found, scale).pow(2).sum().backward()
    assert q.grad.isfinite().all()
    assert (q.grad[~found.any(-1)] == 0).all()
    assert (q.grad[found.sum(-1) > 1] != 0).all()
