"""Verdicts on all cases, for tests of what becomes of them."""

from minimt.course import grade
from minimt.course.steps import STEPS


def judged(**faults):
    """A verdict on each case, with a fault for those of the steps that are named."""
    return [
        grade.verdict_on(step, case, fault=faults.get(step.name, ""))
        for step in STEPS
        for case in grade.ordered(step)
    ]
