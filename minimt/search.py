"""Exact nearest neighbours: for each query, the K keys with the largest dot product.

Section 3.1. All other searches keep the same contract and are measured against this.
"""

import numpy as np
from numpy import ndarray as Array

GROUP_SIZE = 16  # consecutive keys in a group; groups are first compared by their best
Neighbours = tuple[Array, Array, Array]  # scores, index, found, each (…, K)


def exact_topk(q: Array, keys: Array, valid: Array, K: int) -> Neighbours:
    """The K best valid keys for each query (paper: K = 32).

    q (B, H, T, D), keys (B, H, M, D), valid (B, M) → scores, index, found, each
    (B, H, T, K), best first; of equal scores, the lower slot comes first. If fewer keys
    are valid, the rest have score −inf, index 0, found False. ValueError if K < 1, or
    for other shapes.
    """
    (B, H, _, D), M = q.shape, keys.shape[2]
    if keys.shape != (B, H, M, D) or valid.shape != (B, M):
        shapes = f"q {q.shape}, keys {keys.shape} and valid {valid.shape}"
        raise ValueError(f"{shapes} must have shapes that fit together")
    best = [  # head by head, so that only one (T, M) table of scores exists at a time
        topk(np.where(valid[b], q[b, h] @ keys[b, h].T, -np.inf), K)
        for b, h in np.ndindex(q.shape[:2])
    ]
    scores, index, found = (np.reshape(x, (*q.shape[:3], K)) for x in zip(*best))
    return scores, index, found


def topk(scores: Array, K: int) -> Neighbours:
    """The K best of each row, as in `exact_topk`: (T, M) → three arrays (T, K)."""
    if K < 1:
        raise ValueError(f"K must be at least 1, not {K}")
    T, M = scores.shape
    fill = max(-M % GROUP_SIZE, K - M)
    scores = np.pad(scores, [(0, 0), (0, fill)], constant_values=-np.inf)
    index = np.broadcast_to(np.arange(M + fill), scores.shape)
    if M > GROUP_SIZE * K:  # the best lie in the K groups with the largest maxima
        maxima = scores.reshape(T, -1, GROUP_SIZE).max(axis=-1)
        group = argsort_descending(maxima)[:, :K]
        group.sort(axis=-1)  # in the order of slots, so that ties stay in it
        index = (GROUP_SIZE * group[..., None] + np.arange(GROUP_SIZE)).reshape(T, -1)
        scores = np.take_along_axis(scores, index, axis=-1)
    best = argsort_descending(scores)[:, :K]
    scores, index = (np.take_along_axis(x, best, axis=-1) for x in (scores, index))
    found = scores > -np.inf
    return scores, np.where(found, index, 0), found


def argsort_descending(scores: Array) -> Array:
    """Indices from the best score to the worst, same shape; ties keep their order."""
    return np.argsort(-scores, axis=-1, kind="stable")


class Search:
    """Exact search in the form that a memory uses: an object with a `topk`."""

    topk = staticmethod(exact_topk)
