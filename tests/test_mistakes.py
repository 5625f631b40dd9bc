"""Kinds of mistakes, in another style than the reference: caught, with the right hint.

`python tests/test_mistakes.py` prints the table.
"""

import inspect
import textwrap
import warnings

import numpy as np
import pytest
from judging import BY_NAME, shown_hints, verdicts
from test_solutions import submission, variants
from wrong import WRONG

ROWS = [(step, *row) for step, rows in WRONG.items() for row in rows]


def made(step, whole, old, new):
    """A submission with a mistake in one function, and correct solutions beside it."""
    name, _, variant = whole.rpartition("__")
    name = name or step.todo[0]
    found = variants(step)
    function = next(x for x in found[name] if x.__name__ == f"{name}__{variant}")
    text = textwrap.dedent(inspect.getsource(function))
    assert text.count(old) >= 1, (whole, old)
    space = dict(function.__globals__)
    exec(compile(text.replace(old, new), whole, "exec"), space)
    others = {other: functions[0] for other, functions in found.items()}
    return submission(step, others | {name: space[function.__name__]})


def shown(step, whole, old, new, seed=0):
    """The points lost, and the hint of the first case that fails."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        rows = verdicts(BY_NAME[step], made(BY_NAME[step], whole, old, new), seed)
        said = shown_hints(BY_NAME[step], rows)
    return sum(row[0].points for row in rows if row[3]), list(said.values())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}: {row[1]}")
def test_a_mistake_is_caught_and_named(row):
    step, _, whole, old, new, words = row
    lost, hints = shown(step, whole, old, new)
    assert lost and words in next(filter(None, hints))


def table():
    """The table: step, kind, whether it was caught, and the first hint."""
    for step, kind, whole, old, new, words in ROWS:
        lost, hints = shown(step, whole, old, new)
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
