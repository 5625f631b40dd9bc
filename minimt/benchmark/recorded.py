"""The queries and keys that a trained model's memory layer makes of real text."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from tqdm import tqdm

from .. import data
from ..errors import InputError
from ..torch_model import MemorizingTransformer

STREAMS = 16  # pieces of the text that are read side by side


@dataclass(frozen=True)
class Recording:
    """Queries and keys (H, N, D) of N tokens in their order, on the CPU."""

    queries: torch.Tensor
    keys: torch.Tensor

    def streams(self, M, T, most):
        """Memories of M keys and the T queries after each, for up to `most` streams.

        q (B, H, T, D), keys (B, H, M, D); B is 0 where the text is too short.
        """
        H, N, D = self.keys.shape
        starts = list(range(0, N - M - T + 1, M))[:most]
        q = [self.queries[:, at + M : at + M + T] for at in starts]
        keys = [self.keys[:, at : at + M] for at in starts]
        if not starts:
            return torch.empty(0, H, T, D), torch.empty(0, H, M, D)
        return torch.stack(q), torch.stack(keys)


def random_recording(heads, head, tokens, seed=0):
    """Random unit queries and keys, for timing where there is no trained model."""
    random = torch.Generator().manual_seed(seed)
    parts = torch.randn(2, heads, tokens, head, generator=random)
    return Recording(*torch.nn.functional.normalize(parts, dim=-1))


@torch.inference_mode()
def record(model, vocabulary, documents, tokens, seed=0):
    """Read documents [(name, text)] in random order, one after the other, as one text.

    Returns the Recording of `tokens` tokens of it, or of as many as there are.
    InputError for a text that does not fill a segment per stream.
    """
    order = np.random.default_rng(seed).permutation(len(documents))
    text, T = [], model.config.segment
    tokens = -(-tokens // (STREAMS * T)) * STREAMS * T  # whole segments
    for _, document in (documents[i] for i in order):
        if len(text) < tokens:
            text.extend(data.encode(vocabulary, document).tolist())
    text = np.array(text[:tokens])
    segments = len(text) // (STREAMS * T)
    if not segments:
        raise InputError(f"a text of {len(text)} tokens: train on more documents")
    text = torch.from_numpy(text[: STREAMS * segments * T].reshape(STREAMS, -1))
    state, listener = None, Listener()
    lower = up_to_the_memory(model)
    about = dict(desc="read", unit="segment", disable=None, leave=False)
    for at in tqdm(range(0, segments * T, T), **about):
        state = state or lower.first_state(STREAMS)
        state.memory = listener
        _, state = lower(text[:, at : at + T].to(model.norm.device), state)
    parts = (torch.cat(x, 2).cpu().float() for x in (listener.queries, listener.keys))
    return Recording(*(x.transpose(0, 1).flatten(1, 2) for x in parts))


def up_to_the_memory(model):
    """The model's layers up to the one with the memory; more its keys do not need."""
    config = replace(model.config, layers=model.config.memory_layer + 1, memory=0)
    lower = MemorizingTransformer(config).to(model.norm.device)
    lower.load_state_dict(
        {k: w for k, w in model.state_dict().items() if k in lower.state_dict()}
    )
    return lower


class Listener:
    """In the place of a memory: keeps the queries and keys, and finds nothing."""

    def __init__(self):
        self.queries, self.keys = [], []

    def clear(self, starts):
        """Keep all."""

    def search(self, q, K):
        """Keep the queries (B, H, T, D)."""
        self.queries.append(q)
        return q[..., :1], q[..., :1].long(), q[..., :1] > np.inf

    def attend(self, q, retrieved, scale):
        """Nothing was found."""
        return torch.zeros_like(q)

    def write(self, k, v):
        """Keep the keys (B, H, T, D)."""
        self.keys.append(k)
