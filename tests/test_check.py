"""What was written in a notebook is checked, and files of steps work as a library."""

import linecache
import pathlib
import re
import subprocess
import sys

import pytest
from commands import environment

from minimt.course import sandbox
from minimt.course.assignment import solution
from minimt.course.check import check
from minimt.course.steps import STEPS

ROOT = pathlib.Path(__file__).parent.parent
PAGE = (ROOT / "tutorial/assignment/README.md").read_text(encoding="utf-8")
LIBRARY, YOUR_TURN = re.findall(r"^```python\n(.*?)^```$", PAGE, re.S | re.M)
BY_NAME = {step.name: step for step in STEPS}
MERGE = """
def merge_heads(x):
    return {}.reshape(*x.shape[::2], -1)
"""
RIGHT = "x.swapaxes(1, 2)"


def cell(text):
    """The names that a cell defines; its text can be found, as in a notebook."""
    place, names = f"<cell {hash(text)}>", {"check": check}
    linecache.cache[place] = len(text), None, text.splitlines(True), place
    exec(compile(text, place, "exec"), names)
    return names


def test_a_stub_in_a_notebook_is_not_written_yet(capsys, monkeypatch):
    """As in the page's own example, which a notebook executes in no time."""
    monkeypatch.setattr(sandbox, "run", None)
    cell(YOUR_TURN)
    assert capsys.readouterr().out == "softmax: not written yet\n"


def test_the_cases_of_a_right_function_pass(capsys):
    check(cell(MERGE.format(RIGHT))["merge_heads"])
    cases = len(BY_NAME["warm_up"].cases)
    assert capsys.readouterr().out == f"merge_heads: {cases} of {cases} cases pass\n"


def test_only_the_first_fault_is_told_in_full(capsys):
    check(cell(MERGE.format("x"))["merge_heads"])
    first, *lines = capsys.readouterr().out.splitlines()
    cases = len(BY_NAME["warm_up"].cases)
    assert first == f"merge_heads: 0 of {cases} cases pass"
    assert sum(line.startswith("  - ") for line in lines) == cases
    assert sum("merge_heads: " in line for line in lines) == 1
    assert max(map(len, lines)) <= 80


def test_a_helper_is_passed_too_and_lines_are_those_of_the_function(capsys):
    helper = f"def swapped(x):\n    # swap\n    return {RIGHT}\n"
    names = cell(helper + MERGE.format("swapped(x)"))
    check(names["merge_heads"], names["swapped"])
    assert "0 of" not in capsys.readouterr().out
    check(names["merge_heads"])
    told = capsys.readouterr().out
    assert "line 2 of merge_heads: NameError: name 'swapped'" in " ".join(told.split())
    wrong = cell(helper.replace(RIGHT, "x[9]") + MERGE.format("swapped(x)"))
    check(wrong["merge_heads"], wrong["swapped"])
    assert "line 3 of swapped: IndexError" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("name", ["memory", "search"])
def test_everything_that_a_step_gives_to_write_can_be_checked(capsys, name):
    """Also classes; and what has a method of the same name is not mistaken for it."""
    step = BY_NAME[name]
    names = cell(solution(step))
    check(*(names[top] for top in dict.fromkeys(x.split(".")[0] for x in step.todo)))
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith(f": {len(step.cases)} of {len(step.cases)} cases pass")


def test_the_latest_of_two_definitions_counts(capsys):
    check(cell(MERGE.format("x") + MERGE.format(RIGHT))["merge_heads"])
    assert "0 of" not in capsys.readouterr().out


def test_what_is_not_of_the_course_is_refused():
    with pytest.raises(ValueError, match="no step of the course has a function f"):
        check(cell("def f(x):\n    return x\n")["f"])
    with pytest.raises(ValueError, match="sorted has no text: define it in a cell"):
        check(sorted)


@pytest.fixture
def notebooks(tmp_path):
    """A folder for notebooks, beside one with the student's files."""
    for place in ("mine", "notebooks"):
        (tmp_path / place).mkdir()
    for step in STEPS:
        path = tmp_path / "mine" / f"{step.stem}.py"
        path.write_text(solution(step), encoding="utf-8")
    return tmp_path / "notebooks"


def printed(code, folder):
    """What a process of its own prints when it runs the code in a folder."""
    command = [sys.executable, "-c", code]
    options = dict(cwd=folder, env=environment(), capture_output=True, text=True)
    done = subprocess.run(command, **options)
    assert not done.returncode, done.stderr
    return done.stdout


def test_the_steps_are_a_library(notebooks):
    assert printed(LIBRARY, notebooks).endswith("\n(1, 16, 100)\n")


def test_a_notebook_runs_a_file_and_checks_a_cell(notebooks):
    pytest.importorskip("IPython", reason="pip install -r requirements.txt")
    cells = ["%run ../mine/step_position.py", "print(relative_bias)", YOUR_TURN]
    run = "from IPython.core.interactiveshell import InteractiveShell as Shell\n"
    run += f"for x in {cells!r}:\n    Shell.instance().run_cell(x).raise_error()"
    lines = printed(run, notebooks).splitlines()
    assert lines[0].startswith("<function relative_bias")
    assert lines[1:] == ["softmax: not written yet"]
