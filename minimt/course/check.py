"""Checks functions that were written in a notebook, with the cases of the grader.

In a cell: `from minimt.course.check import check`, then `check(softmax)`. The reference
takes the place of everything else in the step.
"""

import ast
import linecache
import pathlib
import re
import tempfile
from dataclasses import replace

from . import assignment, grade, report
from .steps import STEPS


def check(*written):
    """Print how many cases of these functions pass, which do not, and the first fault.

    written: functions or classes of the course, and any others that they call. They may
    use what the step's file imports. Raises ValueError if none of them is of the
    course, or if one was not defined in a cell or file.
    """
    texts = {thing.__name__: text_of(thing) for thing in written}
    steps = {step: sorted(tops(step) & set(texts)) for step in STEPS}
    if not any(steps.values()):
        raise ValueError(f"no step of the course has a function {' or '.join(texts)}")
    for step, names in steps.items():
        if names:
            print("\n".join(checked(step, names, texts)))


def checked(step, names, texts):
    """How the cases go that call functions with these names, in lines."""
    cases = [replace(x, alone=True) for x in step.cases if calls(step, x) & set(names)]
    content = submission(step, texts)
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, f"{step.stem}.py").write_text(content, encoding="utf-8")
        verdicts = grade.grade(folder, [replace(step, cases=tuple(cases))])
    if all(verdict.unwritten for verdict in verdicts):
        return [f"{', '.join(names)}: not written yet"]
    faults = [verdict for verdict in verdicts if verdict.fault]
    passed = len(verdicts) - len(faults)
    lines = [f"{', '.join(names)}: {passed} of {len(verdicts)} cases pass"]
    for row in faults:
        lines += report.case_lines(row)
        if row is faults[0]:
            said = replace(row, fault=located(row.fault, content))
            lines += report.fault_lines(said)
    return lines


def tops(step):
    """The functions and classes at the top of a step's file that students write."""
    return {whole.split(".")[0] for whole in step.todo}


def calls(step, case):
    """The functions and classes that a case calls."""
    return {call.name for call in case.calls(grade.rng_of(0, step, case))}


def text_of(thing):
    """The text of a function or class, as it stands in its cell or file."""
    members = [thing, *getattr(thing, "__dict__", {}).values()]
    code = next((x.__code__ for x in members if hasattr(x, "__code__")), None)
    text = "".join(linecache.getlines(code.co_filename)) if code else ""
    for node in reversed(ast.parse(text).body):
        if getattr(node, "name", "") == thing.__name__:
            return "\n".join(assignment.lines_of(node, text.splitlines()))
    raise ValueError(f"{thing.__name__} has no text: define it in a cell or a file")


def submission(step, texts):
    """The step's file with these texts in it, and the others of no step at its end."""
    text = assignment.solution(step)
    lines = text.splitlines()
    for node in reversed(ast.parse(text).body):
        if getattr(node, "name", "") in texts:
            begin = assignment.first_line(node) - 1
            lines[begin : node.end_lineno] = texts[node.name].splitlines()
    known = set().union(*map(tops, STEPS))
    helpers = [text for name, text in texts.items() if name not in known]
    return "\n".join([*lines, *helpers, ""])


def located(fault, content):
    """The fault, with the lines of the function in place of the lines of the file."""

    def within(match):
        line = int(match[1])
        for node in ast.parse(content).body:
            begin = assignment.first_line(node)
            if begin <= line <= node.end_lineno and hasattr(node, "name"):
                return f"line {line - begin + 1} of {node.name}: "
        return match[0]

    return re.sub(r"\bline (\d+): ", within, fault, count=1)
