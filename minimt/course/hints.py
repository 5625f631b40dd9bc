"""Finds the known mistake that a wrong result comes from.

A mistake is the reference with one place written otherwise. A submission made it if it
returns what that returns: on the case that failed, and, if several mistakes do so, on
as many other cases as possible.
"""

import importlib
import types
import warnings
from functools import cache

from . import assignment
from .case import Output
from .child import Other, Raised, perform
from .judge import form_fault, value_fault


@cache
def variant(step, mistake=None):
    """The reference module of a step as it is, or with a mistake made in it."""
    text = assignment.source(step.module)
    if mistake:
        assert mistake.old in text, f"{mistake.name}: the reference has changed"
        text = text.replace(mistake.old, mistake.new)
    name = f"minimt.{step.module}"
    module = types.ModuleType(name)
    module.__package__ = "minimt"
    importlib.import_module(name)  # dataclasses look their module up by its name
    exec(compile(text, f"<{step.stem}>", "exec"), vars(module))
    return module


def expected(step, calls, mistake=None):
    """What the reference returns, or what it would with a mistake."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return perform(variant(step, mistake), calls)


def hint(step, failed, others):
    """The hint of the mistake that gives the same results: "" if none is known to.

    failed is (calls, results) of the case that failed, others those of the rest.
    """
    known = [x for x in step.mistakes if same(step, x, *failed)]
    if not known:
        return ""
    if len(known) > 1:
        known.sort(key=lambda x: -sum(same(step, x, *other) for other in others))
    return known[0].hint


def same(step, mistake, calls, results):
    """Would the mistake have given these results?"""
    made = expected(step, calls, mistake)
    return all(map(alike, results, made))


def alike(got, want):
    """Are two results the same?"""
    if isinstance(got, Raised) and isinstance(want, Raised):
        return got.kind == want.kind != "NotImplementedError"
    if isinstance(want, Other) or want is None:
        return True
    some = Output("result")
    return not form_fault(got, want, some) and not value_fault(got, want, some)
