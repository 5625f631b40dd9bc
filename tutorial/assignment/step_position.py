"""Relative position (10 points).

Read tutorial/02_position.md first.
To write: relative_position_bucket, relative_bias.
B streams, T tokens in a segment, S keys, H heads, D head size, E = H·D, C cached
tokens, M memory slots, K neighbours, V vocabulary.
Return NumPy arrays: masks are bool, indices are int, and floats keep the dtype of the
input. (np.sqrt(2) makes a float32 array float64, math.sqrt(2) leaves it as it is.)
Do not change an argument in place: work on a copy.
Check your work: python -m minimt grade mine --step position
"""

import numpy as np
from numpy import ndarray as Array

from step_attention import distance


def relative_position_bucket(
    distance: Array, num_buckets=32, max_distance=128
) -> Array:
    """The bucket, 0 … num_buckets − 1, of each distance query − key ≥ 0; same shape.

    The first half of the buckets hold one distance each. The others widen
    logarithmically up to `max_distance`, and the last one takes everything beyond.
    Keys ahead of the query fall into bucket 0, but the mask removes them. Raises
    ValueError unless 0 < num_buckets // 2 < max_distance.
    """
    raise NotImplementedError("step_position: relative_position_bucket")


def relative_bias(table: Array, T: int, S: int) -> Array:
    """The bias to add to local logits: table (num_buckets, H) → (H, T, S), T ≤ S."""
    # bucket: (T, S)
    raise NotImplementedError("step_position: relative_bias")
