"""Causal attention: a query takes a weighted mean of the values at or before it.

Sizes, in every file: B streams · T tokens in a segment · S keys · H heads ·
D head size · E = H·D model size · C cached tokens · M memory slots · K neighbours.
"""

import numpy as np
from numpy import ndarray as Array


def softmax(x: Array, axis: int = -1) -> Array:
    """Weights exp(x) / Σ exp(x) along `axis`, in the shape of x.

    An entry of −inf gets weight 0; if all entries are −inf, all weights are 0. Entries
    may be of any size: nothing overflows, and no row underflows as a whole.
    """
    top = x.max(axis=axis, keepdims=True)
    weight = np.exp(x - np.where(np.isfinite(top), top, 0))
    total = weight.sum(axis=axis, keepdims=True)
    return weight / np.where(total == 0, 1, total)


def distance(T: int, S: int) -> Array:
    """How many tokens each key lies behind each query: int (T, S), negative if ahead.

    The mask and the bias share this alignment rule: the last query stands at the last
    key, so query i stands at key S − T + i. Raises ValueError unless 1 ≤ T ≤ S.
    """
    if not 1 <= T <= S:
        raise ValueError(f"T = {T} queries and S = {S} keys: 1 ≤ T ≤ S is required")
    return (S - T + np.arange(T))[:, None] - np.arange(S)


def causal_mask(T: int, S: int) -> Array:
    """True where a key is not ahead of the query: bool (T, S), for 1 ≤ T ≤ S."""
    return distance(T, S) >= 0


def attend(q: Array, k: Array, v: Array, scale: Array, bias=None, mask=None) -> Array:
    """Attention with one scale per head in place of 1/√D, as in the authors' code.

    q (B, H, T, D), k and v (B, H, S, D), scale (H,), bias (H, T, S) added to the
    logits, mask broadcast to (B, H, T, S) with True = may attend → (B, H, T, D). A
    query that may not attend to any key gets zeros.
    """
    logits = scale[:, None, None] * (q @ k.swapaxes(-1, -2))  # (B, H, T, S)
    if bias is not None:
        logits = logits + bias
    if mask is not None:
        logits = np.where(mask, logits, -np.inf)
    return softmax(logits) @ v


def split_heads(x: Array, H: int) -> Array:
    """Split E into H heads: (B, T, E) → (B, H, T, D). ValueError unless H divides E."""
    B, T, E = x.shape
    if E % H:
        raise ValueError(f"E = {E} must be divisible by the number of heads, H = {H}")
    return x.reshape(B, T, H, E // H).swapaxes(1, 2)


def merge_heads(x: Array) -> Array:
    """Put the heads back side by side: (B, H, T, D) → (B, T, E)."""
    B, H, T, D = x.shape
    return x.swapaxes(1, 2).reshape(B, T, H * D)
