"""The queries and keys that a trained model's memory layer makes of real text."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from .. import tokenizer
from ..errors import InputError
from ..progress import progress
from ..torch_search import Search

STREAMS = 16  # pieces of the text to read side by side


@dataclass(frozen=True)
class Recording:
    """Queries and keys (H, N, D) of N tokens in order, on the CPU."""

    queries: torch.Tensor
    keys: torch.Tensor

    def streams(self, M, T, most):
        """Memories of M keys and the T queries after each, for up to `most` streams.

        q (B, H, T, D), keys (B, H, M, D); B is 0 if the text is too short.
        """
        H, N, D = self.keys.shape
        starts = list(range(0, N - M - T + 1, M))[:most]
        q = [self.queries[:, at + M : at + M + T] for at in starts]
        keys = [self.keys[:, at : at + M] for at in starts]
        if not starts:
            return torch.empty(0, H, T, D), torch.empty(0, H, M, D)
        return torch.stack(q), torch.stack(keys)


def random_recording(heads, head, tokens, seed=0):
    """Random unit queries and keys, for timing without a trained model."""
    random = torch.Generator().manual_seed(seed)
    parts = torch.randn(2, heads, tokens, head, generator=random)
    return Recording(*torch.nn.functional.normalize(parts, dim=-1))


@torch.inference_mode()
def record(model, vocabulary, documents, tokens, seed=0):
    """Read documents [(name, text)] in random order, one after the other, as one text.

    Returns the Recording of its first `tokens` tokens, or of as many as there are.
    Raises InputError if the text does not fill one segment of every stream.
    """
    order = np.random.default_rng(seed).permutation(len(documents))
    read, T = [], model.config.segment
    tokens = -(-tokens // (STREAMS * T)) * STREAMS * T  # whole segments
    for _, document in (documents[i] for i in order):
        if len(read) < tokens:
            read.extend(tokenizer.encode(vocabulary, document).tolist())
    segments = min(len(read), tokens) // (STREAMS * T)
    if not segments:
        raise InputError(
            f"the text has only {len(read)} tokens: choose a --run with more text"
        )
    text = torch.tensor(read[: STREAMS * segments * T]).view(STREAMS, -1)
    recorder = Recorder()
    lower = recording_model(model, recorder)
    state = lower.first_state(STREAMS)
    with progress("reading", segments, "segment") as bar:
        for segment in text.to(model.norm.device).split(T, dim=1):
            _, state = lower(segment, state)
            bar.update()
    state.memory.flush()
    parts = (torch.cat(x, 2).cpu().float() for x in (recorder.queries, recorder.keys))
    return Recording(*(x.transpose(0, 1).flatten(1, 2) for x in parts))


def recording_model(model, recorder):
    """A model's layers up to the one with the memory, with a recorder as its search.

    What is recorded does not depend on what a memory would add.
    """
    parts = replace(model.parts, searcher=lambda config: recorder)
    return model.changed(parts, layers=model.config.memory_layer + 1, memory=1)


class Recorder(Search):
    """A search that records queries and keys (B, H, T, D) and finds nothing."""

    def __init__(self):
        self.queries, self.keys = [], []

    def topk(self, q, keys, valid, K):
        """Record the queries."""
        self.queries.append(q)
        nothing = torch.full_like(q[..., :1], -torch.inf)  # (B, H, T, 1)
        return nothing, torch.zeros_like(nothing).long(), nothing > -torch.inf

    def insert(self, k, keys, written):
        """Record the keys."""
        self.keys.append(k)
