"""The same model in PyTorch, the one that trains: names and shapes as in NumPy."""

import torch
import torch.nn.functional as F
from torch import nn

from .config import Config
from .init import init_params
from .model import State, check_tokens
from .torch_attention import (  # noqa: F401 (all twins can be had from here)
    attend,
    attend_to_memory,
    causal_mask,
    document_mask,
    extend_cache,
    l2_normalize,
    merge_heads,
    mix,
    relative_bias,
    softmax,
    split_heads,
)
from .torch_lsh import LSHMemory
from .torch_memory import Memory
from .torch_search import exact_topk  # noqa: F401


def start_documents(state, starts):
    """The state where the streams in which `starts` (B,) is True have read nothing."""
    if state.memory:
        state.memory.clear(starts)
    return State(state.age.masked_fill(starts, 0), list(state.caches), state.memory)


def rms_norm(x, gain, eps=1e-6):
    """x over the root of its mean square, times a learned gain."""
    return F.rms_norm(x, x.shape[-1:], gain, eps)


def attention_layer(p, config, x, state, layer):
    """Local attention, mixed with memory in the memory layer: (B, T, E) → (B, T, E)."""
    T, H, C = x.shape[1], config.heads, config.cache
    q, k, v = ((x @ p[name]).to(x.dtype) for name in ("query", "key", "value"))
    q, k, v = (split_heads(part, H) for part in (q, k, v))
    q, k, scale = l2_normalize(q), l2_normalize(k), p["log_scale"].exp()
    keys, values = extend_cache(state.caches[layer], k, v, C + T)
    state.caches[layer] = extend_cache(None, keys.detach(), values.detach(), C)
    S = keys.shape[2]
    bias, mask = relative_bias(p["bias"], T, S), document_mask(state.age, T, S)
    mixed = attend(q, keys, values, scale, bias, mask)  # (B, H, T, D)
    if layer == config.memory_layer and state.memory:
        state.retrieved = state.memory.search(q, config.neighbours)
        remembered = state.memory.attend(q, state.retrieved, scale)
        mixed = mix(remembered, mixed, p["gate"], found=state.retrieved[2])
        state.memory.write(k, v)
    return merge_heads(mixed) @ p["output"]


class MemorizingTransformer(nn.Module):
    """The model; its parameters have the names and start of `init_params`."""

    def __init__(self, config=Config(), seed=0):
        super().__init__()
        self.config = config
        self.layers = nn.ModuleList(nn.ParameterDict() for _ in range(config.layers))
        for name, array in init_params(config, seed).items():
            *layer, name = name.split(".")  # "layers.2.query", or "norm" of the model
            owner = self.layers[int(layer[1])] if layer else self
            owner.register_parameter(name, nn.Parameter(torch.from_numpy(array)))

    def load_numpy(self, params):
        """Take weights, and their dtype, from a dict of arrays; returns the model."""
        weights = {name: torch.tensor(w) for name, w in params.items()}
        self.to(weights["embedding"].dtype).load_state_dict(weights)
        return self

    def to_numpy(self):
        """The weights as a dict of arrays that `model.forward` takes."""
        return {name: w.cpu().numpy().copy() for name, w in self.state_dict().items()}

    def first_state(self, B):
        """The state of B streams that have read nothing."""
        c, age = self.config, torch.zeros(B, dtype=torch.int64, device=self.norm.device)
        shape, about = (B, c.heads, c.memory, c.head), (self.norm.dtype, age.device)
        lsh = (2**c.bits, c.probes) if c.search == "lsh" else ()
        kind = LSHMemory if lsh else Memory
        memory = kind(*shape, *lsh, *about) if c.memory else None
        return State(age, [None] * c.layers, memory)

    def forward(self, tokens, state=None, starts=None):
        """As `model.forward`, but the memory in `state` is written: it is used up."""
        B, T = tokens.shape if tokens.is_cuda else check_tokens(tokens, self.config)
        starts = tokens.new_zeros(B).bool() if starts is None else starts
        state = start_documents(state or self.first_state(B), starts)
        x = F.embedding(tokens, self.embedding)  # (B, T, E)
        for layer, p in enumerate(self.layers):
            h = rms_norm(x, p["attention_norm"])
            x = x + attention_layer(p, self.config, h, state, layer)
            x = x + F.relu(rms_norm(x, p["mlp_norm"]) @ p["up"]) @ p["down"]
        state.age = state.age + T
        x = rms_norm(x, self.norm) * self.config.embed**-0.5  # now: logits are many
        return x @ self.embedding.T, state


def token_losses(logits, targets):
    """Nats per token (B, T), 0 where targets are −1."""
    flat = logits.flatten(0, 1), targets.flatten()
    return F.cross_entropy(*flat, ignore_index=-1, reduction="none").view_as(targets)


def loss(logits, targets):
    """Mean nats per token over the targets that are not −1; 0 without any."""
    return token_losses(logits, targets).sum() / (targets >= 0).sum().clamp(min=1)
