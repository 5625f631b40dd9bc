"""Finds the known mistake that explains a wrong result.

A mistake is the reference with one place changed. A submission has made it if it gives
the same results as the mistake, in the case that failed and in all other cases of the
same functions. If several mistakes fit, the one that fits most cases is chosen.
"""

import importlib
import types
import warnings
from functools import cache

from . import assignment
from .calls import Other, Raised, perform
from .case import Output
from .judge import form_fault, value_fault


def reference(step):
    """The reference module of a step."""
    return importlib.import_module(f"minimt.{step.module}")


@cache
def variant(step, mistake=None):
    """The reference module of a step, unchanged or with a mistake in it."""
    text = assignment.source(step.module)
    if mistake:
        assert mistake.old in text, f"{mistake.name}: the reference has changed"
        text = text.replace(mistake.old, mistake.new)
    name = f"minimt.{step.module}"
    module = types.ModuleType(name)
    module.__package__ = "minimt"
    importlib.import_module(name)  # dataclasses look up their module by its name
    exec(compile(text, f"<{step.stem}>", "exec"), vars(module))
    return module


def expected(step, calls, mistake=None):
    """What the reference returns, or what it would return with a mistake."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return perform(variant(step, mistake), calls)


def hint(step, failed, others):
    """The hint of the mistake that gives the same results: "" if none does.

    `failed` is the pair (calls, results) of the case that failed, `others` is a list of
    such pairs for the other cases.
    """
    known = [x for x in step.mistakes if same(step, x, *failed)]
    tried = {call.name for call in failed[0]}
    for other in others:  # those of the same functions must agree too
        if {call.name for call in other[0]} <= tried:
            known = [x for x in known if same(step, x, *other)]
    if len(known) > 1:
        known.sort(key=lambda x: -sum(same(step, x, *other) for other in others))
    return known[0].hint if known else ""


def same(step, mistake, calls, results):
    """Whether the mistake gives these results."""
    made, right = expected(step, calls, mistake), expected(step, calls)
    return all(map(alike, results, made, right))


def alike(got, want, right):
    """Whether two results agree; unexpected exceptions must have the same message."""
    if isinstance(got, Raised) and isinstance(want, Raised):
        same_words = got.message == want.message or isinstance(right, Raised)
        return got.kind == want.kind and same_words
    if isinstance(want, Other) or want is None:
        return True
    some = Output("result")
    return not form_fault(got, want, some) and not value_fault(got, want, some)
