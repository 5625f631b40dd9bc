"""Verdicts as text for people, and as data."""

from dataclasses import asdict

from . import judge
from .steps import STEPS, number

WIDTH = max(len(step.name) for step in STEPS)


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
    case alone.
    """
    steps = by_step(verdicts)
    lines = []
    for step, rows in steps:
        unwritten = [row for row in rows if judge.UNWRITTEN in row.fault]
        faults = [row for row in rows if row.fault and row not in unwritten]
        name = f"step {number(step)}  {step.name.ljust(WIDTH)}  {score(rows).rjust(5)}"
        lines.append(name + "  not written yet" * (len(unwritten) == len(rows)))
        for row in rows if whole else faults:
            sign = "-" if row.fault else "+"
            lines.append(f"  {sign} {score([row])}  {row.case}: {row.says}")
            if row.fault and (whole or row is faults[0]):
                lines += details(row, command)
            lines += [f"        call {i}: {x}" for i, x in numbered(rows, row)]
        if unwritten and len(unwritten) < len(rows) and not whole:
            lines.append(f"  not written yet: {listed(unwritten)}")
    return "\n".join([*lines, "", "{} of {} points".format(*total(verdicts))])


def numbered(rows, row):
    """The calls of a case with their numbers, if it is the only case."""
    return enumerate(row.tried if len(rows) == 1 else (), 1)


def listed(rows):
    """The names of cases, each with its points."""
    return ", ".join(f"{row.case} {score([row])}" for row in rows)


def score(rows):
    """Points given and points available, such as 3/4."""
    return "{}/{}".format(*total(rows))


def details(row, command):
    """The fault of a case, its hint if there is one, and how to repeat the case."""
    lines = [f"        {row.fault}"]
    if row.hint:
        lines.append(f"        hint: {row.hint}")
    return [*lines, f"        again: {command} --step {row.step} --case {row.case}"]


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
