"""Attention in PyTorch, local and over memories: names and shapes as in NumPy."""

import torch
import torch.nn.functional as F
from torch import Tensor

from . import attention, position

Cache = tuple[Tensor, Tensor]  # keys and values, each (B, H, c, D)


def softmax(x: Tensor, axis: int = -1) -> Tensor:
    """Weights along `axis`; if all entries are −inf, they and their gradients are 0."""
    some = x.detach().amax(axis, keepdim=True) > -torch.inf
    return torch.where(some, x, 0).softmax(axis) * some


def causal_mask(T: int, S: int) -> Tensor:
    """True where a key is not ahead of the query: bool (T, S), for 1 ≤ T ≤ S."""
    return torch.from_numpy(attention.causal_mask(T, S))


def attend(q: Tensor, k: Tensor, v: Tensor, scale: Tensor, bias=None, mask=None):
    """Attention: q (B, H, T, D), k and v (B, H, S, D), scale (H,) → (B, H, T, D)."""
    logits = (scale[:, None, None] * q) @ k.mT  # (B, H, T, S)
    if bias is not None:
        logits = logits + bias
    if mask is None:
        return logits.softmax(-1) @ v
    logits = logits + where_not(mask, torch.finfo(q.dtype).min, q.dtype)
    return logits.softmax(-1) @ v * mask.any(-1, keepdim=True)


def where_not(mask: Tensor, penalty: float, dtype: torch.dtype) -> Tensor:
    """0 where mask is True, else the penalty: adding it is far faster than filling."""
    return torch.zeros_like(mask, dtype=dtype).masked_fill_(~mask, penalty)


def split_heads(x: Tensor, H: int) -> Tensor:
    """Split E into H heads: (B, T, E) → (B, H, T, D)."""
    return x.unflatten(-1, (H, -1)).transpose(1, 2)


def merge_heads(x: Tensor) -> Tensor:
    """Put the heads back side by side: (B, H, T, D) → (B, T, E)."""
    return x.transpose(1, 2).flatten(2)


def relative_bias(table: Tensor, T: int, S: int) -> Tensor:
    """The bias to add to local logits: table (num_buckets, H) → (H, T, S), T ≤ S."""
    distance = attention.distance(T, S)
    bucket = position.relative_position_bucket(distance, len(table))
    return table[torch.from_numpy(bucket).to(table.device)].movedim(-1, 0)


def extend_cache(cache: Cache | None, k: Tensor, v: Tensor, C: int) -> Cache:
    """Append k and v (B, H, T, D) to the cache and keep the last C tokens."""
    if cache is not None:
        k, v = torch.cat([cache[0], k], 2), torch.cat([cache[1], v], 2)
    oldest = max(0, k.shape[2] - C)
    return k[:, :, oldest:], v[:, :, oldest:]


def document_mask(age: Tensor, T: int, S: int) -> Tensor:
    """True where a key is of the query's document and not ahead: (B, 1, T, S)."""
    first = S - T - age[:, None, None, None]
    past = torch.arange(S, device=age.device) >= first
    return causal_mask(T, S).to(age.device) & past


def l2_normalize(x: Tensor, eps: float = 1e-6) -> Tensor:
    """Scale x to length 1 along its last axis; same shape."""
    return F.normalize(x, dim=-1, eps=eps)


def attend_to_memory(q: Tensor, k: Tensor, v: Tensor, found: Tensor, scale: Tensor):
    """q (B, H, T, D), k and v (B, H, T, K, D), found (B, H, T, K) → (B, H, T, D)."""
    logits = scale[:, None, None] * (k @ q[..., None])[..., 0]  # (B, H, T, K)
    weight = softmax(logits.masked_fill(~found, -torch.inf))
    return (weight[..., None, :] @ v.masked_fill(~found[..., None], 0))[..., 0, :]


def gate_value(gate_logit: Tensor) -> Tensor:
    """g = sigmoid(gate_logit), in the same shape."""
    return gate_logit.sigmoid()


def mix(remembered: Tensor, local: Tensor, gate_logit: Tensor, found: Tensor) -> Tensor:
    """g · remembered + (1 − g) · local per head; local alone if nothing was found."""
    gate = gate_value(gate_logit)[:, None, None] * found.any(-1, keepdim=True)
    return gate * remembered + (1 - gate) * local
