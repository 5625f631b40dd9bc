"""Correct solutions of the step on attention, in many styles."""

import math

import numpy as np


def softmax__plain(x, axis=-1):
    top = np.max(x, axis=axis, keepdims=True)
    top = np.where(np.isneginf(top), 0, top)
    e = np.exp(x - top)
    s = np.sum(e, axis=axis, keepdims=True)
    return np.divide(e, s, out=np.zeros_like(e), where=s > 0)


def softmax__nan_to_num(x, axis=-1):
    with np.errstate(invalid="ignore"):
        e = np.nan_to_num(np.exp(x - x.max(axis, keepdims=True)))
        return np.nan_to_num(e / e.sum(axis, keepdims=True))


def softmax__logsumexp(x, axis=-1):
    low = np.finfo(x.dtype).min
    top = np.maximum(np.max(x, axis=axis, keepdims=True), low)
    total = np.sum(np.exp(x - top), axis=axis, keepdims=True)
    return np.exp(x - top - np.log(np.where(total > 0, total, 1)))


def softmax__moved(x, axis=-1):
    rows = np.moveaxis(x, axis, -1)
    flat = rows.reshape(-1, rows.shape[-1])
    out = np.zeros_like(flat)
    for i, row in enumerate(flat):
        if np.any(row > -np.inf):
            e = np.exp(row - row.max())
            out[i] = e / e.sum()
    return np.moveaxis(out.reshape(rows.shape), -1, axis)


def softmax__own_copy(x, axis=-1):
    x = np.array(x)
    top = x.max(axis=axis, keepdims=True)
    top[~np.isfinite(top)] = 0
    x -= top
    np.exp(x, out=x)
    total = x.sum(axis=axis, keepdims=True)
    total[total == 0] = 1
    x /= total
    return x


def softmax__along_axis(x, axis=-1):
    def one(row):
        if np.all(np.isinf(row)):
            return np.zeros_like(row)
        e = np.exp(row - row.max())
        return e / e.sum()

    return np.apply_along_axis(one, axis, x)


def softmax__lists(x: np.ndarray, axis: int = -1) -> np.ndarray:
    out = np.zeros(x.shape, x.dtype)
    last, source = np.moveaxis(out, axis, -1), np.moveaxis(x, axis, -1)
    for place in np.ndindex(last.shape[:-1]):
        row = [float(y) for y in source[place]]
        top = max(row)
        weights = [math.exp(y - top) if y > -math.inf else 0.0 for y in row]
        total = sum(weights)
        last[place] = [w / total if total else 0.0 for w in weights]
    return out


def softmax__clipped(x, axis=-1):
    top = np.clip(x.max(axis=axis, keepdims=True), -1e30, None)
    e = np.exp(x - top)
    return e / np.maximum(e.sum(axis=axis, keepdims=True), np.finfo(x.dtype).tiny)


def distance__subtract(T, S):
    if T < 1 or T > S:
        raise ValueError("1 ≤ T ≤ S")
    return np.subtract.outer(np.arange(S - T, S), np.arange(S))


def distance__loops(T, S):
    if T > S or T <= 0:
        raise ValueError("too many or no queries")
    return np.array([[S - T + i - j for j in range(S)] for i in range(T)])


def distance__function(T: int, S: int) -> np.ndarray:
    if not (0 < T <= S):
        raise ValueError(f"{T=}, {S=}")
    return np.fromfunction(lambda i, j: S - T + i - j, (T, S), dtype=int)


def distance__grid(T, S):
    if T == 0:
        raise ValueError("no queries")
    if T > S:
        raise ValueError("more queries than keys")
    i, j = np.meshgrid(np.arange(T), np.arange(S), indexing="ij")
    return (S - T) + i - j


def distance__last_rows(T, S):
    if T < 1 or S < T:
        raise ValueError
    full = np.arange(S)[:, None] - np.arange(S)[None, :]
    return full[-T:]


def causal_mask__tri(T, S):
    return np.tri(T, S, S - T, dtype=bool)


def causal_mask__tril(T, S):
    return np.tril(np.ones((T, S), dtype=bool), k=S - T)


def causal_mask__compare(T, S):
    return np.arange(S)[None, :] <= np.arange(S - T, S)[:, None]


def causal_mask__loops(T, S):
    mask = np.zeros((T, S), dtype=bool)
    for i in range(T):
        mask[i, : S - T + i + 1] = True
    return mask


def causal_mask__not_triu(T, S):
    return ~np.triu(np.full((T, S), True), k=S - T + 1)


def weights_of(logits):
    top = logits.max(axis=-1, keepdims=True)
    e = np.exp(logits - np.where(np.isfinite(top), top, 0))
    total = e.sum(axis=-1, keepdims=True)
    return e / np.where(total > 0, total, 1)


def attend__einsum(q, k, v, scale, bias=None, mask=None):
    logits = np.einsum("bhtd,bhsd->bhts", q, k) * scale.reshape(1, -1, 1, 1)
    if bias is not None:
        logits += bias[None]
    if mask is not None:
        logits[~np.broadcast_to(mask, logits.shape)] = -np.inf
    return np.einsum("bhts,bhsd->bhtd", weights_of(logits), v)


def attend__scaled_queries(q, k, v, scale, bias=None, mask=None):
    logits = (q * scale[None, :, None, None]) @ np.swapaxes(k, 2, 3)
    logits = logits if bias is None else logits + bias
    if mask is not None:
        logits = logits + np.where(mask, 0, -np.inf).astype(logits.dtype)
    return weights_of(logits) @ v


def attend__heads(q, k, v, scale, bias=None, mask=None):
    B, H, T, _ = q.shape
    S = k.shape[2]
    allowed = np.ones((B, H, T, S), bool) if mask is None else mask
    allowed = np.broadcast_to(allowed, (B, H, T, S))
    out = np.zeros_like(q)
    for b in range(B):
        for h in range(H):
            logits = scale[h] * q[b, h] @ k[b, h].T
            if bias is not None:
                logits = logits + bias[h]
            out[b, h] = weights_of(np.where(allowed[b, h], logits, -np.inf)) @ v[b, h]
    return out


def attend__loops(q, k, v, scale, bias=None, mask=None):
    (B, H, T, D), S = q.shape, k.shape[2]
    out = np.zeros((B, H, T, D), q.dtype)
    if mask is not None:
        mask = np.broadcast_to(mask, (B, H, T, S))
    for b, h, t in np.ndindex(B, H, T):
        logits = []
        for s in range(S):
            logit = scale[h] * np.dot(q[b, h, t], k[b, h, s])
            if bias is not None:
                logit += bias[h, t, s]
            logits.append(logit if mask is None or mask[b, h, t, s] else -np.inf)
        top = max(logits)
        if top == -np.inf:
            continue
        weights = np.exp(np.array(logits) - top)
        out[b, h, t] = (weights[:, None] * v[b, h]).sum(0) / weights.sum()
    return out


def attend__open_keys_only(q, k, v, scale, bias=None, mask=None):
    B, H, T, D = q.shape
    out = np.zeros((B, H, T, D), dtype=q.dtype)
    for b, h, t in np.ndindex(B, H, T):
        logits = (k[b, h] @ q[b, h, t]) * scale[h]
        if bias is not None:
            logits = logits + bias[h, t]
        there = np.ones(len(logits), bool)
        if mask is not None:
            there = np.broadcast_to(mask, (B, H, T, len(logits)))[b, h, t]
        if there.any():
            weights = np.exp(logits[there] - logits[there].max())
            out[b, h, t] = weights @ v[b, h][there] / weights.sum()
    return out


def attend__masked_weights(q, k, v, scale, bias=None, mask=None):
    logits = np.matmul(q, k.transpose(0, 1, 3, 2)) * scale[:, None, None]
    if bias is not None:
        logits = logits + bias
    allowed = np.ones((1, 1, 1, 1), bool) if mask is None else mask
    top = np.where(allowed, logits, np.finfo(logits.dtype).min).max(-1, keepdims=True)
    weights = np.where(allowed, np.exp(np.minimum(logits - top, 0)), 0)
    total = weights.sum(axis=-1, keepdims=True)
    total[total == 0] = 1
    return (weights / total) @ v


def attend__masked_arrays(q, k, v, scale, bias=None, mask=None):
    logits = np.tensordot(scale, np.ones(1, q.dtype), 0)[:, :, None] * (
        q @ k.swapaxes(-2, -1)
    )
    if bias is not None:
        logits = np.add(logits, bias)
    if mask is not None:
        logits = np.where(np.logical_not(mask), -np.inf, logits)
    weights = weights_of(logits)
    return np.sum(weights[..., None] * v[:, :, None], axis=-2)


def attend__by_stream(q, k, v, scale, bias=None, mask=None):
    outputs = []
    for b in range(q.shape[0]):
        logits = scale[:, np.newaxis, np.newaxis] * (q[b] @ k[b].swapaxes(1, 2))
        if bias is not None:
            logits = logits + bias
        if mask is not None:
            mine = mask if mask.ndim < 4 else mask[b if len(mask) > 1 else 0]
            logits = np.where(mine, logits, -np.inf)
        outputs.append(weights_of(logits) @ v[b])
    return np.stack(outputs)


def split_heads__transpose(x, H):
    B, T, E = x.shape
    if E % H != 0:
        raise ValueError("H must divide E")
    return x.reshape(B, T, H, -1).transpose(0, 2, 1, 3)


def split_heads__slices(x, H):
    D, rest = divmod(x.shape[-1], H)
    if rest:
        raise ValueError("H must divide E")
    return np.stack([x[..., h * D : (h + 1) * D] for h in range(H)], axis=1)


def split_heads__split(x, H):
    if x.shape[2] % H:
        raise ValueError(f"{x.shape[2]} channels for {H} heads")
    return np.stack(np.split(x, H, axis=2), axis=1)


def split_heads__numpy_refuses(x, H):
    return np.array(np.split(x, H, axis=-1)).swapaxes(0, 1)
