"""Private cases, added to the steps from a file that only the instructor has.

The file defines CASES, {name of a step: [case, …]}. Its cases are made like those in
minimt/course/steps, with `minimt.course.case`. No submission can read it.
"""

import runpy
from dataclasses import replace

from ..errors import InputError
from . import hints, judge
from .calls import Raised, readable
from .case import Case
from .grade import rng_of
from .steps import STEPS

UNDECLARED = "which its docstring does not mention"


def steps_with(path):
    """The steps with the cases of a private file; InputError if it is not valid."""
    try:
        cases = runpy.run_path(path)["CASES"]
        added = {name: tuple(cases[name]) for name in cases}
    except (Exception, SystemExit) as error:
        why = readable(f"{type(error).__name__}: {error}")
        raise InputError(f"{path} does not define CASES: {why}") from None
    kinds = {type(case) for some in added.values() for case in some}
    names = [step.name for step in STEPS]
    unknown = [name for name in added if name not in names]
    if unknown:
        why = f"{unknown[0]!r} is not a step: use {', '.join(names)}"
        raise InputError(f"{path}: the keys of CASES must be names of steps: {why}")
    if kinds - {Case}:
        raise InputError(f"{path}: CASES must map each step to a list of cases")
    return tuple(with_cases(step, added.get(step.name, ()), path) for step in STEPS)


def with_cases(step, cases, path):
    """The step with private cases, which the reference must pass."""
    names = [case.name for case in step.cases]
    for case in cases:
        why = "this name is already taken" if case.name in names else ""
        why = why or unusable(step, case)
        if why:
            raise InputError(f"{path}: case {case.name} of step {step.name}: {why}")
        names.append(case.name)
    private = tuple(replace(case, private=True) for case in cases)
    return replace(step, cases=step.cases + private)


def declared(step, call, kind):
    """Whether a docstring of the reference says that the call may raise this."""
    named = vars(hints.reference(step))
    methods = [
        getattr(x, call.name, None) for x in named.values() if isinstance(x, type)
    ]
    functions = [named.get(call.name), *methods]
    return any(kind in (getattr(x, "__doc__", None) or "") for x in functions)


def unusable(step, case):
    """What is wrong with a private case: "" if it can be used."""
    if case.kind not in ("example", "law", "same"):
        return f"its kind must be example, law or same, not {case.kind}"
    if type(case.points) is not int or case.points < 0:
        return f"points must be a whole number ≥ 0, not {case.points!r}"
    try:
        calls = case.calls(rng_of(0, step, case))
        loose = [call.name for call in calls if type(call.args) is not tuple]
        if loose:
            return f"the arguments of {loose[0]} must be a tuple, such as (x,)"
        results = hints.expected(step, calls)
        wrong = judge.fault(case, step, calls, results, results)
    except Exception as error:
        return readable(f"{type(error).__name__}: {error}")
    if wrong:
        return f"the reference does not pass it: {wrong}"
    for call, result in zip(calls, results):
        if isinstance(result, Raised) and not declared(step, call, result.kind):
            return f"the reference raises {result.kind} in {call.name}, {UNDECLARED}"
    return ""
