"""Correct solutions of the step on the gate, in many styles."""

import math

import numpy as np

from minimt.attention import softmax
from minimt.gate import gate_value


def attend_to_memory__einsum(q, k, v, found, scale):
    logits = np.einsum("bhtd,bhtkd,h->bhtk", q, k, scale)
    logits[~found] = -np.inf
    return np.einsum("bhtk,bhtkd->bhtd", softmax(logits), v)


def attend_to_memory__sums(q, k, v, found, scale):
    logits = (q[..., None, :] * k).sum(axis=-1) * scale[None, :, None, None]
    weights = softmax(np.where(found, logits, -np.inf))
    return (weights[..., None] * v).sum(axis=-2)


def attend_to_memory__loops(q, k, v, found, scale):
    out = np.zeros_like(q)
    for b, h, t in np.ndindex(q.shape[:3]):
        there = found[b, h, t]
        if not there.any():
            continue
        logits = scale[h] * (k[b, h, t][there] @ q[b, h, t])
        weights = np.exp(logits - logits.max())
        out[b, h, t] = weights / weights.sum() @ v[b, h, t][there]
    return out


def attend_to_memory__scalars(q, k, v, found, scale):
    B, H, T, D = q.shape
    out = np.zeros((B, H, T, D), q.dtype)
    for b in range(B):
        for h in range(H):
            for t in range(T):
                logits = {
                    n: float(scale[h]) * float(q[b, h, t] @ k[b, h, t, n])
                    for n in range(k.shape[3])
                    if found[b, h, t, n]
                }
                top = max(logits.values(), default=0)
                total = sum(math.exp(x - top) for x in logits.values())
                for n, x in logits.items():
                    out[b, h, t] += math.exp(x - top) / total * v[b, h, t, n]
    return out


def attend_to_memory__own_softmax(q, k, v, found, scale):
    logits = np.matmul(k, q[..., None]).squeeze(-1) * scale[:, None, None]
    top = np.where(found, logits, np.finfo(q.dtype).min).max(-1, keepdims=True)
    weights = np.exp(np.minimum(logits - top, 0)) * found
    total = weights.sum(-1, keepdims=True)
    weights = weights / np.where(total == 0, 1, total)
    return np.matmul(weights[..., None, :], v).squeeze(-2)


def attend_to_memory__scaled_queries(q, k, v, found, scale):
    scaled = q * scale.reshape(1, -1, 1, 1)
    logits = np.einsum("...d,...kd->...k", scaled, k)
    wall = np.where(found, 0, -np.inf).astype(q.dtype)
    return np.einsum("...k,...kd->...d", softmax(logits + wall), v)


def attend_to_memory__flat(q, k, v, found, scale):
    B, H, T, K, D = k.shape
    rows = k.reshape(-1, K, D) @ q.reshape(-1, D, 1)
    logits = rows.reshape(B, H, T, K) * scale[:, None, None]
    weights = softmax(np.where(found, logits, -np.inf)).reshape(-1, 1, K)
    return (weights @ v.reshape(-1, K, D)).reshape(B, H, T, D)


def attend_to_memory__heads(q, k, v, found, scale):
    heads = []
    for h in range(q.shape[1]):
        logits = scale[h] * np.sum(k[:, h] * q[:, h, :, None], axis=-1)
        weights = softmax(np.where(found[:, h], logits, -np.inf))
        heads.append(np.sum(weights[..., None] * v[:, h], axis=2))
    return np.stack(heads, axis=1)


def gate_value__pieces(gate_logit):
    e = np.exp(-np.abs(gate_logit))
    return np.where(gate_logit >= 0, 1 / (1 + e), e / (1 + e))


def gate_value__overflow_ignored(gate_logit):
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-gate_logit))


def gate_value__logaddexp(gate_logit):
    return np.exp(-np.logaddexp(0, -gate_logit)).astype(gate_logit.dtype)


def gate_value__clipped(gate_logit):
    return 1 / (1 + np.exp(-np.clip(gate_logit, -60, 60)))


def gate_value__lists(gate_logit):
    def sigmoid(x: float) -> float:
        return 1 / (1 + math.exp(-x)) if x > 0 else math.exp(x) / (1 + math.exp(x))

    return np.array([sigmoid(float(x)) for x in gate_logit], dtype=gate_logit.dtype)


def gate_value__own_tanh(gate_logit):
    return 0.5 * np.tanh(0.5 * gate_logit) + 0.5


def mix__where(remembered, local, gate_logit, found):
    g = gate_value(gate_logit).reshape(-1, 1, 1)
    some = found.any(-1)[..., None]
    return np.where(some, g * remembered + (1 - g) * local, local)


def mix__moved(remembered, local, gate_logit, found):
    g = gate_value(gate_logit)[None, :, None, None] * found.any(axis=3)[..., None]
    return local + g * (remembered - local)


def mix__loops(remembered, local, gate_logit, found):
    g, out = gate_value(gate_logit), np.array(local)
    for b, h, t in np.ndindex(found.shape[:3]):
        if any(found[b, h, t]):
            out[b, h, t] = g[h] * remembered[b, h, t] + (1 - g[h]) * local[b, h, t]
    return out


def mix__own_copies(remembered, local, gate_logit, found):
    g = gate_value(gate_logit)
    mixed = local.copy()
    for h in range(len(g)):
        some = found[:, h].max(axis=-1)
        mixed[:, h][some] *= 1 - g[h]
        mixed[:, h][some] += g[h] * remembered[:, h][some]
    return mixed


def mix__einsum(remembered, local, gate_logit, found):
    g = np.einsum("h,bht->bht", gate_value(gate_logit), found.any(-1))
    return np.einsum("bht,bhtd->bhtd", g, remembered) + (1 - g)[..., None] * local


def mix__counts(remembered, local, gate_logit, found):
    g = np.broadcast_to(gate_value(gate_logit)[:, None], found.shape[:3]).copy()
    g[found.sum(axis=-1) == 0] = 0
    return g[..., None] * remembered + (1 - g[..., None]) * local
