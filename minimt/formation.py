"""The first stage of training: chunks are repeated until a lookup has formed.

Here the model has no memory: it learns to look back within its segment and cache. The
same queries, keys and values then serve a memory, the moment it gets one.
"""

from dataclasses import replace

import numpy as np
import torch

from .repetition import READINGS, Repetition, chunk
from .torch_attention import attend, causal_mask, relative_bias
from .torch_model import token_losses
from .train import Trainer, text_streams

CHUNK, CHUNKS = 16, 32  # tokens in a chunk of a probe, and chunks in the probe
EVERY = 5  # steps between two measurements, at least
POINTS = 200  # measurements of a whole training, about
# A lookup has formed, or is sure, when later readings cost less than this share of the
# first.
FORMED, LEARNED = 1 / 2, 1 / 25


class Probe:
    """What repeated chunks cost a model, and where its memory layer looks meanwhile."""

    def __init__(self, model, docs, seed):
        rng = np.random.default_rng(seed)
        n = min(CHUNK, min(map(len, docs)) - 1)
        chunks = [chunk(docs, n, rng) for _ in range(CHUNKS)]
        self.tokens = torch.from_numpy(np.tile(chunks, READINGS)).to(model.norm.device)
        self.reading = np.arange(1, READINGS * n) // n  # of each target; 0 = the first
        self.seen = []  # queries and keys of each layer, in turn
        self.normalize = model.parts.normalize
        self.model = model.changed(replace(model.parts, normalize=self.record))

    def record(self, x):
        """Normalise queries or keys, and keep them."""
        self.seen.append(self.normalize(x))
        return self.seen[-1]

    @torch.inference_mode()
    def measure(self, model):
        """Nats of the first reading and of later ones, and what the heads attend to.

        attention: by head, the part that goes to places just after the same token as
        the query's, which a lookup finds, while a chunk is read again.
        """
        self.model.load_state_dict(model.state_dict())
        self.seen.clear()
        logits, _ = self.model(self.tokens[:, :-1])
        nats = token_losses(logits, self.tokens[:, 1:]).cpu().numpy()
        later = self.reading > 0
        return dict(
            first=float(nats[:, ~later].mean()),
            later=float(nats[:, later].mean()),
            attention=self.after_same_token()[..., later].mean((0, 2)).tolist(),
        )

    def after_same_token(self):
        """The attention to places just after the same token as the query's: (B, H, T).

        It is attention over indicators, one for each query, in place of values.
        """
        layer, tokens = self.model.config.memory_layer, self.tokens[:, :-1]
        q, k = self.seen[2 * layer : 2 * layer + 2]
        p, T = self.model.layers[layer], tokens.shape[1]
        same = tokens[:, :, None] == tokens[:, None, :]  # (B, key, query)
        after = torch.zeros_like(same)
        after[:, 1:] = same[:, :-1]
        bias, mask = relative_bias(p["bias"], T, T), causal_mask(T, T).to(q.device)
        found = attend(
            q, k, after[:, None].to(q.dtype), p["log_scale"].exp(), bias, mask
        )
        return found.diagonal(dim1=2, dim2=3)  # (B, H, T)


def formed(curve):
    """The first step of a curve at which a lookup was there; None if it never was."""
    steps = (x["step"] for x in curve if x["later"] < FORMED * x["first"])
    return next(steps, None)


class Watched(Trainer):
    """A trainer whose model is measured by a probe, every so many steps.

    `curve` holds the steps and what was measured.
    """

    def __init__(self, model, training, streams, docs, every):
        super().__init__(model, training, streams)
        self.probe, self.every = Probe(model, docs, [training.seed, 1]), every
        self.curve = [dict(step=0, **self.probe.measure(model))]

    @property
    def formed(self):
        """The first step at which a lookup was there; None if it never was."""
        return formed(self.curve)

    def step(self):
        """Take a step as any trainer does, and measure now and then."""
        logits = super().step()
        if len(self.losses) % self.every == 0:
            measured = self.probe.measure(self.model)
            self.curve.append(dict(step=len(self.losses), **measured))
        return logits

    def state_dict(self):
        """The trainer, with what was measured on the way."""
        return super().state_dict() | dict(curve=list(self.curve))

    def load_state_dict(self, saved):
        """Restore what `state_dict` returned."""
        super().load_state_dict(saved)
        self.curve = list(saved["curve"])


class Formation(Watched):
    """A trainer that repeats chunks until the lookup is sure, or the steps are over."""

    def __init__(self, model, training, docs):
        rate = training.learning_rate * training.repetition_rate
        steps = training.repetition_steps
        training = replace(training, steps=steps, learning_rate=rate)
        B, T = training.streams, model.config.segment
        streams = Repetition(docs, B, T, training.seed)
        super().__init__(model, training, streams, docs, EVERY)

    @property
    def done(self):
        """True when the lookup is sure enough, or all steps have been taken."""
        last = self.curve[-1]
        return super().done or last["later"] < LEARNED * last["first"]


def watched_text(model, training, docs):
    """A trainer on documents, watched for a lookup that forms by itself."""
    streams = text_streams(docs, training, model.config.segment)
    return Watched(model, training, streams, docs, max(EVERY, training.steps // POINTS))
