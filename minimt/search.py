"""Exact nearest neighbours: per query the K keys with the largest dot product.

Section 3.1. Every search keeps this contract and must agree with this one.
"""

import numpy as np


def exact_topk(q, keys, valid, K):
    """The K best keys of each query among the valid ones (paper: K = 32).

    q (B, H, T, D), keys (B, H, M, D), valid (B, M) → scores, index, found, each
    (B, H, T, K), best first, of equal scores the lower slot first. With fewer than K
    valid keys the rest have score −inf, index 0, found False. ValueError if K < 1.
    """
    scores = np.where(valid[:, None, None], q @ keys.swapaxes(-1, -2), -np.inf)
    return rank(scores, np.broadcast_to(np.arange(keys.shape[2]), scores.shape), K)


def rank(scores, index, K):
    """Sort candidates by score, best first, and keep K: (…, N) → three times (…, K)."""
    if K < 1:
        raise ValueError(f"K must be at least 1, not {K}")
    best = np.argsort(-scores, axis=-1, kind="stable")[..., :K]
    short = [(0, 0)] * (scores.ndim - 1) + [(0, K - best.shape[-1])]
    scores = np.take_along_axis(scores, best, axis=-1)
    scores = np.pad(scores, short, constant_values=-np.inf)
    found = scores > -np.inf
    index = np.pad(np.take_along_axis(index, best, axis=-1), short)
    return scores, np.where(found, index, 0), found
