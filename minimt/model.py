"""The whole model: a decoder with one layer that also attends to its memory."""

from copy import deepcopy
from dataclasses import dataclass

import numpy as np
from numpy import ndarray as Array

from .attention import attend, merge_heads, split_heads
from .cache import document_mask, extend_cache
from .config import SEARCHES, Config
from .gate import attend_to_memory, mix
from .init import Weights, init_params, layer_of
from .memory import Memory, l2_normalize
from .position import relative_bias
from .search import Neighbours
from .shapes import expect

__all__ = ["Config", "State", "forward", "init_params", "loss", "token_losses"]


@dataclass
class State:
    """What the streams carry from segment to segment.

    age (B,): tokens read of the current document; caches: a (keys, values) pair or None
    per layer; memory: None if config.memory is 0; retrieved: (scores, index, found)
    from the last segment's search, each (B, H, T, K), for inspection.
    """

    age: Array
    caches: list
    memory: Memory | None
    retrieved: Neighbours | None = None


def first_state(config, B: int, dtype=np.float32) -> State:
    """The state of B streams that have not read anything yet."""
    memory = None
    if config.memory:
        searcher = SEARCHES[config.search](config)
        memory = Memory(B, config.heads, config.memory, config.head, dtype, searcher)
    return State(np.zeros(B, dtype=np.int64), [None] * config.layers, memory)


def start_documents(state: State, starts: Array) -> State:
    """The state once the streams where `starts` (B,) is True have been reset.

    The state passed in is not changed: its memory is copied first.
    """
    expect("starts", starts, len(state.age))
    memory = deepcopy(state.memory)
    if memory:
        memory.clear(starts)
    return State(np.where(starts, 0, state.age), list(state.caches), memory)


def rms_norm(x: Array, gain: Array, eps: float = 1e-6) -> Array:
    """x divided by its root mean square, times a learned gain: (…, E) → (…, E)."""
    return gain * x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + eps)


def remember(memory: Memory, q: Array, K: int, scale: Array):
    """What each query (B, H, T, D) reads from memory, and what its search returned."""
    retrieved = memory.search(q, K)
    _, index, found = retrieved  # (B, H, T, K)
    stream, head = np.ogrid[: q.shape[0], : q.shape[1]]
    rows = stream[..., None, None], head[..., None, None], index
    k, v = memory.keys[rows], memory.values[rows]  # (B, H, T, K, D)
    return attend_to_memory(q, k, v, found, scale), retrieved


def attention_layer(p: Weights, config, x: Array, state: State, layer: int) -> Array:
    """Local attention, mixed with memory in the memory layer: (B, T, E) → (B, T, E).

    x has been normalised. Updates the layer's cache in `state`. The memory layer also
    stores what its search returned, in `state.retrieved`, and then writes to the
    memory.
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
    local = mixed = attend(q, keys, values, scale, bias, mask)  # (B, H, T, D)
    if layer == config.memory_layer and state.memory:
        K = config.neighbours
        remembered, state.retrieved = remember(state.memory, q, K, scale)
        mixed = mix(remembered, local, p["gate"], found=state.retrieved[2])
        state.memory.write(k, v)
    return merge_heads(mixed) @ p["output"]


def forward(
    params: Weights,
    config,
    tokens: Array,
    state: State | None = None,
    starts: Array | None = None,
) -> tuple[Array, State]:
    """Read one segment of every stream, and predict the token that follows each token.

    tokens (B, T) int; state: what the last call returned, None = all streams start
    afresh; starts (B,) bool: True where the segment begins a new document → logits
    (B, T, V) and the new state. Nothing passed in is changed. Raises ValueError if
    tokens are outside the vocabulary, or the parameters or the state do not fit.
    """
    B, T = check_tokens(tokens, config)
    check_params(params, config)
    if state is None:
        state = first_state(config, B, params["embedding"].dtype)
    expect("state.age", state.age, B)
    state = start_documents(state, np.zeros(B, bool) if starts is None else starts)
    x = params["embedding"][tokens]  # (B, T, E)
    for layer in range(config.layers):
        p = layer_of(params, layer)
        h = rms_norm(x, p["attention_norm"])
        x = x + attention_layer(p, config, h, state, layer)
        h = rms_norm(x, p["mlp_norm"])
        x = x + np.maximum(h @ p["up"], 0) @ p["down"]
    state.age += T
    x = rms_norm(x, params["norm"])
    return x @ params["embedding"].T / np.sqrt(config.embed).astype(x.dtype), state


def check_tokens(tokens, config) -> tuple[int, int]:
    """The sizes (B, T) of a segment. Raises ValueError if it cannot be read."""
    if tokens.ndim != 2 or 0 in tokens.shape:
        raise ValueError(f"tokens must have shape (B, T), not {tuple(tokens.shape)}")
    if tokens.min() < 0 or tokens.max() >= config.vocab:
        raise ValueError(f"tokens must be in the vocabulary, 0 … {config.vocab - 1}")
    return tokens.shape


def check_params(params: Weights, config) -> None:
    """Raise ValueError if parameters are those of another configuration."""
    layers = sum(name.endswith(".query") for name in params)
    if layers != config.layers:
        raise ValueError(
            f"parameters of {layers} layers, but config has {config.layers}"
        )
    expect("embedding", params["embedding"], config.vocab, config.embed)
    for layer in range(layers):
        name = f"layers.{layer}.log_scale"
        expect(name, params[name], config.heads)


def token_losses(logits: Array, targets: Array) -> Array:
    """Nats per token: logits (B, T, V), targets (B, T) → (B, T), 0 if target = −1."""
    logits = logits - logits.max(axis=-1, keepdims=True)
    nats = np.log(np.exp(logits).sum(axis=-1))  # (B, T)
    nats -= np.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]
    return np.where(targets >= 0, nats, 0)


def loss(logits: Array, targets: Array) -> Array:
    """Mean nats per token over the targets that are not −1; 0 if there are none."""
    return token_losses(logits, targets).sum() / max(1, (targets >= 0).sum())
