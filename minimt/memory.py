"""The memory: past (key, value) pairs, in a ring per stream and head (Section 3.1).

Keys and queries are l2-normalised, values are not, so a key written long ago, when the
weights were others, still has the length of a fresh one (Section 3.2).
"""

import numpy as np


def l2_normalize(x, eps=1e-6):
    """Scale x to length 1 over the last axis; vectors shorter than eps are only divided
    by eps, so zero stays zero."""
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), eps)


class Memory:
    """M slots per stream and head; token n of a document is in slot n mod M.

    keys, values (B, H, M, D); written (B,) counts the tokens since the last clear.
    """

    def __init__(self, B, H, M, D, dtype=np.float32):
        if min(B, H, M, D) < 1:
            raise ValueError(f"a memory needs sizes of at least 1, not {(B, H, M, D)}")
        self.keys = np.zeros((B, H, M, D), dtype)
        self.values = np.zeros((B, H, M, D), dtype)
        self.written = np.zeros(B, dtype=np.int64)

    @property
    def valid(self):
        """True for the slots that hold a token of the stream's document: (B, M)."""
        return np.arange(self.keys.shape[2]) < self.written[:, None]

    def clear(self, starts):
        """Forget everything in the streams where `starts` (B,) is True."""
        self.written[np.asarray(starts, dtype=bool)] = 0

    def write(self, k, v):
        """Append T tokens, k and v (B, H, T, D), over the oldest ones, in place.

        ValueError for other sizes: one head's keys must not be spread over all heads.
        """
        (B, H, M, D), T = self.keys.shape, k.shape[2]
        if k.shape != (B, H, T, D) or v.shape != k.shape:
            raise ValueError(f"write k and v of {(B, H, T, D)}: {k.shape}, {v.shape}")
        kept = np.arange(max(0, T - M), T)  # of T > M tokens the last M remain
        stream, slot = np.arange(B)[:, None], (self.written[:, None] + kept) % M
        # The slice between two index arrays puts their axes first: (B, T, H, D).
        self.keys[stream, :, slot] = k[:, :, kept].swapaxes(1, 2)
        self.values[stream, :, slot] = v[:, :, kept].swapaxes(1, 2)
        self.written += T
