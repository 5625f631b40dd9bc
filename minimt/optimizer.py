"""How to train: the options, the learning rate at each step, and the optimiser."""

import math
from dataclasses import dataclass

import torch

from .config import check_whole, option


@dataclass(frozen=True)
class Training:
    """How to train. Raises a ValueError that names an invalid field."""

    streams: int = option(16, "documents read side by side (B)")
    steps: int = option(600, "training steps; each reads one segment of every stream")
    learning_rate: float = option(8e-3, "peak learning rate of AdamW, on text")
    repetition_rate: float = option(0.625, "factor of the rate during repetition")
    lookup_rate: float = option(
        0.1, "factor of the rate after repetition, in the layers up to the memory"
    )
    warmup: int = option(50, "steps until the learning rate peaks")
    repetition_steps: int = option(
        600, "at most so many steps of repetition, before the text"
    )
    repetition_share: float = option(
        0.25, "share of streams that go on repeating chunks beside the text"
    )
    weight_decay: float = option(0.01, "weight decay of matrices; nothing else decays")
    clip: float = option(1.0, "norm at which the gradient is clipped")
    seed: int = option(0, "seed for the weights, the split and the order of documents")

    def __post_init__(self):
        bounds = dict(streams=(1, 2**16), steps=(1, 10**9), warmup=(0, 10**9))
        bounds |= dict(repetition_steps=(0, 10**9), seed=(0, 2**63 - 1))
        check_whole(self, bounds)
        if not 0 <= self.repetition_share < 1:
            value = self.repetition_share
            raise ValueError(f"repetition_share must be ≥ 0 and below 1, not {value}")
        if not 0 <= self.weight_decay < math.inf:
            value = self.weight_decay
            raise ValueError(f"weight_decay must be finite and ≥ 0, not {value}")
        for name in ("learning_rate", "repetition_rate", "clip"):
            if not 0 < getattr(self, name) < math.inf:
                value = getattr(self, name)
                raise ValueError(f"{name} must be finite and above 0, not {value}")
        if not 0 <= self.lookup_rate <= 1:
            value = self.lookup_rate
            raise ValueError(f"lookup_rate must be from 0 to 1, not {value}")


def learning_rate(step, training):
    """Linear warm-up, then half a cosine down to a fiftieth of the peak."""
    if step < training.warmup:
        return training.learning_rate * (step + 1) / training.warmup
    part = (step - training.warmup) / max(1, training.steps - training.warmup)
    return training.learning_rate * (0.02 + 0.49 * (1 + math.cos(math.pi * part)))


def adamw(model, training, lookup_rate=1.0):
    """AdamW (Loshchilov & Hutter, ICLR 2019) with weight decay on matrices only.

    The `relative_rate` of a group multiplies its learning rate. It is `lookup_rate` in
    the layers up to the one with the memory, where a lookup forms, and 1 elsewhere.
    """
    layers, groups = model.layers[: model.config.memory_layer + 1], {}
    lookup = {id(p) for p in layers.parameters()}
    for name, p in model.named_parameters():
        matrix = p.ndim == 2 and not name.endswith(".bias")  # a table of numbers
        decay = training.weight_decay if matrix else 0.0
        rate = lookup_rate if id(p) in lookup else 1.0
        groups.setdefault((decay, rate), []).append(p)
    groups = [
        dict(params=params, weight_decay=decay, relative_rate=rate)
        for (decay, rate), params in groups.items()
    ]
    return torch.optim.AdamW(groups, betas=(0.9, 0.95), fused=True)


def mixed_precision(device):
    """A context that multiplies matrices in bfloat16, on GPUs that support it."""
    kind = torch.device(device).type
    able = kind == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.autocast(kind, torch.bfloat16, enabled=able)
