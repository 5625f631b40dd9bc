"""Attention (16 points).

Read tutorial/01_attention.md first.
To write: softmax, distance, causal_mask, attend, split_heads.
B streams, T tokens in a segment, S keys, H heads, D head size, E = H·D, C cached
tokens, M memory slots, K neighbours, V vocabulary.
Return NumPy arrays: masks are bool, indices are int, and floats keep the dtype of the
input. (np.sqrt(2) makes a float32 array float64, math.sqrt(2) leaves it as it is.)
Do not change an argument in place: work on a copy.
Check your work: python -m minimt grade mine --step attention
"""

import numpy as np
from numpy import ndarray as Array


def softmax(x: Array, axis: int = -1) -> Array:
    """Weights exp(x) / Σ exp(x) along `axis`, in the shape of x.

    An entry of −inf gets weight 0; if all entries are −inf, all weights are 0. Entries
    may be of any size: nothing overflows, and no row underflows as a whole.
    """
    raise NotImplementedError("step_attention: softmax")


def distance(T: int, S: int) -> Array:
    """How many tokens each key lies behind each query: int (T, S), negative if ahead.

    The mask and the bias share this alignment rule: the last query stands at the last
    key, so query i stands at key S − T + i. Raises ValueError unless 1 ≤ T ≤ S.
    """
    raise NotImplementedError("step_attention: distance")


def causal_mask(T: int, S: int) -> Array:
    """True where a key is not ahead of the query: bool (T, S), for 1 ≤ T ≤ S."""
    raise NotImplementedError("step_attention: causal_mask")


def attend(q: Array, k: Array, v: Array, scale: Array, bias=None, mask=None) -> Array:
    """Attention with one scale per head in place of 1/√D, as in the authors' code.

    q (B, H, T, D), k and v (B, H, S, D), scale (H,), bias (H, T, S) added to the
    logits, mask broadcast to (B, H, T, S) with True = may attend → (B, H, T, D). A
    query that may not attend to any key gets zeros.
    """
    # logits: (B, H, T, S)
    raise NotImplementedError("step_attention: attend")


def split_heads(x: Array, H: int) -> Array:
    """Split E into H heads: (B, T, E) → (B, H, T, D). ValueError unless H divides E."""
    raise NotImplementedError("step_attention: split_heads")
