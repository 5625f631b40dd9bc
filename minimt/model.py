"""The whole model: a decoder whose memory layer also attends to what it read before."""

from copy import deepcopy
from dataclasses import dataclass

import numpy as np

from .attention import attend, merge_heads, split_heads
from .cache import document_mask, extend_cache
from .config import Config
from .gate import attend_to_memory, mix
from .init import init_params
from .lsh import LSH
from .memory import Memory, l2_normalize
from .position import relative_bias
from .search import exact_topk

__all__ = ["Config", "State", "forward", "init_params", "loss", "token_losses"]


@dataclass
class State:
    """What the streams carry from segment to segment.

    age (B,): tokens read of the present document; caches: a (keys, values) pair or None
    per layer; memory: None where config.memory is 0; retrieved: (scores, index, found)
    of the last segment's search, each (B, H, T, K), for those who want to look.
    """

    age: np.ndarray
    caches: list
    memory: Memory | None
    retrieved: tuple | None = None


def first_state(config, B, dtype=np.float32):
    """The state of B streams that have read nothing."""
    shape = B, config.heads, config.memory, config.head
    memory = Memory(*shape, dtype=dtype) if config.memory else None
    return State(np.zeros(B, dtype=np.int64), [None] * config.layers, memory)


def start_documents(state, starts):
    """The state where the streams in which `starts` (B,) is True have read nothing.

    The input stays as it was: the memory is copied before anything is written.
    """
    memory = deepcopy(state.memory)
    if memory:
        memory.clear(starts)
    return State(np.where(starts, 0, state.age), list(state.caches), memory)


def rms_norm(x, gain, eps=1e-6):
    """x over the root of its mean square, times a learned gain: (…, E) → (…, E)."""
    return gain * x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + eps)


def remember(config, q, memory, scale):
    """What each query found: remembered (B, H, T, D), and the search's result."""
    search = exact_topk
    if config.search == "lsh":
        search = LSH(config.head, 1, config.bits, seed=0, probes=config.probes).topk
    retrieved = search(q, memory.keys, memory.valid, config.neighbours)
    _, index, found = retrieved  # (B, H, T, K)
    stream, head = np.ogrid[: q.shape[0], : q.shape[1]]
    rows = stream[..., None, None], head[..., None, None], index
    k, v = memory.keys[rows], memory.values[rows]  # (B, H, T, K, D)
    return attend_to_memory(q, k, v, found, scale), retrieved


def attention_layer(p, config, x, state, layer):
    """Local attention, mixed with memory in the memory layer: (B, T, E) → (B, T, E).

    Updates the layer's cache and, after the search, the memory in `state`.
    """
    T = x.shape[1]
    q, k, v = (
        split_heads(x @ p[name], config.heads) for name in ("query", "key", "value")
    )
    q, k = l2_normalize(q), l2_normalize(k)
    scale = np.exp(p["log_scale"])  # (H,)
    keys, values = extend_cache(state.caches[layer], k, v, config.cache + T)
    state.caches[layer] = extend_cache(None, keys, values, config.cache)
    S = keys.shape[2]
    bias, mask = relative_bias(p["bias"], T, S), document_mask(state.age, T, S)
    mixed = attend(q, keys, values, scale, bias, mask)  # (B, H, T, D)
    if layer == config.memory_layer and state.memory:
        remembered, state.retrieved = remember(config, q, state.memory, scale)
        mixed = mix(remembered, mixed, p["gate"], found=state.retrieved[2])
        state.memory.write(k, v)
    return merge_heads(mixed) @ p["output"]


def forward(params, config, tokens, state=None, starts=None):
    """Read one segment of every stream; predict the token after each.

    tokens (B, T) integers; state as returned for the segment before, None = all streams
    start afresh; starts (B,) bool, True where the segment begins a new document →
    logits (B, T, V) and the new state. Nothing passed in is changed.
    """
    B, T = check_tokens(tokens, config)
    if state is None:
        state = first_state(config, B, params["embedding"].dtype)
    state = start_documents(state, np.zeros(B, bool) if starts is None else starts)
    x = params["embedding"][tokens]  # (B, T, E)
    for layer in range(config.layers):
        prefix = f"layers.{layer}."
        names = (name for name in params if name.startswith(prefix))
        p = {name.removeprefix(prefix): params[name] for name in names}
        h = rms_norm(x, p["attention_norm"])
        x = x + attention_layer(p, config, h, state, layer)
        h = rms_norm(x, p["mlp_norm"])
        x = x + np.maximum(h @ p["up"], 0) @ p["down"]
    state.age += T
    x = rms_norm(x, params["norm"])
    return x @ params["embedding"].T / np.sqrt(config.embed).astype(x.dtype), state


def check_tokens(tokens, config):
    """The sizes (B, T) of a segment; ValueError where it cannot be read."""
    if tokens.ndim != 2 or 0 in tokens.shape:
        raise ValueError(f"tokens must have shape (B, T), not {tuple(tokens.shape)}")
    if tokens.min() < 0 or tokens.max() >= config.vocab:
        raise ValueError(f"tokens must be 0 … {config.vocab - 1}, the vocabulary")
    return tokens.shape


def token_losses(logits, targets):
    """Nats per token: logits (B, T, V), targets (B, T) → (B, T), 0 at targets of −1."""
    logits = logits - logits.max(axis=-1, keepdims=True)
    nats = np.log(np.exp(logits).sum(axis=-1))  # (B, T)
    nats -= np.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]
    return np.where(targets >= 0, nats, 0)


def loss(logits, targets):
    """Mean nats per token over the targets that are not −1; 0 without any."""
    return token_losses(logits, targets).sum() / max(1, (targets >= 0).sum())
