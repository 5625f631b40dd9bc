"""Small models for the tests: configurations, weights, and streams of tokens."""

import numpy as np

from minimt.config import Config
from minimt.init import init_params

CONFIG = Config(
    vocab=23,
    layers=3,
    heads=2,
    embed=12,
    segment=5,
    cache=7,  # not a multiple of the segment
    memory=13,  # nor is this
    memory_layer=1,
    neighbours=3,
)

BASE = Config(  # what the tests of the claims vary
    vocab=270,
    layers=4,
    heads=4,
    embed=32,
    segment=16,
    cache=16,
    memory=2048,
    neighbours=4,
)


def params_of(config, seed=0):
    """Weights in float64, none of them zero, gates and scales unequal."""
    rng = np.random.default_rng(seed)
    return {
        name: weights + 0.2 * rng.normal(size=weights.shape)
        for name, weights in init_params(config, seed).items()
    }


def stream(rng, config, segments, B=3, starts=0.3):
    """Segments of tokens and starts; documents begin in the middle of the batch."""
    for _ in range(segments):
        tokens = rng.integers(config.vocab, size=(B, config.segment))
        yield tokens, rng.random(B) < starts
