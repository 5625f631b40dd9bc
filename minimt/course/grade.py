"""Grades a folder of steps: points per case, the first fault, and a hint."""

import os
import pathlib
import zlib
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field

import numpy as np

from ..errors import InputError
from ..progress import progress
from . import assignment, hints, judge, reference, sandbox, stubs
from .case import Case, Result, Step
from .processes import Processes
from .steps import STEPS, number

LARGEST = 1 << 20  # bytes of a submission's file, at most


@dataclass(frozen=True)
class Attempt:
    """A case, its calls, and their outcome for a submission."""

    step: Step
    case: Case
    calls: list
    outcome: sandbox.Outcome


@dataclass(frozen=True)
class Verdict:
    """The result of a case: its fault is "" if it was given all its points."""

    step: str
    case: str
    says: str
    of: int
    private: bool = False
    fault: str = ""
    hint: str = ""
    printed: str = field(default="", repr=False)
    tried: tuple = field(default=(), repr=False)

    @property
    def points(self):
        """All points or none."""
        return 0 if self.fault else self.of

    @property
    def unwritten(self):
        """Whether it failed only since a function is not written yet."""
        return judge.UNWRITTEN in self.fault


def grade(folder=None, steps=STEPS, case=None, seed=0, limits=sandbox.Limits()):
    """Grade the files in a folder, or the reference: returns a Verdict per case.

    If `case` is given, only cases with this name are graded. The random cases draw
    their numbers from the seed.
    """
    files = read(folder) if folder else {x.stem: solution(x) for x in STEPS}
    chosen = [(s, c) for s in steps for c in ordered(s) if case in (None, c.name)]
    if not chosen:
        names = ", ".join(c.name for s in steps for c in s.cases)
        raise InputError(f"{case!r} is not a case: use one of {names}")
    bar = progress("grading", len(chosen), "case")
    with (
        reference.unchanged(),
        bar,
        Processes() as processes,
        ThreadPoolExecutor(cores()) as pool,
    ):
        try:
            # Parsing comes first: two threads of Python 3.11 must not parse at once.
            ready = [prepared(files, step, case, seed) for step, case in chosen]
            futures = [pool.submit(attempt, *x, limits, processes) for x in ready]
            for _ in as_completed(futures):
                bar.update()
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            processes.end()
            raise
    attempts = [done.result() for done in futures]
    return [verdict(one, attempts) for one in attempts]


def ungraded(steps, why):
    """A Verdict per case, without points since none was run."""
    return [verdict_on(s, c, fault=why) for s in steps for c in ordered(s)]


def cores():
    """How many cases run at a time: one for each available core, at most 4."""
    mine = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))
    return min(4, len(mine(0)))


def ordered(step):
    """The cases of a step: examples, then laws, then comparisons."""
    kinds = ("example", "law", "same")
    return sorted(step.cases, key=lambda case: kinds.index(case.kind))


def read(folder):
    """The bytes of each step's file in a folder; None if it cannot be used."""
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} is not a directory: give the one with your steps")
    paths = {step.stem: folder / f"{step.stem}.py" for step in STEPS}
    if not any(path.is_file() for path in paths.values()):
        first = f"{STEPS[0].stem}.py"
        raise InputError(f"{folder} does not contain a step file such as {first}")
    return {stem: content(path) for stem, path in paths.items()}


def content(path):
    """A file's bytes; None if it is missing, too large, a link or a pipe."""
    plain = path.is_file() and not path.is_symlink()
    return path.read_bytes() if plain and path.stat().st_size < LARGEST else None


def solution(step):
    """The reference as a submission."""
    return assignment.solution(step).encode()


def prepared(files, step, case, seed):
    """A case, its calls, the files they need, and why they cannot succeed or ""."""
    calls = case.calls(rng_of(seed, step, case))
    if files[step.stem] is None:
        most = LARGEST >> 20
        why = f"{step.stem}.py is missing, or not a regular file below {most} MB"
        return step, case, calls, {}, why
    if call := stubs.first_call(step, calls, files[step.stem]):
        why = f"{judge.spoken(call, calls)}: {judge.UNWRITTEN}"
        return step, case, calls, {}, why
    earlier = STEPS[: number(step)]
    given = {x.stem: solution(x) if case.alone else files[x.stem] for x in earlier}
    given[step.stem] = files[step.stem]
    there = {f"{stem}.py": text for stem, text in given.items() if text is not None}
    return step, case, calls, there, ""


def attempt(step, case, calls, files, why, limits, processes):
    """Make the calls of a case with the files it needs, unless they cannot succeed."""
    outcome = sandbox.Outcome(trouble=why)
    if not why:
        outcome = sandbox.run(files, step.stem, calls, limits, processes)
    return Attempt(step, case, calls, outcome)


def rng_of(seed, step, case):
    """The random numbers of a case, the same whatever else is graded."""
    names = (zlib.crc32(name.encode()) for name in (step.name, case.name))
    return np.random.default_rng([seed, *names])


def verdict(one, attempts):
    """Judge an attempt; others at the same step show which mistake it was."""
    step, case, calls, outcome = one.step, one.case, one.calls, one.outcome
    seen = dict(printed=outcome.printed, tried=tuple(map(spoken, calls)))
    if outcome.results is None:
        return verdict_on(step, case, fault=outcome.trouble, **seen)
    right = reference.expected(step, case, calls)
    wrong, hint = judge.fault(case, step, calls, outcome.results, right), ""
    if wrong and judge.UNWRITTEN not in wrong:
        others = [
            (other.calls, other.outcome.results)
            for other in attempts
            if other.step is step and other is not one and other.outcome.results
        ]
        hint = hints.hint(step, (calls, outcome.results), others)
    return verdict_on(step, case, fault=wrong, hint=hint, **seen)


def spoken(call):
    """A call as a person would write it, with the dtype and shape of large arrays."""
    return f"{call.name}({', '.join(map(value, call.args))})"


def value(x):
    """An argument in a few words."""
    if isinstance(x, np.ndarray):
        if x.size <= 12:
            return " ".join(np.array2string(x, precision=4, separator=", ").split())
        return f"{x.dtype} {x.shape}"
    if isinstance(x, tuple):
        return f"({', '.join(map(value, x))})"
    if isinstance(x, Result):
        return f"result of call {x.call + 1}"
    return repr(x) if isinstance(x, (int, float, str, type(None))) else "…"


def verdict_on(step, case, **result):
    """A Verdict on a case."""
    given = step.name, case.name, case.says, case.points, case.private
    return Verdict(*given, **result)
