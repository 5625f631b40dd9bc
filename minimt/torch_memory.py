"""The memory in PyTorch: a ring that is read and written in place."""

import torch
import torch.nn.functional as F

from .torch_attention import softmax
from .torch_search import exact_topk


class Memory:
    """M slots per stream and head; constants for the gradient.

    What is written settles when the memory is next looked at, so that until then a
    gradient can read the rows that it overwrites where they lie, without a copy.
    """

    def __init__(self, B, H, M, D, dtype=torch.float32, device=None):
        self._keys = torch.zeros(B, H, M, D, dtype=dtype, device=device)
        self._values = torch.zeros_like(self._keys)
        self._written = torch.zeros(B, dtype=torch.int64, device=device)
        self._latest = None

    keys = property(lambda self: self.settled()._keys)  # (B, H, M, D)
    values = property(lambda self: self.settled()._values)  # (B, H, M, D)
    written = property(lambda self: self.settled()._written)  # (B,)

    @property
    def valid(self):
        """True for the slots that hold a token of the stream's document: (B, M)."""
        slot = torch.arange(self.keys.shape[2], device=self.written.device)
        return slot < self.written[:, None]

    def clear(self, starts):
        """Forget everything in the streams where `starts` (B,) is True."""
        with self._writing():
            self.written.masked_fill_(starts, 0)

    def write(self, k, v):
        """Append T tokens, k and v (B, H, T, D), over the oldest ones, in place.

        ValueError for other sizes: one head's keys must not be spread over all heads.
        """
        (B, H, _, D), T = self.keys.shape, k.shape[2]
        if k.shape != (B, H, T, D) or v.shape != k.shape:
            raise ValueError(f"write k and v of {(B, H, T, D)}: {k.shape}, {v.shape}")
        self._latest = k.detach().clone(), v.detach().clone()

    def settled(self):
        """This memory, with what was written last in its slots."""
        if self._latest:
            latest, self._latest = self._latest, None
            with self._writing():
                self._place(*latest)
        return self

    def _writing(self):
        """The mode in which the ring may be written: that in which it was made."""
        return torch.inference_mode() if self._keys.is_inference() else torch.no_grad()

    def _place(self, k, v):
        """Put T tokens in their slots."""
        (B, _, M, _), T = self._keys.shape, k.shape[2]
        kept = torch.arange(max(0, T - M), T, device=k.device)  # of T > M the last M
        stream, slot = torch.arange(B)[:, None], (self._written[:, None] + kept) % M
        for ring, new in ((self._keys, k), (self._values, v)):
            ring[stream, :, slot] = new[:, :, kept].transpose(1, 2).to(ring.dtype)
        self._written += T

    def state_dict(self):
        """What the memory holds, in tensors."""
        return dict(keys=self.keys, values=self.values, written=self.written)

    def load_state_dict(self, saved):
        """Hold what `state_dict` was taken from."""
        self._latest = None
        with self._writing():
            for name in ("keys", "values", "written"):
                vars(self)["_" + name].copy_(saved[name])

    def search(self, q, K):
        """The K nearest keys of each query, as `exact_topk` returns them."""
        return exact_topk(q, self.keys, self.valid, K)

    def attend(self, q, retrieved, scale):
        """What queries (B, H, T, D) read in the slots they retrieved: (B, H, T, D).

        As `attend_to_memory` over copies of these rows, but without copies.
        """
        (B, H, M, D), (scores, index, found) = self.keys.shape, retrieved
        first = M * torch.arange(B * H, device=index.device).view(B, H, 1, 1)
        rows = (first + index).flatten(0, 2)  # (B · H · T, K)
        keys, values = (x.view(-1, D) for x in (self.keys, self.values))
        scores = Scores.apply(q, keys, rows, scores.masked_fill(~found, 0))
        logits = scale[:, None, None] * scores
        weight = softmax(logits.masked_fill(~found, -torch.inf))
        return weighted_rows(values, rows, weight)


class Scores(torch.autograd.Function):
    """Scores that a search found, as a function of the query: dq = Σ dscore · key."""

    @staticmethod
    def forward(ctx, q, keys, rows, scores):
        """q (B, H, T, D), keys (N, D), rows (B · H · T, K), scores (B, H, T, K)."""
        ctx.save_for_backward(keys, rows)
        return scores

    @staticmethod
    def backward(ctx, grad):
        """The gradient to q, from that to the scores."""
        keys, rows = ctx.saved_tensors
        return weighted_rows(keys, rows, grad), None, None, None


def weighted_rows(table, rows, weight):
    """Sums of rows of a table (N, D): rows (n, K), weight (…, K) → (…, D)."""
    flat = weight.flatten(0, -2).to(table.dtype)
    sums = F.embedding_bag(rows, table, mode="sum", per_sample_weights=flat)
    return sums.view(*weight.shape[:-1], -1)
