"""The Transformer-XL cache and its mask, against queues of single tokens."""

from collections import deque

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sizes import rngs, sizes

LENGTHS = st.lists(st.integers(1, 7), min_size=1, max_size=5)  # of segments


def segments(rng, *lengths, B=2, H=3, D=5):
    return [tuple(rng.normal(size=(2, B, H, t, D))) for t in lengths]


@given(rng=rngs, lengths=LENGTHS, C=st.integers(0, 20), **sizes("B H D"))
def test_the_cache_keeps_the_last_C_tokens(twin, rng, lengths, C, B, H, D):
    queue, cache = deque(maxlen=C), None
    for k, v in segments(rng, *lengths, B=B, H=H, D=D):
        cache = twin.extend_cache(cache, k, v, C)
        queue.extend((k[:, :, t], v[:, :, t]) for t in range(k.shape[2]))
        assert cache[0].shape == cache[1].shape == (B, H, len(queue), D)
        for place, (key, value) in enumerate(queue):
            np.testing.assert_array_equal(cache[0][:, :, place], key)
            np.testing.assert_array_equal(cache[1][:, :, place], value)


def test_a_segment_attends_to_the_cache_and_then_to_itself(twin, rng):
    C, T = 3, 4
    (k1, v1), (k2, v2) = segments(rng, 5, T)
    keys, values = twin.extend_cache((k1[:, :, -C:], v1[:, :, -C:]), k2, v2, C + T)
    np.testing.assert_array_equal(keys[:, :, :C], k1[:, :, 2:])
    np.testing.assert_array_equal(values[:, :, :C], v1[:, :, 2:])
    np.testing.assert_array_equal(keys[:, :, C:], k2)
    np.testing.assert_array_equal(values[:, :, C:], v2)


@given(rng=rngs, lengths=st.tuples(*2 * [st.integers(1, 7)]), C=st.integers(0, 9))
def test_extending_a_cache_leaves_its_inputs_unchanged(twin, rng, lengths, C):
    old, new = segments(rng, *lengths)
    before = [x.copy() for x in (*old, *new)]
    twin.extend_cache(old, *new, C)
    twin.extend_cache(None, *new, C)
    for x, y in zip((*old, *new), before):
        np.testing.assert_array_equal(x, y)


def test_the_cache_keeps_float32(twin, rng):
    (k1, v1), (k2, v2) = (
        tuple(x.astype(np.float32) for x in pair) for pair in segments(rng, 3, 4)
    )
    keys, values = twin.extend_cache((k1, v1), k2, v2, 5)
    assert keys.dtype == values.dtype == np.float32


@given(C=st.integers(0, 16), **sizes("T"))
def test_a_key_is_seen_if_it_is_no_older_than_the_document(twin, T, C):
    S = C + T
    age = np.arange(C + 3)  # of every age that matters, and of two more, a stream each
    mask = twin.document_mask(age, T, S)
    assert mask.shape == (len(age), 1, T, S)
    assert mask.dtype == bool
    for b, i, j in np.ndindex(len(age), T, S):
        tokens_before_the_segment = S - T - j
        seen = j <= S - T + i and tokens_before_the_segment <= age[b]
        assert mask[b, 0, i, j] == seen


def test_one_cached_token_of_this_document_and_one_of_another(twin):
    expected = [[0, 1, 1, 0], [0, 1, 1, 1]]
    np.testing.assert_array_equal(
        twin.document_mask(np.array([1]), 2, 4)[0, 0], expected
    )


@given(C=st.integers(0, 9), **sizes("T"))
def test_at_a_start_only_the_segment_is_seen_and_long_after_it_everything(twin, T, C):
    mask = twin.document_mask(np.array([0, 10**6]), T, C + T)
    assert not mask[0, 0, :, :C].any()
    np.testing.assert_array_equal(mask[0, 0, :, C:], twin.causal_mask(T, T))
    np.testing.assert_array_equal(mask[1, 0], twin.causal_mask(T, C + T))


@given(rng=rngs, C=st.integers(0, 12), segments=st.integers(1, 12), **sizes("B T"))
def test_documents_are_never_mixed(twin, rng, C, segments, B, T):
    """Keys are labelled with the document that they come from."""
    document, age, cached = np.arange(B), np.zeros(B, int), np.zeros((B, 0), int)
    for step in range(segments):
        starts = rng.random(B) < 0.4
        document = np.where(starts, B * (step + 1) + np.arange(B), document)
        age = np.where(starts, 0, age)
        keys = np.hstack([cached, np.repeat(document[:, None], T, axis=1)])
        S = keys.shape[1]
        same = keys[:, None, None, :] == document[:, None, None, None]
        expected = same & (np.arange(S) <= S - T + np.arange(T)[:, None])
        np.testing.assert_array_equal(twin.document_mask(age, T, S), expected)
        cached, age = keys[:, S - min(C, S) :], age + T
