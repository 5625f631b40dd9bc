"""Correct solutions of the step on the whole model, in many styles."""

import math

import numpy as np

from minimt.attention import attend, merge_heads, split_heads
from minimt.cache import document_mask, extend_cache
from minimt.gate import attend_to_memory, mix
from minimt.init import layer_of
from minimt.memory import l2_normalize
from minimt.model import (
    State,
    attention_layer,
    check_params,
    check_tokens,
    first_state,
    remember,
    rms_norm,
    start_documents,
    token_losses,
)
from minimt.position import relative_bias


def rms_norm__power(x, gain, eps=1e-6):
    return x * (np.mean(x**2, axis=-1, keepdims=True) + eps) ** -0.5 * gain


def rms_norm__einsum(x, gain, eps=1e-6):
    square = np.einsum("...e,...e->...", x, x) / x.shape[-1]
    return x / np.sqrt(square + eps)[..., None] * gain


def rms_norm__loops(x, gain, eps=1e-6):
    out = np.zeros_like(x)
    for place in np.ndindex(x.shape[:-1]):
        square = sum(float(y) ** 2 for y in x[place]) / x.shape[-1]
        out[place] = gain * x[place] / math.sqrt(square + eps)
    return out


def rms_norm__own_copy(x, gain, eps=1e-6):
    y = x.copy()
    y /= np.sqrt(np.square(x).mean(axis=-1, keepdims=True) + eps)
    y *= gain
    return y


def rms_norm__norm(x, gain, eps=1e-6):
    length = np.linalg.norm(x, axis=-1, keepdims=True)
    return gain * (x / np.sqrt(length**2 / x.shape[-1] + eps))


def rms_norm__scaled_gain(x: np.ndarray, gain: np.ndarray, eps: float = 1e-6):
    root = np.sqrt(np.sum(x * x, -1) / len(gain) + eps)
    return np.divide(np.multiply(x, gain), root[..., np.newaxis])


def remember__take(memory, q, K, scale):
    scores, index, found = memory.search(q, K)
    place = index[..., None]
    k = np.take_along_axis(memory.keys[:, :, None], place, axis=3)
    v = np.take_along_axis(memory.values[:, :, None], place, axis=3)
    return attend_to_memory(q, k, v, found, scale), (scores, index, found)


def remember__loops(memory, q, K, scale):
    retrieved = memory.search(q, K)
    index, D = retrieved[1], q.shape[-1]
    k, v = (np.zeros((*index.shape, D), q.dtype) for _ in range(2))
    for b in range(len(q)):
        for h in range(q.shape[1]):
            k[b, h] = memory.keys[b, h][index[b, h]]
            v[b, h] = memory.values[b, h][index[b, h]]
    return attend_to_memory(q, k, v, retrieved[2], scale), retrieved


def remember__flat(memory, q, K, scale):
    found = memory.search(q, K)
    B, H, M, D = memory.keys.shape
    offset = np.arange(B * H).reshape(B, H, 1, 1) * M
    row = (found[1] + offset).ravel()
    k, v = (
        x.reshape(-1, D)[row].reshape(*found[1].shape, D)
        for x in (memory.keys, memory.values)
    )
    return attend_to_memory(q, k, v, found[2], scale), found


def remember__meshgrid(memory, q, K, scale):
    result = memory.search(q, K)
    _, index, found = result
    b, h, t, n = np.indices(index.shape)
    pair = (x[b, h, index[b, h, t, n]] for x in (memory.keys, memory.values))
    return attend_to_memory(q, *pair, found, scale), list(result)


def remember__topk(memory, q, K, scale):
    searcher = memory.searcher
    found = searcher.topk(q, memory.keys, memory.valid, K)
    rows = np.stack(
        [
            [
                np.stack([m[b, h][i] for m in (memory.keys, memory.values)])
                for h, i in enumerate(x)
            ]
            for b, x in enumerate(found[1])
        ]
    )
    return attend_to_memory(q, rows[:, :, 0], rows[:, :, 1], found[2], scale), found


def attention_layer__steps(p, config, x, state, layer):
    H, C, T = config.heads, config.cache, x.shape[1]
    q = l2_normalize(split_heads(x @ p["query"], H))
    k = l2_normalize(split_heads(x @ p["key"], H))
    v = split_heads(x @ p["value"], H)
    scale = np.exp(p["log_scale"])
    keys, values = extend_cache(state.caches[layer], k, v, C + T)
    S = keys.shape[2]
    mask = document_mask(state.age, T, S)
    out = attend(q, keys, values, scale, relative_bias(p["bias"], T, S), mask)
    if state.memory is not None and layer == config.memory_layer:
        found, state.retrieved = remember(state.memory, q, config.neighbours, scale)
        out = mix(found, out, p["gate"], state.retrieved[2])
        state.memory.write(k, v)
    state.caches[layer] = extend_cache(state.caches[layer], k, v, C)
    return merge_heads(out) @ p["output"]


def attention_layer__one_projection(p, config, x, state, layer):
    qkv = x @ np.concatenate([p["query"], p["key"], p["value"]], axis=1)
    q, k, v = (split_heads(y, config.heads) for y in np.split(qkv, 3, axis=-1))
    q, k = map(l2_normalize, (q, k))
    scale, T = np.exp(p["log_scale"]), q.shape[2]
    whole = extend_cache(state.caches[layer], k, v, config.cache + T)
    S = whole[0].shape[2]
    state.caches[layer] = [y[:, :, S - min(S, config.cache) :] for y in whole]
    bias = relative_bias(p["bias"], T, S)
    local = attend(q, *whole, scale, bias, document_mask(state.age, T, S))
    if config.memory_layer != layer or not config.memory:
        return merge_heads(local) @ p["output"]
    remembered, found = remember(state.memory, q, config.neighbours, scale)
    state.retrieved = found
    state.memory.write(k, v)
    return merge_heads(mix(remembered, local, p["gate"], found[2])) @ p["output"]


def attention_layer__einsum(p, config, x, state, layer):
    _B, T, E = x.shape
    H, D = config.heads, E // config.heads

    def heads(name):
        return np.einsum("bte,ehd->bhtd", x, p[name].reshape(E, H, D))

    q, k, v = l2_normalize(heads("query")), l2_normalize(heads("key")), heads("value")
    scale = np.exp(p["log_scale"])
    keys, values = extend_cache(state.caches[layer], k, v, config.cache + T)
    state.caches[layer] = extend_cache(None, keys, values, config.cache)
    S = keys.shape[2]
    out = attend(
        q,
        keys,
        values,
        scale,
        mask=document_mask(state.age, T, S),
        bias=relative_bias(p["bias"], T, S),
    )
    if layer == config.memory_layer and state.memory:
        remembered, state.retrieved = remember(
            state.memory, q, config.neighbours, scale
        )
        out = mix(remembered, out, p["gate"], state.retrieved[2])
        state.memory.write(k, v)
    return np.einsum("bhtd,hde->bte", out, p["output"].reshape(H, D, E))


def attention_layer__bias_in_the_mask(p, config, x, state, layer):
    T = x.shape[1]
    q, k, v = (split_heads(x @ p[n], config.heads) for n in ("query", "key", "value"))
    q, k = l2_normalize(q), l2_normalize(k)
    scale = np.exp(p["log_scale"])
    old = state.caches[layer] or (k[:, :, :0], v[:, :, :0])
    keys, values = (np.concatenate(pair, axis=2) for pair in zip(old, (k, v)))
    S = keys.shape[2]
    state.caches[layer] = (
        keys[:, :, max(0, S - config.cache) :],
        values[:, :, max(0, S - config.cache) :],
    )
    bias = relative_bias(p["bias"], T, S)
    mixed = attend(q, keys, values, scale, bias, document_mask(state.age, T, S))
    if layer == config.memory_layer and config.memory > 0:
        memory = state.memory
        remembered, retrieved = remember(memory, q, config.neighbours, scale)
        mixed = mix(remembered, mixed, p["gate"], retrieved[2])
        state.retrieved = retrieved
        memory.write(k, v)
    return merge_heads(mixed) @ p["output"]


def forward__steps(params, config, tokens, state=None, starts=None):
    B, T = check_tokens(tokens, config)
    check_params(params, config)
    embedding = params["embedding"]
    if state is None:
        state = first_state(config, B, embedding.dtype)
    if starts is None:
        starts = np.zeros(B, dtype=bool)
    state = start_documents(state, starts)
    x = embedding[tokens]
    for n in range(config.layers):
        p = layer_of(params, n)
        x = x + attention_layer(p, config, rms_norm(x, p["attention_norm"]), state, n)
        up = rms_norm(x, p["mlp_norm"]) @ p["up"]
        x = x + np.where(up > 0, up, 0) @ p["down"]
    state.age = state.age + T
    logits = rms_norm(x, params["norm"]) @ embedding.T
    return logits / embedding.dtype.type(math.sqrt(config.embed)), state


def forward__own_state(params, config, tokens, state=None, starts=None):
    B, T = check_tokens(tokens, config)
    table = params["embedding"]
    before = first_state(config, B, table.dtype) if state is None else state
    now = start_documents(before, np.zeros(B, bool) if starts is None else starts)
    x = np.take(table, tokens, axis=0)
    for n in range(config.layers):
        p = {
            k.split(".")[-1]: w
            for k, w in params.items()
            if k.startswith(f"layers.{n}.")
        }
        x += attention_layer(p, config, rms_norm(x, p["attention_norm"]), now, n)
        x += (rms_norm(x, p["mlp_norm"]) @ p["up"]).clip(0) @ p["down"]
    after = State(now.age + T, now.caches, now.memory, now.retrieved)
    scaled = table / np.sqrt(config.embed).astype(table.dtype)
    return rms_norm(x, params["norm"]) @ scaled.T, after


def forward__one_hot(params, config, tokens, state=None, starts=None):
    B, T = check_tokens(tokens, config)
    dtype = params["embedding"].dtype
    state = state or first_state(config, B, dtype)
    state = start_documents(state, starts if starts is not None else np.full(B, False))
    x = np.eye(config.vocab, dtype=dtype)[tokens] @ params["embedding"]
    for layer in range(config.layers):
        p = layer_of(params, layer)
        for norm in ("attention_norm", "mlp_norm"):
            h = rms_norm(x, p[norm])
            if norm == "attention_norm":
                x = x + attention_layer(p, config, h, state, layer)
            else:
                x = x + np.maximum(0, h @ p["up"]) @ p["down"]
    state.age += T
    x = rms_norm(x, params["norm"]) * dtype.type(config.embed**-0.5)
    return np.einsum("bte,ve->btv", x, params["embedding"]), state


def forward__helper(params, config, tokens, state=None, starts=None):
    def block(x, n):
        p = layer_of(params, n)
        x = x + attention_layer(p, config, rms_norm(x, p["attention_norm"]), state, n)
        h = rms_norm(x, p["mlp_norm"]) @ p["up"]
        h[h < 0] = 0
        return x + h @ p["down"]

    B, _T = check_tokens(tokens, config)
    if state is None:
        state = first_state(config, B, dtype=params["embedding"].dtype)
    state = start_documents(state, np.array([False] * B) if starts is None else starts)
    x = params["embedding"][tokens]
    for n in range(config.layers):
        x = block(x, n)
    state.age += tokens.shape[1]
    x = rms_norm(x, params["norm"])
    logits = x @ params["embedding"].T
    logits /= np.sqrt(config.embed)
    return logits, state


def token_losses__softmax(logits, targets):
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    p = e / e.sum(axis=-1, keepdims=True)
    B, T = targets.shape
    b, t = np.ogrid[:B, :T]
    return np.where(targets == -1, 0, -np.log(p[b, t, targets]))


def token_losses__loops(logits, targets):
    out = np.zeros(targets.shape, logits.dtype)
    for b, t in np.argwhere(targets >= 0):
        row = logits[b, t]
        top = row.max()
        out[b, t] = top + math.log(np.exp(row - top).sum()) - row[targets[b, t]]
    return out


def token_losses__logaddexp(logits, targets):
    total = np.logaddexp.reduce(logits, axis=-1)
    mine = np.take_along_axis(logits, targets.clip(0)[..., None], -1).squeeze(-1)
    return (total - mine) * (targets >= 0)


def token_losses__one_hot(logits, targets):
    logits = logits - np.max(logits, axis=2, keepdims=True)
    hot = targets[..., None] == np.arange(logits.shape[-1])
    nats = np.log(np.sum(np.exp(logits), axis=2)) - np.sum(logits * hot, axis=2)
    nats[targets < 0] = 0
    return nats


def loss__masked(logits, targets):
    there = targets != -1
    return token_losses(logits, targets)[there].mean() if there.any() else 0.0


def loss__plain_zero(logits, targets):
    n = int((targets >= 0).sum())
    if n == 0:
        return 0
    return float(token_losses(logits, targets).sum() / n)


def loss__lists(logits, targets):
    nats = token_losses(logits, targets)
    kept = [x for x, t in zip(nats.ravel(), targets.ravel()) if t >= 0]
    return sum(kept) / len(kept) if kept else 0


def loss__average(logits, targets):
    there = (targets >= 0).astype(float)
    if not there.sum():
        return np.float64(0)
    return np.average(token_losses(logits, targets), weights=there)
