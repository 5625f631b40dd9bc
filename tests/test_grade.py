"""The grader as people meet it: points, first faults, hints, files for services."""

import ast
import datetime
import json
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
from commands import ROOT, started, wait_for_file
from slips import slipped

from minimt.course import assignment, cli, grade, reference, stubs
from minimt.course.assignment import solution, stub
from minimt.course.steps import STEPS, number

BY_NAME = {step.name: step for step in STEPS}


def hand_in(folder):
    """The warm-up right, a mask aligned at the first key, and untouched stubs."""
    folder.mkdir()
    texts = {step.name: stub(step) for step in STEPS}
    texts["warm_up"] = solution(BY_NAME["warm_up"])
    right, aligned = solution(BY_NAME["attention"]), "(S - T + np.arange(T))"
    assert aligned in right
    texts["attention"] = right.replace(aligned, "np.arange(T)")
    for name, text in texts.items():
        (folder / f"step_{name}.py").write_text(text)
    return folder


@pytest.fixture
def handed_in(tmp_path):
    return hand_in(tmp_path / "mine")


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    """What becomes of the step on attention, for the tests of how it is told."""
    folder = hand_in(tmp_path_factory.mktemp("verdicts") / "mine")
    return grade.grade(folder, [BY_NAME["attention"]])


@pytest.fixture
def graded(monkeypatch, verdicts):
    """Nothing is run again: the verdicts are there."""
    monkeypatch.setattr(grade, "grade", lambda *_, **__: verdicts)


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


def test_the_reference_has_all_points(minimt):
    code, out, _ = minimt("grade", "--reference", "--json", "--seed", 3)
    result = json.loads(out)
    points = sum(step.points for step in STEPS)
    assert code == 0 and result["points"] == result["of"] == points
    assert result["seed"] == 3 and len(result["steps"]) == len(STEPS)


@pytest.mark.parametrize("name", ["warm_up", "memory", "model"])
def test_the_stubs_have_no_points(minimt, name):
    code, out, _ = minimt("grade", "--step", name)
    assert code == 0 and f"\n0 of {BY_NAME[name].points} points\n" in out
    assert "not written yet" in out.splitlines()[0]


@pytest.mark.parametrize("odd", [False, True])
def test_a_mistake_costs_only_its_own_step(tmp_path, odd):
    """Mistakes in every second step: those that build on most of them lose nothing."""
    wrong = STEPS[odd::2]
    for step in STEPS:
        text = grade.solution(step).decode()
        if step in wrong:
            text = slipped(step)
        (tmp_path / f"{step.stem}.py").write_text(text)
    right = [step for step in STEPS if step not in wrong]
    verdicts = grade.grade(tmp_path, right[-2:], seed=7)
    assert verdicts and all(v.points == v.of for v in verdicts)


def test_a_fault_comes_with_its_place_a_hint_and_a_command(minimt, handed_in):
    _, out, _ = minimt("grade", handed_in, "--step", "attention")
    lines = [line.strip() for line in out.splitlines()]
    at = lines.index("- 0/1  distance_by_hand: query i stands at key S − T + i")
    assert lines[at + 1] == "distance: query 0, key 0: yours 0, expected 1"
    assert lines[at + 2].startswith("hint: queries are aligned with the first keys")
    command = f"grade {handed_in} --step attention --case distance_by_hand"
    commands = out.replace("\\\n", "").splitlines()  # as a shell reads them
    assert f"again: python -m minimt {command}".split() in map(str.split, commands)
    _, again, _ = minimt(*command.split())
    assert "0 of 1 points" in again and lines[at + 1] in again


def test_words_for_a_mask(minimt, handed_in):
    case = ("--step", "attention", "--case", "mask_with_cache")
    _, out, _ = minimt("grade", handed_in, *case)
    assert "causal_mask: query 0, key 1: yours blocked, expected open" in out


def test_a_single_case_shows_what_was_printed(minimt, handed_in):
    with open(handed_in / "step_warm_up.py", "a") as file:
        file.write("\nprint('look here')\n")
    _, out, _ = minimt("grade", handed_in, "--step", "warm_up", "--case", "by_hand")
    assert out.startswith("look here\n")


def test_json_has_the_same_points(minimt, graded, handed_in):
    attention = BY_NAME["attention"]
    _, out, _ = minimt("grade", handed_in, "--step", number(attention), "--json")
    (step,) = json.loads(out)["steps"]
    assert step["step"] == "attention" and step["number"] == number(attention)
    assert step["points"] == sum(case["points"] for case in step["cases"])
    _, out, _ = minimt("grade", handed_in, "--step", "attention")
    assert 0 < step["points"] < attention.points
    assert f"{step['points']} of {attention.points} points" in out


def test_a_seed_in_a_file_is_not_among_the_arguments(minimt, handed_in, tmp_path):
    (tmp_path / "seed").write_text("4711\n")
    given = ("grade", handed_in, "--step", "attention", "--seed")
    _, out, _ = minimt(*given, tmp_path / "seed")
    assert f"--seed {tmp_path / 'seed'}" in out and "4711" not in out
    _, data, _ = minimt(*given, tmp_path / "seed", "--json")
    _, same, _ = minimt(*given, 4711, "--json")
    assert json.loads(data) == json.loads(same) and json.loads(data)["seed"] == 4711


def test_the_line_that_repeats_a_case_repeats_the_user(minimt, graded, monkeypatch):
    monkeypatch.setattr(cli, "limits", lambda args: None)
    _, out, _ = minimt("grade", "mine", "--user", "no body", "--seed", 3)
    again = "again: python -m minimt grade mine --seed 3 --user 'no body' --step"
    assert again in out.replace("\\\n        ", "")  # it is too long for a line


DAMAGE = {
    "text": ("attention.py", "_HiStOrY_V2_\n", "cannot be imported: NameError"),
    "an import": ("gate.py", "from os import fork_\n", "cannot be imported: ImportErr"),
    "mistakes": (
        "course/mistakes/attention.py",
        "import numpi\n",
        "mistakes/attention.py cannot be imported: ModuleNotFoundError",
    ),
    "numbers": (
        "attention.py",
        (ROOT / "minimt/attention.py").read_text().replace("S - T", "S"),
        "the reference minimt/attention.py fails attention",
    ),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_reference_is_told_in_a_line(tmp_path, what):
    name, text, line = DAMAGE[what]
    shutil.copytree(ROOT / "minimt", tmp_path / "minimt")
    (tmp_path / "minimt" / name).write_text(text)
    hand_in(tmp_path / "mine")
    command = [sys.executable, "-m", "minimt", "grade", "mine", "--step", "attention"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == ""
    assert line in done.stderr and done.stderr.count("\n") == 1


def test_a_reference_that_changes_during_grading_is_noticed(
    tmp_path, monkeypatch, minimt, handed_in
):
    (tmp_path / "gate.py").write_text("right = 1\n")
    monkeypatch.setattr(reference, "FOLDER", tmp_path)
    runs = grade.sandbox.run

    def tamper(*args):
        (tmp_path / "gate.py").write_text("right = 2\n")
        return runs(*args)

    monkeypatch.setattr(grade.sandbox, "run", tamper)
    code, out, said = minimt("grade", handed_in, "--step", "warm_up")
    assert code == 2 and out == "" and said.count("\n") == 1
    assert f"{tmp_path / 'gate.py'} was changed during grading" in said


@pytest.mark.parametrize("case", BY_NAME["lsh"].cases, ids=lambda case: case.name)
def test_the_same_seed_draws_the_same_numbers(case):
    first, again, other = (
        repr(case.calls(grade.rng_of(seed, BY_NAME["lsh"], case))) for seed in (1, 1, 2)
    )
    assert first == again
    assert (first == other) == (case.kind == "example")


def test_the_reference_comes_with_what_confines_a_submission(
    minimt, monkeypatch, graded
):
    _, out, _ = minimt("grade", "--reference")
    assert out.splitlines()[-1].startswith("submissions are confined by ")
    for kernel in (grade.sandbox.landlock, grade.sandbox.seccomp):
        monkeypatch.setattr(kernel, "offered", lambda: 0)
    _, out, _ = minimt("grade", "--reference")
    line = "submissions are confined by hook (this system has no Landlock or seccomp)"
    assert out.splitlines()[-1] == line


MISTAKES = {
    "grade nowhere": "nowhere is not a directory",
    "grade {empty}": "does not contain a step file such as step_warm_up.py",
    f"grade --step {len(STEPS)}": f"'{len(STEPS)}' is not a step: use warm_up",
    "grade --step x": "'x' is not a step: use warm_up",
    "grade --step -1": "'-1' is not a step: use warm_up",
    "grade --case nothing": "'nothing' is not a case: use one of by_hand",
    "grade --seed -1": "not a whole number",
    "grade --seed {empty}": "does not contain a whole number",
    "grade --seconds 0": "not a whole number from 1 to a billion",
    "grade --user nosuchuser": "user",
    "grade {empty} --reference": "not both",
    "grade --private {empty}/none.py": "does not define CASES",
    "grade --reference --gradescope {empty}": "is a directory: give a file",
    "grade --watch --json": "leave out --json",
    "grade --watch --reference": "leave out --reference",
    "grade {empty} --watch": "does not contain a step file",
    "grade --points 3": "unrecognized arguments",
    "stubs": "required: DIR",
    "notebooks --refresh 99_nothing": "99_nothing",
    "notebooks": "give a DIR",
}


@pytest.mark.parametrize("command", MISTAKES)
def test_a_user_s_mistake_is_told_in_one_line(minimt, tmp_path, command):
    empty = tmp_path / "empty"
    empty.mkdir()
    code, out, said = minimt(*command.format(empty=empty).split())
    assert code == 2 and out == ""
    assert MISTAKES[command] in said and said.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_stops_at_once_and_leaves_nothing(tmp_path, number, monkeypatch):
    """Even where a submission waits, and may wait for long."""
    waiting = "import threading\nopen('waits', 'w')\nthreading.Event().wait()\n"
    (tmp_path / "step_warm_up.py").write_text(waiting)
    command = [sys.executable, "-m", "minimt", "grade", tmp_path, "--seconds", "600"]
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with started(command, ROOT) as process:
        wait_for_file(process, tmp_path, "minimt-*/waits")
        process.send_signal(number)
        _, said = process.communicate(timeout=10)
    assert process.returncode == 130 and said.endswith("minimt: stopped\n")
    assert not list(tmp_path.glob("minimt-*"))


def test_no_two_threads_parse_at_once(handed_in, monkeypatch):
    """Files, and the headers of arrays: Python 3.11 may fail at this."""
    parse, inside, met = ast.parse, [], []

    def slowly(*args, **flags):
        inside.append(args)
        met.append(len(inside))
        time.sleep(0.01)
        tree = parse(*args, **flags)
        inside.pop()
        return tree

    for cached in (assignment.written, assignment.bindings, stubs.unwritten):
        cached.cache_clear()
    monkeypatch.setattr(ast, "parse", slowly)
    monkeypatch.setattr(grade, "cores", lambda: 4)
    grade.grade(handed_in, [BY_NAME["attention"], BY_NAME["position"]])
    assert len(met) > 20 and max(met) == 1


PRIVATE = """
from minimt.course.case import Call, same
CASES = {"warm_up": [same("long", 5, "long segments", lambda rng: [
    Call("merge_heads", (rng.normal(size=(2, 3, 50, 4)),))])]}
"""


def test_private_cases_count_and_are_not_told(minimt, handed_in, tmp_path):
    (tmp_path / "private.py").write_text(PRIVATE)
    (handed_in / "step_warm_up.py").write_text(stub(BY_NAME["warm_up"]))
    results = tmp_path / "results.json"
    flags = ("--private", tmp_path / "private.py", "--step", "warm_up")
    _, out, _ = minimt("grade", handed_in, *flags, "--gradescope", results)
    assert f"\n0 of {BY_NAME['warm_up'].points + 5} points" in out
    tests = json.loads(results.read_text())["tests"]
    (private,) = [test for test in tests if "private" in test["name"]]
    assert private["max_score"] == 5 and private["output"] == ""
    assert "long" not in results.read_text()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("CASES = 3", "does not define CASES"),
        ("CASES = {0: []}", "0 is not a step: use warm_up, attention"),
        ("CASES = {'warm-up': []}", "'warm-up' is not a step: use warm_up"),
        ("CASES = {'warm_up': ['x']}", "must map each step to a list of cases"),
        (PRIVATE.replace("long", "by_hand"), "by_hand"),
        ("1 / 0", "ZeroDivisionError"),
        ("raise SystemExit", "SystemExit"),
        (PRIVATE.replace("5,", "2.5,"), "points must be a whole number"),
        (
            PRIVATE.replace("merge_heads", "merge"),
            "is not defined; did you mean merge_heads?",
        ),
        (PRIVATE.replace("rng.normal", "rng.norm"), "AttributeError"),
        (PRIVATE.replace(",))])", "))])"), "arguments of merge_heads must be a tuple"),
        (PRIVATE.replace("(2, 3, 50, 4)", "(2, 3, 50)"), "raises ValueError in merge_"),
        (PRIVATE.replace("(2, 3, 50, 4)),", "(2, 3, 50, 4)), 7,"), "raises TypeError"),
    ],
)
def test_private_files_that_are_none(minimt, tmp_path, text, line):
    (tmp_path / "private.py").write_text(text)
    code, _, said = minimt("grade", "--private", tmp_path / "private.py")
    assert code == 2 and line in said and said.count("\n") == 1


def test_gradescope_reads_the_results(minimt, graded, handed_in, tmp_path):
    """The fields and kinds that its documentation of results.json allows."""
    path = tmp_path / "results.json"
    minimt("grade", handed_in, "--step", "attention", "--gradescope", path)
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


def test_classroom50_reads_the_results(
    minimt, graded, handed_in, tmp_path, monkeypatch
):
    """The rules of its schema classroom50/result/v1."""
    given = dict(CLASSROOM="cs", ASSIGNMENT="minimt", OWNER="ada", USERNAME="ada")
    given |= dict(SUBMISSION_TAG="submit/20261123", COMMIT_URL="https://x/c")
    given |= dict(RELEASE_URL="https://x/r", ASSIGNMENT_TYPE="individual")
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    path = tmp_path / "result.json"
    minimt("grade", handed_in, "--step", "attention", "--classroom50", path)
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
    assert seen[0]["score"] == 0 and len(seen[0]["tests"]) >= len(STEPS)
    assert "stopped before it had finished" in path.read_text()


def test_a_missing_submission_is_told_in_the_results(minimt, tmp_path):
    path = tmp_path / "results.json"
    code, *_ = minimt("grade", tmp_path / "nowhere", "--gradescope", path)
    assert code == 2
    assert "is not a directory" in json.loads(path.read_text())["output"]
