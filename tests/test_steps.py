"""A step is one entry: another one in between changes nothing but numbers shown."""

import json
import os
import re
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
from commands import ROOT
from slips import SLIPS, slipped

from minimt.course import assignment, nbgrader
from minimt.course.steps import STEPS

BEFORE, AFTER = STEPS[3], STEPS[4]
MODULE = """\
\"""Doubling.\"""

from numpy import ndarray as Array

TWO = (
    2,
    "a constant of two lines",
)


def double(x: Array) -> Array:
    \"""Twice x, of the same shape.\"""
    return TWO[0] * x
"""
STEP = """\
\"""A tiny step.\"""

import numpy as np

from ..case import Call, Output, Step, example

STEP = Step(
    name="tiny",
    title="Doubling",
    module="doubling",
    chapter="03_cache",
    todo=("double",),
    outputs=dict(double=Output("doubled", "place")),
    cases=(
        example(
            "by_hand",
            3,
            "twice 1 is 2",
            [Call("double", (np.array([1.0]),))],
            np.array([2.0]),
        ),
    ),
)
"""

MISTAKES = """\
\"""Mistakes with doubling.\"""


class Parts:
    \"""The step done right.\"""

    def double(self, x):
        return x + x


class Squared(Parts):
    \"""this is the square.\"""

    def double(self, x):
        return x**2
"""


def minimt(package, folder, *args):
    """A command of the package that lies in that folder."""
    return subprocess.run(
        [sys.executable, "-m", "minimt", *args],
        cwd=folder,
        env=os.environ | dict(PYTHONPATH=str(package), OMP_NUM_THREADS="1"),
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """A copy of minimt with the tiny step: its files, and its name in the list."""
    copied = tmp_path_factory.mktemp("copied")
    leave = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "minimt", copied / "minimt", ignore=leave)
    (copied / "minimt/doubling.py").write_text(MODULE)
    (copied / "minimt/course/mistakes/tiny.py").write_text(MISTAKES)
    steps = copied / "minimt/course/steps"
    (steps / "tiny.py").write_text(STEP)
    text, line = (steps / "__init__.py").read_text(), f'    "{AFTER.name}",\n'
    assert text.count(line) == 1
    text = text.replace(line, f'    "tiny",\n{line}')
    (steps / "__init__.py").write_text(text)
    return copied


def test_the_stubs_of_other_steps_stay(copied, tmp_path):
    minimt(copied, tmp_path, "stubs", "stubs")
    texts = {path.name: path.read_text() for path in tmp_path.glob("stubs/*")}
    tiny = texts.pop("step_tiny.py")
    assert texts == {f"{step.stem}.py": assignment.stub(step) for step in STEPS}
    assert "raise NotImplementedError" in tiny and "TWO" not in tiny


def test_the_notebooks_of_other_steps_stay(copied, tmp_path):
    minimt(copied, tmp_path, "nbgrader", "course", "--seed", "7")
    paths = tmp_path.glob("course/source/minimt/*")
    books = {path.name: json.loads(path.read_text()) for path in paths}
    tiny = "".join(books.pop("step_tiny.ipynb")["cells"][1]["source"])
    assert books == {f"{step.stem}.ipynb": nbgrader.notebook(step, 7) for step in STEPS}
    assert tiny.index("BEGIN SOLUTION") < tiny.index("TWO = (") < tiny.index("return")


@pytest.fixture(scope="module")
def graded(copied, tmp_path_factory):
    """What is printed and written on one submission, without and with the tiny step."""
    folder = tmp_path_factory.mktemp("graded")
    (folder / "mine").mkdir()
    (folder / f"mine/{AFTER.stem}.py").write_text(slipped(AFTER))
    right = MODULE.replace("2 * x", "x + x")
    (folder / "mine/step_tiny.py").write_text(right)
    results = []
    for package, name in ((ROOT, "without"), (copied, "with")):
        files = {x: f"{name}-{x}.json" for x in ("gradescope", "classroom50")}
        flags = [f"--{service}={file}" for service, file in files.items()]
        seen = minimt(package, folder, "grade", "mine", *flags)
        written = {x: json.loads((folder / files[x]).read_text()) for x in files}
        results.append(SimpleNamespace(text=seen, **written))
    return results


def without_number(line):
    """A line without the number of a step in it."""
    return re.sub(r"^(step \d+ |\d+\.)", "", line)


def test_the_report_of_other_steps_stays(graded):
    before, after = ([*map(without_number, x.text.splitlines())] for x in graded)
    assert SLIPS[AFTER.name][-1] in graded[1].text
    assert f"--step {AFTER.name} --case" in graded[1].text
    tiny = [line for line in after if line.split()[:1] == ["tiny"]]
    assert [line.split()[1] for line in tiny] == ["3/3"]
    (total,) = [line for line in before if line.endswith(" points")]
    points, of = (int(total.split()[i]) for i in (0, 2))
    expected = [
        f"{points + 3} of {of + 3} points" if line == total else line for line in before
    ]
    assert [line for line in after if line not in tiny] == expected


@pytest.mark.parametrize(
    ("service", "key"), [("gradescope", "name"), ("classroom50", "test-name")]
)
def test_the_results_of_other_steps_stay(graded, service, key):
    before, after = (
        [
            {k: v for k, v in test.items() if k != "number"}
            | {key: without_number(test[key])}
            for test in getattr(one, service)["tests"]
        ]
        for one in graded
    )
    tiny = [test for test in after if "tiny: by_hand" in test[key]]
    assert len(tiny) == 1 and tiny[0]["score"] == 3
    assert [test for test in after if test not in tiny] == before
