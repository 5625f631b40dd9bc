"""Attention in PyTorch, local and over memories: names and shapes as in NumPy."""

import torch
import torch.nn.functional as F

from . import attention, position


def softmax(x, axis=-1):
    """Weights along `axis`; 0, and so is their gradient, where all entries are −inf."""
    some = x.detach().amax(axis, keepdim=True) > -torch.inf
    return torch.where(some, x, 0).softmax(axis) * some


def causal_mask(T, S):
    """True where a query may attend: bool (T, S)."""
    return torch.from_numpy(attention.causal_mask(T, S))


def attend(q, k, v, scale, bias=None, mask=None):
    """Attention: q (B, H, T, D), k and v (B, H, S, D) → (B, H, T, D)."""
    logits = (scale[:, None, None] * q) @ k.mT  # (B, H, T, S)
    if bias is not None:
        logits = logits + bias
    if mask is None:
        return logits.softmax(-1) @ v
    logits = logits + where_not(mask, torch.finfo(q.dtype).min, q.dtype)
    return logits.softmax(-1) @ v * mask.any(-1, keepdim=True)


def where_not(mask, penalty, dtype):
    """0 where mask, else the penalty: adding it is far faster than filling logits."""
    return torch.zeros_like(mask, dtype=dtype).masked_fill_(~mask, penalty)


def split_heads(x, H):
    """(B, T, E) → (B, H, T, D)."""
    return x.unflatten(-1, (H, -1)).transpose(1, 2)


def merge_heads(x):
    """(B, H, T, D) → (B, T, E)."""
    return x.transpose(1, 2).flatten(2)


def relative_bias(table, T, S):
    """table (num_buckets, H) → (H, T, S)."""
    distance = attention.distance(T, S)
    bucket = position.relative_position_bucket(distance, len(table))
    return table[torch.from_numpy(bucket).to(table.device)].movedim(-1, 0)


def extend_cache(cache, k, v, C):
    """Append k and v (B, H, T, D) to the cache and keep the last C tokens."""
    if cache is not None:
        k, v = torch.cat([cache[0], k], 2), torch.cat([cache[1], v], 2)
    oldest = max(0, k.shape[2] - C)
    return k[:, :, oldest:], v[:, :, oldest:]


def document_mask(age, T, S):
    """True where query and key are of one document, in causal order: (B, 1, T, S)."""
    first = S - T - age[:, None, None, None]
    past = torch.arange(S, device=age.device) >= first
    return causal_mask(T, S).to(age.device) & past


def l2_normalize(x, eps=1e-6):
    """Length 1 over the last axis."""
    return F.normalize(x, dim=-1, eps=eps)


def attend_to_memory(q, k, v, found, scale):
    """q (B, H, T, D), k and v (B, H, T, K, D), found (B, H, T, K) → (B, H, T, D)."""
    logits = scale[:, None, None] * (k @ q[..., None])[..., 0]  # (B, H, T, K)
    return (softmax(logits.masked_fill(~found, -torch.inf))[..., None, :] @ v)[
        ..., 0, :
    ]


def mix(remembered, local, gate_logit, found):
    """g · remembered + (1 − g) · local per head; local where nothing was found."""
    gate = gate_logit.sigmoid()[:, None, None] * found.any(-1, keepdim=True)
    return gate * remembered + (1 - gate) * local
