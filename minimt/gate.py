"""The gate: how much of a head's output is remembered, and how much is seen.

Section 3.1: V = g · V_memory + (1 − g) · V_local, with one learned g per head.
"""

import numpy as np

from .attention import softmax


def attend_to_memory(q, k, v, found, scale):
    """Attention of each query over its own K retrieved pairs, found ones only.

    q (B, H, T, D), k and v (B, H, T, K, D), found (B, H, T, K), scale (H,) as in local
    attention; no position bias → (B, H, T, D), zeros where nothing was found.
    """
    logits = scale[:, None, None] * (k @ q[..., None])[..., 0]  # (B, H, T, K)
    weight = softmax(np.where(found, logits, -np.inf))
    return (weight[..., None, :] @ v)[..., 0, :]


def mix(remembered, local, gate_logit, found):
    """g · remembered + (1 − g) · local with g = sigmoid(gate_logit), per head.

    remembered and local (B, H, T, D), gate_logit (H,), found (B, H, T, K). A query that
    found nothing keeps local alone: our rule, the paper does not say.
    """
    gate = (1 + np.tanh(gate_logit / 2)) / 2  # the sigmoid, without overflow
    gate = gate[:, None, None]  # (H, 1, 1)
    gate = gate * found.any(axis=-1, keepdims=True)  # (B, H, T, 1)
    return gate * remembered + (1 - gate) * local
