"""T5's relative position bias: a number per bucket of distances, added to a logit.

Raffel et al., JMLR 2020 (arXiv 1910.10683), Section 2.1; the causal variant.
"""

import numpy as np
from numpy import ndarray as Array

from .attention import distance


def relative_position_bucket(
    distance: Array, num_buckets=32, max_distance=128
) -> Array:
    """The bucket, 0 … num_buckets − 1, of each distance query − key ≥ 0; same shape.

    The first half of the buckets hold one distance each. The others widen
    logarithmically up to `max_distance`, and the last one takes everything beyond.
    Keys ahead of the query fall into bucket 0, but the mask removes them. Raises
    ValueError unless 0 < num_buckets // 2 < max_distance.
    """
    distance = np.maximum(distance, 0)
    exact = num_buckets // 2
    if not 0 < exact < max_distance:
        raise ValueError("num_buckets must be ≥ 2, max_distance > num_buckets // 2")
    octave = np.log(np.maximum(distance, exact) / exact) / np.log(max_distance / exact)
    coarse = exact + (octave * (num_buckets - exact)).astype(int)
    return np.where(distance < exact, distance, np.minimum(coarse, num_buckets - 1))


def relative_bias(table: Array, T: int, S: int) -> Array:
    """The bias to add to local logits: table (num_buckets, H) → (H, T, S), T ≤ S."""
    bucket = relative_position_bucket(distance(T, S), len(table))  # (T, S)
    return np.moveaxis(table[bucket], -1, 0)
