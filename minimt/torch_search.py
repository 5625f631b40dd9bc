"""Exact search in PyTorch, for little more than the cost of queries times keys."""

import torch
import torch.nn.functional as F
from torch import Tensor

from .shapes import expect

PIECE = 8192  # keys scored at a time, so that their scores fit into the CPU's cache
GROUP_SIZE = 4  # entries in a group, which is first judged by its largest
Neighbours = tuple[Tensor, Tensor, Tensor]  # scores, index, found, each (B, H, T, K)


@torch.no_grad()
def exact_topk(q: Tensor, keys: Tensor, valid: Tensor, K: int) -> Neighbours:
    """As in NumPy: scores, index, found, each (B, H, T, K), but ties in any order."""
    (B, H, _, D), M = q.shape, keys.shape[2]
    expect("keys", keys, B, H, M, D)
    expect("valid", valid, B, M)
    space = keys.new_empty(*q.shape[1:3], min(PIECE, keys.shape[2]))  # for each stream
    streams = zip(q.to(keys.dtype), keys, valid, strict=True)
    return in_one([_of_stream(*stream, K, space) for stream in streams], K)


def _of_stream(q, keys, valid, K, space):
    """q (H, T, D), keys (H, M, D), valid (M,) → scores and index (H, T, K)."""
    count = int(valid.sum()) if valid.device.type == "cpu" else 0  # awaits no GPU
    first_ones, best = count and valid[:count].all(), []  # whether those are valid
    for first in range(0, len(valid), PIECE):
        piece = slice(first, first + PIECE)
        scores = torch.bmm(q, keys[:, piece].mT, out=space[..., : len(valid) - first])
        if first_ones:  # by far the fastest
            scores[..., max(0, count - first) :] = -torch.inf  # (H, T, ≤ PIECE)
        else:
            scores.masked_fill_(~valid[piece], -torch.inf)
        top, index = largest(scores, K)  # (H, T, ≤ K)
        best.append((top, index + first))
    top, index = (torch.cat(part, -1) for part in zip(*best))  # (H, T, pieces · K)
    if len(best) > 1:
        top, place = largest(top, K)  # (H, T, K)
        index = index.gather(-1, place)  # (H, T, K)
    return top, index


def in_one(best: list, K: int) -> Neighbours:
    """What a search returns, from each stream's scores and index (H, T, ≤ K)."""
    scores, index = (torch.stack(part) for part in zip(*best))  # (B, H, T, ≤ K)
    scores = F.pad(scores, (0, K - scores.shape[-1]), value=-torch.inf)  # (B, H, T, K)
    index, found = F.pad(index, (0, K - index.shape[-1])), scores > -torch.inf
    return scores, index.masked_fill(~found, 0), found


def largest(scores: Tensor, K: int, best_first: bool = True) -> tuple[Tensor, Tensor]:
    """The K largest of (…, M), or all M: values and indices, each (…, min(K, M)).

    They lie in the K groups with the largest maxima, which are found in the same way,
    so if M is a power of 2, `topk` sees only a few times K entries. Raises ValueError
    if K < 1.
    """
    if K < 1:
        raise ValueError(f"K must be at least 1, not {K}")
    M = scores.shape[-1]
    groups = M // GROUP_SIZE
    if M % GROUP_SIZE or groups <= K:
        top = scores.topk(min(K, M), sorted=best_first)
        return top.values, top.indices
    # Entry i belongs to group i % groups: a group's members are `groups` apart.
    maxima = scores.unflatten(-1, (-1, groups)).amax(-2)  # (…, groups)
    group = largest(maxima, K, best_first=False)[1]  # (…, K)
    first = torch.arange(0, M, groups, device=scores.device)  # (GROUP_SIZE,)
    member = (first[:, None] + group[..., None, :]).flatten(-2)  # (…, GROUP_SIZE · K)
    top = scores.gather(-1, member).topk(K, sorted=best_first)  # (…, K)
    return top.values, member.gather(-1, top.indices)


class Search:
    """Exact search as a memory's searcher, and the interface of every other searcher.

    One that maintains an index is told of each change to the ring of keys (B, H, M, D).
    """

    def topk(self, q: Tensor, keys: Tensor, valid: Tensor, K: int) -> Neighbours:
        """The same as `exact_topk`."""
        return exact_topk(q, keys, valid, K)

    def begin(self, keys: Tensor) -> None:
        """Called once, while the ring is still empty."""

    def insert(self, k: Tensor, keys: Tensor, written: Tensor) -> None:
        """Called after k (B, H, T, D), the last of `written` (B,) keys, was written."""

    def clear(self, starts: Tensor) -> None:
        """Called after the streams where `starts` (B,) is True were emptied."""

    def state_dict(self) -> dict:
        """The index, as tensors and lists with a row for each stream."""
        return {}

    def load_state_dict(self, saved: dict) -> None:
        """Restore what `state_dict` returned."""
