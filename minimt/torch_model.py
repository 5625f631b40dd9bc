"""The same model in PyTorch, for training: names and shapes as in NumPy."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import Config
from .init import init_params
from .model import State, check_tokens
from .shapes import expect
from .torch_attention import (  # noqa: F401 (every twin can be imported from here)
    attend,
    attend_to_memory,
    causal_mask,
    document_mask,
    extend_cache,
    gate_value,
    l2_normalize,
    merge_heads,
    mix,
    relative_bias,
    softmax,
    split_heads,
)
from .torch_lsh import LSH
from .torch_memory import Memory
from .torch_search import Search, exact_topk  # noqa: F401

SEARCHES: dict[str, Callable[[Config], Search]] = {  # the twins of those in config.py
    "exact": lambda c: Search(),
    "lsh": lambda c: LSH(c.head, c.tables, c.bits, c.search_seed, c.probes),
}


@dataclass(frozen=True)
class Parts:
    """The parts of the model that can be exchanged, as ablations do."""

    normalize: Callable[[Tensor], Tensor] = l2_normalize  # of queries and keys
    memory: type[Memory] = Memory
    searcher: Callable[[Config], Search] = lambda config: SEARCHES[config.search](
        config
    )


def start_documents(state, starts: Tensor) -> State:
    """As in NumPy, but the memory is cleared in place, not in a copy."""
    expect("starts", starts, len(state.age))
    if state.memory:
        state.memory.clear(starts)
    return State(state.age.masked_fill(starts, 0), list(state.caches), state.memory)


def rms_norm(x: Tensor, gain: Tensor, eps: float = 1e-6) -> Tensor:
    """x divided by its root mean square, times a learned gain: (…, E) → (…, E)."""
    return F.rms_norm(x, x.shape[-1:], gain, eps)


def attention_layer(p, config, x: Tensor, state, layer: int, parts=Parts()) -> Tensor:
    """Local attention, mixed with memory in the memory layer: (B, T, E) → (B, T, E)."""
    T, H, C = x.shape[1], config.heads, config.cache
    q, k, v = ((x @ p[name]).to(x.dtype) for name in ("query", "key", "value"))
    q, k, v = (split_heads(part, H) for part in (q, k, v))
    q, k, scale = parts.normalize(q), parts.normalize(k), p["log_scale"].exp()
    keys, values = extend_cache(state.caches[layer], k, v, C + T)
    state.caches[layer] = extend_cache(None, keys.detach(), values.detach(), C)
    S = keys.shape[2]
    bias, mask = relative_bias(p["bias"], T, S), document_mask(state.age, T, S)
    local = mixed = attend(q, keys, values, scale, bias, mask)  # (B, H, T, D)
    if layer == config.memory_layer and state.memory:
        state.retrieved = state.memory.search(q, config.neighbours)
        remembered = state.memory.attend(q, state.retrieved, scale)
        mixed = mix(remembered, local, p["gate"], found=state.retrieved[2])
        state.memory.defer(k, v)
    return merge_heads(mixed) @ p["output"]


class MemorizingTransformer(nn.Module):
    """The model; its parameters have the names and initial values of `init_params`."""

    def __init__(self, config: Config = Config(), seed: int = 0, parts=Parts()) -> None:
        super().__init__()
        self.config, self.parts = config, parts
        self.layers = nn.ModuleList(nn.ParameterDict() for _ in range(config.layers))
        for name, array in init_params(config, seed).items():
            *layer, name = name.split(".")  # "layers.2.query", or "norm" of the model
            owner = self.layers[int(layer[1])] if layer else self
            owner.register_parameter(name, nn.Parameter(torch.from_numpy(array)))

    def load_numpy(self, params: dict) -> "MemorizingTransformer":
        """Take the weights and their dtype from a dict of arrays; returns the model."""
        weights = {name: torch.tensor(w) for name, w in params.items()}
        self.to(weights["embedding"].dtype).load_state_dict(weights)
        return self

    def to_numpy(self) -> dict[str, np.ndarray]:
        """The weights as a dict of arrays that `model.forward` takes."""
        return {name: w.cpu().numpy().copy() for name, w in self.state_dict().items()}

    def changed(self, parts: Parts | None = None, **changes) -> "MemorizingTransformer":
        """A model with the same weights, but other parts or values in its config."""
        model = type(self)(replace(self.config, **changes), parts=parts or self.parts)
        weights = self.state_dict()
        model.to(self.norm).load_state_dict({x: weights[x] for x in model.state_dict()})
        return model

    def gates(self) -> list[float]:
        """How much of each head's output comes from memory: g, from 0 to 1."""
        return gate_value(self.layers[self.config.memory_layer].gate).tolist()

    def first_state(self, B: int) -> State:
        """The state of B streams that have not read anything yet."""
        c, device, memory = self.config, self.norm.device, None
        if c.memory:
            options = dict(dtype=self.norm.dtype, device=device)
            options |= dict(searcher=self.parts.searcher(c))
            memory = self.parts.memory(B, c.heads, c.memory, c.head, **options)
        age = torch.zeros(B, dtype=torch.int64, device=device)
        return State(age, [None] * c.layers, memory)

    def forward(self, tokens, state: State | None = None, starts: Tensor | None = None):
        """Like `model.forward`, but it changes the memory in `state`: use it once."""
        B, T = tokens.shape if tokens.is_cuda else check_tokens(tokens, self.config)
        starts = tokens.new_zeros(B).bool() if starts is None else starts
        state = state or self.first_state(B)
        expect("state.age", state.age, B)
        state = start_documents(state, starts)
        x = F.embedding(tokens, self.embedding)  # (B, T, E)
        for layer, p in enumerate(self.layers):
            h = rms_norm(x, p["attention_norm"])
            x = x + attention_layer(p, self.config, h, state, layer, self.parts)
            x = x + F.relu(rms_norm(x, p["mlp_norm"]) @ p["up"]) @ p["down"]
        state.age = state.age + T
        x = rms_norm(x, self.norm) * self.config.embed**-0.5  # cheaper than for logits
        return x @ self.embedding.T, state


def token_losses(logits: Tensor, targets: Tensor) -> Tensor:
    """Nats per token (B, T), 0 where the targets (B, T) are −1."""
    flat = logits.flatten(0, 1), targets.flatten()
    return F.cross_entropy(*flat, ignore_index=-1, reduction="none").view_as(targets)


def loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean nats per token over the targets that are not −1; 0 if there are none."""
    return token_losses(logits, targets).sum() / (targets >= 0).sum().clamp(min=1)
