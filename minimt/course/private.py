"""Hidden cases: a file that only the instructor has adds them to the steps.

It defines CASES, {name of a step: [case, …]}, made with `minimt.course.case` as those
of minimt/course/steps are. A submission may not open it.
"""

import runpy
from dataclasses import replace

from ..errors import InputError
from . import hints, judge
from .calls import readable
from .case import Case
from .grade import rng_of
from .steps import STEPS


def steps_with(path):
    """The steps, with the cases of a private file added; InputError if it is none."""
    try:
        cases = runpy.run_path(path)["CASES"]
        added = {name: tuple(cases[name]) for name in cases}
    except (Exception, SystemExit) as error:
        why = readable(f"{type(error).__name__}: {error}")
        raise InputError(f"{path} defines no CASES: {why}") from None
    kinds = {type(case) for some in added.values() for case in some}
    names = [step.name for step in STEPS]
    unknown = [name for name in added if name not in names]
    if unknown:
        why = f"use the names of steps, {', '.join(names)}, not {unknown[0]!r}"
        raise InputError(f"{path}: CASES must have steps as keys: {why}")
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
    return replace(step, cases=step.cases + private, closed=(path,))


def unusable(step, case):
    """What is wrong with a private case: "" if nothing is."""
    if case.kind not in ("example", "law", "same"):
        return f"its kind must be example, law or same, not {case.kind}"
    if type(case.points) is not int or case.points < 0:
        return f"points must be a whole number ≥ 0, not {case.points!r}"
    try:
        calls = case.calls(rng_of(0, step, case))
        results = hints.expected(step, calls)
        wrong = judge.fault(case, step, calls, results, results)
    except Exception as error:
        return readable(f"{type(error).__name__}: {error}")
    return wrong and f"the reference does not pass it: {wrong}"
