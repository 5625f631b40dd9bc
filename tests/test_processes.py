"""Processes of cases: each begins like a new Python, and none touches another."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from minimt.course import processes, sandbox
from minimt.course.assignment import solution
from minimt.course.calls import Call
from minimt.course.processes import Forked, Processes, Started
from minimt.course.steps import STEPS

STEM = STEPS[0].stem
RIGHT = solution(STEPS[0])
X = np.arange(24.0).reshape(1, 2, 3, 4)
forks = pytest.mark.skipif(not processes.can_fork(), reason="needs Linux")
posix = pytest.mark.skipif(os.name != "posix", reason="needs process groups")


@pytest.fixture(params=[pytest.param(Forked, marks=forks), Started])
def run(request):
    """Runs submissions of the warm-up one after the other, in the same grading."""
    with Processes() as grading:
        grading.kind = request.param

        def run(text, seconds=10):
            files, calls = {f"{STEM}.py": text.encode()}, [Call("merge_heads", (X,))]
            limits = sandbox.Limits(seconds)
            return sandbox.run(files, STEM, calls, limits, grading)

        run.grading = grading
        yield run


def returning(body, before=""):
    first = f"import os, signal, sys, time\nimport numpy as np\n{before}\n"
    return f"{first}\ndef merge_heads(x):\n    {body}\n"


def is_right(outcome):
    right = X.swapaxes(1, 2).reshape(1, 3, 8)
    return np.array_equal((outcome.results or [None])[0], right)


CHANGES = {
    "NumPy": "np.swapaxes = np.reshape = np.asarray = None",
    "the modules around it": "import calls; calls.make = calls.write = None",
    "what is imported": "sys.modules['numpy'] = sys.path[:] = ()",
    "a variable": "os.environ.clear(); os.environ['PYTHONSTARTUP'] = 'x'",
    "a limit of recursion": "sys.setrecursionlimit(40)",
    "a hook": "sys.excepthook = sys.displayhook = None",
    "its folder": "open('calls.json', 'w').write(''); os.remove('settings.json')",
    "an end": "os._exit(0)",
    "a crash": "os.abort()",
    "an endless loop": "print(1, flush=True)\nwhile True: pass",
    "too much output": "while True: print('x' * 1000)",
}


@posix
@pytest.mark.parametrize("what", CHANGES)
def test_no_case_changes_the_next(run, what):
    """Whatever it does to its own process."""
    assert is_right(run(RIGHT))
    run(f"import os, sys\nimport numpy as np\n{CHANGES[what]}\n", seconds=1)
    for _ in range(2):
        outcome = run(RIGHT)
        assert is_right(outcome) and not outcome.printed


@posix
def test_a_case_has_its_own_session_folder_and_no_open_files(run, monkeypatch):
    monkeypatch.setattr(sandbox, "LINES", ())
    there = "[os.getpid(), os.getsid(0), os.getpgid(0), os.getcwd(), sys.path[-1], "
    there += "os.environ['HOME'], os.environ['TMPDIR'], sorted(os.listdir('/dev/fd'))]"
    seen = [run(returning(f"return {there}")).results[0] for _ in range(2)]
    for process, session, group, folder, *places, files in seen:
        assert process == session == group
        assert set(places) == {folder}
        assert files == ["0", "1", "2", "3"]  # the last one lists them
    assert seen[0][0] != seen[1][0] and seen[0][3] != seen[1][3]


def test_cases_run_one_after_the_other_print_only_their_own(run):
    for word in ("one", "two"):
        outcome = run(returning(f"print('{word}'); return x"))
        assert outcome.printed.split() == [word]


@posix
def test_who_kills_what_it_was_forked_from_harms_itself_alone(run, monkeypatch):
    """As it can where no line of defence is drawn: the next case has another."""
    if run.grading.kind is Started:
        pytest.skip("its parent is the grader")
    monkeypatch.setattr(sandbox, "LINES", ())
    monkeypatch.setattr(processes, "GRACE", 1)
    for way in ("SIGKILL", "SIGSTOP"):
        body = f"os.kill(os.getppid(), signal.{way}); time.sleep(9)"
        outcome = run(returning(body), seconds=1)
        assert outcome.results is None and outcome.trouble == "crashed (SIGKILL)"
        assert is_right(run(RIGHT))


@posix
def test_what_a_case_has_started_ends_with_it(run, monkeypatch):
    monkeypatch.setattr(sandbox, "LINES", ())
    body = "p = os.fork()\n    if not p: time.sleep(60)\n    return p"
    (process,) = run(returning(body)).results
    assert process > 0 and is_gone(process)


@forks
def test_when_the_grader_is_killed_its_cases_end(tmp_path):
    text = f"open({str(tmp_path / 'waits')!r}, 'w').write(str(os.getpid()))"
    text = returning("pass", before=f"{text}\nwhile True: time.sleep(1)")
    code = "import sys; from minimt.course import sandbox; sandbox.LINES = ()\n"
    code += "sandbox.run({'x.py': sys.argv[1].encode()}, 'x', [])"
    environment = os.environ | dict(TMPDIR=str(tmp_path))
    command = [sys.executable, "-c", code, text]
    with subprocess.Popen(command, env=environment) as grader:
        while not (tmp_path / "waits").exists() or not (tmp_path / "waits").read_text():
            time.sleep(0.05)
        grader.send_signal(signal.SIGKILL)
    assert is_gone(int((tmp_path / "waits").read_text()))


def is_gone(process, seconds=5):
    """Whether a process ends in this time; a zombie has ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with open(f"/proc/{process}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


@posix
def test_the_end_of_a_grading_ends_its_cases(run):
    run.grading.end()
    outcome = run(RIGHT)
    assert outcome.results is None and outcome.trouble
