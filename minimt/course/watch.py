"""Grades again whenever a file is saved."""

import pathlib
import time

from .steps import STEPS, number

PAUSE = 0.3  # seconds between two looks at the files


def watch(folder, steps, graded):
    """After each grading, the files that were saved and all verdicts; it never ends.

    `graded(steps)` returns the verdicts on some steps. At first that is all of them,
    and then those that read a file that was saved.
    """
    verdicts, seen = {}, {}
    while True:
        now = {x.stem: stamp(pathlib.Path(folder, f"{x.stem}.py")) for x in STEPS}
        saved = [stem for stem in now if now[stem] != seen.get(stem)]
        again = [step for step in steps if not verdicts or reads(step) & set(saved)]
        if again:
            verdicts |= {(v.step, v.case): v for v in graded(again)}
            yield saved if seen else [], list(verdicts.values())
            steps = [s for s in steps if s.name in {step for step, _ in verdicts}]
        else:
            time.sleep(PAUSE)
        seen = now  # taken before grading, so that a file saved meanwhile is seen


def stamp(path):
    """What changes when a file is saved; None if there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def reads(step):
    """The files that are read when a step is graded, without .py."""
    earlier = () if all(x.alone for x in step.cases) else STEPS[: number(step)]
    return {step.stem, *(other.stem for other in earlier)}
