"""Variants of the model for ablations alone: other parts, other initial weights."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ..benchmark.buckets import BucketSearch
from ..gate import logit_of
from ..init import init_params
from ..torch_attention import l2_normalize
from ..torch_memory import Memory
from ..torch_model import Parts

# Ingredients of the primed initialisation: the layer (0 = the memory layer, 1 = the one
# below) and the names of its weights.
INGREDIENTS = {
    "look-back heads": (1, ("bias", "output")),
    "values written out as they are": (0, ("value", "output")),
}
GATES = (0.1, 0.9)  # initial values of the gate


@dataclass(frozen=True)
class Variant:
    """What differs from the usual model: its parts, and its weights before training.

    weights(config, seed) returns them as `init_params` does.
    """

    parts: Parts = Parts()
    weights: Callable = init_params


class NormalisedValues(Memory):
    """A memory that normalises values to length √D, as keys are to length 1."""

    def defer(self, k, v):
        """Like `Memory.defer`, but with normalised values."""
        super().defer(k, l2_normalize(v) * v.shape[-1] ** 0.5)


def one_maximum_per_bucket(config):
    """The search of the authors' released code, with as many buckets as neighbours."""
    return BucketSearch(config.neighbours)


def without(ingredient, config, seed):
    """The primed initialisation, with one ingredient of it random."""
    below, names = INGREDIENTS[ingredient]
    params = init_params(replace(config, init="primed"), seed)
    random = init_params(replace(config, init="random"), seed)
    layer = f"layers.{config.memory_layer - below}."
    return params | {layer + name: random[layer + name] for name in names}


def gates_of(g, config, seed):
    """Weights that set all gates to g, from 0 to 1."""
    params = init_params(config, seed)
    params[f"layers.{config.memory_layer}.gate"][:] = logit_of(g)
    return params


def unscaled(config, seed):
    """Weights that give the usual logits q · k / √D if nothing is normalised."""
    params = init_params(config, seed)
    for layer in range(config.layers):
        params[f"layers.{layer}.log_scale"][:] = -0.5 * np.log(config.head)
    return params


VARIANTS = {
    "": Variant(),
    "no normalisation": Variant(Parts(normalize=lambda x: x), unscaled),
    "values normalised too": Variant(Parts(memory=NormalisedValues)),
    "one maximum per bucket": Variant(Parts(searcher=one_maximum_per_bucket)),
}
VARIANTS |= {f"without {x}": Variant(weights=partial(without, x)) for x in INGREDIENTS}
VARIANTS |= {f"gate {g}": Variant(weights=partial(gates_of, g)) for g in GATES}
