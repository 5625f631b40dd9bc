"""Gradients by hand (8 points).

Read tutorial/07_gate.md first.
To write: attend_to_memory_backward, mix_backward.
B streams, T tokens in a segment, S keys, H heads, D head size, E = H·D, C cached
tokens, M memory slots, K neighbours, V vocabulary.
Return NumPy arrays: masks are bool, indices are int, and floats keep the dtype of the
input. (np.sqrt(2) makes a float32 array float64, math.sqrt(2) leaves it as it is.)
Do not change an argument in place: work on a copy.
Check your work: python -m minimt grade mine --step gradient
"""

import numpy as np
from numpy import ndarray as Array

from step_attention import softmax
from step_gate import gate_value


def attend_to_memory_backward(
    q: Array, k: Array, v: Array, found: Array, scale: Array, grad: Array
) -> Array:
    """The gradient with respect to q of `gate.attend_to_memory`: (B, H, T, D).

    q (B, H, T, D), k and v (B, H, T, K, D), found (B, H, T, K), scale (H,) as there;
    grad (B, H, T, D) is the gradient with respect to its output.
    """
    # logits: (B, H, T, K)
    # dweight: (B, H, T, K)
    raise NotImplementedError("step_gradient: attend_to_memory_backward")


def mix_backward(
    remembered: Array, local: Array, gate_logit: Array, found: Array, grad: Array
) -> tuple[Array, Array, Array]:
    """The gradients of `gate.mix` with respect to remembered, local and gate_logit.

    remembered and local (B, H, T, D), gate_logit (H,), found (B, H, T, K) as there;
    grad (B, H, T, D) is the gradient with respect to its output → gradients of shapes
    (B, H, T, D), (B, H, T, D) and (H,). A query that found nothing adds nothing to the
    gradient of the gate.
    """
    # gate: (H, 1, 1)
    # some: (B, H, T, 1)
    raise NotImplementedError("step_gradient: mix_backward")
