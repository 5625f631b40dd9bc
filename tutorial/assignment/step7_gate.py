"""Step 7: gate (8 points).

Read tutorial/07_gate.md first.
To write: attend_to_memory, mix.
B streams, T tokens of a segment, S keys, H heads, D head size, E = H·D, C cached
tokens, M memory slots, K neighbours, V vocabulary.
Check: python -m minimt grade mine --step 7
"""

import numpy as np

from step1_attention import softmax


def attend_to_memory(q, k, v, found, scale):
    """Attention of each query over its own K retrieved pairs, found ones only.

    q (B, H, T, D), k and v (B, H, T, K, D), found (B, H, T, K), scale (H,) as in local
    attention; no position bias → (B, H, T, D), zeros where nothing was found.
    """
    # logits: (B, H, T, K)
    raise NotImplementedError("step7_gate: attend_to_memory")


def mix(remembered, local, gate_logit, found):
    """g · remembered + (1 − g) · local with g = sigmoid(gate_logit), per head.

    remembered and local (B, H, T, D), gate_logit (H,), found (B, H, T, K). A query that
    found nothing keeps local alone: our rule, the paper does not say.
    """
    # gate: (H, 1, 1)
    # gate: (B, H, T, 1)
    raise NotImplementedError("step7_gate: mix")
