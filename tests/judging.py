"""Judges a submission in this process: quick, but without a sandbox around it."""

import sys
import types
import warnings
from functools import cache

import numpy as np

from minimt.course import hints, judge
from minimt.course.assignment import solution
from minimt.course.calls import perform
from minimt.course.grade import ordered, rng_of
from minimt.course.steps import STEPS

BY_NAME = {step.name: step for step in STEPS}


def loaded(name, text):
    """A module made of a text, which may import the solutions of other steps."""
    module = sys.modules[name] = types.ModuleType(name)
    exec(compile(text, f"<{name}>", "exec"), vars(module))
    return module


for step in STEPS:
    loaded(step.stem, solution(step))


@cache
def calls_of(step, seed):
    """The cases of a step, each with its calls."""
    return [(case, case.calls(rng_of(seed, step, case))) for case in ordered(step)]


@cache
def remembered(step, seed, place, mistake):
    """What the reference or a mistake returns in a case; it is asked for often."""
    return EXPECTED(step, calls_of(step, seed)[place][1], mistake)


EXPECTED = hints.expected
PLACES = {}


def expected(step, calls, mistake=None):
    """In place of hints.expected, for calls that calls_of has made."""
    seed, place = PLACES[id(calls)]
    return remembered(step, seed, place, mistake)


def verdicts(step, module, seed=0):
    """The cases, each with its calls, the results of the module, and the fault."""
    rows = []
    for place, (case, calls) in enumerate(calls_of(step, seed)):
        PLACES[id(calls)] = seed, place
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            results = perform(module, calls)
        reference = remembered(step, seed, place, None)
        rows.append(
            (case, calls, results, judge.fault(case, step, calls, results, reference))
        )
    return rows


def shown_hints(step, rows):
    """The hint of each case that fails: {case: hint}."""
    hints.expected = expected
    try:
        return {
            row[0].name: hints.hint(
                step, row[1:3], [other[1:3] for other in rows if other is not row]
            )
            for row in rows
            if row[3] and judge.UNWRITTEN not in row[3]
        }
    finally:
        hints.expected = EXPECTED
