"""Step 5: exact search (12 points).

Read tutorial/05_search.md first.
To write: order, topk, exact_topk.
B streams, T tokens of a segment, S keys, H heads, D head size, E = H·D, C cached
tokens, M memory slots, K neighbours, V vocabulary.
Check: python -m minimt grade mine --step 5
"""

import numpy as np


def exact_topk(q, keys, valid, K):
    """The K best keys of each query among the valid ones (paper: K = 32).

    q (B, H, T, D), keys (B, H, M, D), valid (B, M) → scores, index, found, each
    (B, H, T, K), best first, of equal scores the lower slot first. With fewer than K
    valid keys the rest have score −inf, index 0, found False. ValueError if K < 1.
    """
    raise NotImplementedError("step5_search: exact_topk")


def topk(scores, K):
    """The K best of each row, as `exact_topk` has them: (T, M) → three times (T, K)."""
    raise NotImplementedError("step5_search: topk")


def order(scores):
    """Places from the best score to the worst, of equal ones the first place first."""
    raise NotImplementedError("step5_search: order")
