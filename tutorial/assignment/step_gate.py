"""Gate (8 points).

Read tutorial/07_gate.md first.
To write: attend_to_memory, gate_value, mix.
B streams, T tokens in a segment, S keys, H heads, D head size, E = H·D, C cached
tokens, M memory slots, K neighbours, V vocabulary.
Return NumPy arrays: masks are bool, indices are int, and floats keep the dtype of the
input. (np.sqrt(2) makes a float32 array float64, math.sqrt(2) leaves it as it is.)
Do not change an argument in place: work on a copy.
Check your work: python -m minimt grade mine --step gate
"""

import numpy as np
from numpy import ndarray as Array

from step_attention import softmax


def attend_to_memory(q: Array, k: Array, v: Array, found: Array, scale: Array) -> Array:
    """Let each query attend to those of its K retrieved pairs that were found.

    q (B, H, T, D), k and v (B, H, T, K, D), found (B, H, T, K), scale (H,) as in local
    attention; no position bias → (B, H, T, D), zero where nothing was found.
    """
    # logits: (B, H, T, K)
    raise NotImplementedError("step_gate: attend_to_memory")


def gate_value(gate_logit: Array) -> Array:
    """g = sigmoid(gate_logit) = 1 / (1 + exp(−gate_logit)), of the same shape.

    Logits far from 0 give 0 or 1: nothing overflows.
    """
    raise NotImplementedError("step_gate: gate_value")


def mix(remembered: Array, local: Array, gate_logit: Array, found: Array) -> Array:
    """g · remembered + (1 − g) · local, with one g per head.

    remembered, local (B, H, T, D), gate_logit (H,), found (B, H, T, K) → (B, H, T, D).
    A query that found nothing uses local attention alone: our rule, not the paper's.
    """
    # gate: (H, 1, 1)
    # gate: (B, H, T, 1)
    raise NotImplementedError("step_gate: mix")
