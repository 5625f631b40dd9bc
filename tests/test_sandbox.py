"""Submissions that misbehave: a clear line, no harm, and no points for anybody else."""

import os
import pathlib
import sys
import time

import numpy as np
import pytest

import minimt
from minimt.course import grade, sandbox
from minimt.course.child import Call, Other, Raised, read, write
from minimt.course.steps import STEPS

REFERENCE = pathlib.Path(minimt.__file__).parent
RIGHT = grade.solution(STEPS[0]).decode()
X = np.arange(24.0).reshape(1, 2, 3, 4)
posix = pytest.mark.skipif(os.name != "posix", reason="needs process groups")


def run(text, seconds=5, calls=(Call("merge_heads", (X,)),), **options):
    """What comes of a submission of step 0."""
    files = {"step0_warm_up.py": text.encode()}
    return sandbox.run(files, "step0_warm_up", list(calls), seconds, **options)


def returning(expression, before=""):
    return f"import numpy as np\n{before}\ndef merge_heads(x):\n    {expression}\n"


def test_a_right_submission_returns_its_arrays():
    outcome = run(RIGHT)
    assert outcome.trouble == outcome.printed == ""
    assert (outcome.results[0] == X.swapaxes(1, 2).reshape(1, 3, 8)).all()


ENDINGS = {
    "infinite loop": ("while True: pass", "took longer than 2 seconds"),
    "os._exit": ("import os; os._exit(0)", "before it returned anything"),
    "endless print": ("while True: print('x' * 1000)", "printed more than 1 MB"),
    "abort": ("import os; os.abort()", "crashed (SIGABRT)"),
    "segfault": ("import faulthandler; faulthandler._sigsegv()", "crashed (SIGSEGV)"),
    "huge result": ("return np.zeros(1 << 24)", "before it returned anything"),
}


@posix
@pytest.mark.parametrize("what", ENDINGS)
def test_an_end_without_results_is_told_in_a_line(what):
    expression, line = ENDINGS[what]
    outcome = run(returning(expression), seconds=2)
    assert outcome.results is None
    assert line in outcome.trouble and "\n" not in outcome.trouble


RAISING = {
    "sys.exit": ("import sys; sys.exit(0)", "SystemExit"),
    "recursion": ("return merge_heads(x)", "RecursionError"),
    "huge allocation": ("return np.ones(1 << 40)", "MemoryError"),
    "memory in pieces": ("return [np.zeros(1 << 27) for _ in range(9)]", "MemoryError"),
    "interrupt": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "unprintable error": (
        "raise type('E', (Exception,), dict(__str__=lambda s: 1 / 0))",
        "E",
    ),
    "import of the reference": ("import minimt.attention", "PermissionError"),
    "reading the reference": (
        f"return open({str(REFERENCE / 'attention.py')!r}).read()",
        "PermissionError",
    ),
    "another process": (
        "import subprocess; subprocess.run(['true'])",
        "PermissionError",
    ),
    "fork": ("import os; os.fork()", "PermissionError"),
    "network": ("import socket; socket.socket()", "PermissionError"),
    "another hook": ("import sys; sys.addaudithook(print)", "RuntimeError"),
    "writing elsewhere": ("open('../minimt-was-here', 'w')", "PermissionError"),
    "removing": ("import os; os.remove('step0_warm_up.py')", "PermissionError"),
    "its parent": ("import os; open(f'/proc/{os.getppid()}/environ')", "Permission"),
}


@posix
@pytest.mark.parametrize("what", RAISING)
def test_what_is_raised_or_refused_is_a_result(what):
    expression, kind = RAISING[what]
    (result,) = run(returning(expression)).results or [None]
    if what == "another hook":  # a refused hook is silently not added
        assert not isinstance(result, Raised) or result.kind == kind
    else:
        assert isinstance(result, Raised) and result.kind.startswith(kind)
    assert not pathlib.Path("../minimt-was-here").exists()


ODD = {
    "equals everything": "return type('E', (), dict(__eq__=lambda *_: True))()",
    "an array that lies": "return x.view(type('A', (np.ndarray,), {}))",
    "objects": "return np.array([None, 1])",
    "a generator": "return (y for y in x)",
}


@pytest.mark.parametrize("what", ODD)
def test_only_arrays_and_plain_values_come_back(what):
    (result,) = run(returning(ODD[what])).results
    assert isinstance(result, Other)


IMPORTING = {
    "syntax error": ("def merge_heads(x:\n", "SyntaxError"),
    "import error": ("import numpi\n", "ModuleNotFoundError"),
    "not text": ("\x00\x01", "cannot be imported"),
    "exit at once": ("raise SystemExit\n", "SystemExit"),
}


@pytest.mark.parametrize("what", IMPORTING)
def test_a_file_that_cannot_be_imported_is_told_with_its_line(what):
    text, line = IMPORTING[what]
    outcome = run(text)
    assert outcome.results is None and line in outcome.trouble


def test_a_thread_that_never_ends_is_left_behind():
    thread = (
        "import threading, time\nt = threading.Thread(target=time.sleep, args=[60])"
    )
    began = time.monotonic()
    outcome = run(returning("return x", before=thread + "\nt.start()"))
    assert (outcome.results[0] == X).all() and time.monotonic() - began < 5


def test_what_is_patched_stays_in_the_submission():
    patch = "np.allclose = np.array_equal = lambda *_: True\nnp.exp = np.zeros_like"
    run(returning("return x", before=patch))
    assert np.exp(0.0) == 1 and not np.allclose(1, 2)


def test_a_submission_that_writes_the_results_itself_gains_nothing():
    forged = "open('result.json', 'w').write('{\"list\": [true]}'); import os"
    outcome = run(returning(f"{forged}; open('result.npy', 'w'); os._exit(0)"))
    assert outcome.results == [True]  # no array: no points


@pytest.mark.parametrize("text", ["[", "{}", '{"array": 3}', "[[" * 5000, "null"])
def test_forged_results_that_make_no_sense_are_told(text):
    forged = f"open('result.json', 'w').write({text!r}); open('result.npy', 'w')"
    outcome = run(returning(f"{forged}; import os; os._exit(0)"))
    assert outcome.results is None and outcome.trouble


def test_pickles_are_not_read(tmp_path):
    write([X], tmp_path / "result")
    with open(tmp_path / "result.npy", "wb") as file:
        np.save(file, np.array([print]), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle"):
        read(tmp_path / "result")


def test_closed_files_are_not_read(tmp_path):
    (tmp_path / "cases.py").write_text("secret")
    peek = returning(f"return open({str(tmp_path / 'cases.py')!r}).read()")
    assert run(peek).results == ["secret"]
    assert run(peek, closed=[tmp_path]).results[0].kind == "PermissionError"


def test_files_that_were_not_asked_for_are_not_there(tmp_path):
    """conftest.py, sitecustomize.py, numpy.py: nothing but the steps is copied."""
    for name in ("conftest", "sitecustomize", "usercustomize", "numpy"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('taken over')")
    (tmp_path / "step0_warm_up.py").write_text(RIGHT)
    verdicts = grade.grade(tmp_path, STEPS[:1])
    assert all(verdict.points == verdict.of for verdict in verdicts)


def test_a_step_that_misbehaves_costs_the_others_nothing(tmp_path):
    (tmp_path / "step0_warm_up.py").write_text("import os\nos._exit(3)\n")
    (tmp_path / "step1_attention.py").write_bytes(grade.solution(STEPS[1]))
    verdicts = grade.grade(tmp_path, STEPS[:2])
    assert {v.points for v in verdicts if v.step == 0} == {0}
    assert all(v.points == v.of for v in verdicts if v.step == 1)


@posix
def test_links_are_not_followed(tmp_path):
    (tmp_path / "elsewhere.py").write_text(RIGHT)
    (tmp_path / "step0_warm_up.py").symlink_to(tmp_path / "elsewhere.py")
    assert grade.read(tmp_path)["step0_warm_up"] is None


def test_the_child_knows_nothing_of_minimt():
    code = "import sys, runpy; runpy.run_path(sys.argv[1]); assert 'minimt' not in "
    child = pathlib.Path(sandbox.child.__file__)
    command = [sys.executable, "-I", "-c", code + "sys.modules", str(child)]
    assert os.spawnv(os.P_WAIT, sys.executable, command) == 0
