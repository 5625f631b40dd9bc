"""Causal attention: a query takes a weighted mean of the values at or before it.

Sizes, in every file: B streams · T tokens of a segment · S keys · H heads ·
D head size · E = H·D model size · C cached tokens · M memory slots · K neighbours.
"""

import numpy as np


def softmax(x, axis=-1):
    """Weights exp(x) / Σ exp(x) along `axis`; the shape of x.

    An entry of −inf has weight 0; where all are −inf there is nothing to weigh, and
    all weights are 0.
    """
    top = x.max(axis=axis, keepdims=True)
    weight = np.exp(x - np.where(np.isfinite(top), top, 0))
    total = weight.sum(axis=axis, keepdims=True)
    return weight / np.where(total == 0, 1, total)


def distance(T, S):
    """How many tokens each key lies behind each query: integers (T, S), < 0 if ahead.

    The alignment rule, used by the mask and by the bias: the last query stands at the
    last key, so query i stands at key S − T + i. ValueError unless 1 ≤ T ≤ S.
    """
    if not 1 <= T <= S:
        raise ValueError(f"{T} queries need at least as many keys, not {S}")
    return (S - T + np.arange(T))[:, None] - np.arange(S)


def causal_mask(T, S):
    """True where a query may attend, at itself and before it: bool (T, S)."""
    return distance(T, S) >= 0


def attend(q, k, v, scale, bias=None, mask=None):
    """Attention with one scale per head in place of 1/√D (Section 3.1).

    q (B, H, T, D), k and v (B, H, S, D), scale (H,), bias (H, T, S) added to the
    logits, mask broadcast to (B, H, T, S) with True = may attend → (B, H, T, D).
    """
    logits = scale[:, None, None] * (q @ k.swapaxes(-1, -2))  # (B, H, T, S)
    if bias is not None:
        logits = logits + bias
    if mask is not None:
        logits = np.where(mask, logits, -np.inf)
    return softmax(logits) @ v


def split_heads(x, H):
    """Cut the last axis into H heads: (B, T, E) → (B, H, T, D)."""
    B, T, E = x.shape
    if E % H:
        raise ValueError(f"{E} channels cannot be cut into {H} equal heads")
    return x.reshape(B, T, H, E // H).swapaxes(1, 2)


def merge_heads(x):
    """Put the heads side by side again: (B, H, T, D) → (B, T, E)."""
    B, H, T, D = x.shape
    return x.swapaxes(1, 2).reshape(B, T, H * D)
