"""What a student does next, in a line or two below a report."""

import pathlib
import textwrap

from . import stubs
from .grade import content
from .report import COLUMNS, by_step
from .steps import STEPS, number

LAST = "read tutorial/09_training.md, and train a model: python -m minimt train"


def advice(verdicts, folder, command):
    """Where to go on: at the first step without all its points, or at the step after.

    `command` grades all steps in the folder.
    """
    line = f"next: {what(verdicts, folder, command)}"
    options = dict(subsequent_indent=" " * 6, break_on_hyphens=False)
    return "\n".join(textwrap.wrap(line, COLUMNS, **options))


def what(verdicts, folder, command):
    """What to do next."""
    graded = by_step(verdicts)
    for step, rows in graded:
        lost = [row for row in rows if row.fault and row.of]
        if any(not row.unwritten for row in lost):
            return f"step {number(step)}, correct its first fault"
        if lost:
            return to_write(step, folder)
    for step in STEPS[number(graded[-1][0]) + 1 :]:
        if left(step, folder):
            return to_write(step, folder)
    return LAST if len(graded) == len(STEPS) else f"grade all steps: {command}"


def to_write(step, folder):
    """What is left to write in a step, and the chapter to read if that is all of it."""
    names = left(step, folder)
    read = f"read tutorial/{step.chapter}.md, then " * (len(names) == len(step.todo))
    path = pathlib.Path(folder, f"{step.stem}.py").as_posix()
    return f"step {number(step)}, {read}write {spoken(names) or 'the rest'} in {path}"


def left(step, folder):
    """The functions that are not written yet, all of them if there is no such file."""
    text = content(pathlib.Path(folder, f"{step.stem}.py"))
    empty = step.todo if text is None else stubs.unwritten(text)
    return [name for name in step.todo if name in empty]


def spoken(names):
    """Names as in a sentence: a, b and c."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
