"""Attention over what was retrieved, and the gate that mixes it with the local one."""

import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sizes import rngs, sizes

from minimt import gate

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


SHARES = st.sampled_from([0, 0.2, 0.6, 1])  # of the places where something was found


def drawn(rng, share, B, H, T, K, D):
    """q, k, v, found, scale as `attend_to_memory` takes them."""
    q = rng.normal(size=(B, H, T, D))
    k, v = rng.normal(size=(2, B, H, T, K, D))
    return q, k, v, rng.random((B, H, T, K)) < share, rng.uniform(0.5, 2, size=H)


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


@given(rng=rngs, share=SHARES, **sizes("B H T K D"))
def test_attention_over_the_retrieved_is_that_of_the_loops(
    twin, rng, share, B, H, T, K, D
):
    inputs = drawn(rng, share, B, H, T, K, D)
    near(twin.attend_to_memory(*inputs), attend_by_loops(*inputs))


def test_two_memories_are_weighed_by_scale_times_dot_product(twin):
    q, found = np.ones((1, 1, 1, 1)), np.ones((1, 1, 1, 2), bool)
    k, v = np.array([[0, math.log(3) / 2], [4, 8]]).reshape(2, 1, 1, 1, 2, 1)
    out = twin.attend_to_memory(q, k, v, found, np.array([2.0]))
    near(out, np.full((1, 1, 1, 1), 7))


@given(rng=rngs, share=SHARES, **sizes("B H T K D"))
def test_a_memory_that_was_not_found_has_no_influence(twin, rng, share, B, H, T, K, D):
    q, k, v, found, scale = drawn(rng, share, B, H, T, K, D)
    expected = twin.attend_to_memory(q, k, v, found, scale)
    k[~found], v[~found] = 1e3, -1e3
    near(twin.attend_to_memory(q, k, v, found, scale), expected)
    k[~found] = -1e3
    near(twin.attend_to_memory(q, k, v, found, scale), expected)


def test_a_query_that_found_nothing_remembers_zeros(twin, example):
    q, k, v, found, scale = example
    out = twin.attend_to_memory(q, k, v, found, scale)
    np.testing.assert_array_equal(out[~found.any(axis=-1)], 0)
    assert (out[found.any(axis=-1)] != 0).all()
    out = twin.attend_to_memory(q, k, v, found & False, scale)
    np.testing.assert_array_equal(out, np.zeros((B, H, T, D)))


def test_a_single_memory_is_returned_unchanged(twin, example):
    q, k, v, found, scale = example
    found[:] = np.arange(K) == 2
    near(twin.attend_to_memory(q, k, v, found, scale), v[..., 2, :])


@given(rng=rngs, share=SHARES, **sizes("B H T K D"))
def test_the_order_of_the_memories_does_not_matter(twin, rng, share, B, H, T, K, D):
    q, k, v, found, scale = drawn(rng, share, B, H, T, K, D)
    order = rng.permutation(K)
    k2, v2, found2 = k[..., order, :], v[..., order, :], found[..., order]
    out = twin.attend_to_memory(q, k2, v2, found2, scale)
    near(out, twin.attend_to_memory(q, k, v, found, scale))


@given(rng=rngs, **sizes("B H T M D", M=20))
def test_remembering_all_keys_equals_local_attention_without_bias(
    twin, rng, B, H, T, M, D
):
    scale = rng.uniform(0.5, 2, size=H)
    q, valid = rng.normal(size=(B, H, T, D)), rng.random((B, M)) < 0.7
    keys, values = rng.normal(size=(2, B, H, M, D))
    _, index, found = twin.exact_topk(q, keys, valid, M)
    stream, head = np.ogrid[:B, :H]
    place = stream[..., None, None], head[..., None, None], index
    out = twin.attend_to_memory(q, keys[place], values[place], found, scale)
    mask = np.broadcast_to(valid[:, None, None], (B, H, T, M)).copy()
    near(out, twin.attend(q, keys, values, scale, None, mask))


@given(rng=rngs, share=SHARES, **sizes("B H T K D"))
def test_the_gate_weighs_head_by_head(twin, rng, share, B, H, T, K, D):
    remembered, local = rng.normal(size=(2, B, H, T, D))
    logit, found = 3 * rng.normal(size=H), rng.random((B, H, T, K)) < share
    out = twin.mix(remembered, local, logit, found)
    assert out.shape == (B, H, T, D)
    for b, h, t, d in np.ndindex(B, H, T, D):
        g = 1 / (1 + math.exp(-logit[h])) if found[b, h, t].any() else 0
        near(out[b, h, t, d], g * remembered[b, h, t, d] + (1 - g) * local[b, h, t, d])


def test_a_gate_logit_of_0_takes_half_of_each(twin, halves):
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


def test_the_gradient_is_zero_and_finite_where_nothing_was_found(torch_model, example):
    q, k, v, found, scale = map(torch_model.torch.from_numpy, example)
    q.requires_grad_()
    torch_model.attend_to_memory(q, k, v, found, scale).pow(2).sum().backward()
    assert q.grad.isfinite().all()
    assert (q.grad[~found.any(-1)] == 0).all()
    assert (q.grad[found.sum(-1) > 1] != 0).all()


@pytest.mark.parametrize("value", [0.01, 0.1, 0.5, 0.9, 0.999])
def test_a_gate_can_be_given_its_value(value):
    near(gate.gate_value(gate.logit_of(value)), value)
