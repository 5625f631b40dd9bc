"""Step 3: Transformer-XL cache (10 points).

Read tutorial/03_cache.md first.
To write: extend_cache, document_mask.
B streams, T tokens of a segment, S keys, H heads, D head size, E = H·D, C cached
tokens, M memory slots, K neighbours, V vocabulary.
Check: python -m minimt grade mine --step 3
"""

import numpy as np

from step1_attention import causal_mask


def extend_cache(cache, k, v, C):
    """Append k and v (B, H, T, D) to the cache and keep the last C tokens.

    cache: None or the pair (keys, values), each (B, H, c, D); returns such a pair. With
    C + T for C it gives what a segment attends to; with C what the next one inherits.
    """
    raise NotImplementedError("step3_cache: extend_cache")


def document_mask(age, T, S):
    """True where query and key are of one document and in causal order: (B, 1, T, S).

    age (B,): how many tokens of its document each stream has read before this segment,
    0 where a document starts. Cached keys older than that belong to another document.
    """
    raise NotImplementedError("step3_cache: document_mask")
