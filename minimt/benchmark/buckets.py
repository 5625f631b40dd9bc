"""One maximum per bucket: the approximate search of the authors' released code.

The paper's text does not describe it; it only says that approximate search may be used,
with a recall of about 90%. On a TPU a maximum is cheap and sorting is not, so the
released code deals the M scores into N buckets, slot m into bucket m mod N, and keeps
the largest of each. It has as many buckets as neighbours, so all maxima are returned.
"""

import torch
from torch import Tensor

from ..torch_search import Neighbours, Search, in_one, largest


def strided_maxima(scores: Tensor, buckets: int, K: int) -> Tensor:
    """The K largest of one maximum per bucket: scores (…, M) → indices (…, K).

    Fewer than K if there are not so many buckets. M must be a multiple of `buckets`.
    """
    maxima, member = scores.unflatten(-1, (-1, buckets)).max(-2)
    best = largest(maxima, K)[1]
    return member.gather(-1, best) * buckets + best


class BucketSearch(Search):
    """A memory's searcher that finds the best key in each of N buckets of slots."""

    def __init__(self, N: int):
        self.N = N

    @torch.no_grad()
    def topk(self, q: Tensor, keys: Tensor, valid: Tensor, K: int) -> Neighbours:
        """Like `exact_topk`, but at most one key from each bucket."""
        streams = zip(q, keys, valid)
        return in_one([self._of_stream(*stream, K) for stream in streams], K)

    def _of_stream(self, q, keys, valid, K):
        """q (H, T, D), keys (H, M, D), valid (M,) → scores and index (H, T, ≤ K)."""
        scores = (q @ keys.mT).masked_fill_(~valid, -torch.inf)  # (H, T, M)
        index = strided_maxima(scores, self.N, K)
        return scores.gather(-1, index), index
