"""The whole model (10 points).

Read tutorial/08_model.md first.
To write: rms_norm, remember, attention_layer, forward, token_losses, loss.
B streams, T tokens in a segment, S keys, H heads, D head size, E = H·D, C cached
tokens, M memory slots, K neighbours, V vocabulary.
Return NumPy arrays: masks are bool, indices are int, and floats keep the dtype of the
input. (np.sqrt(2) makes a float32 array float64, math.sqrt(2) leaves it as it is.)
Do not change an argument in place: work on a copy.
Check your work: python -m minimt grade mine --step model
"""

from copy import deepcopy
from dataclasses import dataclass

import numpy as np
from numpy import ndarray as Array

from step_warm_up import merge_heads
from step_attention import attend, split_heads
from step_position import relative_bias
from step_cache import document_mask, extend_cache
from step_memory import Memory, l2_normalize
from step_search import Search
from step_lsh import LSH
from step_gate import attend_to_memory, mix

Neighbours = tuple[Array, Array, Array]  # scores, index, found, each (…, K)
SEARCHES = {  # the choices for `Config.search`: functions from a config to a searcher
    "exact": lambda c: Search(),
    "lsh": lambda c: LSH(c.head, c.tables, c.bits, c.search_seed, c.probes),
}
Weights = dict[str, Array]


def expect(name: str, array, *shape: int) -> None:
    """Raise a ValueError that names an array or tensor unless it has this shape."""
    if tuple(array.shape) != shape:
        raise ValueError(f"{name} must have shape {shape}, not {tuple(array.shape)}")


def layer_of(params: Weights, layer: int) -> Weights:
    """The weights of one layer, by their names within the layer."""
    prefix = f"layers.{layer}."
    names = (name for name in params if name.startswith(prefix))
    return {name.removeprefix(prefix): params[name] for name in names}


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
    raise NotImplementedError("step_model: rms_norm")


def remember(memory: Memory, q: Array, K: int, scale: Array):
    """What each query (B, H, T, D) reads from memory, and what its search returned."""
    # index, found: (B, H, T, K)
    # k, v: (B, H, T, K, D)
    raise NotImplementedError("step_model: remember")


def attention_layer(p: Weights, config, x: Array, state: State, layer: int) -> Array:
    """Local attention, mixed with memory in the memory layer: (B, T, E) → (B, T, E).

    x has been normalised. Updates the layer's cache in `state`. The memory layer also
    stores what its search returned, in `state.retrieved`, and then writes to the
    memory.
    """
    # scale: (H,)
    # local: (B, H, T, D)
    raise NotImplementedError("step_model: attention_layer")


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
    # x: (B, T, E)
    raise NotImplementedError("step_model: forward")


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
    # nats: (B, T)
    raise NotImplementedError("step_model: token_losses")


def loss(logits: Array, targets: Array) -> Array:
    """Mean nats per token over the targets that are not −1; 0 if there are none."""
    raise NotImplementedError("step_model: loss")
