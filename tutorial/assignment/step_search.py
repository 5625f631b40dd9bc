"""Exact search (12 points).

Read tutorial/05_search.md first.
To write: argsort_descending, topk, exact_topk.
B streams, T tokens in a segment, S keys, H heads, D head size, E = H·D, C cached
tokens, M memory slots, K neighbours, V vocabulary.
Return NumPy arrays: masks are bool, indices are int, and floats keep the dtype of the
input. (np.sqrt(2) makes a float32 array float64, math.sqrt(2) leaves it as it is.)
Do not change an argument in place: work on a copy.
Check your work: python -m minimt grade mine --step search
"""

import numpy as np
from numpy import ndarray as Array

Neighbours = tuple[Array, Array, Array]  # scores, index, found, each (…, K)


def exact_topk(q: Array, keys: Array, valid: Array, K: int) -> Neighbours:
    """The K best valid keys for each query (paper: K = 32).

    q (B, H, T, D), keys (B, H, M, D), valid (B, M) → scores, index, found, each
    (B, H, T, K), best first; of equal scores, the lower slot comes first. If fewer keys
    are valid, the rest have score −inf, index 0, found False. ValueError if K < 1, or
    for other shapes.
    """
    raise NotImplementedError("step_search: exact_topk")


def topk(scores: Array, K: int) -> Neighbours:
    """The K best of each row, as in `exact_topk`: (T, M) → three arrays (T, K)."""
    raise NotImplementedError("step_search: topk")


def argsort_descending(scores: Array) -> Array:
    """Indices from the best score to the worst, same shape; ties keep their order."""
    raise NotImplementedError("step_search: argsort_descending")


class Search:
    """Exact search in the form that a memory uses: an object with a `topk`."""

    topk = staticmethod(exact_topk)
