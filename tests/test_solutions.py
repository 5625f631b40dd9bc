"""Correct solutions, in many styles, get all points with every seed."""

import importlib
from itertools import cycle, islice
from types import FunctionType

import pytest
from judging import STEPS, verdicts

from minimt.course import hints

SEEDS = 20


def variants(step):
    """{name of a function or method: its variants} of a step's file of solutions."""
    module = importlib.import_module(f"solutions.{step.name}")
    found = {}
    for name, function in vars(module).items():
        if "__" in name and not name.startswith("__"):
            found.setdefault(name.split("__")[0], []).append(function)
    return found


def submissions(step):
    """At least eight submissions, so many that each variant is in one."""
    found = variants(step)
    most = max(8, *map(len, found.values()))
    rows = [islice(cycle(functions), most) for functions in found.values()]
    return [submission(step, dict(zip(found, row))) for row in zip(*rows)]


def submission(step, functions):
    """The reference with these functions, or with these methods of its class."""
    made = type("Submission", (), {})()
    vars(made).update(vars(hints.reference(step)))
    classes = {whole.split(".")[0] for whole in step.todo if "." in whole}
    for name in classes:
        whole = [x.split(".")[1] for x in step.todo if x.startswith(f"{name}.")]
        own = {x: functions[x] for x in whole if x in functions}
        if "valid" in own:
            own["valid"] = property(own["valid"])
        setattr(made, name, type(name, (getattr(made, name),), own))
        functions = {x: f for x, f in functions.items() if x not in whole}
    vars(made).update(together(functions))
    return made


def together(functions):
    """The functions, so that they call each other as in one file."""
    space = {}
    for function in functions.values():
        space |= function.__globals__
    for name, f in functions.items():
        space[name] = FunctionType(f.__code__, space, name, f.__defaults__)
    return {name: space[name] for name in functions}


SUBMISSIONS = [
    pytest.param(step, number, id=f"{step.name}-{number}")
    for step in STEPS
    for number in range(len(submissions(step)))
]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_everything_that_students_write_has_solutions(step):
    assert set(variants(step)) == {name.split(".")[-1] for name in step.todo}


@pytest.mark.parametrize(("step", "number"), SUBMISSIONS)
def test_a_correct_solution_gets_all_points(step, number):
    for seed in range(SEEDS):
        rows = verdicts(step, submissions(step)[number], seed)
        faults = {case.name: fault for case, _, _, fault in rows if fault}
        assert not faults, seed
