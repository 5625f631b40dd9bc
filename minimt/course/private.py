"""Hidden cases: a file that only the instructor has adds them to the steps.

It defines CASES = {step number: [case, …]}, made with `minimt.course.case` as those of
minimt/course/steps are. A submission may not open it.
"""

import runpy
from dataclasses import replace

from ..errors import InputError
from .case import Case
from .steps import STEPS


def steps_with(path):
    """The steps, with the cases of a private file added; InputError if it is none."""
    try:
        cases = runpy.run_path(path)["CASES"]
        added = {number: tuple(cases[number]) for number in cases}
    except Exception as error:
        raise InputError(
            f"{path} gives no CASES: {type(error).__name__}: {error}"
        ) from None
    kinds = {type(case) for some in added.values() for case in some}
    numbers = [step.number for step in STEPS]
    if kinds - {Case} or set(added) - set(numbers):
        raise InputError(f"{path}: CASES must be lists of cases by number of a step")
    taken = [name for step in STEPS for name in clashes(step, added)]
    if taken:
        raise InputError(f"{path}: there are cases of these names: {', '.join(taken)}")
    return tuple(with_cases(step, added.get(step.number, ()), path) for step in STEPS)


def clashes(step, added):
    """The names of private cases that the step has already."""
    public = {case.name for case in step.cases}
    return [case.name for case in added.get(step.number, ()) if case.name in public]


def with_cases(step, cases, path):
    """The step with private cases."""
    private = tuple(replace(case, private=True) for case in cases)
    return replace(step, cases=step.cases + private, closed=(path,))
