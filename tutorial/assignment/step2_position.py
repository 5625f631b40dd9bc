"""Step 2: relative position (10 points).

Read tutorial/02_position.md first.
To write: relative_position_bucket, relative_bias.
B streams, T tokens of a segment, S keys, H heads, D head size, E = H·D, C cached
tokens, M memory slots, K neighbours, V vocabulary.
Check: python -m minimt grade mine --step 2
"""

import numpy as np

from step1_attention import distance


def relative_position_bucket(distance, num_buckets=32, max_distance=128):
    """The bucket (same shape, 0 … num_buckets−1) of each distance query − key ≥ 0.

    The first half of the buckets hold one distance each; the rest grow
    logarithmically up to `max_distance`, and the last takes all beyond. Keys ahead of
    the query fall in bucket 0: the mask removes them. ValueError unless
    0 < num_buckets // 2 < max_distance.
    """
    raise NotImplementedError("step2_position: relative_position_bucket")


def relative_bias(table, T, S):
    """The bias to add to local logits: table (num_buckets, H) → (H, T, S)."""
    # bucket: (T, S)
    raise NotImplementedError("step2_position: relative_bias")
