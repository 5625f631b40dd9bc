"""The assignment's files: stubs that are up to date and tell all but the solution."""

import ast
import math
import pathlib
import re
import sys

import numpy as np
import pytest

from minimt.config import Config
from minimt.course.assignment import DTYPES, IN_PLACE, solution, stub, write_stubs
from minimt.course.steps import STEPS, number
from minimt.errors import InputError
from minimt.init import init_params

ROOT = pathlib.Path(__file__).parent.parent
FOLDER = ROOT / "tutorial" / "assignment"
PAGES = [ROOT / "README.md", *ROOT.glob("tutorial/**/*.md")]
PAGES += ROOT.glob("notebooks/*.ipynb")
NUMBERED = re.compile(r"step\d_|--step \d|step \d+\]|[Ss]tep \d's|of 100 points")
steps = pytest.mark.parametrize("step", STEPS, ids=lambda step: step.stem)


def functions(text):
    """{name or Class.name: node} of the functions in a text."""
    found = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef):
            methods = (x for x in node.body if isinstance(x, ast.FunctionDef))
            found |= {f"{node.name}.{x.name}": x for x in methods}
        elif isinstance(node, ast.FunctionDef):
            found[node.name] = node
    return found


@steps
def test_the_stub_in_the_tutorial_is_up_to_date(step):
    """If not: remove the file and `python -m minimt stubs tutorial/assignment`."""
    assert (FOLDER / f"{step.stem}.py").read_text(encoding="utf-8") == stub(step)


def test_nothing_else_is_there():
    names = {f"{step.stem}.py" for step in STEPS} | {"README.md"}
    assert {path.name for path in FOLDER.iterdir()} - {"__pycache__"} == names


@steps
def test_a_stub_has_the_reference_s_signatures_and_no_bodies(step):
    empty, full = functions(stub(step)), functions(solution(step))
    assert set(empty) == set(full) >= set(step.todo)
    for name, node in empty.items():
        assert ast.dump(node.args) == ast.dump(full[name].args)
        assert ast.get_docstring(node) == ast.get_docstring(full[name])
        if name in step.todo:
            assert ast.get_docstring(node)
            assert [type(x) for x in node.body[1:]] == [ast.Raise]


@steps
def test_files_fit_the_page_and_import_only_earlier_steps(step):
    earlier = {other.stem for other in STEPS[: number(step)]}
    for text in (stub(step), solution(step)):
        assert max(map(len, text.splitlines())) <= 88
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("step_"):
                assert node.module in earlier
            assert not isinstance(node, ast.ImportFrom) or not node.level


@steps
def test_a_step_needs_only_numpy_and_the_rules_for_all_steps_stand_in_its_file(step):
    docstring = ast.get_docstring(ast.parse(stub(step)))
    assert DTYPES in docstring and IN_PLACE in docstring
    for node in ast.walk(ast.parse(solution(step))):
        names = [x.name for x in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) else []
        for module in (name.split(".")[0] for name in names):
            known = module == "numpy" or module in sys.stdlib_module_names
            assert known or module.startswith("step_")


def test_a_root_from_numpy_changes_the_dtype_and_one_from_math_does_not():
    """As the rule says."""
    x = np.ones(3, np.float32)
    assert (x * np.sqrt(2)).dtype == np.float64
    assert (x * math.sqrt(2)).dtype == np.float32


def test_work_is_overwritten_only_on_demand(tmp_path):
    assert len(write_stubs(tmp_path)) == len(STEPS)
    assert len(write_stubs(tmp_path)) == len(STEPS)  # the same again
    (tmp_path / "step_cache.py").write_text("my work")
    (tmp_path / "step_warm_up.py").unlink()
    with pytest.raises(InputError, match="step_cache"):
        write_stubs(tmp_path)
    assert (tmp_path / "step_cache.py").read_text() == "my work"
    assert not (tmp_path / "step_warm_up.py").exists()
    write_stubs(tmp_path, overwrite=True)
    assert (tmp_path / "step_cache.py").read_text() == stub(STEPS[3])


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_no_page_names_a_step_by_its_number(path):
    """A step that comes in between would change it."""
    text = re.sub(r'"image/png": ".*"', "", path.read_text(encoding="utf-8"))
    assert not NUMBERED.findall(text)


@pytest.mark.parametrize("page", ["README.md", "tutorial/assignment/README.md", ""])
@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_step_is_linked_from_both_tables_and_its_chapter(step, page):
    path = ROOT / (page or f"tutorial/{step.chapter}.md")
    assert f"{step.stem}.py" in path.read_text(encoding="utf-8")


def parameters_in_the_chapter():
    """{name: its sizes as text} from each of the chapter's two tables of parameters."""
    page = (ROOT / "tutorial/08_model.md").read_text(encoding="utf-8")
    tables = re.split(r"^\| (?:parameter|in each layer) \|", page, flags=re.M)[1:]
    for table in tables:
        rows = re.findall(r"^\| (`.*`) \| \((.*?)\) \|", table.split("\n\n")[0], re.M)
        yield {
            name: sizes for names, sizes in rows for name in names[1:-1].split("`, `")
        }


def test_the_chapter_s_tables_name_all_parameters_with_their_shapes():
    config = Config(vocab=11, layers=3, heads=3, embed=15, memory_layer=1)
    sizes = {"V": config.vocab, "E": config.embed, "4E": 4 * config.embed, "32": 32}
    sizes["H"] = config.heads
    once, per_layer = parameters_in_the_chapter()
    named = dict(once)
    for layer in range(config.layers):
        for parameter in per_layer:
            if parameter != "gate" or layer == config.memory_layer:
                named[f"layers.{layer}.{parameter}"] = per_layer[parameter]
    shapes = {x: tuple(sizes[n] for n in named[x].split(", ")) for x in named}
    assert shapes == {x: w.shape for x, w in init_params(config).items()}
