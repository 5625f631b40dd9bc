"""The course's data: cases that the reference passes and that each mistake fails."""

from functools import cache
from importlib import import_module

import numpy as np
import pytest

from minimt.course import hints, judge
from minimt.course.calls import Other, Raised
from minimt.course.case import Output
from minimt.course.grade import ordered, rng_of
from minimt.course.mistakes import Mistake
from minimt.course.steps import STEPS, number

SEED = 5
CASES = [(step, case) for step in STEPS for case in step.cases]
MISTAKES = [(step, mistake) for step in STEPS for mistake in step.mistakes]


def name(x):
    return getattr(x, "stem", None) or x.name


@cache
def calls_of(step, case, seed):
    return case.calls(rng_of(seed, step, case))


@pytest.fixture(scope="module", autouse=True)
def remembered():
    """What a mistake returns for a case is needed often; it is computed once."""
    made, expected = {}, hints.expected

    def once(step, calls, mistake=None):
        place = step, mistake, id(calls)
        if place not in made:
            made[place] = expected(step, calls, mistake)
        return made[place]

    hints.expected = once
    yield
    hints.expected = expected


def judged(step, case, mistake=None, seed=SEED):
    """(case, calls, results, fault) of a case, as if this had been handed in."""
    calls = calls_of(step, case, seed)
    results = hints.expected(step, calls, mistake)
    reference = hints.expected(step, calls)
    return case, calls, results, judge.fault(case, step, calls, results, reference)


def shown_hint(step, rows):
    """The hint that the first fault is given."""
    failed = next(row for row in rows if row[3])
    others = [row[1:3] for row in rows if row is not failed]
    return hints.hint(step, failed[1:3], others)


@pytest.mark.parametrize("step", STEPS, ids=name)
def test_a_step_gives_whole_points_and_its_number_is_its_place(step):
    assert STEPS[number(step)] is step
    assert step.points > 0 and all(type(case.points) is int for case in step.cases)


@pytest.mark.parametrize("seed", [0, SEED])
@pytest.mark.parametrize(("step", "case"), CASES, ids=name)
def test_the_reference_passes_every_case(step, case, seed):
    _, _, results, fault = judged(step, case, seed=seed)
    assert results and not fault


@pytest.mark.parametrize("step", STEPS, ids=name)
def test_names_say_one_thing(step):
    for things in (step.cases, step.mistakes):
        names = [thing.name for thing in things]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("seed", [0, SEED])
@pytest.mark.parametrize(("step", "case"), CASES, ids=name)
def test_what_mistakes_are_derived_from_is_right(step, case, seed):
    parts = import_module(f"minimt.course.mistakes.{step.name}").Parts
    right = Mistake("none", "", parts)
    assert not judged(step, case, right, seed)[3]


@pytest.mark.parametrize(("step", "mistake"), MISTAKES, ids=name)
def test_a_mistake_loses_points(step, mistake):
    rows = [judged(step, case, mistake) for case in step.cases]
    assert sum(case.points for case, *_, fault in rows if fault) > 0


@pytest.mark.parametrize(("step", "mistake"), MISTAKES, ids=name)
def test_a_mistake_is_shown_its_own_hint(step, mistake):
    rows = [judged(step, case, mistake) for case in ordered(step)]
    assert shown_hint(step, rows) == mistake.hint


def leaves(x, path=()):
    """The paths of the arrays and numbers in a result."""
    if isinstance(x, (tuple, list)):
        for i, part in enumerate(x):
            yield from leaves(part, (*path, i))
    elif judge.is_data(x):
        yield path


def put(x, path, change):
    """The result with one of its leaves changed."""
    if not path:
        return change(x)
    parts = list(x)
    parts[path[0]] = put(parts[path[0]], path[1:], change)
    return type(x)(parts)


def passes(got, right):
    """Whether a result is right, in its numbers and its dtype."""
    some = Output("result")
    return not judge.form_fault(got, right, some) and hints.equal(got, right)


CHANGES = dict(
    moved=lambda x: ~np.asarray(x) if np.asarray(x).dtype == bool else np.add(x, 1),
    nothing=lambda x: None,
    text=lambda x: "x",
    empty=lambda x: np.zeros(0),
    parts=lambda x: (1, 2, 3),
    other=lambda x: Other("thing"),
    raised=lambda x: Raised("KeyError", "oh"),
    large=lambda x: 10**40,
    nan=lambda x: np.asarray(x) * np.nan,
)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("step", STEPS, ids=name)
def test_whatever_a_result_is_it_is_judged(step, change):
    """One leaf of one result after the other; in a comparison none goes unnoticed."""
    for case in step.cases:
        calls = calls_of(step, case, SEED)
        reference = hints.expected(step, calls)
        for i, path in ((i, p) for i, x in enumerate(reference) for p in leaves(x)):
            results = list(reference)
            with np.errstate(invalid="ignore"):
                results[i] = put(results[i], path, CHANGES[change])
            fault = judge.fault(case, step, calls, results, reference)
            if (
                case.kind == "same"
                and not case.seen
                and not passes(results[i], reference[i])
            ):
                assert fault, (case.name, i, path)


@pytest.mark.parametrize(("step", "case"), CASES, ids=name)
def test_zeros_of_the_right_shape_are_worth_nothing(step, case):
    """Laws that compare a submission with itself do not fall for them."""

    def zeros(x):
        if isinstance(x, (tuple, list)):
            return type(x)(map(zeros, x))
        return np.zeros_like(x) if isinstance(x, (np.ndarray, np.generic)) else x

    calls = calls_of(step, case, SEED)
    reference = hints.expected(step, calls)
    assert judge.fault(case, step, calls, zeros(reference), reference)
