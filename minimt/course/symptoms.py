"""Describes what is wrong with a result when no known mistake explains it.

Each sentence is true of the results that it describes: they are the right numbers in
the wrong order, a multiple of them, or right for the first stream or head alone.
"""

from itertools import permutations

import numpy as np

from .case import Output
from .judge import agrees, is_data

DRIFTED = "the numbers are right, but somewhere in your code the dtype changes: "
DRIFTED += "np.zeros, for example, gives float64, and so does np.sqrt of an integer."


def described(step, rows):
    """What all wrong results of one function have in common: "" if nothing has a name.

    rows: the calls of a case, each with what was returned and what is right.
    """
    pairs = []
    for call, got, right in rows:
        named = step.outputs.get(call.name) or Output("result")
        pairs += [x for x in leaves(got, right, named) if wrong(*x[:2])]
    if not pairs or pairs[0][1].dtype.kind != "f":
        return ""
    if all(map(drifted, pairs)):
        return DRIFTED
    axes = pairs[0][2].axes.split()
    same = [pair for pair in pairs if pair[2].axes.split() == axes]
    for symptom in (reordered, multiplied, first_alone, all_alike):
        said = {symptom(got, right, axes[-right.ndim :]) for got, right, _ in same}
        if len(said) == 1 and "" not in said:
            return said.pop()
    return ""


def leaves(got, right, named):
    """The arrays in a result, next to the right ones and their Output."""
    if isinstance(right, (tuple, list)) and type(got) in (tuple, list):
        every = named if isinstance(named, tuple) else (named,) * len(right)
        for part in zip(got, right, every):
            yield from leaves(*part)
    elif is_data(got) and is_data(right):
        yield np.asarray(got), np.asarray(right), named


def wrong(got, right):
    """Whether an array is not the right one."""
    same = got.shape == right.shape and got.dtype == right.dtype
    return not same or not np.all(agrees(got, right))


def drifted(pair):
    """Whether an array of floats is right but for its dtype."""
    got, right, _ = pair
    same = (
        got.shape == right.shape and got.dtype.kind == "f" and got.dtype != right.dtype
    )
    return same and bool(np.all(agrees(got, right)))


def reordered(got, right, axes):
    """The right numbers, with the axes in another order."""
    if len(np.unique(right)) < 8:  # or it may be chance
        return ""
    for order in permutations(range(right.ndim)):
        moved = right.transpose(order)
        if moved.shape == got.shape and np.all(agrees(got, moved)) and axes:
            names = ", ".join(axes[i] for i in order)
            return f"the axes are ({names}): they must be ({', '.join(axes)})."
    return ""


def multiplied(got, right, axes):
    """The right numbers, all multiplied by the same number."""
    if got.shape != right.shape or len(np.unique(right)) < 8:  # or it may be chance
        return ""
    if not np.all(np.isfinite(got)) or not np.all(np.isfinite(right)):
        return ""
    factor = np.vdot(right, got) / np.vdot(right, right)
    if factor == 0 or not np.all(agrees(got, (factor * right).astype(right.dtype))):
        return ""
    if np.isclose(factor, -1):
        return "all signs are reversed."
    return f"all numbers are {factor:.3g} times the right ones."


def first_alone(got, right, axes):
    """Right for the first stream or head, and wrong for every other one."""
    if got.shape != right.shape:
        return ""
    right_at = agrees(got, right)
    for place, axis in enumerate(axes):
        if axis in ("stream", "head") and right.shape[place] > 1:
            first, others = np.split(right_at, [1], axis=place)
            rest = np.moveaxis(others, place, 0)
            if np.all(first) and not np.any([np.all(x) for x in rest]):
                return f"only {axis} 0 is right, and every other {axis} is wrong."
    return ""


def all_alike(got, right, axes):
    """The same numbers for every stream or head, where they should differ."""
    if got.shape != right.shape or len(np.unique(got)) < 2:
        return ""
    for place, axis in enumerate(axes):
        if axis in ("stream", "head") and right.shape[place] > 1:
            (first, *_), (wanted, *_) = (np.moveaxis(x, place, 0) for x in (got, right))
            varied = not np.all(agrees(np.moveaxis(right, place, 0), wanted[None]))
            if varied and np.all(agrees(np.moveaxis(got, place, 0), first[None])):
                return f"the result is the same for every {axis}: it must differ."
    return ""
