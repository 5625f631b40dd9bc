"""The gate: how much of a head's output comes from memory, and how much is local.

Section 3.1: V = g · V_memory + (1 − g) · V_local, with one learned g per head.
"""

import numpy as np
from numpy import ndarray as Array

from .attention import softmax


def attend_to_memory(q: Array, k: Array, v: Array, found: Array, scale: Array) -> Array:
    """Let each query attend to those of its K retrieved pairs that were found.

    q (B, H, T, D), k and v (B, H, T, K, D), found (B, H, T, K), scale (H,) as in local
    attention; no position bias → (B, H, T, D), zero where nothing was found.
    """
    logits = scale[:, None, None] * (k @ q[..., None])[..., 0]  # (B, H, T, K)
    weight = softmax(np.where(found, logits, -np.inf))
    return (weight[..., None, :] @ v)[..., 0, :]


def gate_value(gate_logit: Array) -> Array:
    """g = sigmoid(gate_logit) = 1 / (1 + exp(−gate_logit)), of the same shape.

    Logits far from 0 give 0 or 1: nothing overflows.
    """
    return (1 + np.tanh(gate_logit / 2)) / 2


def logit_of(value: float) -> float:
    """The logit of a gate of this value, between 0 and 1: the inverse of gate_value."""
    return np.log(value / (1 - value))


def mix(remembered: Array, local: Array, gate_logit: Array, found: Array) -> Array:
    """g · remembered + (1 − g) · local, with one g per head.

    remembered, local (B, H, T, D), gate_logit (H,), found (B, H, T, K) → (B, H, T, D).
    A query that found nothing uses local attention alone: our rule, not the paper's.
    """
    gate = gate_value(gate_logit)[:, None, None]  # (H, 1, 1)
    gate = gate * found.any(axis=-1, keepdims=True)  # (B, H, T, 1)
    return gate * remembered + (1 - gate) * local
