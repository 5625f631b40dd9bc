"""The reference that submissions are compared with: whole, and the same throughout."""

import pathlib
from contextlib import contextmanager

from ..errors import InputError
from . import hints, judge

FOLDER = pathlib.Path(__file__).parent.parent
REPAIR = "nothing was graded: restore it, for instance with `git restore minimt`"


@contextmanager
def unchanged():
    """Raises InputError if a file of the reference has changed at the end."""
    before = contents()
    try:
        yield
    finally:
        after = contents()
        changed = [x for x in before | after if before.get(x) != after.get(x)]
        if changed:
            raise InputError(f"{min(changed)} was changed during grading, so {REPAIR}")


def contents():
    """The files of the reference, as {path: bytes}."""
    return {path: path.read_bytes() for path in FOLDER.rglob("*.py")}


def expected(step, case, calls):
    """What the reference returns; InputError if it does not pass the case itself."""
    try:
        results = hints.expected(step, calls)
        wrong = judge.fault(case, step, calls, results, results)
    except Exception as error:
        wrong = f"{type(error).__name__}: {error}"
    if wrong:
        broken = f"the reference minimt/{step.module}.py fails {step.name} {case.name}"
        raise InputError(f"{broken} ({wrong}), so {REPAIR}")
    return results
