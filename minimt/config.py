"""The configuration of a model: a frozen dataclass, checked when it is created."""

from dataclasses import dataclass, field

from .lsh import LSH
from .search import Search

SEARCHES = {  # the choices for `Config.search`: functions from a config to a searcher
    "exact": lambda c: Search(),
    "lsh": lambda c: LSH(c.head, c.tables, c.bits, c.search_seed, c.probes),
}
INITIALISATIONS = ("random", "primed", "induction")


BOUNDS = dict(  # of the whole numbers in a Config: more would fit no machine
    vocab=(2, 2**20),
    layers=(1, 1000),
    heads=(1, 1000),
    embed=(1, 2**16),
    segment=(1, 2**16),
    cache=(0, 2**20),
    memory=(0, 2**28),
    memory_layer=(0, 999),
    neighbours=(1, 2**16),
    tables=(1, 1000),
    bits=(0, 30),
    probes=(1, 2**20),
    search_seed=(0, 2**63 - 1),
)


def check_whole(options, bounds):
    """Raise a ValueError that names a field unless all are whole numbers in bounds."""
    for name, (least, most) in bounds.items():
        value = getattr(options, name)
        if type(value) is not int or not least <= value <= most:
            wanted = f"a whole number from {least} to {most}"
            raise ValueError(f"{name} must be {wanted}, not {value!r}")


def option(default, help):
    """A dataclass field with the help text that the command line shows."""
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True)
class Config:
    """Sizes and choices of a model. Raises a ValueError that names an invalid field."""

    vocab: int = option(2048, "tokens in the vocabulary (V)")
    layers: int = option(4, "layers in the model (L)")
    heads: int = option(4, "heads in each layer (H)")
    embed: int = option(128, "model size (E), heads times head size")
    segment: int = option(64, "tokens in a segment (T)")
    cache: int = option(64, "tokens in the Transformer-XL cache (C), 0 = no cache")
    memory: int = option(2048, "tokens in the memory (M)")
    memory_layer: int = option(1, "layer that has the memory, counted from 0")
    neighbours: int = option(
        16, "pairs retrieved per query in training (K); afterwards, half as many"
    )
    search: str = option("exact", f"how to find neighbours: {' or '.join(SEARCHES)}")
    tables: int = option(1, "lsh search: number of hash tables")
    bits: int = option(6, "lsh search: each table has 2^bits cells")
    probes: int = option(16, "lsh search: cells to probe per table (PyTorch: pages)")
    search_seed: int = option(0, "lsh search: seed for the cells")
    init: str = option("primed", f"initial weights: {', '.join(INITIALISATIONS)}")

    def __post_init__(self):
        check_whole(self, BOUNDS)
        if self.embed % self.heads:
            raise ValueError(
                f"embed ({self.embed}) must be divisible by heads ({self.heads})"
            )
        if self.memory_layer >= self.layers:
            raise ValueError(f"memory_layer must be less than layers ({self.layers})")
        for name, choices in dict(search=SEARCHES, init=INITIALISATIONS).items():
            if getattr(self, name) not in list(choices):
                raise ValueError(f"{name} must be {' or '.join(choices)}")

    @property
    def head(self) -> int:
        """The head size D."""
        return self.embed // self.heads
