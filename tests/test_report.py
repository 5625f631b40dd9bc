"""The grader's report: its lines, its colours, and what to do next."""

import re
import sys
from dataclasses import replace

import pytest
from verdicts import judged

from minimt.console import colours
from minimt.course import advice, cli, judge, report
from minimt.course.assignment import solution, stub
from minimt.course.steps import STEPS

BY_NAME = {step.name: step for step in STEPS}
WRITE = "read tutorial/03_cache.md, then write extend_cache and document_mask in"


def flat(out):
    return " ".join(out.split())


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A folder with all steps, finished; it is called `mine` from where it stands."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "mine"
    folder.mkdir()
    for step in STEPS:
        (folder / f"{step.stem}.py").write_text(solution(step), encoding="utf-8")
    return folder


@pytest.mark.parametrize("whole", [True, False])
def test_a_report_fits_the_page_and_loses_no_word(whole):
    words = "the logits are scaled before the bias is added; " * 4
    verdicts = [replace(v, fault=f"{v.case}: {words}", hint=words) for v in judged()]
    told = report.text(verdicts, "python -m minimt grade mine", whole)
    assert max(map(len, told.splitlines())) <= report.COLUMNS
    for verdict in verdicts:
        assert f"{verdict.case}: {verdict.says}" in " ".join(told.split())
    assert " ".join(told.split()).count(words) >= 2 * len(STEPS)


def test_a_fault_of_a_whole_file_is_told_once():
    told = report.text(judged(cache="cannot be imported: line 3"), "grade mine")
    assert told.count("cannot be imported: line 3") == 1 and "every case" in told


def test_a_case_without_points_says_that_it_costs_nothing():
    free, other = (replace(judged(warm_up="no")[0], of=of) for of in (0, 1))
    assert "costs nothing" in report.text([free], "grade mine")
    assert "costs nothing" not in report.text([other], "grade mine")
    unwritten = replace(free, fault=judge.UNWRITTEN), other
    assert "costs nothing" in report.text(unwritten, "grade mine")


def test_an_untouched_folder_is_told_where_to_begin(capsys):
    assert cli.main(["grade"]) == 0
    out = capsys.readouterr().out
    assert len(out.splitlines()) <= 5 and "read tutorial/01_attention.md" in out
    assert "write merge_heads in tutorial/assignment/step_warm_up.py" in flat(out)


@pytest.mark.parametrize(
    ("faults", "names", "line"),
    [
        ({"cache": judge.UNWRITTEN}, "cache", f"next: step 3, {WRITE} mine/"),
        ({"cache": "x"}, "cache", "next: step 3, correct its first fault"),
        ({"cache": "x", "warm_up": "x"}, "cache warm_up", "next: step 0, correct"),
        ({"cache": judge.UNWRITTEN, "gate": "x"}, "cache gate", "next: step 3, read"),
        ({}, "cache", f"next: step 3, {WRITE} mine/step_cache.py"),
        ({}, "", "next: grade all steps: grade mine"),
    ],
)
def test_a_report_says_what_to_do_next(mine, faults, names, line):
    """Also after a step that is finished, if not all of them were graded."""
    for name in names.split():
        path = mine / f"step_{name}.py"
        path.write_text(stub(BY_NAME[name]), encoding="utf-8")
    graded = [
        v for v in judged(**faults) if faults or v.step in ("warm_up", "position")
    ]
    told = flat(advice.advice(graded, "mine", "grade mine"))
    assert told.startswith(line)


def test_a_step_that_is_half_written_names_what_is_left(mine):
    text = stub(BY_NAME["cache"]).replace("raise NotImpl", "pass  # ", 1)
    (mine / "step_cache.py").write_text(text, encoding="utf-8")
    told = flat(advice.advice(judged(cache=judge.UNWRITTEN), "mine", "grade mine"))
    assert told == "next: step 3, write document_mask in mine/step_cache.py"


def test_after_the_last_step_comes_training(mine):
    assert "python -m minimt train" in flat(advice.advice(judged(), "mine", ""))


def test_a_file_that_is_missing_is_to_be_written(mine):
    (mine / "step_cache.py").unlink()
    graded = [v for v in judged() if v.step == "position"]
    assert f"step 3, {WRITE} mine" in flat(advice.advice(graded, "mine", ""))


@pytest.mark.parametrize(
    ("settings", "terminal", "shown"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"TERM": "dumb"}, True, False),
    ],
)
def test_colours_are_for_terminals(monkeypatch, settings, terminal, shown):
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ({"WT_SESSION": "1"} | settings).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    plain = report.text(judged(cache="x"), "grade mine", whole=True)
    told = colours.coloured(plain)
    assert re.sub("\x1b.*?m", "", told) == plain
    assert (f"{colours.RED}- every" in told) == shown
    assert (colours.bold("x") == "x") != shown
    assert (f"{colours.GREEN}+ 1/1" in told) == shown
