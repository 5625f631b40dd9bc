"""Transformer-XL cache (10 points).

Read tutorial/03_cache.md first.
To write: extend_cache, document_mask.
B streams, T tokens in a segment, S keys, H heads, D head size, E = H·D, C cached
tokens, M memory slots, K neighbours, V vocabulary.
Return NumPy arrays: masks are bool, indices are int, and floats keep the dtype of the
input. (np.sqrt(2) makes a float32 array float64, math.sqrt(2) leaves it as it is.)
Do not change an argument in place: work on a copy.
Check your work: python -m minimt grade mine --step cache
"""

import numpy as np
from numpy import ndarray as Array

from step_attention import causal_mask

Cache = tuple[Array, Array]  # keys and values, each (B, H, c, D)


def extend_cache(cache: Cache | None, k: Array, v: Array, C: int) -> Cache:
    """Append k and v (B, H, T, D) to the cache and keep the last C tokens.

    cache: None or a pair (keys, values), each (B, H, c, D); returns such a pair. Use
    C + T to get what a segment attends to, and C to get what the next one inherits.
    """
    raise NotImplementedError("step_cache: extend_cache")


def document_mask(age: Array, T: int, S: int) -> Array:
    """True where a key belongs to the query's document and is not ahead: (B, 1, T, S).

    age (B,): how many tokens of its document each stream has read before this segment,
    0 if the document starts here. Cached keys older than that belong to another one.
    """
    raise NotImplementedError("step_cache: document_mask")
