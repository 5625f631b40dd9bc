"""Warm-up (4 points).

Read tutorial/01_attention.md first.
To write: merge_heads.
B streams, T tokens in a segment, S keys, H heads, D head size, E = H·D, C cached
tokens, M memory slots, K neighbours, V vocabulary.
Return NumPy arrays: masks are bool, indices are int, and floats keep the dtype of the
input. (np.sqrt(2) makes a float32 array float64, math.sqrt(2) leaves it as it is.)
Do not change an argument in place: work on a copy.
Check your work: python -m minimt grade mine --step warm_up
"""

from numpy import ndarray as Array


def merge_heads(x: Array) -> Array:
    """Put the heads back side by side: (B, H, T, D) → (B, T, E)."""
    raise NotImplementedError("step_warm_up: merge_heads")
