"""Gradients of the memory: they reach the query and the gate, but no stored pair.

Section 3.1: stored keys and values are treated as constants. The projections that made
them are trained nevertheless, because they also serve local attention.
"""

import numpy as np
from numpy import ndarray as Array

from .attention import softmax
from .gate import gate_value


def attend_to_memory_backward(
    q: Array, k: Array, v: Array, found: Array, scale: Array, grad: Array
) -> Array:
    """The gradient with respect to q of `gate.attend_to_memory`: (B, H, T, D).

    q (B, H, T, D), k and v (B, H, T, K, D), found (B, H, T, K), scale (H,) as there;
    grad (B, H, T, D) is the gradient with respect to its output.
    """
    scale = scale[:, None, None]
    logits = scale * (k @ q[..., None])[..., 0]  # (B, H, T, K)
    weight = softmax(np.where(found, logits, -np.inf))
    dweight = (v @ grad[..., None])[..., 0]  # (B, H, T, K)
    mean = (weight * dweight).sum(axis=-1, keepdims=True)  # weights sum to 1
    dlogits = weight * (dweight - mean)
    return ((scale * dlogits)[..., None, :] @ k)[..., 0, :]


def mix_backward(
    remembered: Array, local: Array, gate_logit: Array, found: Array, grad: Array
) -> tuple[Array, Array, Array]:
    """The gradients of `gate.mix` with respect to remembered, local and gate_logit.

    remembered and local (B, H, T, D), gate_logit (H,), found (B, H, T, K) as there;
    grad (B, H, T, D) is the gradient with respect to its output → gradients of shapes
    (B, H, T, D), (B, H, T, D) and (H,). A query that found nothing adds nothing to the
    gradient of the gate.
    """
    gate = gate_value(gate_logit)[:, None, None]  # (H, 1, 1)
    some = found.any(axis=-1, keepdims=True)  # (B, H, T, 1)
    dgate = (some * grad * (remembered - local)).sum(axis=(0, 2, 3), keepdims=True)
    dgate_logit = (dgate[0] * gate * (1 - gate))[:, 0, 0]
    return some * gate * grad, (1 - some * gate) * grad, dgate_logit
