"""Correct solutions of the step on the cache, in many styles."""

import numpy as np

from minimt.attention import causal_mask


def extend_cache__front(cache, k, v, C):
    if cache is not None:
        k = np.concatenate((cache[0], k), axis=2)
        v = np.concatenate((cache[1], v), axis=2)
    n = k.shape[2]
    start = n - C if n > C else 0
    return k[:, :, start:], v[:, :, start:]


def extend_cache__none_kept(cache, k, v, C):
    if cache:
        k, v = (np.concatenate([old, new], 2) for old, new in zip(cache, (k, v)))
    if C == 0:
        return k[:, :, :0], v[:, :, :0]
    return k[:, :, -C:], v[:, :, -C:]


def extend_cache__stacked(cache, k, v, C):
    both = np.stack([k, v])
    if cache is not None:
        both = np.concatenate([np.stack(cache), both], axis=3)
    both = both[..., max(both.shape[3] - C, 0) :, :]
    return both[0], both[1]


def extend_cache__copies(cache, k, v, C):
    pair = []
    for i, new in enumerate((k, v)):
        old = new[:, :, :0] if cache is None else cache[i]
        whole = np.concatenate([old, new], axis=-2)
        pair.append(whole[:, :, len(whole[0, 0]) - min(C, len(whole[0, 0])) :].copy())
    return pair[0], pair[1]


def extend_cache__take(cache, k, v, C):
    if cache is not None:
        k, v = np.append(cache[0], k, axis=2), np.append(cache[1], v, axis=2)
    kept = np.arange(k.shape[2])[max(0, k.shape[2] - C) :]
    return np.take(k, kept, axis=2), np.take(v, kept, axis=2)


def extend_cache__lists(cache, k, v, C):
    def last(old, new):
        tokens = [] if old is None else list(np.moveaxis(old, 2, 0))
        tokens += list(np.moveaxis(new, 2, 0))
        tokens = tokens[max(0, len(tokens) - C) :]
        if not tokens:
            return new[:, :, :0]
        return np.stack(tokens, axis=2)

    old_k, old_v = cache if cache is not None else (None, None)
    return last(old_k, k), last(old_v, v)


def extend_cache__pair_as_list(cache, k, v, C):
    joined = [k, v] if cache is None else []
    for old, new in zip(cache or (), (k, v)):
        joined.append(np.concatenate([old, new], axis=2))
    return [x[:, :, slice(max(0, x.shape[2] - C), None)] for x in joined]


def extend_cache__reversed(cache, k, v, C):
    if cache is not None:
        k, v = (np.concatenate(x, axis=2) for x in zip(cache, (k, v)))
    return tuple(x[:, :, ::-1][:, :, :C][:, :, ::-1] for x in (k, v))


def extend_cache__filled(cache, k, v, C):
    old = 0 if cache is None else cache[0].shape[2]
    B, H, T, D = k.shape
    pair = ()
    for i, new in enumerate((k, v)):
        whole = np.empty((B, H, old + T, D), new.dtype)
        if old:
            whole[:, :, :old] = cache[i]
        whole[:, :, old:] = new
        pair += (whole[:, :, max(0, old + T - C) :],)
    return pair


def document_mask__broadcast(age, T, S):
    key = np.arange(S)
    inside = key >= (S - T - age)[:, None, None, None]
    return np.logical_and(causal_mask(T, S), inside)


def document_mask__minus_one(age, T, S):
    cached = S - T
    from_end = cached - np.arange(S)
    inside = from_end <= np.reshape(age, (-1, 1, 1, 1))
    return causal_mask(T, S)[None, None] & inside


def document_mask__loops(age, T, S):
    B = len(age)
    mask = np.zeros((B, 1, T, S), dtype=bool)
    for b in range(B):
        for i in range(T):
            for j in range(S):
                here = S - T + i
                mask[b, 0, i, j] = j <= here and here - j <= age[b] + i
    return mask


def document_mask__closed(age, T, S):
    mask = np.tile(causal_mask(T, S), (len(age), 1, 1, 1))
    for stream, n in enumerate(age):
        mask[stream, 0, :, : max(0, S - T - n)] = False
    return mask


def document_mask__distance(age, T, S):
    query, key = np.arange(T)[:, None], np.arange(S)
    behind = S - T + query - key
    read = np.asarray(age)[:, None, None] + query
    return ((behind >= 0) & (behind <= read))[:, None]


def document_mask__documents(age, T, S):
    cached = np.arange(T - S, T)[None] + np.asarray(age)[:, None]
    return (cached >= 0)[:, None, None, :] & causal_mask(T, S)


def document_mask__stacked(age, T, S):
    triangle = np.tri(T, S, S - T, dtype=bool)
    one = [triangle & (np.arange(S) >= S - T - n) for n in age.tolist()]
    return np.stack(one)[:, np.newaxis]


def document_mask__where(age, T, S):
    first = np.maximum(0, S - T - age)
    j = np.broadcast_to(np.arange(S), (len(age), 1, T, S))
    return np.where(j < first[:, None, None, None], False, causal_mask(T, S))
