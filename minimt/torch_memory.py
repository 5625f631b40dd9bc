"""The memory in PyTorch: a ring that is read and written in place."""

import torch
import torch.nn.functional as F
from torch import Tensor

from .shapes import expect
from .torch_attention import softmax
from .torch_search import Neighbours, Search


class Memory:
    """M slots per stream and head, which the gradient treats as constants.

    The backward pass reads the retrieved rows in the ring itself, not in a copy. Until
    it has run, the model defers its writes; the next segment begins with a `flush`.
    """

    def __init__(
        self, B: int, H: int, M: int, D: int, dtype=None, searcher=None, device=None
    ):
        self.keys = torch.zeros(B, H, M, D, dtype=dtype, device=device)
        self.values = torch.zeros_like(self.keys)
        self.written = torch.zeros(B, dtype=torch.int64, device=device)
        self.searcher = searcher or Search()
        self.searcher.begin(self.keys)
        self.deferred: tuple[Tensor, Tensor] | None = None

    @property
    def valid(self) -> Tensor:
        """True for the slots that hold a token of the stream's document: (B, M)."""
        slot = torch.arange(self.keys.shape[2], device=self.written.device)
        return slot < self.written[:, None]

    def clear(self, starts: Tensor) -> None:
        """Empty the memory of the streams where `starts` (B,) is True."""
        expect("starts", starts, len(self.written))
        self.flush()
        with self._writing():
            self.written.masked_fill_(starts, 0)
            self.searcher.clear(starts)

    def write(self, k: Tensor, v: Tensor) -> None:
        """Append T tokens, k and v (B, H, T, D), in place, over the oldest ones.

        Raises ValueError for other shapes: one head must not be broadcast to all heads.
        """
        self.defer(k, v)
        self.flush()

    def defer(self, k: Tensor, v: Tensor) -> None:
        """Like `write`, but while gradients are recorded it waits for `flush`."""
        (B, H, _, D), T = self.keys.shape, k.shape[2]
        expect("k", k, B, H, T, D)
        expect("v", v, B, H, T, D)
        self.flush()
        self.deferred = k.detach().clone(), v.detach().clone()
        if not torch.is_grad_enabled():
            self.flush()

    def flush(self) -> None:
        """Write what was deferred, if anything."""
        if self.deferred:
            (k, v), self.deferred = self.deferred, None
            with self._writing():
                self._place(k, v)
                self.searcher.insert(k, self.keys, self.written)

    def _writing(self):
        """The mode in which the ring may be written: the one in which it was made."""
        return torch.inference_mode() if self.keys.is_inference() else torch.no_grad()

    def _place(self, k, v):
        """Put k and v (B, H, T, D) into their slots."""
        (B, _, M, _), T = self.keys.shape, k.shape[2]
        last = torch.arange(max(0, T - M), T, device=k.device)  # at most the last M
        stream, slot = torch.arange(B)[:, None], (self.written[:, None] + last) % M
        for ring, new in ((self.keys, k), (self.values, v)):
            ring[stream, :, slot] = new[:, :, last].transpose(1, 2).to(ring.dtype)
        self.written += T

    def state_dict(self) -> dict:
        """What the memory holds, as tensors and lists with a row for each stream."""
        self.flush()
        rings = dict(keys=self.keys, values=self.values, written=self.written)
        return rings | self.searcher.state_dict()

    def load_state_dict(self, saved: dict) -> None:
        """Restore what `state_dict` returned."""
        self.deferred = None
        with self._writing():
            self.keys.copy_(saved["keys"])
            self.values.copy_(saved["values"])
            self.written.copy_(saved["written"])
            self.searcher.load_state_dict(saved)

    def search(self, q: Tensor, K: int) -> Neighbours:
        """The K keys nearest to each query q (B, H, T, D), as from `exact_topk`."""
        return self.searcher.topk(q, self.keys, self.valid, K)

    def attend(self, q: Tensor, retrieved: Neighbours, scale: Tensor) -> Tensor:
        """What queries (B, H, T, D) read from the slots they retrieved: (B, H, T, D).

        The same as `attend_to_memory`, but without copying the retrieved rows.
        """
        (B, H, M, D), (scores, index, found) = self.keys.shape, retrieved
        first = M * torch.arange(B * H, device=index.device).view(B, H, 1, 1)
        rows = (first + index).flatten(0, 2)  # (B · H · T, K)
        keys, values = (x.view(-1, D) for x in (self.keys, self.values))
        scores = Scores.apply(q, keys, rows, scores.masked_fill(~found, 0))
        logits = scale[:, None, None] * scores  # (B, H, T, K)
        weight = softmax(logits.masked_fill(~found, -torch.inf))
        return found_rows(values, rows, weight)


class Scores(torch.autograd.Function):
    """The scores of a search as a function of the query: dq = Σ dscore · key."""

    @staticmethod
    def forward(ctx, q, keys, rows, scores):
        """q (B, H, T, D), keys (N, D), rows (B · H · T, K), scores (B, H, T, K)."""
        ctx.save_for_backward(keys, rows)
        return scores

    @staticmethod
    def backward(ctx, grad):
        """The gradient with respect to q, given that with respect to the scores."""
        keys, rows = ctx.saved_tensors
        return found_rows(keys, rows, grad), None, None, None


def weighted_rows(table: Tensor, rows: Tensor, weight: Tensor) -> Tensor:
    """Weighted sums of rows of a table (N, D): rows (n, K), weight (…, K) → (…, D)."""
    flat = weight.flatten(0, -2).to(table.dtype)  # (n, K)
    sums = F.embedding_bag(rows, table, mode="sum", per_sample_weights=flat)  # (n, D)
    return sums.view(*weight.shape[:-1], -1)


def found_rows(table: Tensor, rows: Tensor, weight: Tensor) -> Tensor:
    """The same, but 0 where all weights are 0, even if there is NaN in the rows."""
    sums = weighted_rows(table, rows, weight)
    return torch.where(weight.any(-1, keepdim=True), sums, 0)
