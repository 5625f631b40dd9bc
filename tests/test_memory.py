"""The memory: one ring of slots per stream and head, against a queue per stream."""

from collections import deque
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sizes import rngs, sizes

from minimt.memory import Memory

near = partial(np.testing.assert_allclose, rtol=0, atol=1e-12)
B, H, M, D = 3, 2, 5, 4


class TorchMemory:
    """The memory of minimt.torch_model, with arrays in and arrays out."""

    def __init__(self, torch_model, *sizes, dtype):
        self.torch = torch_model.torch
        dtype = {np.float32: self.torch.float32, np.float64: self.torch.float64}[dtype]
        self.inner = torch_model.Memory(*sizes, dtype=dtype)

    def write(self, k, v):
        self.inner.write(self.torch.from_numpy(k), self.torch.from_numpy(v))

    def clear(self, starts):
        self.inner.clear(self.torch.from_numpy(starts))

    keys = property(lambda self: self.inner.keys.numpy())
    values = property(lambda self: self.inner.values.numpy())
    valid = property(lambda self: self.inner.valid.numpy())


@pytest.fixture(scope="module", params=["numpy", "torch"])
def make(request):
    """make(B, H, M, D, dtype=…): an empty memory, in NumPy and in torch."""
    if request.param == "numpy":
        return Memory
    return partial(TorchMemory, request.getfixturevalue("torch_model"))


@pytest.fixture
def memory(make):
    return make(B, H, M, D, dtype=np.float64)


@pytest.fixture
def pairs(rng):
    """pairs(T): keys and values of T new tokens."""
    return lambda T: tuple(rng.normal(size=(2, B, H, T, D)))


def streams(*which):
    return np.isin(np.arange(B), which)


class Queues:
    """The oracle: a queue of the last M tokens of each stream's document."""

    def __init__(self, B, M):
        self.M, self.written = M, [0] * B
        self.queues = [deque(maxlen=M) for _ in range(B)]

    def write(self, k, v):
        for b, t in np.ndindex(len(k), k.shape[2]):
            self.queues[b].append((k[b, :, t], v[b, :, t]))
            self.written[b] += 1

    def clear(self, starts):
        for b in np.flatnonzero(starts):
            self.queues[b].clear()
            self.written[b] = 0

    def check(self, memory):
        for b, (n, queue) in enumerate(zip(self.written, self.queues)):
            assert memory.valid[b].sum() == len(queue)
            for number, (key, value) in enumerate(queue, start=n - len(queue)):
                slot = number % self.M
                assert memory.valid[b, slot]
                np.testing.assert_array_equal(memory.keys[b, :, slot], key)
                np.testing.assert_array_equal(memory.values[b, :, slot], value)


LENGTHS = st.lists(st.integers(1, 12), min_size=1, max_size=8)  # of what is written


@given(rng=rngs, lengths=LENGTHS, **sizes("B H M D"))
def test_the_oldest_tokens_are_overwritten_first(make, rng, lengths, B, H, M, D):
    memory, queues = make(B, H, M, D, dtype=np.float64), Queues(B, M)
    for T in lengths:
        k, v = rng.normal(size=(2, B, H, T, D))
        memory.write(k, v)
        queues.write(k, v)
        queues.check(memory)


@given(rng=rngs, lengths=LENGTHS, **sizes("B H M D"))
def test_streams_that_start_at_different_times_each_match_their_queue(
    make, rng, lengths, B, H, M, D
):
    memory, queues = make(B, H, M, D, dtype=np.float64), Queues(B, M)
    for T in lengths:
        starts = rng.random(B) < 0.4
        k, v = rng.normal(size=(2, B, H, T, D))
        for part in (memory, queues):
            part.clear(starts)
            part.write(k, v)
        queues.check(memory)


def test_the_sixth_token_takes_the_first_of_five_slots(memory):
    number = np.broadcast_to(np.arange(6.0)[:, None], (B, H, 6, D)).copy()
    memory.write(number, -number)
    np.testing.assert_array_equal(memory.keys[1, 0, :, 2], [5, 1, 2, 3, 4])
    np.testing.assert_array_equal(memory.values[1, 0, :, 2], [-5, -1, -2, -3, -4])


def test_an_empty_memory_has_no_valid_slot(memory):
    assert memory.valid.shape == (B, M)
    assert memory.valid.dtype == bool
    assert not memory.valid.any()


@pytest.mark.parametrize("n", range(1, 2 * M))
def test_a_slot_is_valid_only_once_it_is_written(memory, pairs, n):
    for _ in range(n):
        memory.write(*pairs(1))
    np.testing.assert_array_equal(memory.valid, [np.arange(M) < n] * B)


def test_clearing_empties_exactly_the_streams_that_start(memory, pairs):
    memory.write(*pairs(M))
    memory.clear(streams(0, 2))
    np.testing.assert_array_equal(memory.valid, [[False] * M, [True] * M, [False] * M])


def test_clearing_no_stream_changes_nothing(memory, pairs):
    memory.write(*pairs(3))
    before = memory.keys.copy(), memory.values.copy(), memory.valid.copy()
    memory.clear(streams())
    for now, then in zip((memory.keys, memory.values, memory.valid), before):
        np.testing.assert_array_equal(now, then)


def test_a_cleared_stream_starts_again_at_slot_0(memory, pairs):
    memory.write(*pairs(3))
    memory.clear(streams(1))
    k, v = pairs(2)
    memory.write(k, v)
    np.testing.assert_array_equal(memory.valid[1], [1, 1, 0, 0, 0])
    np.testing.assert_array_equal(memory.keys[1, :, :2], k[1])
    np.testing.assert_array_equal(memory.values[1, :, :2], v[1])
    for b in (0, 2):
        assert memory.valid[b].all()
        np.testing.assert_array_equal(memory.keys[b, :, 3:], k[b])


@given(rng=rngs, lengths=LENGTHS, **sizes("B H M D"))
def test_a_stream_does_not_depend_on_its_neighbours(make, rng, lengths, B, H, M, D):
    together = make(B, H, M, D, dtype=np.float64)
    alone = [make(1, H, M, D, dtype=np.float64) for _ in range(B)]
    for T in lengths:
        k, v = rng.normal(size=(2, B, H, T, D))
        starts = rng.random(B) < 0.5
        together.clear(starts)
        together.write(k, v)
        for b in range(B):
            alone[b].clear(starts[b : b + 1])
            alone[b].write(k[b : b + 1], v[b : b + 1])
    for b in range(B):
        np.testing.assert_array_equal(together.keys[b], alone[b].keys[0])
        np.testing.assert_array_equal(together.values[b], alone[b].values[0])
        np.testing.assert_array_equal(together.valid[b], alone[b].valid[0])


def test_the_memory_keeps_copies_of_what_is_written(memory, pairs):
    k, v = pairs(3)
    expected = k.copy(), v.copy()
    memory.write(k, v)
    np.testing.assert_array_equal((k, v), expected)
    k[:] = v[:] = 1e3
    np.testing.assert_array_equal(memory.keys[:, :, :3], expected[0])
    np.testing.assert_array_equal(memory.values[:, :, :3], expected[1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_memory_has_the_dtype_asked_for(make, pairs, dtype):
    memory = make(B, H, M, D, dtype=dtype)
    memory.write(*(x.astype(dtype) for x in pairs(2)))
    assert memory.keys.shape == memory.values.shape == (B, H, M, D)
    assert memory.keys.dtype == memory.values.dtype == dtype


def test_the_memory_is_float32_by_default():
    memory = Memory(B, H, M, D)
    assert memory.keys.dtype == memory.values.dtype == np.float32


def test_what_is_written_is_constant_for_the_gradient(torch_model):
    memory = torch_model.Memory(B, H, M, D)
    k = torch_model.torch.ones(B, H, 2, D, requires_grad=True)
    memory.write(k, 2 * k)
    assert not memory.keys.requires_grad
    assert not memory.values.requires_grad


@pytest.mark.parametrize("axis", range(4))
@pytest.mark.parametrize("size", [0, -1])
def test_a_size_below_1_is_an_error(axis, size):
    sizes = [B, H, M, D]
    sizes[axis] = size
    with pytest.raises(ValueError):
        Memory(*sizes)


@given(rng=rngs, **sizes("B T D"))
def test_normalising_divides_each_vector_by_its_length(twin, rng, B, T, D):
    x = rng.normal(size=(B, T, D))
    before, y = x.copy(), twin.l2_normalize(x)
    for a, b in np.ndindex(B, T):
        length = sum(number**2 for number in x[a, b].tolist()) ** 0.5
        near(y[a, b], [number / length for number in x[a, b]])
    np.testing.assert_array_equal(x, before)


def test_3_4_becomes_three_and_four_fifths(twin):
    near(twin.l2_normalize(np.array([[3.0, 4.0], [0.0, -2.0]])), [[0.6, 0.8], [0, -1]])


def test_a_zero_vector_stays_zero(twin):
    near(twin.l2_normalize(np.array([[0.0, 0.0], [5.0, 0.0]])), [[0, 0], [1, 0]])


def test_a_vector_shorter_than_eps_is_divided_by_eps(twin):
    x = np.array([[3e-8, 4e-8], [3e-3, 4e-3]])
    near(twin.l2_normalize(x), [[0.03, 0.04], [0.6, 0.8]])
    near(twin.l2_normalize(x, 1e-2), [[3e-6, 4e-6], [0.3, 0.4]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_normalising_keeps_the_dtype(twin, rng, dtype):
    assert twin.l2_normalize(rng.normal(size=(2, 3)).astype(dtype)).dtype == dtype


@pytest.mark.parametrize("shape", [(1, 3, 4, 5), (2, 1, 4, 5), (2, 3, 4, 1)])
def test_keys_of_one_head_or_stream_are_not_spread_over_all(shape):
    memory_of_right_size = Memory(2, 3, 7, 5)
    with pytest.raises(ValueError, match="k and v must have shape"):
        memory_of_right_size.write(np.ones(shape), np.ones((2, 3, 4, 5)))
    with pytest.raises(ValueError, match="k and v must have shape"):
        memory_of_right_size.write(np.ones((2, 3, 4, 5)), np.ones(shape))
