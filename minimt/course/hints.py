"""Finds the known mistake that explains a wrong result.

A mistake is code of its own: it makes the calls of a case as a student would who makes
this mistake and no other. It explains a result if whatever it gets wrong is wrong in
the result in the same way; the result may contain another mistake, too. If several fit,
the one that explains most is chosen; if none does, a symptom may still be described.
"""

import importlib
import warnings
from dataclasses import replace

import numpy as np

from . import symptoms
from .calls import Other, Raised, perform
from .case import Output
from .judge import agrees, form_fault, is_data

MADE, MOST = {}, 2000  # results that are kept, and how many of them at most


def reference(step):
    """The reference module of a step."""
    return importlib.import_module(f"minimt.{step.module}")


def expected(step, calls, mistake=None):
    """What the reference returns, or what somebody who makes this mistake would.

    It is asked for often, and made once: the same list of calls has the same results.
    """
    key = id(calls), mistake
    if key not in MADE:
        if len(MADE) >= MOST:
            MADE.clear()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results = perform(mistake.code() if mistake else reference(step), calls)
        MADE[key] = calls, results  # the calls are kept, so that no others get their id
    return MADE[key][1]


def hint(step, failed, others):
    """The hint of the mistake that explains most, or of a symptom: "" if none does.

    `failed` is the pair (calls, results) of the case that failed, `others` is a list of
    such pairs for the other cases, which must not speak against the mistake.
    """
    calls, results = failed
    rows = list(zip(calls, results, expected(step, calls), strict=True))
    wrong = [i for i, (_, *pair) in enumerate(rows) if not right_in_all(*pair)]
    names = {calls[i].name for i in wrong}
    best, most = "", (0, 0)
    for mistake in step.mistakes if wrong else ():
        found = explained(step, mistake, failed, names, wrong[0])
        if found and found >= most[0]:
            agreed = confirmed(step, mistake, others, names)
            if agreed is not None and agreed >= 0:
                agreed += bystanders(step, mistake, (failed, *others), names)
                if not best or (found, agreed) > most:
                    best, most = mistake.hint, (found, agreed)
    return best or symptoms.described(step, rows)


def explained(step, mistake, failed, names, first):
    """How much of the wrong results a mistake explains; 0 if it misses the first."""
    rows = rows_of(step, mistake, failed)
    if not evidence(*rows[first][1:]):
        return 0
    found = [evidence(*row) for call, *row in rows if call.name in names]
    return 0 if None in found else round(sum(found), 6)


def confirmed(step, mistake, others, names):
    """How many other results of these functions agree, less those that do not.

    None if one of them is right in spite of the mistake.
    """
    rows = [row for other in others for row in rows_of(step, mistake, other)]
    found = [support(*row) for call, *row in rows if call.name in names]
    return None if None in found else sum(found)


def bystanders(step, mistake, tried, names):
    """How many results of the other functions speak for a mistake, less those against.

    They decide only between mistakes: not everybody who writes a function uses it.
    """
    rows = [row for one in tried for row in rows_of(step, mistake, one)]
    found = [support(*row) for call, *row in rows if call.name not in names]
    return sum(-1 if x is None else x for x in found)


def rows_of(step, mistake, tried):
    """Calls, with what was returned, what is right, and what the mistake returns."""
    calls, results = tried
    made, right = expected(step, calls, mistake), expected(step, calls)
    return list(zip(calls, results, right, made, strict=True))


def evidence(got, right, made):
    """How much of the fault a mistake explains, 0 to 1; None if it was not made."""
    if in_parts(got, right, made):
        found = [evidence(*row) for row in zip(got, right, made)]
        return None if None in found else sum(found)
    if equal(got, right) and drifted(got, right):  # the dtype is the fault
        return int(equal(made, right) and not drifted(made, got))
    if equal(made, right):
        return 0
    if not comparable(got, right, made):
        return 1 if alike(got, made, right) else None
    at, wrong = ~agrees(made, right), ~agrees(got, right)
    if not np.all(near(got, made)[at]):
        return None
    if np.all(np.isin(made[at], (0, 1)) | ~np.isfinite(made[at])) and np.any(
        wrong > at
    ):
        return None  # such numbers have many causes: all must be explained
    return float(np.sum(wrong & at) / np.sum(wrong | at))


def support(got, right, made):
    """1 if this is what the mistake returns, −1 if it is wrong in another way, and None
    if it is right in spite of the mistake; 0 if it says nothing."""
    if in_parts(got, right, made):
        found = [support(*row) for row in zip(got, right, made)]
        return None if None in found else min(1, max(-1, sum(found)))
    if equal(made, right):
        return 0
    if alike(got, made, right):
        return 1
    if not comparable(got, right, made):
        return None if equal(got, right) else -1
    at = ~agrees(made, right)
    if np.any(agrees(got, right)[at]):
        return None
    return 0 if np.any(near(got, made)[at]) else -1


def in_parts(*results):
    """Whether results consist of parts, all of the same number."""
    parted = all(isinstance(x, (tuple, list)) for x in results)
    return parted and len({len(x) for x in results}) == 1


def comparable(*results):
    """Whether results can be compared place by place: floats of one shape."""
    if not all(map(is_data, results)):
        return False
    arrays = list(map(np.asarray, results))
    floats = all(x.dtype.kind == "f" for x in arrays)
    return floats and len({x.shape for x in arrays}) == 1


def alike(got, made, right):
    """Whether the result is that of the mistake, where another one was expected."""
    if isinstance(right, Raised):  # then all that matters is what was raised
        return getattr(got, "kind", "") == getattr(made, "kind", "")
    if isinstance(got, Raised) and isinstance(made, Raised):
        return got == replace(made, line=got.line)
    if comparable(got, made, right):
        return bool(np.all(near(got, made)))
    return equal(got, made)


def near(got, made):
    """Where two arrays of floats agree, in single precision."""
    with np.errstate(over="ignore"):
        return agrees(np.float32(got), np.float32(made))


def equal(one, other):
    """Whether two results are the same, whatever their dtypes."""
    if isinstance(one, Raised) and isinstance(other, Raised):
        return one.kind == other.kind
    if in_parts(one, other):
        return all(map(equal, one, other))
    if not is_data(one) or not is_data(other):
        return sort(one) is sort(other)
    one, other = np.asarray(one), np.asarray(other)
    if one.shape != other.shape or "O" in (one.dtype.kind, other.dtype.kind):
        return False
    coarse = one.dtype.kind == "f" and one.dtype.itemsize < other.dtype.itemsize
    return bool(np.all(agrees(other, one) if coarse else agrees(one, other)))


def sort(x):
    """The type of a result; objects of a submission's own are all of one sort."""
    known = type(x) in (tuple, list, Raised, type(None)) or is_data(x)
    return type(x) if known else Other


def right_in_all(got, right):
    """Whether a result is right, its dtype too."""
    return equal(got, right) and not drifted(got, right)


def drifted(got, right):
    """Whether a result that is right has the wrong dtype."""
    return bool(form_fault(got, right, Output("result")))
