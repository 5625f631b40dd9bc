"""Verdicts as text for people, and as data."""

import os
import textwrap
from dataclasses import asdict

from .steps import STEPS, number

COLUMNS = 80
NAMES = max(len(step.name) for step in STEPS)  # columns that the names of steps take


def by_step(verdicts):
    """The steps that were graded, in order: [(step, its verdicts)]."""
    rows = [(s, [v for v in verdicts if v.step == s.name]) for s in STEPS]
    return [row for row in rows if row[1]]


def total(verdicts):
    """The points given, and the points available."""
    return sum(v.points for v in verdicts), sum(v.of for v in verdicts)


def text(verdicts, command, whole=False):
    """All steps with their points and the first fault of each; if `whole`, all cases.

    `command` is the command that was typed; with a case added to it, it repeats that
    case alone. Several steps in which nothing is written yet take a single line.
    """
    steps, points = by_step(verdicts), "{} of {} points".format(*total(verdicts))
    if len(steps) > 1 and all(row.unwritten for row in verdicts):
        return f"nothing is written yet: {points}"
    lines = [line for step in steps for line in step_lines(*step, command, whole)]
    return "\n".join([*lines, "", points])


def step_lines(step, rows, command, whole):
    """A step with its points, and its cases as far as they are of interest."""
    unwritten = [row for row in rows if row.unwritten]
    faults = [row for row in rows if row.fault and not row.unwritten]
    name = f"step {number(step)}  {step.name.ljust(NAMES)}  {score(rows).rjust(5)}"
    if len(unwritten) == len(rows):
        return [f"{name}  not written yet"]
    if len(rows) > 1 and {row.fault for row in rows} == {rows[0].fault} != {""}:
        return [name, "  - every case:", *fault_lines(rows[0])]
    lines = [name]
    for row in rows if whole else faults:
        if not row.unwritten:
            lines += case_lines(row, command if whole or row is faults[0] else "")
    if whole and len(rows) == 1:
        lines += [
            line
            for i, call in enumerate(rows[0].tried, 1)
            for line in wrapped(f"      call {i}: {call}")
        ]
    if unwritten:
        lines += wrapped(f"  not written yet: {', '.join(map(listed, unwritten))}")
    return lines


def case_lines(row, command=""):
    """A case with its points; with a command, also its fault, and how to repeat it."""
    sign, free = "-" if row.fault else "+", "" if row.of else " (costs nothing)"
    lines = wrapped(f"  {sign} {score([row])}  {row.case}: {row.says}{free}")
    if row.fault and command:
        lines += fault_lines(row)
        lines += again(command, f"--step {row.step} --case {row.case}")
    return lines


def fault_lines(row):
    """The fault of a case, and its hint if there is one."""
    lines = wrapped(f"      {row.fault}")
    return lines + (wrapped(f"      hint: {row.hint}") if row.hint else [])


def again(command, case):
    """How to repeat a case: a command in one line, or in two where it is too long."""
    line = f"      again: {command} {case}"
    if len(line) <= COLUMNS or os.name == "nt":  # where no `\` continues a line
        return [line]
    return [f"      again: {command} \\", f"        {case}"]


def wrapped(line):
    """A line in as many lines as it needs, all but the first indented further."""
    hanging = " " * (8 if line.startswith(" " * 6) else 9)
    options = dict(subsequent_indent=hanging, break_on_hyphens=False)
    return textwrap.wrap(line, COLUMNS, **options)


def listed(row):
    """The name of a case with its points."""
    return f"{row.case} {score([row])}" if row.of else f"{row.case} (costs nothing)"


def score(rows):
    """Points given and points available, such as 3/4."""
    return "{}/{}".format(*total(rows))


def data(verdicts, seed):
    """The verdicts as data for JSON."""
    points, of = total(verdicts)
    steps = [
        dict(
            step=step.name,
            number=number(step),
            title=step.title,
            points=total(rows)[0],
            of=total(rows)[1],
            cases=[asdict(row) | dict(points=row.points) for row in rows],
        )
        for step, rows in by_step(verdicts)
    ]
    return dict(points=points, of=of, seed=seed, steps=steps)
