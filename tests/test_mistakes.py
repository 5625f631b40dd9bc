"""Kinds of mistakes, in another style than the reference: caught, with the right hint.

`python tests/test_mistakes.py` prints the table.
"""

import inspect
import textwrap
import warnings
from itertools import combinations

import numpy as np
import pytest
from judging import BY_NAME, shown_hints, verdicts
from test_solutions import submission, variants
from wrong import WRONG

ROWS = [(step, *row) for step, rows in WRONG.items() for row in rows]


def function_of(step, whole):
    """The name of the function that is changed, without that of its variant."""
    return whole.rpartition("__")[0] or step.todo[0]


def changed(step, whole, old, new):
    """A correct solution of one function, with a mistake in it: {its name: function}"""
    name, variant = function_of(step, whole), whole.rpartition("__")[2]
    some = variants(step)[name]
    function = next(x for x in some if x.__name__ == f"{name}__{variant}")
    text = textwrap.dedent(inspect.getsource(function))
    assert text.count(old) >= 1, (whole, old)
    space = dict(function.__globals__)
    exec(compile(text.replace(old, new), whole, "exec"), space)
    return {name: space[function.__name__]}


def shown(step, *mistakes):
    """The points lost with these mistakes and no others, and the hint of each case."""
    step = BY_NAME[step]
    functions = {name: some[0] for name, some in variants(step).items()}
    for mistake in mistakes:
        functions |= changed(step, *mistake)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        rows = verdicts(step, submission(step, functions))
        said = shown_hints(step, rows)
    return sum(row[0].points for row in rows if row[3]), list(said.values())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}: {row[1]}")
def test_a_mistake_is_caught_and_named(row):
    step, _, whole, old, new, words = row
    lost, hints = shown(step, (whole, old, new))
    assert lost and words in next(filter(None, hints))


def pairs(step, most=10):
    """Pairs of mistakes in different functions of a step, drawn at random."""
    rng, rows = np.random.default_rng(1), WRONG[step]
    apart = [
        (one, other)
        for one, other in combinations(rows, 2)
        if len({function_of(BY_NAME[step], row[1]) for row in (one, other)}) == 2
    ]
    return [apart[i] for i in rng.permutation(len(apart))[:most]]


@pytest.mark.parametrize("step", [step for step in WRONG if pairs(step)])
def test_of_two_mistakes_at_once_a_hint_names_one(step):
    """Whatever else is said is true, too: a symptom has no words of a mistake."""
    known = {mistake.hint for mistake in BY_NAME[step].mistakes}
    for two in pairs(step):
        lost, hints = shown(step, *(row[1:4] for row in two))
        named = [hint for hint in hints if hint in known]
        words = [row[4] for row in two]
        assert lost and named, two
        assert all(any(x in hint for x in words) for hint in named), (two, named)


def table():
    """The table: step, kind, whether it was caught, and the first hint."""
    for step, kind, whole, old, new, words in ROWS:
        lost, hints = shown(step, (whole, old, new))
        hint = next(filter(None, hints), "")
        verdict = "right" if words in hint else "-----"
        yield step, kind, "caught" if lost else "MISSED", verdict, hint


if __name__ == "__main__":
    rows = list(table())
    for step, kind, caught, verdict, hint in rows:
        print(f"{step:10}{kind:26}{caught:8}{verdict:7}{hint[:90]}")
    kinds = {row[:2] for row in rows}
    caught, right = (
        sum(row[i] == x for row in rows) for i, x in ((2, "caught"), (3, "right"))
    )
    print(
        f"{len(kinds)} kinds, {len(rows)} forms: {caught} caught, {right} right hints"
    )
