"""The parts of the course: steps and their cases."""

from collections.abc import Callable
from dataclasses import dataclass, field

from .calls import Call, Result
from .mistakes import known

__all__ = ["Call", "Case", "Output", "Result", "Step", "example", "law", "same"]


@dataclass(frozen=True)
class Output:
    """How messages describe an array: its name, its axes, words for False and True."""

    name: str
    axes: str = ""
    words: tuple = ("False", "True")


@dataclass(frozen=True)
class Case:
    """Calls of a submission, and what they must return.

    calls(rng) makes the Calls. wanted(results, calls) gives triples (got, expected,
    Output) that must be equal. Except in an example, all results must also equal those
    of the reference: those parts of them that seen(results, calls) leaves. If `alone`,
    the reference takes the place of the earlier steps. Only instructors see the verdict
    on a private case.
    """

    kind: str
    name: str
    points: int
    says: str
    calls: Callable
    wanted: Callable | None = None
    seen: Callable | None = None
    alone: bool = True
    private: bool = False


def example(name, points, says, calls, *expected):
    """A case with numbers worked out by hand: what the last calls must return."""
    size = len(expected)

    def wanted(results, _):
        return [(got, want, None) for got, want in zip(results[-size:], expected)]

    return Case("example", name, points, says, lambda rng: list(calls), wanted)


def law(name, points, says, calls, holds, output, seen=None):
    """A case with a law to obey: holds(results, calls) → got and expected."""

    def wanted(results, made):
        return [(*holds(results, made), output)]

    return Case("law", name, points, says, calls, wanted, seen)


def same(name, points, says, calls, seen=None, alone=True):
    """A case whose results must all equal those of the reference."""
    return Case("same", name, points, says, calls, None, seen, alone)


@dataclass(frozen=True, eq=False)
class Step:
    """One file of the assignment.

    The file is step_NAME.py, and `module` is the module of minimt that it is made from.
    `todo` names the functions (or Class.method) to write, `given` those that are
    supplied. `outputs` describes what each function returns: an Output or several.
    """

    name: str
    title: str
    module: str
    chapter: str
    todo: tuple
    given: tuple = ()
    outputs: dict = field(default_factory=dict)
    cases: tuple = ()

    @property
    def stem(self):
        """The name of its file, without .py."""
        return f"step_{self.name}"

    @property
    def mistakes(self):
        """The known mistakes at the step: from the file of its name in mistakes/."""
        return known(self.name)

    @property
    def points(self):
        """The points of all its cases."""
        return sum(case.points for case in self.cases)
