"""Transformer-XL cache: a layer's last C keys and values, for the next segment.

Dai et al., ACL 2019 (arXiv 1901.02860), Section 3.2; Memorizing Transformers,
Section 3. Cached entries are constants: no gradient flows back through them.
"""

import numpy as np
from numpy import ndarray as Array

from .attention import causal_mask

Cache = tuple[Array, Array]  # keys and values, each (B, H, c, D)


def extend_cache(cache: Cache | None, k: Array, v: Array, C: int) -> Cache:
    """Append k and v (B, H, T, D) to the cache and keep the last C tokens.

    cache: None or a pair (keys, values), each (B, H, c, D); returns such a pair. Use
    C + T to get what a segment attends to, and C to get what the next one inherits.
    """
    if cache is not None:
        k = np.concatenate([cache[0], k], axis=2)
        v = np.concatenate([cache[1], v], axis=2)
    oldest = max(0, k.shape[2] - C)  # not [-C:], which keeps everything when C = 0
    return k[:, :, oldest:], v[:, :, oldest:]


def document_mask(age: Array, T: int, S: int) -> Array:
    """True where a key belongs to the query's document and is not ahead: (B, 1, T, S).

    age (B,): how many tokens of its document each stream has read before this segment,
    0 if the document starts here. Cached keys older than that belong to another one.
    """
    first = S - T - age[:, None, None, None]  # where each stream's document begins
    return causal_mask(T, S) & (np.arange(S) >= first)
