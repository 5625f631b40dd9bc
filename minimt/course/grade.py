"""Grades a folder of steps: points per case, the first fault, and a hint."""

import os
import pathlib
import zlib
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field

import numpy as np
from tqdm import tqdm

from ..errors import InputError
from . import assignment, hints, judge, sandbox
from .case import Case, Result, Step
from .steps import STEPS, number

LARGEST = 1 << 20  # bytes of a submission's file


@dataclass(frozen=True)
class Attempt:
    """A case, its calls, and what a submission made of them."""

    step: Step
    case: Case
    calls: list
    outcome: sandbox.Outcome


@dataclass(frozen=True)
class Verdict:
    """What became of a case: its fault is "" if all its points were given."""

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


def grade(folder=None, steps=STEPS, case=None, seed=0, limits=sandbox.Limits()):
    """Grade the files in a folder, or the reference: a Verdict per case.

    Only the cases of the name `case`, if one is given. The seed draws the numbers.
    """
    files = read(folder) if folder else {x.stem: solution(x) for x in STEPS}
    chosen = [(s, c) for s in steps for c in ordered(s) if case in (None, c.name)]
    if not chosen:
        names = ", ".join(c.name for s in steps for c in s.cases)
        raise InputError(f"no case {case}: choose one of {names}")
    bar = tqdm(total=len(chosen), unit="case", disable=None, leave=False)
    with bar, ThreadPoolExecutor(cores()) as pool:
        sandbox.ENDED.clear()
        tries = []
        try:
            for pair in chosen:
                tries.append(pool.submit(attempt, files, *pair, seed, limits))
            for _ in as_completed(tries):
                bar.update()
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            sandbox.end_all()
            raise
    attempts = [done.result() for done in tries]
    return [verdict(one, attempts) for one in attempts]


def ungraded(steps, why):
    """A Verdict per case, none of which was tried."""
    return [verdict_on(s, c, fault=why) for s in steps for c in ordered(s)]


def cores():
    """How many cases run at a time: as many as there are cores to be had, at most 4."""
    mine = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))
    return min(4, len(mine(0)))


def ordered(step):
    """The cases of a step: examples, then laws, then comparisons."""
    kinds = ("example", "law", "same")
    return sorted(step.cases, key=lambda case: kinds.index(case.kind))


def read(folder):
    """The bytes of each step's file in a folder; None where there is none to read."""
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} is not a directory: give the one with your steps")
    paths = {step.stem: folder / f"{step.stem}.py" for step in STEPS}
    if not any(path.is_file() for path in paths.values()):
        raise InputError(f"{folder} contains no step, such as {STEPS[0].stem}.py")
    return {stem: content(path) for stem, path in paths.items()}


def content(path):
    """A file's bytes; None for a link, a pipe, a giant, or nothing."""
    plain = path.is_file() and not path.is_symlink()
    return path.read_bytes() if plain and path.stat().st_size < LARGEST else None


def solution(step):
    """The reference as a submission."""
    return assignment.solution(step).encode()


def attempt(files, step, case, seed, limits):
    """Make the calls of a case with the step's file, and the files it stands on."""
    calls = case.calls(rng_of(seed, step, case))
    if files[step.stem] is None:
        most = LARGEST >> 20
        why = f"{step.stem}.py is missing, or not a plain file of less than {most} MB"
        missing = sandbox.Outcome(trouble=why)
        return Attempt(step, case, calls, missing)
    earlier = STEPS[: number(step)]
    given = {x.stem: solution(x) if case.alone else files[x.stem] for x in earlier}
    given[step.stem] = files[step.stem]
    there = {f"{stem}.py": text for stem, text in given.items() if text is not None}
    outcome = sandbox.run(there, step.stem, calls, limits, step.closed)
    return Attempt(step, case, calls, outcome)


def rng_of(seed, step, case):
    """The random numbers of a case: its own, whatever else is graded."""
    names = (zlib.crc32(name.encode()) for name in (step.name, case.name))
    return np.random.default_rng([seed, *names])


def verdict(one, attempts):
    """Judge an attempt; the others of its step tell which mistake it was."""
    step, case, calls, outcome = one.step, one.case, one.calls, one.outcome
    seen = dict(printed=outcome.printed, tried=tuple(map(spoken, calls)))
    if outcome.results is None:
        return verdict_on(step, case, fault=outcome.trouble, **seen)
    reference = hints.expected(step, calls)
    wrong, hint = judge.fault(case, step, calls, outcome.results, reference), ""
    if wrong and judge.UNWRITTEN not in wrong:
        others = [
            (other.calls, other.outcome.results)
            for other in attempts
            if other.step is step and other is not one and other.outcome.results
        ]
        hint = hints.hint(step, (calls, outcome.results), others)
    return verdict_on(step, case, fault=wrong, hint=hint, **seen)


def spoken(call):
    """A call as a person would write it; of large arrays, dtype and shape."""
    return f"{call.name}({', '.join(map(value, call.args))})"


def value(x):
    """An argument in few words."""
    if isinstance(x, np.ndarray):
        text = np.array2string(x, precision=4, separator=", ", threshold=12)
        small = x.size <= 12 and len(text) < 200
        return " ".join(text.split()) if small else f"{x.dtype} {x.shape}"
    if isinstance(x, tuple):
        return f"({', '.join(map(value, x))})"
    if isinstance(x, Result):
        return f"result of call {x.call + 1}"
    return repr(x) if isinstance(x, (int, float, str, type(None))) else "…"


def verdict_on(step, case, **became):
    """A Verdict on a case."""
    given = step.name, case.name, case.says, case.points, case.private
    return Verdict(*given, **became)
