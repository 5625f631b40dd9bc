"""Compares what a submission returned with what was expected; names the first fault.

The questions come in the order in which a person would ask them. Is there a result? Is
it an array of the right shape and kind? Are its numbers finite? Are they right?
"""

import numpy as np

from .calls import Other, Raised
from .case import Output

CLOSE = {8: 1e-9, 4: 1e-5}  # relative tolerance, by the bytes of a float
UNWRITTEN = "not written yet"
KINDS = dict(b="bool", i="whole numbers", u="whole numbers", f="float")


def fault(case, step, calls, results, reference):
    """The first fault in the results of a case: "" if there is none."""
    for judge in (form_fault, finite_fault):
        for call, got, want in zip(calls, results, reference, strict=True):
            wrong = judge(got, want, step.outputs.get(call.name) or Output("result"))
            if wrong:
                return f"{spoken(call, calls)}: {wrong}"
    if case.seen:
        results, reference = (case.seen(x, calls) for x in (results, reference))
    wanted = [case.wanted] * bool(case.wanted)
    if case.kind != "example":
        wanted.append(None)  # to obey a law is not enough: the results must be right
    for made in wanted:
        rows = comparisons(made, step, calls, results, reference)
        for call, got, want, output in rows:
            wrong = value_fault(got, want, output)
            if wrong:
                return f"{spoken(call, calls)}: {wrong}"
    return ""


def comparisons(wanted, step, calls, results, reference):
    """All that must be equal: (call, got, expected, Output), about the last calls."""
    rows = [(got, want, None) for got, want in zip(results, reference)]
    if wanted:
        rows = wanted(results, calls)
    pairs = zip(calls[len(calls) - len(rows) :], rows)
    return [
        (call, got, want, output or step.outputs.get(call.name) or Output("result"))
        for call, (got, want, output) in pairs
    ]


def spoken(call, calls):
    """The name of a call, and its number if several calls have that name."""
    alike = [x for x in calls if x.name == call.name]
    if len(alike) == 1:
        return call.name
    return f"{call.name} (call {[x is call for x in alike].index(True) + 1})"


def form_fault(got, want, output):
    """What is wrong with the presence, type, shape or dtype of a result."""
    if isinstance(got, Raised) or isinstance(want, Raised):
        return raising_fault(got, want)
    if isinstance(want, (tuple, list)):
        if type(got) not in (tuple, list) or len(got) != len(want):
            return f"returned {described(got)}, expected {described(want)}"
        return first(form_fault, got, want, output)
    if want is None or isinstance(want, Other) or not is_data(want):
        return ""  # an object of the submission's own, or no result
    if not is_data(got):
        return f"{described(got)}, expected an array"
    plain = type(got) in (int, float)  # a number of Python's has no dtype
    got, want = np.asarray(got), np.asarray(want)
    if got.shape != want.shape:
        axes = f" ({output.axes.replace(' ', ', ')})" if output.axes else ""
        return f"shape {got.shape}, expected {want.shape}{axes}"
    if plain and want.dtype.kind == "f" and got.dtype.kind in "if":
        return ""
    kinds = [KINDS.get(x.dtype.kind, str(x.dtype)) for x in (got, want)]
    if kinds[0] != kinds[1]:
        return f"{kinds[0]}, expected {kinds[1]}"
    if kinds[0] == "float" and got.dtype != want.dtype:
        return f"{got.dtype}, expected {want.dtype}"
    return ""


def raising_fault(got, want):
    """What is wrong when an exception was raised, or should have been."""
    if not isinstance(got, Raised):
        return f"returned {described(got)}, expected a {want.kind}"
    if got.kind == "NotImplementedError":
        return UNWRITTEN
    if got.kind == "missing":
        alike = f"; did you mean {got.message}?" if got.message else ""
        return f"is not defined{alike}"
    if got.kind == "changed":
        return f"argument {got.message} was changed in place: work on a copy"
    if isinstance(want, Raised) and got.kind == want.kind:
        return ""
    where = f"line {got.line}: " if got.line else ""
    message = f": {got.message}" if got.message else ""
    expected = f", expected a {want.kind}" if isinstance(want, Raised) else ""
    return f"{where}{got.kind}{message}{expected}"


def finite_fault(got, want, output):
    """The first number that should be finite and is not."""
    if isinstance(want, (tuple, list)) and type(got) in (tuple, list):
        return first(finite_fault, got, want, output)
    if not is_data(want) or np.asarray(want).dtype.kind != "f":
        return ""
    return first_wrong(got, want, np.isfinite(got) | ~np.isfinite(want), output)


def value_fault(got, want, output):
    """The first value that is not as expected."""
    if isinstance(want, (tuple, list)):
        return first(value_fault, got, want, output)
    if not is_data(want):
        return ""
    return first_wrong(got, want, agrees(got, want), output)


def first(judge, got, want, output):
    """The first fault of several parts, with an Output for each or one for all."""
    outputs = output if isinstance(output, tuple) else (output,) * len(want)
    for got_part, want_part, named in zip(got, want, outputs):
        wrong = judge(got_part, want_part, named)
        if wrong:
            inner = isinstance(want_part, (tuple, list))
            return wrong if inner else f"{named.name}: {wrong}"
    return ""


def agrees(got, want):
    """Where two arrays are equal, up to rounding for floats: bool, of their shape."""
    got, want = np.asarray(got), np.asarray(want)
    if want.dtype.kind != "f":
        return got == want
    finite = np.abs(want[np.isfinite(want)])
    tolerance = CLOSE.get(want.dtype.itemsize, 1e-9) * max(1, finite.max(initial=0))
    with np.errstate(invalid="ignore"):  # ∞ − ∞
        near = np.abs(got - want) <= tolerance
    return near | (got == want) | (np.isnan(got) & np.isnan(want))


def first_wrong(got, want, right, output):
    """The first place where `right` is False, by the names of the axes."""
    got, want = np.asarray(got), np.asarray(want)
    if np.all(right):
        return ""
    place = np.unravel_index(np.argmin(right), np.shape(right))
    axes = output.axes.split() or [f"axis {i}" for i in range(len(place))]
    axes = axes[max(0, len(axes) - len(place)) :]  # a vector has only the last
    where = ", ".join(f"{axis} {i}" for axis, i in zip(axes, place))
    expected, yours = (number(x[place], output.words) for x in (want, got))
    if yours == expected:  # they differ only in later digits
        expected, yours = (repr(x[place].item()) for x in (want, got))
    return f"{where}{': ' * bool(where)}yours {yours}, expected {expected}"


def number(x, words):
    """A value as a person would write it."""
    if x.dtype.kind == "b":
        return words[int(x)]
    return f"{x:.6g}" if x.dtype.kind == "f" else str(x)


def is_data(x):
    """Whether it is an array or a number."""
    return isinstance(x, (np.ndarray, np.generic, bool, int, float))


def described(x):
    """What kind of thing a result is."""
    if isinstance(x, Other):
        return with_article(x.kind)
    if isinstance(x, (tuple, list)):
        return f"a {type(x).__name__} of {len(x)}"
    if x is None:
        return "nothing (is a return missing?)"
    return with_article("array" if isinstance(x, np.ndarray) else type(x).__name__)


def with_article(noun):
    """The noun after "a" or "an"."""
    return f"{'an' if noun[:1] in tuple('aeiou') else 'a'} {noun}"
