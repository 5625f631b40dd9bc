"""Memory (13 points).

Read tutorial/04_memory.md first.
To write: l2_normalize, Memory.valid, Memory.clear, Memory.write.
B streams, T tokens in a segment, S keys, H heads, D head size, E = H·D, C cached
tokens, M memory slots, K neighbours, V vocabulary.
Return NumPy arrays: masks are bool, indices are int, and floats keep the dtype of the
input. (np.sqrt(2) makes a float32 array float64, math.sqrt(2) leaves it as it is.)
Do not change an argument in place: work on a copy.
Check your work: python -m minimt grade mine --step memory
"""

import numpy as np
from numpy import ndarray as Array


def l2_normalize(x: Array, eps: float = 1e-6) -> Array:
    """Scale x to length 1 along its last axis; same shape. Vectors shorter than eps are
    divided by eps, so zero stays zero."""
    raise NotImplementedError("step_memory: l2_normalize")


class Memory:
    """M slots per stream and head; token n of a document goes into slot n mod M.

    keys, values (B, H, M, D); written (B,) counts the tokens since the last clear;
    searcher finds keys, as `search.Search` does. ValueError for a size below 1.
    """

    def __init__(self, B: int, H: int, M: int, D: int, dtype=np.float32, searcher=None):
        if min(B, H, M, D) < 1:
            raise ValueError(f"B, H, M and D must be at least 1, not {(B, H, M, D)}")
        self.keys = np.zeros((B, H, M, D), dtype)
        self.values = np.zeros((B, H, M, D), dtype)
        self.written = np.zeros(B, dtype=np.int64)
        self.searcher = searcher

    @property
    def valid(self) -> Array:
        """True for the slots that hold a token of the stream's document: (B, M)."""
        raise NotImplementedError("step_memory: Memory.valid")

    def clear(self, starts: Array) -> None:
        """Empty the memory of the streams where `starts` (B,) is True."""
        raise NotImplementedError("step_memory: Memory.clear")

    def write(self, k: Array, v: Array) -> None:
        """Append T tokens, k and v (B, H, T, D), in place, over the oldest ones.

        They are copied. For other shapes it raises ValueError and writes nothing: one
        head must not be broadcast to all heads.
        """
        raise NotImplementedError("step_memory: Memory.write")

    def search(self, q: Array, K: int) -> tuple[Array, Array, Array]:
        """The K keys nearest to each query q (B, H, T, D), as from `exact_topk`."""
        return self.searcher.topk(q, self.keys, self.valid, K)
