"""The Transformer-XL cache and its mask, against queues of single tokens."""

from collections import deque

import numpy as np
import pytest

B, H, T, D = 2, 3, 4, 5


def segments(rng, *lengths):
    return [tuple(rng.normal(size=(2, B, H, t, D))) for t in lengths]


@pytest.mark.parametrize("C", [0, 1, 3, 4, 6, 8, 14, 99])
@pytest.mark.parametrize("lengths", [(4, 4, 4, 4), (1, 5, 2, 3), (7, 1, 1)])
def test_the_cache_keeps_the_last_C_tokens(twin, rng, C, lengths):
    queue, cache = deque(maxlen=C), None
    for k, v in segments(rng, *lengths):
        cache = twin.extend_cache(cache, k, v, C)
        queue.extend((k[:, :, t], v[:, :, t]) for t in range(k.shape[2]))
        assert cache[0].shape == cache[1].shape == (B, H, len(queue), D)
        for place, (key, value) in enumerate(queue):
            np.testing.assert_array_equal(cache[0][:, :, place], key)
            np.testing.assert_array_equal(cache[1][:, :, place], value)


def test_a_segment_attends_to_the_cache_and_then_to_itself(twin, rng):
    C = 3
    (k1, v1), (k2, v2) = segments(rng, 5, T)
    keys, values = twin.extend_cache((k1[:, :, -C:], v1[:, :, -C:]), k2, v2, C + T)
    np.testing.assert_array_equal(keys[:, :, :C], k1[:, :, 2:])
    np.testing.assert_array_equal(values[:, :, :C], v1[:, :, 2:])
    np.testing.assert_array_equal(keys[:, :, C:], k2)
    np.testing.assert_array_equal(values[:, :, C:], v2)


def test_extending_a_cache_changes_none_of_what_came_in(twin, rng):
    old, new = segments(rng, 5, T)
    before = [x.copy() for x in (*old, *new)]
    twin.extend_cache(old, *new, 6)
    twin.extend_cache(None, *new, 2)
    for x, y in zip((*old, *new), before):
        np.testing.assert_array_equal(x, y)


def test_the_cache_keeps_float32(twin, rng):
    (k1, v1), (k2, v2) = (
        tuple(x.astype(np.float32) for x in pair) for pair in segments(rng, 3, T)
    )
    keys, values = twin.extend_cache((k1, v1), k2, v2, 5)
    assert keys.dtype == values.dtype == np.float32


@pytest.mark.parametrize("T, S", [(1, 1), (4, 4), (4, 7), (4, 20), (1, 6)])
def test_a_key_is_seen_if_it_is_no_older_than_the_document(twin, T, S):
    age = np.arange(S - T + 3)
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


def test_at_a_start_only_the_segment_is_seen_and_long_after_it_all(twin):
    mask = twin.document_mask(np.array([0, 10**6]), T, T + 5)
    assert not mask[0, 0, :, :5].any()
    np.testing.assert_array_equal(mask[0, 0, :, 5:], twin.causal_mask(T, T))
    np.testing.assert_array_equal(mask[1, 0], twin.causal_mask(T, T + 5))


@pytest.mark.parametrize("C", [0, 3, 4, 10])
def test_documents_are_never_mixed(twin, rng, C):
    streams = 3
    document, age = np.arange(streams), np.zeros(streams, int)
    cached = np.zeros((streams, 0), int)
    for step in range(12):
        starts = rng.random(streams) < 0.4
        document = np.where(starts, streams * (step + 1) + np.arange(streams), document)
        age = np.where(starts, 0, age)
        keys = np.hstack([cached, np.repeat(document[:, None], T, axis=1)])
        S = keys.shape[1]
        same = keys[:, None, None, :] == document[:, None, None, None]
        expected = same & (np.arange(S) <= S - T + np.arange(T)[:, None])
        np.testing.assert_array_equal(twin.document_mask(age, T, S), expected)
        cached, age = keys[:, S - min(C, S) :], age + T
