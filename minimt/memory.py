"""The memory: a ring of past (key, value) pairs for each stream and head (Section 3.1).

Keys and queries are l2-normalised; values are not. So a key written long ago, when the
weights were different, is as long as a fresh one (Section 3.2).
"""

import numpy as np
from numpy import ndarray as Array


def l2_normalize(x: Array, eps: float = 1e-6) -> Array:
    """Scale x to length 1 along its last axis; same shape. Vectors shorter than eps are
    divided by eps, so zero stays zero."""
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), eps)


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
        return np.arange(self.keys.shape[2]) < self.written[:, None]

    def clear(self, starts: Array) -> None:
        """Empty the memory of the streams where `starts` (B,) is True."""
        self.written[np.asarray(starts, dtype=bool)] = 0

    def write(self, k: Array, v: Array) -> None:
        """Append T tokens, k and v (B, H, T, D), in place, over the oldest ones.

        They are copied. For other shapes it raises ValueError and writes nothing: one
        head must not be broadcast to all heads.
        """
        (B, H, M, D), T = self.keys.shape, k.shape[2]
        if k.shape != (B, H, T, D) or v.shape != k.shape:
            shapes = f"{k.shape} and {v.shape}"
            raise ValueError(f"k and v must have shape {(B, H, T, D)}, not {shapes}")
        last = np.arange(max(0, T - M), T)  # if T > M, only the last M tokens remain
        stream, slot = np.arange(B)[:, None], (self.written[:, None] + last) % M
        # The slice between two index arrays puts their axes first: (B, T, H, D).
        self.keys[stream, :, slot] = k[:, :, last].swapaxes(1, 2)
        self.values[stream, :, slot] = v[:, :, last].swapaxes(1, 2)
        self.written += T

    def search(self, q: Array, K: int) -> tuple[Array, Array, Array]:
        """The K keys nearest to each query q (B, H, T, D), as from `exact_topk`."""
        return self.searcher.topk(q, self.keys, self.valid, K)
