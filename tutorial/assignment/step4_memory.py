"""Step 4: memory (12 points).

Read tutorial/04_memory.md first.
To write: l2_normalize, Memory.valid, Memory.clear, Memory.write.
B streams, T tokens of a segment, S keys, H heads, D head size, E = H·D, C cached
tokens, M memory slots, K neighbours, V vocabulary.
Check: python -m minimt grade mine --step 4
"""

import numpy as np


def l2_normalize(x, eps=1e-6):
    """Scale x to length 1 over the last axis; vectors shorter than eps are only divided
    by eps, so zero stays zero."""
    raise NotImplementedError("step4_memory: l2_normalize")


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
        raise NotImplementedError("step4_memory: Memory.valid")

    def clear(self, starts):
        """Forget everything in the streams where `starts` (B,) is True."""
        raise NotImplementedError("step4_memory: Memory.clear")

    def write(self, k, v):
        """Append T tokens, k and v (B, H, T, D), over the oldest ones, in place.

        ValueError for other sizes: one head's keys must not be spread over all heads.
        """
        raise NotImplementedError("step4_memory: Memory.write")
