"""Exact nearest neighbours: per query the K keys with the largest dot product.

Section 3.1. Every search keeps this contract and must agree with this one.
"""

import numpy as np

GROUP = 16  # neighbouring keys that are first judged by the best of them


def exact_topk(q, keys, valid, K):
    """The K best keys of each query among the valid ones (paper: K = 32).

    q (B, H, T, D), keys (B, H, M, D), valid (B, M) → scores, index, found, each
    (B, H, T, K), best first, of equal scores the lower slot first. With fewer than K
    valid keys the rest have score −inf, index 0, found False. ValueError if K < 1.
    """
    best = [  # head by head, so that only one (T, M) table of scores is ever there
        topk(np.where(valid[b], q[b, h] @ keys[b, h].T, -np.inf), K)
        for b, h in np.ndindex(q.shape[:2])
    ]
    return tuple(np.reshape(part, (*q.shape[:3], K)) for part in zip(*best))


def topk(scores, K):
    """The K best of each row, as `exact_topk` has them: (T, M) → three times (T, K)."""
    if K < 1:
        raise ValueError(f"K must be at least 1, not {K}")
    T, M = scores.shape
    fill = max(-M % GROUP, K - M)
    scores = np.pad(scores, [(0, 0), (0, fill)], constant_values=-np.inf)
    index = np.broadcast_to(np.arange(M + fill), scores.shape)
    if M > GROUP * K:  # the best lie in the K groups with the largest maxima
        group = order(scores.reshape(T, -1, GROUP).max(axis=-1))[:, :K]
        group.sort(axis=-1)  # in the order of slots, so that ties stay in it
        index = (GROUP * group[..., None] + np.arange(GROUP)).reshape(T, -1)
        scores = np.take_along_axis(scores, index, axis=-1)
    best = order(scores)[:, :K]
    scores, index = (np.take_along_axis(x, best, axis=-1) for x in (scores, index))
    found = scores > -np.inf
    return scores, np.where(found, index, 0), found


def order(scores):
    """Places from the best score to the worst, of equal ones the first place first."""
    return np.argsort(-scores, axis=-1, kind="stable")
