"""What the course is made of: steps, their cases, and the mistakes people make."""

from collections.abc import Callable
from dataclasses import dataclass, field

from .calls import Call, Result

__all__ = ["Call", "Case", "Mistake", "Output", "Result", "Step"]
__all__ += ["example", "instead_of", "law", "same"]


@dataclass(frozen=True)
class Output:
    """How to speak of an array: its name, its axes, and words for False and True."""

    name: str
    axes: str = ""
    words: tuple = ("False", "True")


@dataclass(frozen=True)
class Case:
    """Calls of a submission and what must come of them.

    calls(rng) makes the Calls. wanted(results, calls) tells what must be equal, triples
    (got, expected, Output); all results must be the reference's too, but in an example.
    While a step is graded alone, those before it are there as in the reference. What
    becomes of a private case is for instructors' eyes.
    """

    kind: str
    name: str
    points: int
    says: str
    calls: Callable
    wanted: Callable | None = None
    alone: bool = True
    private: bool = False


def example(name, points, says, calls, *expected):
    """A case of numbers made by hand: what the last calls must return."""
    size = len(expected)

    def wanted(results, _):
        return [(got, want, None) for got, want in zip(results[-size:], expected)]

    return Case("example", name, points, says, lambda rng: list(calls), wanted)


def law(name, points, says, calls, holds, output):
    """A case that says what is right: holds(results, calls) → got and expected."""

    def wanted(results, made):
        return [(*holds(results, made), output)]

    return Case("law", name, points, says, calls, wanted)


def same(name, points, says, calls, alone=True):
    """A case whose results must all be those of the reference."""
    return Case("same", name, points, says, calls, alone=alone)


@dataclass(frozen=True)
class Mistake:
    """A wrong implementation: the reference with some of its text replaced."""

    name: str
    old: str
    new: str
    hint: str


def instead_of(old, *wrong):
    """Mistakes, each (name, new, hint), that write something else in the same place."""
    return tuple(Mistake(name, old, new, hint) for name, new, hint in wrong)


@dataclass(frozen=True, eq=False)
class Step:
    """One file of the assignment.

    Its name makes the file's name; module is the reference's in minimt; todo names the
    functions, or Class.method, to be written, given those that stand there; outputs
    tells how to speak of what each function returns, an Output or several. What is
    closed, files and folders, a submission may not open.
    """

    name: str
    title: str
    module: str
    chapter: str
    todo: tuple
    given: tuple = ()
    outputs: dict = field(default_factory=dict)
    cases: tuple = ()
    mistakes: tuple = ()
    closed: tuple = ()

    @property
    def stem(self):
        """The name of its file, without .py."""
        return f"step_{self.name}"

    @property
    def points(self):
        """The points of all its cases."""
        return sum(case.points for case in self.cases)
