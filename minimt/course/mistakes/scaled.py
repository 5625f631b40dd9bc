"""Mistakes with the scale of the logits, at every step that has such logits.

Its `Parts` have a method `scaled`, which these classes replace.
"""

import numpy as np


class DividedByRootD:
    """the logits are divided by √D: multiply them by the head's own scale instead."""

    def scaled(self, products, scale, D):
        return products / D**0.5


class ScaleAndRootD:
    """the logits are both scaled and divided by √D: the scale takes the place of
    1/√D."""

    def scaled(self, products, scale, D):
        return scale * products / D**0.5


class DividedByScale:
    """the logits are divided by the scale: multiply them by it."""

    def scaled(self, products, scale, D):
        return products / scale


class ExponentialScale:
    """the logits are multiplied by the exponential of the scale: `scale` is the scale
    itself, not its logarithm."""

    def scaled(self, products, scale, D):
        return np.exp(scale) * products


class FirstScale:
    """all heads use the scale of head 0: give `scale` the shape (H, 1, 1)."""

    def scaled(self, products, scale, D):
        return scale[0] * products


class MeanScale:
    """all heads use the mean of the scales: each head has its own, so give `scale` the
    shape (H, 1, 1)."""

    def scaled(self, products, scale, D):
        return scale.mean() * products


def made_in(parts):
    """These mistakes at one step, as subclasses of its Parts."""
    some = DividedByRootD, ScaleAndRootD, DividedByScale
    some += ExponentialScale, FirstScale, MeanScale
    return [type(x.__name__, (x, parts), {}) for x in some]
