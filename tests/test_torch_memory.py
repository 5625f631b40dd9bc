"""The torch memory: reading in place has the values and gradients of copies."""

import numpy as np
import pytest
import torch

from minimt.torch_model import Memory, attend_to_memory

B, H, M, T, D, K = 2, 3, 10, 4, 5, 6


@pytest.fixture
def memory(rng):
    """Streams of 4 and of 14 tokens: one short of K, one that has gone around."""
    memory = Memory(B, H, M, D, dtype=torch.float64)
    for starts in ([True, True], [False, False], [True, False], [False, False]):
        memory.clear(torch.tensor(starts))
        k, v = (torch.from_numpy(x) for x in rng.normal(size=(2, B, H, T, D)))
        memory.write(k, v)
    memory.clear(torch.tensor([True, False]))
    memory.write(k, v)
    return memory


def leaves(rng):
    q, scale = rng.normal(size=(B, H, T, D)), rng.uniform(1, 3, size=H)
    return [torch.from_numpy(x).requires_grad_() for x in (q, scale)]


def rows_of(x, index):
    """x (B, H, M, D), index (B, H, T, K) → (B, H, T, K, D), one row at a time."""
    rows = [x[b, h, index[b, h, t, j]] for b, h, t, j in np.ndindex(*index.shape)]
    return torch.stack(rows).view(*index.shape, D)


def gradients(remembered, inputs, direction):
    return torch.autograd.grad((remembered * direction).sum(), inputs)


def test_attending_in_place_is_attending_to_copies(memory, rng):
    q, scale = leaves(rng)
    retrieved = memory.search(q, K)
    _, index, found = retrieved
    assert found[1].all() and found[0].any() and not found[0].all()
    k, v = rows_of(memory.keys, index), rows_of(memory.values, index)
    expected = attend_to_memory(q, k, v, found, scale)
    remembered = memory.attend(q, retrieved, scale)
    np.testing.assert_allclose(remembered.detach(), expected.detach(), atol=1e-12)
    direction = torch.from_numpy(rng.normal(size=(B, H, T, D)))
    for mine, theirs in zip(
        gradients(remembered, (q, scale), direction),
        gradients(expected, (q, scale), direction),
    ):
        assert mine.abs().min() > 0
        np.testing.assert_allclose(mine, theirs, atol=1e-12)


def test_where_nothing_is_found_value_and_gradient_are_0(memory, rng):
    memory.clear(torch.tensor([True, False]))
    q, scale = leaves(rng)
    remembered = memory.attend(q, memory.search(q, K), scale)
    assert remembered[0].abs().max() == 0 and remembered[1].abs().min() > 0
    (dq,) = gradients(remembered, (q,), 1)
    assert dq[0].abs().max() == 0 and dq[1].abs().min() > 0


def test_a_write_between_reading_and_the_gradient_does_not_touch_it(memory, rng):
    """What is deferred is written by flush: the gradient is of what was read."""
    q, scale = leaves(rng)
    expected = gradients(memory.attend(q, memory.search(q, K), scale), (q, scale), 1)
    remembered, before = (
        memory.attend(q, memory.search(q, K), scale),
        memory.keys.clone(),
    )
    memory.defer(*torch.ones(2, B, H, T, D, dtype=torch.float64))
    assert torch.equal(memory.keys, before)
    for mine, theirs in zip(gradients(remembered, (q, scale), 1), expected):
        np.testing.assert_array_equal(mine, theirs)
    memory.flush()
    assert not torch.equal(memory.keys, before)
    assert memory.written.tolist() == [8, 24]


def test_nothing_is_deferred_where_no_gradient_is_recorded(memory):
    before = memory.written.clone()
    with torch.no_grad():
        memory.defer(*torch.ones(2, B, H, T, D, dtype=torch.float64))
    assert torch.equal(memory.written, before + T)


def test_what_was_written_in_inference_mode_can_be_read_outside(rng):
    k, v = (torch.from_numpy(x) for x in rng.normal(size=(2, B, H, T, D)))
    with torch.inference_mode():
        memory = Memory(B, H, M, D, dtype=torch.float64)
        memory.write(k, v)
    np.testing.assert_array_equal(memory.keys[:, :, :T], k)


def test_a_gradient_through_rows_that_are_gone_is_refused(memory, rng):
    q, scale = leaves(rng)
    remembered = memory.attend(q, memory.search(q, K), scale)
    memory.write(*torch.ones(2, B, H, T, D, dtype=torch.float64))
    assert (memory.keys == 1).any()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        gradients(remembered, (q, scale), 1)


def test_sizes_that_do_not_fit_are_an_error(memory):
    for shape in ((B, 1, T, D), (1, H, T, D), (B, H, T, D + 1)):
        with pytest.raises(ValueError, match=r"[kv] must have shape"):
            memory.write(torch.ones(shape), torch.ones(shape))


def test_what_an_invalid_slot_holds_is_never_read(memory, rng):
    """Neither a key nor a value, not even by the gradient."""
    memory.clear(torch.tensor([True] * B))
    memory.write(*torch.ones(2, B, H, 2, D, dtype=torch.float64))
    memory.clear(torch.tensor([True] + [False] * (B - 1)))
    results = []
    for held in (0.0, torch.nan):
        memory.keys.movedim(1, 2)[~memory.valid] = held  # a view
        memory.values.movedim(1, 2)[~memory.valid] = held
        q, scale = leaves(np.random.default_rng(0))
        remembered = memory.attend(q, memory.search(q, K), scale)
        results.append([remembered, *gradients(remembered, (q, scale), 1)])
    for clean, other in zip(*results):
        assert torch.equal(clean, other) and other.isfinite().all()


@pytest.mark.parametrize("starts", [[True], [True] * 3, [[True, False]], True])
def test_starts_are_one_for_each_stream(memory, starts):
    with pytest.raises(ValueError, match="starts must have shape"):
        memory.clear(torch.tensor(starts))
