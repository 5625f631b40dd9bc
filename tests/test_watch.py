"""Watching: what is graded again, and how it ends."""

import signal
import sys
from contextlib import suppress

import pytest
from commands import ROOT, started, wait_for_line
from verdicts import judged

from minimt.course import watch
from minimt.course.assignment import solution, stub
from minimt.course.steps import STEPS

BY_NAME = {step.name: step for step in STEPS}


@pytest.fixture
def handed_in(tmp_path):
    """The warm-up, and the stubs of all other steps."""
    for step in STEPS:
        text = solution(step) if step.name == "warm_up" else stub(step)
        (tmp_path / f"{step.stem}.py").write_text(text, encoding="utf-8")
    return tmp_path


class Stop(Exception):
    """Ends a watch."""


def watched(folder, monkeypatch, saves, steps=STEPS):
    """The steps that are graded at first, and after each of the saves."""
    rounds, saves = [], iter(saves)

    def look_later(_):
        name = next(saves, None)
        if name is None:
            raise Stop
        with open(folder / f"step_{name}.py", "a") as file:
            file.write("# saved\n")

    def graded(some):
        rounds.append([step.name for step in some])
        return [v for v in judged() if v.step in rounds[-1]]

    monkeypatch.setattr(watch.time, "sleep", look_later)
    sizes = []
    with suppress(Stop):
        for _, verdicts in watch.watch(folder, steps, graded):
            sizes.append(len(verdicts))
    assert len(set(sizes)) == 1, "each report is on all cases"
    return rounds


def test_only_the_steps_that_read_a_saved_file_are_graded_again(handed_in, monkeypatch):
    """The model has a case that reads the files of all steps."""
    names = [step.name for step in STEPS]
    rounds = watched(handed_in, monkeypatch, ["cache", "model"])
    assert rounds == [names, ["cache", "model"], ["model"]]
    rounds = watched(handed_in, monkeypatch, ["cache", "gate"], [BY_NAME["gate"]])
    assert rounds == [["gate"], ["gate"]]


def test_a_file_that_is_saved_while_others_are_graded_is_seen(handed_in, monkeypatch):
    monkeypatch.setattr(watch.time, "sleep", None)
    rounds = watch.watch(handed_in, STEPS, lambda some: judged())
    next(rounds)
    (handed_in / "step_gate.py").write_text("# in another form")
    assert next(rounds)[0] == ["step_gate"]


def test_watching_ends_cleanly_with_ctrl_c(handed_in):
    flags = ("--step", "warm_up", "--watch")
    command = [sys.executable, "-m", "minimt", "grade", handed_in, *flags]
    with started(command, ROOT) as process:
        wait_for_line(process, "next: step 1")
        (handed_in / "step_warm_up.py").write_text(stub(BY_NAME["warm_up"]))
        wait_for_line(process, "saved: step_warm_up.py")
        wait_for_line(process, "write merge_heads")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=10)
    assert process.returncode == 130 and said == "minimt: stopped\n"
