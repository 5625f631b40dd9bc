"""The configuration of a model: one frozen dataclass, checked when it is made."""

from dataclasses import dataclass, field


def option(default, help):
    """A dataclass field with the text that the command line shows for it."""
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True)
class Config:
    """Sizes and choices of a model. ValueError names the field that cannot be used."""

    vocab: int = option(2048, "tokens in the vocabulary (V)")
    layers: int = option(4, "layers (L)")
    heads: int = option(4, "heads per layer (H)")
    embed: int = option(128, "model size (E), heads times head size")
    segment: int = option(64, "tokens of a segment (T)")
    cache: int = option(64, "tokens kept in the Transformer-XL cache (C), 0 = none")
    memory: int = option(2048, "tokens a memory holds (M), 0 = no memory")
    memory_layer: int = option(1, "layer that has the memory, counted from 0")
    neighbours: int = option(16, "memories retrieved per query (K)")
    search: str = option("exact", "how to find neighbours: exact or lsh")
    bits: int = option(6, "the lsh search has 2^bits cells")
    probes: int = option(16, "cells, in torch pages of 64 keys, that lsh looks into")
    start: str = option("lookup", "initial weights: ordinary or lookup")

    def __post_init__(self):
        least = dict(vocab=2, layers=1, heads=1, embed=1, segment=1, cache=0, memory=0)
        least |= dict(memory_layer=0, neighbours=1, bits=0, probes=1)
        for name, bound in least.items():
            value = getattr(self, name)
            if type(value) is not int or value < bound:
                raise ValueError(
                    f"{name} must be a whole number ≥ {bound}, not {value!r}"
                )
        if self.embed % self.heads:
            raise ValueError(f"embed {self.embed} is no multiple of heads {self.heads}")
        if self.memory_layer >= self.layers:
            raise ValueError(f"memory_layer must be below layers {self.layers}")
        if self.bits > 30:
            raise ValueError(f"bits must be at most 30, not {self.bits}")
        choices_of = dict(search=("exact", "lsh"), start=("ordinary", "lookup"))
        for name, choices in choices_of.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}")

    @property
    def head(self):
        """Head size D."""
        return self.embed // self.heads
