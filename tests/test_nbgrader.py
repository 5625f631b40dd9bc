"""The nbgrader course: cells of the right kinds, and the points that files get."""

import ast
import os
import pathlib
import re
import sys

import pytest
from slips import slipped

from minimt.course import cli, grade, nbgrader
from minimt.course.assignment import solution, stub
from minimt.course.steps import STEPS
from minimt.errors import InputError

SEED = 4711
WARM_UP, SEARCH = (
    next(x for x in STEPS if x.name == name) for name in ("warm_up", "search")
)
ROOT = pathlib.Path(__file__).parent.parent
HIDDEN = re.compile("### BEGIN HIDDEN TESTS\n.*?### END HIDDEN TESTS\n", re.DOTALL)
REGION = re.compile("### BEGIN SOLUTION\n.*?### END SOLUTION", re.DOTALL)
KINDS = {  # grade, solution, locked by the name of a cell
    "task": (False, False, True),
    "solution": (False, True, False),
    "case": (True, False, True),
}
each_step = pytest.mark.parametrize("step", STEPS, ids=lambda step: step.stem)


def cells(step):
    return nbgrader.notebook(step, SEED)["cells"]


def text(cell):
    return "".join(cell["source"])


@each_step
def test_notebooks_are_what_nbformat_says_they_are(step):
    nbformat = pytest.importorskip("nbformat")
    notebook = nbgrader.notebook(step, SEED)
    nbformat.validate(nbformat.from_dict(notebook))
    assert notebook == nbgrader.notebook(step, SEED)
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"


@each_step
def test_cells_bear_the_metadata_of_nbgrader_s_schema_3(step):
    names = [cell["metadata"]["nbgrader"]["grade_id"] for cell in cells(step)]
    assert len(set(names)) == len(names) and names[:2] == ["task", "solution"]
    for cell, name in zip(cells(step), names):
        about = dict(cell["metadata"]["nbgrader"])
        kind = name.split("-")[0]
        assert re.fullmatch(r"[\w-]{1,64}", name, re.ASCII) and cell["id"] == name
        assert cell["cell_type"] == ("markdown" if kind == "task" else "code")
        keys = ("grade", "solution", "locked")
        assert tuple(about.pop(key) for key in keys) == KINDS[kind]
        assert about.pop("schema_version") == 3 and about.pop("task") is False
        assert about.pop("points", 0) > 0 or kind != "case"
        assert about == dict(grade_id=name)


def test_the_points_are_those_of_the_assignment():
    points = {
        step: sum(cell["metadata"]["nbgrader"].get("points", 0) for cell in cells(step))
        for step in STEPS
    }
    assert points == {step: step.points for step in STEPS}


@each_step
def test_without_its_solutions_the_cell_is_the_stub(step):
    first, written = text(cells(step)[1]).split("\n", 1)
    assert first == f"%%writefile {step.stem}.py"
    cleared, count = REGION.subn("raise NotImplementedError()", written)
    wanted = re.sub(r"NotImplementedError\(.*\)", "NotImplementedError()", stub(step))
    assert cleared + "\n" == wanted and count == len(step.todo)
    assert "SOLUTION" not in cleared


@each_step
def test_with_its_solutions_the_cell_is_the_reference(step, tmp_path):
    written = nbgrader.solved(step)
    if ast.dump(ast.parse(written)) != ast.dump(ast.parse(solution(step))):
        (tmp_path / f"{step.stem}.py").write_text(written, encoding="utf-8")
        assert not any(verdict.fault for verdict in grade.grade(tmp_path, [step]))


@each_step
def test_a_case_is_marked_again_where_students_do_not_see_it(step, monkeypatch):
    for cell in cells(step)[2:]:
        most = float(cell["metadata"]["nbgrader"]["points"])
        shown, count = HIDDEN.subn("", text(cell))
        assert count == 1 and "HIDDEN" not in shown and str(SEED) not in shown
        assert shown.splitlines()[-1] == "points"
        for mine, theirs in ((most, most), (most, 0.0), (0.0, most)):
            given = {0: mine, SEED: theirs}
            monkeypatch.setattr(
                nbgrader, "mark", lambda stem, case, seed=0, by=given: by[seed]
            )
            for source, wanted in ((shown, mine), (text(cell), min(mine, theirs))):
                names = {}
                exec(source, names)
                assert names["points"] == wanted and type(names["points"]) is float


MARKED = {  # what is in the file, and the last line that is printed
    "missing": (None, "step_warm_up.py is missing: run the cell that writes it"),
    "unwritten": (stub(WARM_UP), "merge_heads: not written yet"),
    "mistaken": (slipped(WARM_UP), f"hint: {WARM_UP.mistakes[0].hint}"),
    "right": ("print('hello')\n" + solution(WARM_UP), "hello"),
}


@pytest.mark.parametrize("what", MARKED)
def test_mark_gives_points_and_says_what_is_wrong(tmp_path, monkeypatch, capsys, what):
    content, line = MARKED[what]
    monkeypatch.chdir(tmp_path)
    if content:
        pathlib.Path(f"{WARM_UP.stem}.py").write_text(content, encoding="utf-8")
    case = WARM_UP.cases[0]
    points = nbgrader.mark(WARM_UP.stem, case.name)
    assert type(points) is float
    assert points == (case.points if what == "right" else 0)
    said, error = capsys.readouterr()
    assert said.splitlines()[-1] == line and not error


def test_a_notebook_stands_alone(tmp_path, monkeypatch):
    """Cases that grade the steps together have the reference's, not the student's."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / f"{WARM_UP.stem}.py").write_text("raise SystemExit\n")
    for step in STEPS:
        for case in step.cases:
            if not case.alone:
                (tmp_path / f"{step.stem}.py").write_bytes(grade.solution(step))
                assert nbgrader.mark(step.stem, case.name) == case.points


def test_a_course_is_written_but_not_over_another(tmp_path):
    paths = nbgrader.write_course(tmp_path, SEED)
    written = [path.read_bytes() for path in paths]
    names = [str(path.relative_to(tmp_path)) for path in paths]
    assert names == [f"source/minimt/{step.stem}.ipynb" for step in STEPS]
    (tmp_path / "nbgrader_config.py").write_text("mine")
    assert nbgrader.write_course(tmp_path, SEED) == paths
    for seed, line in ((SEED + 1, "exists with different content"), (0, "seed 0")):
        with pytest.raises(InputError, match=line):
            nbgrader.write_course(tmp_path, seed)
    assert [path.read_bytes() for path in paths] == written
    assert (tmp_path / "nbgrader_config.py").read_text() == "mine"


def test_the_command_tells_the_seed_that_it_drew(tmp_path, capsys):
    assert cli.main(["nbgrader", str(tmp_path)]) == 0
    seed = capsys.readouterr().out.split()[-1]
    assert cli.main(["nbgrader", str(tmp_path), "--seed", seed]) == 0
    assert cli.main(["nbgrader", str(tmp_path), "--seed", "3"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course of two steps in the hands of nbgrader."""
    pytest.importorskip("nbgrader", reason="pip install -r requirements-dev.txt")
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import PyFileConfigLoader

    for path in nbgrader.write_course(tmp_path, SEED):
        if path.stem not in (WARM_UP.stem, SEARCH.stem):
            path.unlink()
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "jupyter"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    beside = os.path.dirname(sys.executable)  # nbgrader calls alembic by its name
    monkeypatch.setenv("PATH", beside + os.pathsep + os.environ["PATH"])
    config = PyFileConfigLoader("nbgrader_config.py", str(tmp_path)).load_config()
    config.CourseDirectory.root = str(tmp_path)
    return NbGraderAPI(config=config)


def succeed(done):
    assert done["success"], done


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # nbgrader's, of the database and of cells' ids
def test_nbgrader_gives_the_points_that_files_are_given(tmp_path, course):
    import nbformat
    from nbgrader.validator import Validator

    texts = {WARM_UP: solution(WARM_UP), SEARCH: slipped(SEARCH)}
    source, release, mine = (
        tmp_path / f"{name}/minimt" for name in ("source", "release", "submitted/me")
    )
    assert Validator().validate(str(source / f"{WARM_UP.stem}.ipynb")) == {}
    assert list(source.glob("*.py")), "its cell has written the solution there"

    succeed(course.generate_assignment("minimt"))
    assert {path.suffix for path in release.iterdir()} == {".ipynb"}
    mine.mkdir(parents=True)
    for step, content in texts.items():
        book = nbformat.read(release / f"{step.stem}.ipynb", as_version=4)
        assert not any(x in str(book) for x in ("HIDDEN", "SOLUTION", str(SEED)))
        book.cells[1].source = f"%%writefile {step.stem}.py\n{content}"
        del book.cells[-1]  # its points are not lost
        nbformat.write(book, mine / f"{step.stem}.ipynb")

    succeed(course.autograde("minimt", "me"))
    with course.gradebook as book:
        (submission,) = book.assignment_submissions("minimt")
        given = {
            (part.name, one.name): (one.auto_score, one.max_score)
            for part in submission.notebooks
            for one in part.grades
        }
    for step, content in texts.items():
        (tmp_path / f"{step.stem}.py").write_text(content, encoding="utf-8")
    wanted = {}
    for seed in (0, SEED):
        for one in grade.grade(tmp_path, list(texts), seed=seed):
            name = f"step_{one.step}", f"case-{one.case}"
            least, _ = wanted.get(name, (one.of, one.of))
            wanted[name] = min(least, one.points), one.of
    assert given == wanted
    assert 0 < sum(of - points for points, of in wanted.values()) < SEARCH.points

    succeed(course.generate_feedback("minimt", "me"))
    pages = [path.read_text() for path in tmp_path.glob("feedback/me/minimt/*.html")]
    assert len(pages) == 2 and not any(str(SEED) in page for page in pages)
