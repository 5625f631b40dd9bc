"""The grader as people meet it: points, first faults, hints, files for services."""

import datetime
import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from minimt.course import cli, grade
from minimt.course.assignment import stub
from minimt.course.steps import STEPS


@pytest.fixture
def handed_in(tmp_path):
    """Step 0 right, step 1 with a mask aligned at the first key, the rest untouched."""
    folder = tmp_path / "mine"
    folder.mkdir()
    for step in STEPS:
        (folder / f"{step.stem}.py").write_text(stub(step))
    right = [grade.solution(step).decode() for step in STEPS[:2]]
    aligned = "(S - T + np.arange(T))"
    assert aligned in right[1]
    (folder / "step0_warm_up.py").write_text(right[0])
    wrong = right[1].replace(aligned, "np.arange(T)")
    (folder / "step1_attention.py").write_text(wrong)
    return folder


@pytest.fixture
def minimt(capsys):
    def run(*args):
        """A command, in this process: (exit code, output, what it said beside it)."""
        try:
            code = cli.main([str(x) for x in args])
        except SystemExit as end:
            code = end.code
        return (code, *capsys.readouterr())

    return run


def test_the_reference_has_all_points_and_the_stubs_none(minimt):
    code, out, _ = minimt("grade", "--reference", "--json", "--seed", 3)
    result = json.loads(out)
    assert code == 0 and result["points"] == result["of"] == 100
    assert result["seed"] == 3 and len(result["steps"]) == len(STEPS)
    code, out, _ = minimt("grade")
    assert code == 0 and out.endswith("0 of 100 points\n")
    assert out.count("not written yet") == len(STEPS)


@pytest.mark.parametrize("odd", [False, True])
def test_a_mistake_costs_only_its_own_step(tmp_path, odd):
    """Mistakes in every second step: the steps between, and after, lose nothing."""
    wrong = STEPS[odd::2]
    for step in STEPS:
        text = grade.solution(step).decode()
        if step in wrong:
            mistake = step.mistakes[-1]
            text = text.replace(mistake.old, mistake.new)
        (tmp_path / f"{step.stem}.py").write_text(text)
    right = [step for step in STEPS if step not in wrong]
    verdicts = grade.grade(tmp_path, right, seed=7)
    assert verdicts and all(v.points == v.of for v in verdicts)


def test_a_fault_comes_with_its_place_a_hint_and_a_command(minimt, handed_in):
    _, out, _ = minimt("grade", handed_in, "--step", 1)
    lines = [line.strip() for line in out.splitlines()]
    at = lines.index("- 0/1  distance_by_hand: query i stands at key S − T + i")
    assert lines[at + 1] == "distance: query 0, key 0: yours 0, expected 1"
    assert lines[at + 2].startswith("hint: queries are aligned with the first keys")
    again = f"python -m minimt grade {handed_in} --step 1 --case distance_by_hand"
    assert lines[at + 3] == f"again: {again}"
    _, again, _ = minimt(*again.split()[3:])
    assert "0 of 1 points" in again and lines[at + 1] in again


def test_words_for_a_mask(minimt, handed_in):
    _, out, _ = minimt("grade", handed_in, "--step", 1, "--case", "mask_with_cache")
    assert "causal_mask: query 0, key 1: yours blocked, expected open" in out


def test_a_single_case_shows_what_was_printed(minimt, handed_in):
    with open(handed_in / "step0_warm_up.py", "a") as file:
        file.write("\nprint('look here')\n")
    _, out, _ = minimt("grade", handed_in, "--step", 0, "--case", "by_hand")
    assert out.startswith("look here\n")


def test_json_has_the_same_points(minimt, handed_in):
    _, out, _ = minimt("grade", handed_in, "--step", 1, "--json")
    (step,) = json.loads(out)["steps"]
    assert step["points"] == sum(case["points"] for case in step["cases"])
    _, out, _ = minimt("grade", handed_in, "--step", 1)
    assert 0 < step["points"] < 16 and f"{step['points']} of 16 points" in out


def test_the_same_seed_draws_the_same_numbers():
    step = STEPS[1]
    for case in step.cases:
        first, again, other = (
            repr(case.calls(grade.rng_of(seed, step, case))) for seed in (1, 1, 2)
        )
        assert first == again
        assert (first != other) or case.kind == "example" or "rng.normal" not in first


MISTAKES = {
    "grade nowhere": "nowhere is not a folder",
    "grade {empty}": "no step0_warm_up.py",
    "grade --step 10": "invalid choice: 10",
    "grade --step x": "invalid int value",
    "grade --case nothing": "no case nothing: choose one of",
    "grade --seed -1": "not a whole number",
    "grade --seconds 0": "not a whole number ≥ 1",
    "grade --user nosuchuser": "user",
    "grade {empty} --reference": "not both",
    "grade --private {empty}/none.py": "gives no CASES",
    "grade --reference --gradescope {empty}": "Is a directory",
    "grade --points 3": "unrecognized arguments",
    "stubs": "required: folder",
    "notebooks 99_nothing": "99_nothing",
}


@pytest.mark.parametrize("command", MISTAKES)
def test_a_user_s_mistake_is_told_in_one_line(minimt, tmp_path, command):
    empty = tmp_path / "empty"
    empty.mkdir()
    code, out, said = minimt(*command.format(empty=empty).split())
    assert code == 2 and out == ""
    assert MISTAKES[command] in said and said.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_stops_at_once_and_leaves_nothing(tmp_path, number):
    """Even where a submission sleeps, and may sleep for long."""
    sleeping = "import time\nopen('/dev/null')\ntime.sleep(600)\n"
    (tmp_path / "step0_warm_up.py").write_text(sleeping)
    command = [sys.executable, "-m", "minimt", "grade", tmp_path, "--seconds", "600"]
    options = dict(cwd=grade.assignment.REFERENCE.parent, env=os.environ)
    options["env"] |= dict(TMPDIR=str(tmp_path))
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **options)
    while len(list(tmp_path.glob("minimt-*/calls.json"))) < 1:
        time.sleep(0.1)
    process.send_signal(number)
    _, said = process.communicate(timeout=10)
    assert process.returncode == 130 and said.endswith("minimt: stopped\n")
    assert not list(tmp_path.glob("minimt-*"))


PRIVATE = """
from minimt.course.case import Call, same
CASES = {0: [same("long", 5, "long segments", lambda rng: [
    Call("merge_heads", (rng.normal(size=(2, 3, 50, 4)),))])]}
"""


def test_private_cases_count_and_are_not_told(minimt, handed_in, tmp_path):
    (tmp_path / "private.py").write_text(PRIVATE)
    (handed_in / "step0_warm_up.py").write_text(stub(STEPS[0]))
    results = tmp_path / "results.json"
    flags = ("--private", tmp_path / "private.py", "--step", 0)
    _, out, _ = minimt("grade", handed_in, *flags, "--gradescope", results)
    assert "0 of 9 points" in out
    tests = json.loads(results.read_text())["tests"]
    (private,) = [test for test in tests if "private" in test["name"]]
    assert private["max_score"] == 5 and private["output"] == ""
    assert "long" not in results.read_text()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("CASES = 3", "gives no CASES"),
        ("CASES = {77: []}", "by number of a step"),
        ("CASES = {0: ['x']}", "by number of a step"),
        (PRIVATE.replace("long", "by_hand"), "by_hand"),
        ("1 / 0", "ZeroDivisionError"),
        ("raise SystemExit", "SystemExit"),
        (PRIVATE.replace("5,", "2.5,"), "points must be a whole number"),
        (PRIVATE.replace("merge_heads", "merge"), "nothing of this name"),
        (PRIVATE.replace("rng.normal", "rng.norm"), "AttributeError"),
    ],
)
def test_private_files_that_are_none(minimt, tmp_path, text, line):
    (tmp_path / "private.py").write_text(text)
    code, _, said = minimt("grade", "--private", tmp_path / "private.py")
    assert code == 2 and line in said and said.count("\n") == 1


def test_gradescope_reads_the_results(minimt, handed_in, tmp_path):
    """The fields and kinds that its documentation of results.json allows."""
    path = tmp_path / "results.json"
    minimt("grade", handed_in, "--step", 1, "--gradescope", path)
    result = json.loads(path.read_text())
    fields = dict(score=int, output=str, output_format=str, execution_time=float)
    fields |= dict(stdout_visibility=str, tests=list)
    assert {name: type(value) for name, value in result.items()} == fields
    assert result["score"] == sum(test["score"] for test in result["tests"])
    for test in result["tests"]:
        assert test["status"] in ("passed", "failed")
        assert 0 <= test["score"] <= test["max_score"]
        kinds = dict(number=str, name=str, score=int, max_score=int, status=str)
        assert {n: type(x) for n, x in test.items()} == kinds | dict(output=str)
        assert (test["status"] == "passed") == (test["score"] == test["max_score"])


def test_classroom50_reads_the_results(minimt, handed_in, tmp_path, monkeypatch):
    """The rules of its schema classroom50/result/v1."""
    given = dict(CLASSROOM="cs", ASSIGNMENT="minimt", OWNER="ada", USERNAME="ada")
    given |= dict(SUBMISSION_TAG="submit/20261123", COMMIT_URL="https://x/c")
    given |= dict(RELEASE_URL="https://x/r", ASSIGNMENT_TYPE="individual")
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    path = tmp_path / "result.json"
    minimt("grade", handed_in, "--step", 1, "--classroom50", path)
    result = json.loads(path.read_text())
    required = "schema classroom assignment assignment_type owner submission commit "
    required += "release review datetime score max-score tests"
    assert set(result) == set(required.split())
    assert result["schema"] == "classroom50/result/v1"
    assert result["submission"].startswith("submit/")
    assert result["review"] == result["commit"] == "https://x/c"
    datetime.datetime.strptime(result["datetime"], "%Y-%m-%dT%H:%M:%SZ")
    assert re.fullmatch(r"individual|group", result["assignment_type"])
    for part in (result, *result["tests"]):
        assert type(part["score"]) is type(part["max-score"]) is int
        assert 0 <= part["score"] <= part["max-score"]
    for test in result["tests"]:
        assert test["test-name"] and type(test["passed"]) is bool


@pytest.mark.parametrize("service", ["gradescope", "classroom50"])
def test_a_result_of_zeros_is_there_before_anything_runs(
    minimt, handed_in, tmp_path, service, monkeypatch
):
    path, seen = tmp_path / "result.json", []

    def peek(*_, **__):
        seen.append(json.loads(path.read_text()))
        raise RuntimeError("the machine is gone")

    monkeypatch.setattr(grade, "grade", peek)
    with pytest.raises(RuntimeError):
        minimt("grade", handed_in, f"--{service}", path)
    assert seen[0]["score"] == 0 and len(seen[0]["tests"]) >= 50
    assert "stopped before it was done" in path.read_text()


def test_a_missing_submission_is_told_in_the_results(minimt, tmp_path):
    path = tmp_path / "results.json"
    code, *_ = minimt("grade", tmp_path / "nowhere", "--gradescope", path)
    assert code == 2
    assert "is not a folder" in json.loads(path.read_text())["output"]
