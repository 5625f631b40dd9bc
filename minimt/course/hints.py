"""Finds the known mistake that a wrong result comes from.

A mistake is the reference with one place written otherwise. A submission made it if it
returns what that returns, in the case that failed and in all others of the same
functions; if several mistakes do so, the one that does in most cases at all.
"""

import importlib
import types
import warnings
from functools import cache

from . import assignment
from .calls import Other, Raised, perform
from .case import Output
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
    tried = {call.name for call in failed[0]}
    for other in others:  # of the same functions, which must be the mistake's as well
        if {call.name for call in other[0]} <= tried:
            known = [x for x in known if same(step, x, *other)]
    if len(known) > 1:
        known.sort(key=lambda x: -sum(same(step, x, *other) for other in others))
    return known[0].hint if known else ""


def same(step, mistake, calls, results):
    """Would the mistake have given these results?"""
    made, right = expected(step, calls, mistake), expected(step, calls)
    return all(map(alike, results, made, right))


def alike(got, want, right):
    """Are two results the same? Exceptions that are not to be also in their words."""
    if isinstance(got, Raised) and isinstance(want, Raised):
        same_words = got.message == want.message or isinstance(right, Raised)
        return got.kind == want.kind and same_words
    if isinstance(want, Other) or want is None:
        return True
    some = Output("result")
    return not form_fault(got, want, some) and not value_fault(got, want, some)
