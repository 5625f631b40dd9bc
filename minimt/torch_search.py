"""Exact search in PyTorch, at about the price of the product of queries and keys."""

import torch
import torch.nn.functional as F

from .torch_attention import where_not

PIECE = 8192  # keys scored at a time: the scores of a stream stay in the cache
GROUPS_OF = 4  # entries that are first judged by the best of them


@torch.no_grad()
def exact_topk(q, keys, valid, K):
    """scores, index, found, each (B, H, T, K), best first; ties in any order."""
    if K < 1:
        raise ValueError(f"K must be at least 1, not {K}")
    space = keys.new_empty(*q.shape[1:3], min(PIECE, keys.shape[2]))  # for all streams
    streams = zip(q.to(keys.dtype), keys, valid, strict=True)
    return in_one([_of_stream(*stream, K, space) for stream in streams], K)


def _of_stream(q, keys, valid, K, space):
    """q (H, T, D), keys (H, M, D), valid (M,) → scores and index (H, T, K)."""
    full = valid.device.type == "cpu" and valid.all()  # a GPU would be waited for
    best = []
    for first in range(0, len(valid), PIECE):
        piece = slice(first, first + PIECE)
        scores = torch.bmm(q, keys[:, piece].mT, out=space[..., : len(valid) - first])
        if not full:
            scores += where_not(valid[piece], -torch.inf, q.dtype)
        scores, index = largest(scores, K)
        best.append((scores, index + first))
    scores, index = (torch.cat(part, -1) for part in zip(*best))
    if len(best) > 1:
        scores, place = largest(scores, K)
        index = index.gather(-1, place)
    return scores, index


def in_one(best, K):
    """Each stream's scores and index (H, T, ≤ K) as what a search returns."""
    scores, index = (torch.stack(part) for part in zip(*best))
    scores = F.pad(scores, (0, K - scores.shape[-1]), value=-torch.inf)
    index, found = F.pad(index, (0, K - index.shape[-1])), scores > -torch.inf
    return scores, index.masked_fill(~found, 0), found


def largest(scores, K, best_first=True):
    """The K largest of (…, M), or all: values and places, each (…, min(K, M)).

    They lie in the K groups with the largest maxima, found in the same way; topk itself
    then never sees more than a few times K entries.
    """
    M = scores.shape[-1]
    groups = M // GROUPS_OF
    if M % GROUPS_OF or groups <= K:
        return scores.topk(min(K, M), sorted=best_first)
    maxima = scores.unflatten(-1, (-1, groups)).amax(-2)  # entry i: group i % groups
    group = largest(maxima, K, best_first=False)[1]  # (…, K)
    first = torch.arange(0, M, groups, device=scores.device)
    member = (first[:, None] + group[..., None, :]).flatten(-2)  # (…, 4 · K)
    scores, place = scores.gather(-1, member).topk(K, sorted=best_first)
    return scores, member.gather(-1, place)
