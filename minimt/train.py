"""Training: the step, the loop, and resuming from a checkpoint to the last bit."""

import math
import signal
import time
from contextlib import contextmanager
from dataclasses import asdict, replace

import torch

from . import distributed
from .checkpoints import check, load_checkpoint, loading, pack, save_checkpoint, unpack
from .data import DocumentStreams
from .errors import InputError
from .optimizer import Training, adamw, learning_rate, mixed_precision
from .progress import progress
from .repetition import Repetition, SideBySide
from .torch_model import token_losses

SAVE_EVERY = 60  # seconds between checkpoints
PROBE = 20  # steps that are timed to turn minutes into steps


class Trainer:
    """A model, its optimiser, its streams and their state: all that a step changes.

    The model is trained on the device that it is on. `streams` yields (tokens, targets,
    starts); for checkpoints, it needs state_dict and load_state_dict as well. With
    several processes, each has a trainer with the same streams and reads its share of
    them; all processes must call each method together. lookup_rate: how fast the layers
    up to the one with the memory learn, relative to the others.
    """

    def __init__(self, model, training, streams, lookup_rate=1.0):
        self.model, self.training, self.streams = model, training, streams
        self.autocast = mixed_precision(model.norm.device)
        self.optimizer = adamw(model, training, lookup_rate)
        self.state, self.losses, self.seconds = None, [], 0.0

    @property
    def done(self):
        """True when all steps have been taken."""
        return len(self.losses) >= self.training.steps

    def step(self):
        """Read one segment of every stream and learn from it; returns logits (B, T, V).

        With several processes, these are the logits of this one's share of the streams.
        Raises InputError if the loss is no longer finite.
        """
        began = time.perf_counter()
        rate = learning_rate(len(self.losses), self.training)
        for group in self.optimizer.param_groups:
            group["lr"] = group["relative_rate"] * rate
        segment = next(self.streams)
        count = max(1, int((segment[1] >= 0).sum()))  # targets in all shares together
        shares = (torch.from_numpy(distributed.share(x)) for x in segment)
        tokens, targets, starts = (x.to(self.model.norm.device) for x in shares)
        with self.autocast:
            logits, self.state = self.model(tokens, self.state, starts)
        logits = logits.to(self.model.norm.dtype)  # bfloat16 is too coarse for a loss
        loss = token_losses(logits, targets).sum() / count
        loss.backward()
        distributed.add_gradients(self.model)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.training.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        nats = distributed.total(loss).item()
        if not math.isfinite(nats):
            raise InputError("the loss is not finite: use a lower --learning-rate")
        self.losses.append(nats)
        self.seconds += time.perf_counter() - began
        return logits.detach()

    def plan(self, minutes):
        """Take the first steps, then set as many as their speed allows in `minutes`."""
        for _ in range(PROBE):
            self.step()
        seconds = distributed.total(torch.tensor(self.seconds, dtype=torch.float64))
        mean = seconds.item() / distributed.size()
        steps = max(PROBE, round(60 * minutes * PROBE / mean))
        self.training = replace(self.training, steps=steps)

    def state_dict(self):
        """The trainer as tensors and plain values; the leader's holds every stream.

        Raises InputError if a weight is no longer finite.
        """
        if not all(p.isfinite().all() for p in self.model.parameters()):
            raise InputError("the weights are not finite: use a lower --learning-rate")
        return dict(
            config=asdict(self.model.config),
            training=asdict(self.training),
            model=self.model.state_dict(),
            optimizer=self.optimizer.state_dict(),
            streams=self.streams.state_dict(),
            state=pack(self.state),
            losses=list(self.losses),
            seconds=self.seconds,
        )

    def load_state_dict(self, saved):
        """Restore what `state_dict` returned."""
        self.training = Training(**saved["training"])
        self.model.load_state_dict(saved["model"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.streams.load_state_dict(saved["streams"])
        self.state = unpack(saved["state"], self.model)
        self.losses, self.seconds = list(saved["losses"]), saved["seconds"]


def fit(trainer, save, label, interrupted, shown=True):
    """Train until done or interrupted, calling `save()` along the way and at the end.

    All processes stop and save after the same step, whichever was interrupted.
    """
    tokens = trainer.training.streams * trainer.model.config.segment
    total, made = trainer.training.steps * tokens, len(trainer.losses) * tokens
    saved, stop = time.perf_counter(), False
    shown = shown and distributed.leader()
    with progress(label, total, "token", made, shown) as bar:
        while not trainer.done and not stop:
            trainer.step()
            recent = trainer.losses[-50:]
            bar.note = f"loss {sum(recent) / len(recent):.3f}"
            bar.update(tokens)
            due = time.perf_counter() - saved > SAVE_EVERY
            stop, due = distributed.anywhere(interrupted, due)
            if due:
                save()
                saved = time.perf_counter()
        save()


@contextmanager
def stop_on_interrupt():
    """Yield a list that Ctrl-C makes non-empty, so that no step is cut short.

    SIGTERM, with which torchrun and clusters stop a process, does the same.
    """
    interrupted, before = [], {}
    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, lambda *_: interrupted.append(True))
    try:
        yield interrupted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def text_trainer(model, training, docs):
    """A trainer on documents; what repetition has taught is preserved by a low rate."""
    streams = text_streams(docs, training, model.config.segment)
    lookup_rate = training.lookup_rate if training.repetition_steps else 1.0
    return Trainer(model, training, streams, lookup_rate)


def text_streams(docs, training, T):
    """Streams of documents and, a share of them, of chunks that are read twice.

    At least one stream repeats, unless the share is 0 or there is only one stream.
    """
    B, seed, share = training.streams, training.seed, training.repetition_share
    repeated = min(max(round(share * B), int(share > 0)), B - 1)
    streams = DocumentStreams(docs, B - repeated, T, seed)
    if not repeated:
        return streams
    return SideBySide(streams, Repetition(docs, repeated, T, seed + 1, readings=2))


def run_trainer(path, origin, trainer_of, corpus, minutes=None, shown=True):
    """Train to the end, resuming from the checkpoint at `path` if it exists.

    origin: by which the checkpoint will be recognised. trainer_of(docs) makes a trainer
    on documents; they are those of `corpus`. Returns it after its last step. minutes:
    if given, it takes as many steps as fit into them. Raises KeyboardInterrupt, with
    everything saved, if Ctrl-C comes first, and InputError if the checkpoint is
    damaged, or that of another training.
    """
    with stop_on_interrupt() as interrupted:  # from here on Ctrl-C loses nothing
        trainer = trainer_of(corpus.train)
        about = dict(origin=origin, documents=corpus.digest)
        about["vocabulary"] = corpus.vocabulary.to_str()
        if path.exists():
            saved = load_checkpoint(path)
            check(path, saved, **about)
            with loading(path):
                trainer.load_state_dict(saved)
        elif minutes is not None:
            trainer.plan(minutes)

        def save():
            content = trainer.state_dict() | about  # gathered from all processes
            content["trained"] = corpus.trained
            if distributed.leader():
                save_checkpoint(path, content)
            distributed.barrier()  # no process ends before the file is whole

        if not trainer.done or not path.exists():
            stage = path.stem.replace("_", " ")  # with memory, without memory
            stage = "by repetition" if stage == "repetition" else stage
            fit(trainer, save, f"training {stage}", interrupted, shown)
        if any(distributed.anywhere(interrupted)):
            raise KeyboardInterrupt
    return trainer
