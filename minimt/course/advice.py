"""What a student does next, in a line or two below a report."""

import pathlib
import textwrap

from . import stubs
from .report import COLUMNS, by_step
from .steps import STEPS, number

LAST = "read tutorial/09_training.md, and train a model: python -m minimt train"


def advice(verdicts, files, folder, command):
    """Where to go on: at the first step without all its points, or at the step after.

    `files` are the bytes of each step's file in the folder, and `command` grades them
    all.
    """
    line = f"next: {what(verdicts, files, folder, command)}"
    options = dict(subsequent_indent=" " * 6, break_on_hyphens=False)
    return "\n".join(textwrap.wrap(line, COLUMNS, **options))


def what(verdicts, files, folder, command):
    """What to do next."""
    graded = by_step(verdicts)
    for step, rows in graded:
        lost = [row for row in rows if row.fault and row.of]
        if any(not row.unwritten for row in lost):
            return f"step {number(step)}, correct its first fault"
        if lost:
            return to_write(step, files, folder)
    for step in STEPS[number(graded[-1][0]) + 1 :]:
        if not files[step.stem] or stubs.unwritten(files[step.stem]):
            return to_write(step, files, folder)
    return LAST if len(graded) == len(STEPS) else f"grade all steps: {command}"


def to_write(step, files, folder):
    """What is left to write in a step, and the chapter to read if that is all of it."""
    empty = stubs.unwritten(files[step.stem]) if files[step.stem] else step.todo
    left = [name for name in step.todo if name in empty]
    read = f"read tutorial/{step.chapter}.md, then " * (len(left) == len(step.todo))
    path = pathlib.Path(folder, f"{step.stem}.py")
    return f"step {number(step)}, {read}write {spoken(left) or 'the rest'} in {path}"


def spoken(names):
    """Names as in a sentence: a, b and c."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
