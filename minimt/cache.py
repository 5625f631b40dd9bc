"""Transformer-XL cache: a layer's last C keys and values, for the next segment.

Dai et al., ACL 2019 (arXiv 1901.02860), Section 3.2; Memorizing Transformers,
Section 3. Cached entries are constants: no gradient goes back to where they were made.
"""

import numpy as np

from .attention import causal_mask


def extend_cache(cache, k, v, C):
    """Append k and v (B, H, T, D) to the cache and keep the last C tokens.

    cache: None or the pair (keys, values), each (B, H, c, D); returns such a pair. With
    C + T for C it gives what a segment attends to; with C what the next one inherits.
    """
    if cache is not None:
        k = np.concatenate([cache[0], k], axis=2)
        v = np.concatenate([cache[1], v], axis=2)
    oldest = max(0, k.shape[2] - C)  # not [-C:], which keeps everything when C = 0
    return k[:, :, oldest:], v[:, :, oldest:]


def document_mask(age, T, S):
    """True where query and key are of one document and in causal order: (B, 1, T, S).

    age (B,): how many tokens of its document each stream has read before this segment,
    0 where a document starts. Cached keys older than that belong to another document.
    """
    # The key position where each stream's document begins.
    first = S - T - age[:, None, None, None]
    return causal_mask(T, S) & (np.arange(S) >= first)
