"""Correct solutions of the step on relative position, in many styles."""

import math

import numpy as np

from minimt.attention import distance as distances
from minimt.position import relative_position_bucket


def relative_position_bucket__where(distance, num_buckets=32, max_distance=128):
    half = num_buckets // 2
    if half < 1 or max_distance <= half:
        raise ValueError("the buckets cannot grow")
    n = np.clip(distance, 0, None)
    far = np.clip(n, half, None)
    grown = np.log(far / half) / math.log(max_distance / half) * (num_buckets - half)
    return np.where(n < half, n, np.minimum(half + grown.astype(int), num_buckets - 1))


def relative_position_bucket__loops(distance, num_buckets=32, max_distance=128):
    exact = num_buckets // 2
    if not 0 < exact < max_distance:
        raise ValueError
    out = np.zeros(np.shape(distance), dtype=int)
    for place, n in np.ndenumerate(distance):
        if n <= 0:
            bucket = 0
        elif n < exact:
            bucket = n
        else:
            share = math.log(n / exact) / math.log(max_distance / exact)
            bucket = min(exact + int(share * (num_buckets - exact)), num_buckets - 1)
        out[place] = bucket
    return out


def relative_position_bucket__log2(distance, num_buckets=32, max_distance=128):
    half = num_buckets // 2
    if half == 0 or half >= max_distance:
        raise ValueError("sizes")
    n = np.maximum(np.asarray(distance), 0)
    with np.errstate(divide="ignore"):
        octaves = np.log2(n / half) / np.log2(max_distance / half)
    wide = half + np.floor(octaves * (num_buckets - half))
    wide = np.minimum(wide, num_buckets - 1)
    return np.where(n < half, n, wide).astype(np.int64)


def relative_position_bucket__edges(distance, num_buckets=32, max_distance=128):
    half = num_buckets // 2
    if not (half >= 1 and max_distance > half):
        raise ValueError("sizes")
    ratio = (max_distance / half) ** (1 / (num_buckets - half))
    edges = [*range(1, half + 1)]
    edges += [half * ratio**i for i in range(1, num_buckets - half)]
    return np.searchsorted(np.array(edges), distance, side="right")


def relative_position_bucket__digitize(distance, num_buckets=32, max_distance=128):
    half = num_buckets // 2
    if half < 1:
        raise ValueError("too few buckets")
    if half >= max_distance:
        raise ValueError("max_distance too small")
    wide = num_buckets - half
    edges = half * (max_distance / half) ** (np.arange(1, wide) / wide)
    return np.digitize(distance, np.concatenate([np.arange(1, half + 1), edges]))


def relative_position_bucket__own_copy(distance, num_buckets=32, max_distance=128):
    half = num_buckets // 2
    if not 0 < half < max_distance:
        raise ValueError
    bucket = np.array(distance, dtype=int)
    bucket[bucket < 0] = 0
    far = bucket >= half
    share = np.log(bucket[far] / half) / np.log(max_distance / half)
    bucket[far] = np.minimum(half + share * (num_buckets - half), num_buckets - 1)
    return bucket


def relative_position_bucket__vectorize(distance, num_buckets=32, max_distance=128):
    half = num_buckets // 2
    if half <= 0 or half >= max_distance:
        raise ValueError("sizes")

    def bucket(n: int) -> int:
        if n < half:
            return max(n, 0)
        share = math.log(n / half, max_distance / half)
        return min(num_buckets - 1, half + math.floor(share * (num_buckets - half)))

    return np.vectorize(bucket, otypes=[int])(distance)


def relative_position_bucket__float32(distance, num_buckets=32, max_distance=128):
    half = num_buckets // 2
    if not 0 < half < max_distance:
        raise ValueError
    n = np.maximum(distance, 0).astype(np.int32)
    large = np.log(np.maximum(n, 1).astype(np.float32) / half)
    large = large / np.float32(np.log(max_distance / half)) * (num_buckets - half)
    large = np.minimum(half + large.astype(np.int32), num_buckets - 1)
    return np.where(n < half, n, large)


def relative_bias__transpose(table, T, S):
    rows = table[relative_position_bucket(distances(T, S), table.shape[0])]
    return rows.transpose(2, 0, 1)


def relative_bias__columns(table, T, S):
    return table.T[:, relative_position_bucket(distances(T, S), len(table))]


def relative_bias__take(table, T, S):
    bucket = relative_position_bucket(distances(T, S), num_buckets=table.shape[0])
    return np.stack([np.take(column, bucket) for column in table.T])


def relative_bias__one_hot(table, T, S):
    bucket = relative_position_bucket(distances(T, S), len(table))
    hot = (bucket[..., None] == np.arange(len(table))).astype(table.dtype)
    return np.einsum("tsn,nh->hts", hot, table)


def relative_bias__loops(table, T, S):
    out = np.empty((table.shape[1], T, S), table.dtype)
    for i in range(T):
        for j in range(S):
            n = np.array(S - T + i - j)
            out[:, i, j] = table[relative_position_bucket(n, len(table))]
    return out


def relative_bias__last_rows(table, T, S):
    full = np.arange(S)[:, None] - np.arange(S)
    bucket = relative_position_bucket(full, len(table))
    return np.rollaxis(table[bucket], 2)[:, -T:, :]


def relative_bias__flat(table, T, S):
    bucket = relative_position_bucket(distances(T, S).ravel(), len(table))
    return table[bucket].T.reshape(-1, T, S)


def relative_bias__swaps(table, T, S):
    rows = table[relative_position_bucket(distances(T, S), len(table))]
    return rows.swapaxes(1, 2).swapaxes(0, 1)
