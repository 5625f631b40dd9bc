"""Hints are true: of small random changes, and of mistakes written in another style."""

import inspect
import warnings

import numpy as np
import pytest
from judging import STEPS, calls_of, shown_hints, verdicts
from mutants import mutant
from test_solutions import submission, submissions, variants

from minimt.course import hints
from minimt.course.calls import perform

MUTANTS = 100
each_step = pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)


@each_step
def test_correct_solutions_get_no_hint(step):
    for module in submissions(step):
        assert not shown_hints(step, verdicts(step, module))


@pytest.mark.slow
@each_step
def test_no_small_change_gets_a_hint_that_is_untrue_of_it(step):
    """With other numbers too, it does what the mistake with this hint does."""
    rng, untrue, hinted = np.random.default_rng(3), [], 0
    for _ in range(MUTANTS):
        module, text = mutated(step, rng)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            shown = shown_hints(step, verdicts(step, module))
            hinted += bool(shown)
            for hint in set(shown.values()) - {""}:
                if not true_of(step, module, hint):
                    untrue.append((text, hint))
    assert not untrue
    assert hinted


def mutated(step, rng):
    """A submission with a small change in one of its functions."""
    found = {  # a loop with `while` may never end
        name: [x for x in functions if "while" not in inspect.getsource(x)]
        for name, functions in variants(step).items()
    }
    functions = {name: rng.choice(of_name) for name, of_name in found.items()}
    name = rng.choice(list(found))
    functions[name], text = mutant(functions[name], rng)
    return submission(step, functions), f"{name}: {text}"


def true_of(step, module, hint, seeds=(101, 102)):
    """Whether a hint is true of a submission with other seeds.

    A form of the mistake must make the same errors in the functions concerned.
    """
    forms = [mistake for mistake in step.mistakes if mistake.hint == hint]
    return not forms or any(
        all(agree(step, module, form, seed) for seed in seeds) for form in forms
    )


def agree(step, module, form, seed):
    """Whether what the mistake gets wrong is wrong here too, in some function."""
    names, against = set(), set()
    for _, calls in calls_of(step, seed):
        results = perform(module, calls)
        for call, got, right, made in hints.rows_of(step, form, (calls, results)):
            if hints.equal(got, right) and not hints.equal(made, right):
                against.add(call.name)
            if not hints.equal(got, right) and hints.evidence(got, right, made):
                names.add(call.name)
    return bool(names - against)
