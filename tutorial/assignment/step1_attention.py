"""Step 1: attention (16 points).

Read tutorial/01_attention.md first.
To write: softmax, distance, causal_mask, attend, split_heads.
B streams, T tokens of a segment, S keys, H heads, D head size, E = H·D, C cached
tokens, M memory slots, K neighbours, V vocabulary.
Check: python -m minimt grade mine --step 1
"""

import numpy as np


def softmax(x, axis=-1):
    """Weights exp(x) / Σ exp(x) along `axis`; the shape of x.

    An entry of −inf has weight 0; where all are −inf there is nothing to weigh, and
    all weights are 0.
    """
    raise NotImplementedError("step1_attention: softmax")


def distance(T, S):
    """How many tokens each key lies behind each query: integers (T, S), < 0 if ahead.

    The alignment rule, used by the mask and by the bias: the last query stands at the
    last key, so query i stands at key S − T + i. ValueError unless 1 ≤ T ≤ S.
    """
    raise NotImplementedError("step1_attention: distance")


def causal_mask(T, S):
    """True where a query may attend, at itself and before it: bool (T, S)."""
    raise NotImplementedError("step1_attention: causal_mask")


def attend(q, k, v, scale, bias=None, mask=None):
    """Attention with one scale per head in place of 1/√D (Section 3.1).

    q (B, H, T, D), k and v (B, H, S, D), scale (H,), bias (H, T, S) added to the
    logits, mask broadcast to (B, H, T, S) with True = may attend → (B, H, T, D).
    """
    # logits: (B, H, T, S)
    raise NotImplementedError("step1_attention: attend")


def split_heads(x, H):
    """Cut the last axis into H heads: (B, T, E) → (B, H, T, D)."""
    raise NotImplementedError("step1_attention: split_heads")
