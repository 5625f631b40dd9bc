"""The same model in PyTorch, the one that trains: names and shapes as in NumPy."""

from functools import partial

import torch
import torch.nn.functional as F
from torch import nn

from . import attention, position
from .config import Config
from .lsh import LSH
from .model import State, check_tokens
from .start import init_params


def softmax(x, axis=-1):
    """Weights along `axis`; 0, and so is their gradient, where all entries are −inf."""
    some = x.detach().amax(axis, keepdim=True) > -torch.inf
    return torch.where(some, x, 0).softmax(axis) * some


def causal_mask(T, S):
    """True where a query may attend: bool (T, S)."""
    return torch.from_numpy(attention.causal_mask(T, S))


def attend(q, k, v, scale, bias=None, mask=None):
    """Attention: q (B, H, T, D), k and v (B, H, S, D) → (B, H, T, D)."""
    logits = (scale[:, None, None] * q) @ k.mT  # (B, H, T, S)
    if bias is not None:
        logits = logits + bias
    if mask is None:
        return logits.softmax(-1) @ v
    logits = logits + where_not(mask, torch.finfo(q.dtype).min, q.dtype)
    return logits.softmax(-1) @ v * mask.any(-1, keepdim=True)


def where_not(mask, penalty, dtype):
    """0 where mask, else the penalty: adding it is far faster than filling logits."""
    return torch.zeros_like(mask, dtype=dtype).masked_fill_(~mask, penalty)


def split_heads(x, H):
    """(B, T, E) → (B, H, T, D)."""
    return x.unflatten(-1, (H, -1)).transpose(1, 2)


def merge_heads(x):
    """(B, H, T, D) → (B, T, E)."""
    return x.transpose(1, 2).flatten(2)


def relative_bias(table, T, S):
    """table (num_buckets, H) → (H, T, S)."""
    distance = attention.distance(T, S)
    bucket = position.relative_position_bucket(distance, len(table))
    return table[torch.from_numpy(bucket).to(table.device)].movedim(-1, 0)


def extend_cache(cache, k, v, C):
    """Append k and v (B, H, T, D) to the cache and keep the last C tokens."""
    if cache is not None:
        k, v = torch.cat([cache[0], k], 2), torch.cat([cache[1], v], 2)
    oldest = max(0, k.shape[2] - C)
    return k[:, :, oldest:], v[:, :, oldest:]


def document_mask(age, T, S):
    """True where query and key are of one document, in causal order: (B, 1, T, S)."""
    first = S - T - age[:, None, None, None]
    return causal_mask(T, S).to(age.device) & (torch.arange(S).to(age.device) >= first)


def l2_normalize(x, eps=1e-6):
    """Length 1 over the last axis."""
    return F.normalize(x, dim=-1, eps=eps)


class Memory:
    """M slots per stream and head; constants for the gradient."""

    def __init__(self, B, H, M, D, dtype=torch.float32, device=None):
        self.keys = torch.zeros(B, H, M, D, dtype=dtype, device=device)
        self.values = torch.zeros_like(self.keys)
        self.written = torch.zeros(B, dtype=torch.int64, device=device)

    @property
    def valid(self):
        """True for the slots that hold a token of the stream's document: (B, M)."""
        return torch.arange(self.keys.shape[2]).to(self.written) < self.written[:, None]

    def clear(self, starts):
        """Forget everything in the streams where `starts` (B,) is True."""
        self.written.masked_fill_(starts, 0)

    @torch.no_grad()
    def write(self, k, v):
        """Append T tokens, k and v (B, H, T, D), over the oldest ones, in place."""
        (B, _, M, _), T = self.keys.shape, k.shape[2]
        kept = torch.arange(max(0, T - M), T, device=k.device)
        stream, slot = torch.arange(B)[:, None], (self.written[:, None] + kept) % M
        self.keys[stream, :, slot] = k[:, :, kept].transpose(1, 2)
        self.values[stream, :, slot] = v[:, :, kept].transpose(1, 2)
        self.written += T


@torch.no_grad()
def exact_topk(q, keys, valid, K):
    """scores, index, found, each (B, H, T, K), best first; ties in any order."""
    # Stream by stream: the scores of one stay in the processor's cache.
    best = [_topk_of_stream(*stream, K) for stream in zip(q, keys, valid)]
    scores, index = (torch.stack(part) for part in zip(*best))
    found = scores > -torch.inf
    return scores, index.masked_fill(~found, 0), found


def _topk_of_stream(q, keys, valid, K, groups=128):
    """q (H, T, D), keys (H, M, D), valid (M,) → scores and index (H, T, K)."""
    scores = (q @ keys.mT).add_(where_not(valid, -torch.inf, q.dtype))  # (H, T, M)
    M = scores.shape[-1]
    if M % groups or K >= groups:
        scores, index = scores.topk(min(K, M), -1)
        short = (0, K - scores.shape[-1])
        return F.pad(scores, short, value=-torch.inf), F.pad(index, short)
    # The K best keys lie in the K groups of slots with the largest maxima.
    largest = scores.unflatten(-1, (-1, groups)).amax(-2)  # slot s: group s % groups
    group = largest.topk(K, -1, sorted=False).indices  # (H, T, K)
    member = torch.arange(0, M, groups, device=q.device)[:, None] + group[..., None, :]
    member = member.flatten(-2)  # (H, T, K · M / groups)
    scores, place = scores.gather(-1, member).topk(K, -1)
    return scores, member.gather(-1, place)


def lsh_topk(config, q, keys, valid, K):
    """The NumPy search on tensors, as `exact_topk`; no gradient passes through."""
    lsh = LSH(config.head, config.tables, config.bits, seed=0)
    arrays = (x.detach().cpu().numpy() for x in (q, keys, valid))
    return tuple(torch.from_numpy(x).to(q.device) for x in lsh.topk(*arrays, K))


def gather(rows, index):
    """Whole rows by flat index: (B, H, M, D), (B, H, T, K) → (B, H, T, K, D)."""
    B, H, M, D = rows.shape
    first = M * torch.arange(B * H, device=rows.device).view(B, H, 1, 1)
    return F.embedding(first + index, rows.view(-1, D))


def attend_to_memory(q, k, v, found, scale):
    """q (B, H, T, D), k and v (B, H, T, K, D), found (B, H, T, K) → (B, H, T, D)."""
    logits = scale[:, None, None] * (k @ q[..., None])[..., 0]  # (B, H, T, K)
    weight = softmax(logits.masked_fill(~found, -torch.inf))
    return (weight[..., None, :] @ v)[..., 0, :]


def mix(remembered, local, gate_logit, found):
    """g · remembered + (1 − g) · local per head; local where nothing was found."""
    gate = gate_logit.sigmoid()[:, None, None] * found.any(-1, keepdim=True)
    return gate * remembered + (1 - gate) * local


def start_documents(state, starts):
    """The state where the streams in which `starts` (B,) is True have read nothing."""
    if state.memory:
        state.memory.clear(starts)
    return State(state.age.masked_fill(starts, 0), list(state.caches), state.memory)


def rms_norm(x, gain, eps=1e-6):
    """x over the root of its mean square, times a learned gain."""
    return F.rms_norm(x, x.shape[-1:], gain, eps)


def remember(config, q, memory, scale):
    """What each query found: remembered (B, H, T, D), and the search's result."""
    search = exact_topk if config.search == "exact" else partial(lsh_topk, config)
    scores, index, found = search(q, memory.keys, memory.valid, config.neighbours)
    k, v = gather(memory.keys, index), gather(memory.values, index)
    return attend_to_memory(q, k, v, found, scale), (scores, index, found)


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
        remembered, state.retrieved = remember(config, q, state.memory, scale)
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
        shape = B, c.heads, c.memory, c.head, self.norm.dtype, self.norm.device
        return State(age, [None] * c.layers, Memory(*shape) if c.memory else None)

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
        x = rms_norm(x, self.norm)
        return x @ self.embedding.T * self.config.embed**-0.5, state


def token_losses(logits, targets):
    """Nats per token (B, T), 0 where targets are −1."""
    flat = logits.flatten(0, 1), targets.flatten()
    return F.cross_entropy(*flat, ignore_index=-1, reduction="none").view_as(targets)


def loss(logits, targets):
    """Mean nats per token over the targets that are not −1; 0 without any."""
    return token_losses(logits, targets).sum() / (targets >= 0).sum().clamp(min=1)
