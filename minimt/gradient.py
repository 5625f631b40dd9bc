"""What flows back from the memory: to the query and the gate, never to the memory.

Section 3.1: stored keys and values are constants for the gradient. They get trained all
the same, since the projections that made them serve local attention too.
"""

import numpy as np

from .attention import softmax


def attend_to_memory_backward(q, k, v, found, scale, grad):
    """The gradient to q of `gate.attend_to_memory`: (B, H, T, D).

    q (B, H, T, D), k and v (B, H, T, K, D), found (B, H, T, K), scale (H,) as there;
    grad (B, H, T, D) is the gradient to what it returned.
    """
    scale = scale[:, None, None]
    logits = scale * (k @ q[..., None])[..., 0]  # (B, H, T, K)
    weight = softmax(np.where(found, logits, -np.inf))
    dweight = (v @ grad[..., None])[..., 0]  # (B, H, T, K)
    mean = (weight * dweight).sum(axis=-1, keepdims=True)  # weights sum to 1
    dlogits = weight * (dweight - mean)
    return ((scale * dlogits)[..., None, :] @ k)[..., 0, :]


def mix_backward(remembered, local, gate_logit, found, grad):
    """The gradients of `gate.mix` to remembered, local and gate_logit.

    remembered and local (B, H, T, D), gate_logit (H,), found (B, H, T, K) as there;
    grad (B, H, T, D) is the gradient to what it returned. They have the shapes of what
    they are gradients to. A query that found nothing sends nothing to its gate.
    """
    gate = ((1 + np.tanh(gate_logit / 2)) / 2)[:, None, None]  # (H, 1, 1)
    some = found.any(axis=-1, keepdims=True)  # (B, H, T, 1)
    dgate = (some * grad * (remembered - local)).sum(axis=(0, 2, 3), keepdims=True)
    dgate_logit = (dgate[0] * gate * (1 - gate))[:, 0, 0]
    return some * gate * grad, (1 - some * gate) * grad, dgate_logit
