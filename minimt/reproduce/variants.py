"""Variants of the model that only ablations need: other starts, other norms."""

from contextlib import ExitStack, contextmanager
from dataclasses import replace
from unittest.mock import patch

import numpy as np

from .. import init as start
from .. import torch_model
from ..torch_attention import l2_normalize
from ..torch_memory import Memory

# Parts of the lookup start: the layer (0 = the memory's, 1 = the one below) and names.
PARTS = {
    "heads look back": (1, ("bias",)),
    "what they see is copied": (1, ("value", "output")),
    "queries match copies": (0, ("query", "key")),
    "what is found is said": (0, ("value", "output")),
    "rooms in the embedding": (None, ("embedding",)),
}


class NormalisedValues(Memory):
    """A memory that stores values of equal length, √D, as it does keys of length 1."""

    def write(self, k, v):
        """As `Memory.write`, the values normalised."""
        super().write(k, l2_normalize(v) * v.shape[-1] ** 0.5)


@contextmanager
def variant(name):
    """Inside, the model in torch is the variant of this name; "" = as it is."""
    swaps = {}
    if name == "no normalisation":
        swaps[torch_model] = dict(l2_normalize=lambda x: x)
    if name == "values normalised too":
        swaps[torch_model] = dict(Memory=NormalisedValues)
    if name == "one token compared":
        swaps[start] = dict(BACK=1)
    with ExitStack() as stack:
        for module, new in swaps.items():
            stack.enter_context(patch.multiple(module, **new))
        yield


def first_weights(name, config, seed):
    """The weights that the variant starts from, as `init_params` gives them.

    "without PART" leaves a part of the lookup start as an ordinary start has it,
    "gate G" begins with gates of G, from 0 to 1.
    """
    params = start.init_params(config, seed)
    if name.startswith("without "):
        below, names = PARTS[name.removeprefix("without ")]
        ordinary = start.init_params(replace(config, start="ordinary"), seed)
        layer = "" if below is None else f"layers.{config.memory_layer - below}."
        params |= {layer + x: ordinary[layer + x] for x in names}
    if name.startswith("gate "):
        g = float(name.removeprefix("gate "))
        params[f"layers.{config.memory_layer}.gate"][:] = np.log(g / (1 - g))
    if name == "no normalisation":  # logits as they are without: q · k / √D
        for layer in range(config.layers):
            params[f"layers.{layer}.log_scale"][:] = -0.5 * np.log(config.head)
    return params
