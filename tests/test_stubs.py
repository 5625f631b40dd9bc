"""Stubs: all that nobody has written is found, and nothing that somebody has."""

import pytest

from minimt.course import grade, judge, sandbox, stubs
from minimt.course.assignment import solution, stub
from minimt.course.steps import STEPS

each_step = pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
BY_NAME = {step.name: step for step in STEPS}
ONE = "def f(x):\n    raise NotImplementedError\n"
METHOD = "class A:\n    def f(self):\n        raise NotImplementedError\n"


def hand_in(folder, texts):
    for name, text in texts.items():
        (folder / f"step_{name}.py").write_text(text, encoding="utf-8")
    return folder


@each_step
def test_what_a_step_gives_to_write_is_a_stub_until_it_is_written(step):
    assert stubs.unwritten(stub(step).encode()) == set(step.todo)
    assert stubs.unwritten(solution(step).encode()) == set()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (ONE, {"f"}),
        (ONE.replace("Error", "Error('f is to be written')"), {"f"}),
        (ONE.replace("    ", "    'Its docstring.'\n    # (B, T)\n    "), {"f"}),
        (METHOD, {"A.f"}),
        (METHOD.replace("    def", "    @property\n    def"), {"A.f"}),
        (f"{ONE}{METHOD}", {"f", "A.f"}),
        (f"from step_search import f\n{METHOD}", {"A.f"}),
    ],
)
def test_stubs_of_every_form(text, found):
    assert stubs.unwritten(text.encode()) == found


@pytest.mark.parametrize(
    "text",
    [
        "def f(x):\n    return x\n",
        ONE.replace("raise", "x += 1\n    raise"),
        ONE.replace("raise", "if x > 0:\n        return x\n    raise"),
        ONE.replace("raise NotImplementedError", "raise ValueError"),
        f"{ONE}\ndef f(x):\n    return x\n",
        f"{ONE}\nf = abs\n",
        f"{ONE}\ng, f = abs, abs\n",
        f"{ONE}\nmatch abs:\n    case f:\n        pass\n",
        f"{ONE}\nfrom math import floor as f\n",
        f"{ONE}\nfrom math import *\n",
        f"{ONE}\nif True:\n    def f(x):\n        return x\n",
        f"{ONE}\ndef g():\n    global f\n    f = abs\ng()\n",
        f"{ONE}\nglobals().update(f=abs)\n",
        f"{ONE}\nimport sys\nsys.modules[__name__].f = abs\n",
        f"{ONE}\nimport sys\nsetattr(sys.modules[__name__], 'f', abs)\n",
        f"{ONE}\nexec('def ' + chr(102) + '(x): return x')\n",
        f"@lambda f: abs\n{ONE}",
        f"{METHOD}\nA.f = abs\n",
        f"{METHOD}\nclass A:\n    f = abs\n",
        f"{METHOD}\n    f = abs\n",
        f"{METHOD}\n    def f(self):\n        return 1\n",
        f"@lambda A: int\n{METHOD}",
        METHOD.replace("A:", "A(metaclass=M):"),
        f"{ONE}\nthis is no Python\n",
        f"{ONE}\n{'-' * 60000}1\n",
        f"{ONE}\n{'#' * stubs.LARGEST}\n",
        "\0",
        "",
    ],
)
def test_what_may_have_been_written_is_run(text):
    assert stubs.unwritten(text.encode()) == set()


def test_stubs_start_no_process(tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "run", None)
    folder = hand_in(tmp_path, {step.name: stub(step) for step in STEPS})
    verdicts = grade.grade(folder)
    assert len(verdicts) == sum(len(step.cases) for step in STEPS)
    assert all(judge.UNWRITTEN in v.fault and not v.points for v in verdicts)


@pytest.mark.parametrize("name", ["cache", "gate"])
def test_the_verdict_is_that_of_a_run(tmp_path, monkeypatch, name):
    folder = hand_in(tmp_path, {name: stub(BY_NAME[name])})
    told = grade.grade(folder, [BY_NAME[name]])
    monkeypatch.setattr(stubs, "first_call", lambda *_: None)
    ran = grade.grade(folder, [BY_NAME[name]])
    assert [v.fault for v in told] == [v.fault for v in ran]


def test_functions_beside_a_stub_are_run(tmp_path):
    step, whole = BY_NAME["attention"], solution(BY_NAME["attention"])
    begin, end = whole.index("def split_heads"), stub(step).index("def split_heads")
    half = whole[:begin] + stub(step)[end:]
    verdicts = grade.grade(hand_in(tmp_path, {"attention": half}), [step])
    assert [v.case for v in verdicts if not v.points] == ["split_heads"]


def test_an_odd_escape_is_no_warning(recwarn):
    assert stubs.unwritten(b"x = '\\d'\n" + ONE.encode()) == {"f"}
    assert not recwarn.list
