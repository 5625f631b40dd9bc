"""Correct solutions of the step on gradients, in many styles."""

import numpy as np

from minimt.attention import softmax
from minimt.gate import gate_value


def weights_of(q, k, found, scale):
    logits = np.einsum("h,bhtd,bhtkd->bhtk", scale, q, k)
    return softmax(np.where(found, logits, -np.inf))


def attend_to_memory_backward__einsum(q, k, v, found, scale, grad):
    a = weights_of(q, k, found, scale)
    da = np.einsum("bhtkd,bhtd->bhtk", v, grad)
    dl = a * (da - np.einsum("bhtk,bhtk->bht", a, da)[..., None])
    return np.einsum("h,bhtk,bhtkd->bhtd", scale, dl, k)


def attend_to_memory_backward__jacobian(q, k, v, found, scale, grad):
    a = weights_of(q, k, found, scale)
    eye = np.eye(a.shape[-1], dtype=a.dtype)
    jacobian = a[..., None] * (eye - a[..., None, :])
    da = (v * grad[..., None, :]).sum(-1)
    dl = (jacobian @ da[..., None])[..., 0]
    return scale[:, None, None] * (dl[..., None] * k).sum(axis=-2)


def attend_to_memory_backward__loops(q, k, v, found, scale, grad):
    a, out = weights_of(q, k, found, scale), np.zeros_like(q)
    for b, h, t in np.ndindex(q.shape[:3]):
        da = [v[b, h, t, n] @ grad[b, h, t] for n in range(k.shape[3])]
        mean = sum(x * y for x, y in zip(a[b, h, t], da))
        for n in range(k.shape[3]):
            out[b, h, t] += scale[h] * a[b, h, t, n] * (da[n] - mean) * k[b, h, t, n]
    return out


def attend_to_memory_backward__output(q, k, v, found, scale, grad):
    a = weights_of(q, k, found, scale)
    out = np.einsum("bhtk,bhtkd->bhtd", a, v)
    better = ((v - out[..., None, :]) * grad[..., None, :]).sum(axis=-1)
    return ((a * better)[..., None] * k).sum(-2) * scale.reshape(1, -1, 1, 1)


def attend_to_memory_backward__covariance(q, k, v, found, scale, grad):
    a = weights_of(q, k, found, scale)[..., None]
    value = (v * grad[..., None, :]).sum(axis=-1, keepdims=True)
    mean_of_product = (a * value * k).sum(axis=-2)
    product_of_means = (a * value).sum(axis=-2) * (a * k).sum(axis=-2)
    return scale[:, None, None] * (mean_of_product - product_of_means)


def attend_to_memory_backward__two_terms(q, k, v, found, scale, grad):
    a = weights_of(q, k, found, scale)
    da = np.matmul(v, grad[..., None]).squeeze(-1)
    dl = a * da - a * (a * da).sum(-1, keepdims=True)
    dl *= scale[:, None, None]
    return np.matmul(dl[..., None, :], k).squeeze(-2)


def attend_to_memory_backward__found_only(q, k, v, found, scale, grad):
    out = np.zeros(q.shape, q.dtype)
    for b, h, t in zip(*np.nonzero(found.any(axis=-1))):
        there = found[b, h, t]
        keys, values = k[b, h, t][there], v[b, h, t][there]
        logits = scale[h] * keys @ q[b, h, t]
        a = np.exp(logits - logits.max())
        a /= a.sum()
        da = values @ grad[b, h, t]
        out[b, h, t] = scale[h] * (a * (da - a @ da)) @ keys
    return out


def attend_to_memory_backward__centred_keys(q, k, v, found, scale, grad):
    a = weights_of(q, k, found, scale)
    centre = np.einsum("bhtk,bhtkd->bhtd", a, k)
    da = np.einsum("bhtkd,bhtd->bhtk", v, grad)
    moved = np.einsum("bhtk,bhtkd->bhtd", a * da, k)
    return scale[:, None, None] * (moved - centre * (a * da).sum(-1, keepdims=True))


def mix_backward__where(remembered, local, gate_logit, found, grad):
    g = gate_value(gate_logit)[:, None, None]
    some = found.any(-1, keepdims=True)
    share = np.where(some, g, 0).astype(grad.dtype)
    slope = np.where(some, grad * (remembered - local), 0).sum(axis=(0, 2, 3))
    g = g.ravel()
    return share * grad, (1 - share) * grad, slope * g * (1 - g)


def mix_backward__einsum(remembered, local, gate_logit, found, grad):
    g = gate_value(gate_logit)
    some = found.any(axis=-1).astype(grad.dtype)
    to_gate = np.einsum("bht,bhtd,bhtd->h", some, grad, remembered - local)
    share = np.einsum("h,bht->bht", g, some)[..., None]
    return grad * share, grad * (1 - share), to_gate * (g - g * g)


def mix_backward__loops(remembered, local, gate_logit, found, grad):
    g = gate_value(gate_logit)
    dr, dl, dg = np.zeros_like(grad), grad.copy(), np.zeros_like(gate_logit)
    for b, h, t in np.ndindex(found.shape[:3]):
        if found[b, h, t].any():
            dr[b, h, t] = g[h] * grad[b, h, t]
            dl[b, h, t] = (1 - g[h]) * grad[b, h, t]
            dg[h] += grad[b, h, t] @ (remembered[b, h, t] - local[b, h, t])
    return dr, dl, dg * g * (1 - g)


def mix_backward__heads(remembered, local, gate_logit, found, grad):
    parts = []
    for h, g in enumerate(gate_value(gate_logit)):
        some = found[:, h].any(axis=2)[..., None]
        to_remembered = some * g * grad[:, h]
        difference = (remembered[:, h] - local[:, h]) * grad[:, h]
        to_logit = g * (1 - g) * np.sum(difference * some)
        parts.append((to_remembered, grad[:, h] - to_remembered, to_logit))
    dr, dl, dg = zip(*parts)
    return np.stack(dr, axis=1), np.stack(dl, axis=1), np.array(dg, gate_logit.dtype)


def mix_backward__tanh(remembered, local, gate_logit, found, grad):
    t = np.tanh(gate_logit / 2)
    share = ((1 + t) / 2)[:, None, None] * found.any(axis=-1, keepdims=True)
    to_gate = (found.any(axis=-1, keepdims=True) * (remembered - local) * grad).sum(3)
    return share * grad, grad - share * grad, to_gate.sum((0, 2)) * (1 - t * t) / 4


def mix_backward__flat(remembered, local, gate_logit, found, grad):
    g, H = gate_value(gate_logit), len(gate_logit)
    some = found.any(axis=-1, keepdims=True)
    product = ((remembered - local) * grad * some).swapaxes(0, 1).reshape(H, -1)
    share = g[:, None, None] * some
    return [share * grad, (1 - share) * grad, product.sum(axis=1) * (g * (1 - g))]


def mix_backward__own_copies(remembered, local, gate_logit, found, grad):
    g = gate_value(gate_logit).reshape(1, -1, 1, 1)
    nothing = ~found.any(axis=-1)
    dr, dl, moved = grad * g, grad * (1 - g), (remembered - local) * grad
    dr[nothing], dl[nothing], moved[nothing] = 0, grad[nothing], 0
    return dr, dl, (moved.sum(axis=(0, 2, 3), keepdims=True) * g * (1 - g)).ravel()


def mix_backward__chained(remembered, local, gate_logit, found, grad):
    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    some = found.any(axis=-1, keepdims=True)
    share = some * sigmoid(gate_logit)[:, None, None]
    slope = sigmoid(gate_logit) * sigmoid(-gate_logit)
    to_share = (grad * remembered).sum(-1) - (grad * local).sum(-1)
    return (
        share * grad,
        (1 - share) * grad,
        (some[..., 0] * to_share).sum((0, 2)) * slope,
    )
