"""Step 9: the whole model (10 points).

Read tutorial/08_model.md first.
To write: rms_norm, remember, attention_layer, forward, token_losses, loss.
B streams, T tokens of a segment, S keys, H heads, D head size, E = H·D, C cached
tokens, M memory slots, K neighbours, V vocabulary.
Check: python -m minimt grade mine --step 9
"""

from copy import deepcopy
from dataclasses import dataclass

import numpy as np

from step0_warm_up import merge_heads
from step1_attention import attend, split_heads
from step2_position import relative_bias
from step3_cache import document_mask, extend_cache
from step4_memory import Memory, l2_normalize
from step5_search import exact_topk
from step6_lsh import LSH
from step7_gate import attend_to_memory, mix


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
    raise NotImplementedError("step9_model: rms_norm")


def remember(config, q, memory, scale):
    """What each query found: remembered (B, H, T, D), and the search's result."""
    # index, found: (B, H, T, K)
    # k, v: (B, H, T, K, D)
    raise NotImplementedError("step9_model: remember")


def attention_layer(p, config, x, state, layer):
    """Local attention, mixed with memory in the memory layer: (B, T, E) → (B, T, E).

    Updates the layer's cache and, after the search, the memory in `state`.
    """
    # scale: (H,)
    # mixed: (B, H, T, D)
    raise NotImplementedError("step9_model: attention_layer")


def forward(params, config, tokens, state=None, starts=None):
    """Read one segment of every stream; predict the token after each.

    tokens (B, T) integers; state as returned for the segment before, None = all streams
    start afresh; starts (B,) bool, True where the segment begins a new document →
    logits (B, T, V) and the new state. Nothing passed in is changed.
    """
    # x: (B, T, E)
    raise NotImplementedError("step9_model: forward")


def check_tokens(tokens, config):
    """The sizes (B, T) of a segment; ValueError where it cannot be read."""
    if tokens.ndim != 2 or 0 in tokens.shape:
        raise ValueError(f"tokens must have shape (B, T), not {tuple(tokens.shape)}")
    if tokens.min() < 0 or tokens.max() >= config.vocab:
        raise ValueError(f"tokens must be 0 … {config.vocab - 1}, the vocabulary")
    return tokens.shape


def token_losses(logits, targets):
    """Nats per token: logits (B, T, V), targets (B, T) → (B, T), 0 at targets of −1."""
    # nats: (B, T)
    raise NotImplementedError("step9_model: token_losses")


def loss(logits, targets):
    """Mean nats per token over the targets that are not −1; 0 without any."""
    raise NotImplementedError("step9_model: loss")
