"""Training: the step, the loop, and checkpoints that it goes on from to the bit."""

import io
import math
import pathlib
import signal
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace

import torch
from tqdm import tqdm

from . import distributed
from .config import Config, option
from .errors import InputError
from .files import replace_file
from .torch_model import MemorizingTransformer, token_losses

SAVE_EVERY = 60  # seconds between checkpoints
PROBE = 20  # steps that are timed to turn minutes into steps


@dataclass(frozen=True)
class Training:
    """How to train. ValueError names the field that cannot be used."""

    streams: int = option(16, "documents read side by side (B)")
    steps: int = option(600, "segments that every stream reads")
    learning_rate: float = option(5e-3, "peak learning rate of AdamW")
    warmup: int = option(50, "steps until the peak")
    weight_decay: float = option(0.01, "decay of matrices; all else has none")
    clip: float = option(1.0, "largest norm of the gradient")
    seed: int = option(0, "seed of the weights, the split and the order of documents")

    def __post_init__(self):
        for name in ("streams", "steps"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"{name} must be at least 1, not {getattr(self, name)}"
                )
        for name in ("warmup", "weight_decay", "seed"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative")
        for name in ("learning_rate", "clip"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be above 0, not {getattr(self, name)}")


def learning_rate(step, training):
    """Linear warm-up, then half a cosine down to a fiftieth of the peak."""
    if step < training.warmup:
        return training.learning_rate * (step + 1) / training.warmup
    part = (step - training.warmup) / max(1, training.steps - training.warmup)
    return training.learning_rate * (0.02 + 0.49 * (1 + math.cos(math.pi * part)))


def adamw(model, training):
    """AdamW (Loshchilov & Hutter, ICLR 2019) with weight decay on matrices only."""
    matrices, others = [], []  # the relative bias is a table of single numbers
    for name, p in model.named_parameters():
        (others if p.ndim < 2 or name.endswith(".bias") else matrices).append(p)
    groups = [
        {"params": matrices, "weight_decay": training.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, betas=(0.9, 0.95), fused=True)


def mixed_precision(device):
    """The context in which matrices are multiplied in bfloat16: on GPUs made for it."""
    kind = torch.device(device).type
    able = kind == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.autocast(kind, torch.bfloat16, enabled=able)


class Trainer:
    """A model, its optimiser, its streams and their state: all that a step changes.

    `streams` yields (tokens, targets, starts); to be saved, it needs state_dict and
    load_state_dict as well. With several processes, each has a trainer with the same
    streams, and reads its share of them; all of them call each method together.
    """

    def __init__(self, config, training, streams, device="cpu"):
        self.training, self.streams, self.device = training, streams, device
        self.model = MemorizingTransformer(config, training.seed).to(device)
        self.parallel = distributed.parallel(self.model)
        self.autocast = mixed_precision(device)
        self.optimizer = adamw(self.model, training)
        self.state, self.losses, self.seconds = None, [], 0.0

    @property
    def done(self):
        """True when all steps have been made."""
        return len(self.losses) >= self.training.steps

    def step(self):
        """Read one segment of every stream and learn from it; its logits (B, T, V).

        With several processes, the logits of this one's share of the streams.
        """
        began = time.perf_counter()
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(len(self.losses), self.training)
        segment = next(self.streams)
        count = max(1, int((segment[1] >= 0).sum()))  # of targets in all shares
        tokens, targets, starts = (
            torch.from_numpy(distributed.share(x)).to(self.device) for x in segment
        )
        with self.autocast:
            logits, self.state = self.parallel(tokens, self.state, starts)
        logits = logits.to(self.model.norm.dtype)  # bfloat16 is too coarse for a loss
        nats = token_losses(logits, targets).sum() / count
        (nats * distributed.size()).backward()  # the mean of these is the gradient
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.training.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        nats = distributed.total(nats).item()
        if not math.isfinite(nats):
            raise InputError("the loss is infinite: train with a lower --learning_rate")
        self.losses.append(nats)
        self.seconds += time.perf_counter() - began
        return logits.detach()

    def plan(self, minutes):
        """Make the first steps, and set as many as their speed allows in `minutes`."""
        for _ in range(PROBE):
            self.step()
        seconds = distributed.total(torch.tensor(self.seconds, dtype=torch.float64))
        mean = seconds.item() / distributed.size()
        steps = max(PROBE, round(60 * minutes * PROBE / mean))
        self.training = replace(self.training, steps=steps)

    def state_dict(self):
        """All of it, in tensors and plain values; the leader's has every stream."""
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
        """Become the trainer that `state_dict` was taken from."""
        self.training = Training(**saved["training"])
        self.model.load_state_dict(saved["model"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.streams.load_state_dict(saved["streams"])
        self.state = unpack(saved["state"], self.model)
        self.losses, self.seconds = list(saved["losses"]), saved["seconds"]


def pack(state):
    """A model's state as what a checkpoint may hold: tensors, lists, dicts and None.

    With several processes, the leader gets the rows of all.
    """
    if state is None:
        return None
    gather = distributed.gather
    caches = [cache and tuple(gather(x) for x in cache) for cache in state.caches]
    memory = state.memory.state_dict() if state.memory else {}
    memory = {name: gather(x) for name, x in memory.items()} or None
    return dict(age=gather(state.age), caches=caches, memory=memory)


def unpack(saved, model):
    """The state that `pack` was given, on the model's device; this process's rows."""
    if saved is None:
        return None
    device, share = model.norm.device, distributed.share
    state = model.first_state(len(share(saved["age"])))
    state.age = share(saved["age"]).to(device)
    state.caches = [
        cache and tuple(share(x).to(device) for x in cache) for cache in saved["caches"]
    ]
    if state.memory:
        rows = {name: share(x) for name, x in saved["memory"].items()}
        state.memory.load_state_dict(rows)
    return state


def save_checkpoint(path, content):
    """Write a checkpoint whole or not at all."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    replace_file(path, buffer.getbuffer())


def load_checkpoint(path):
    """What a checkpoint holds; nothing in it is run. InputError if it is unusable."""
    if not pathlib.Path(path).is_file():
        raise InputError(f"there is no checkpoint {path}: train first")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        Config(**content["config"]), Training(**content["training"])
        return content
    except Exception as error:  # whatever a damaged file makes of the reader
        reason = type(error).__name__
        raise InputError(
            f"{path} is damaged or no checkpoint of minimt ({reason}): train again"
        ) from None


def fit(trainer, save, label, interrupted):
    """Train until done or interrupted, calling `save()` by the way and at the end.

    All processes stop, and save, after the same step, whichever was interrupted.
    """
    tokens = trainer.training.streams * trainer.model.config.segment
    total, made = trainer.training.steps * tokens, len(trainer.losses) * tokens
    about = dict(desc=label, unit="tok", unit_scale=True)
    about["disable"] = None if distributed.leader() else True
    saved, stop = time.perf_counter(), False
    with tqdm(total=total, initial=made, **about) as bar:
        while not trainer.done and not stop:
            trainer.step()
            recent = trainer.losses[-50:]
            bar.set_postfix(loss=f"{sum(recent) / len(recent):.3f}", refresh=False)
            bar.update(tokens)
            due = time.perf_counter() - saved > SAVE_EVERY
            stop, due = distributed.anywhere(interrupted, due)
            if due:
                save()
                saved = time.perf_counter()
        save()


@contextmanager
def stop_on_interrupt():
    """A list that Ctrl-C makes non-empty, so that a step is never cut in two.

    So does SIGTERM, by which torchrun and clusters stop a process.
    """
    interrupted, before = [], {}
    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, lambda *_: interrupted.append(True))
    try:
        yield interrupted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
