"""Mistakes, each made in a correct solution that is not written as the reference is.

wrong.txt lists them by step. A kind of mistake begins with its name and words of its
hint. Below it are its forms: a function in tests/solutions (without its name where a
step has only one), a text in it, and what takes the place of that text.
"""

import pathlib
import re

FORM = re.compile(r"(\w+)(?:: (.*?) →(?: (.*))?|\n((?:- .*\n?)+)((?:\+ .*\n?)*))$")


def forms(text):
    """The rows of a step: kind, function__variant, old text, new text, words."""
    for block in re.split(r"\n\n+", text.strip()):
        title, *rest = block.split("\n  ")
        kind, words = title.split(": ", 1)
        for form in re.split(r"\n(?![-+])", "\n".join(rest)):
            whole, old, new, before, after = FORM.match(form).groups("")
            yield kind, whole, old + unmarked(before), new + unmarked(after), words


def unmarked(lines):
    """Lines without the sign that each begins with."""
    return "\n".join(line[2:] for line in lines.splitlines())


def wrong():
    """The rows of all steps, as {step: rows}."""
    text = pathlib.Path(__file__).with_name("wrong.txt").read_text(encoding="utf-8")
    parts = re.split(r"^== (\w+)$", text, flags=re.M)[1:]
    return {step: list(forms(rows)) for step, rows in zip(parts[::2], parts[1::2])}


WRONG = wrong()
