"""Step 8: what flows back (8 points).

Read tutorial/07_gate.md first.
To write: attend_to_memory_backward, mix_backward.
B streams, T tokens of a segment, S keys, H heads, D head size, E = H·D, C cached
tokens, M memory slots, K neighbours, V vocabulary.
Check: python -m minimt grade mine --step 8
"""

import numpy as np

from step1_attention import softmax


def attend_to_memory_backward(q, k, v, found, scale, grad):
    """The gradient to q of `gate.attend_to_memory`: (B, H, T, D).

    q (B, H, T, D), k and v (B, H, T, K, D), found (B, H, T, K), scale (H,) as there;
    grad (B, H, T, D) is the gradient to what it returned.
    """
    # logits: (B, H, T, K)
    # dweight: (B, H, T, K)
    raise NotImplementedError("step8_gradient: attend_to_memory_backward")


def mix_backward(remembered, local, gate_logit, found, grad):
    """The gradients of `gate.mix` to remembered, local and gate_logit.

    remembered and local (B, H, T, D), gate_logit (H,), found (B, H, T, K) as there;
    grad (B, H, T, D) is the gradient to what it returned. They have the shapes of what
    they are gradients to. A query that found nothing sends nothing to its gate.
    """
    # gate: (H, 1, 1)
    # some: (B, H, T, 1)
    raise NotImplementedError("step8_gradient: mix_backward")
