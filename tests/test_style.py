"""The house rules: short lines, files and functions; NumPy without torch."""

import ast
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parent.parent
CORE = "attention position cache memory search lsh gate config init model"
CORE += " torch_attention torch_search torch_memory torch_model"
SOURCES = sorted([*ROOT.glob("minimt/**/*.py"), *ROOT.glob("tests/*.py")])
# Cases and mistakes are lists to look things up in, not code to be read through.
DATA = [ROOT / "minimt/course" / name for name in ("steps", "mistakes")]


def functions(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_files_can_be_read(path):
    text = path.read_text(encoding="utf-8")
    assert max(map(len, text.splitlines())) <= 88
    assert ast.get_docstring(ast.parse(text)), "one sentence opens each file"
    if path.parent.name != "tests":
        assert len(text.splitlines()) <= 250 or path.parent in DATA
        for node in functions(path):
            assert node.end_lineno - node.lineno < 40, node.name
            if not node.name.startswith("_"):
                public = node.col_offset == 0
                assert ast.get_docstring(node) or not public, node.name


def test_the_core_is_an_afternoon_s_reading():
    """All but the tables of the LSH search, a file of their own; blank lines aside."""
    texts = [(ROOT / f"minimt/{name}.py").read_text() for name in CORE.split()]
    lines = [line for text in texts for line in text.splitlines() if line.strip()]
    assert len(lines) < 1000


def test_the_numpy_reference_needs_no_torch():
    numpy_only = [name for name in CORE.split() if "torch_" not in name]
    script = "import sys; sys.modules['torch'] = sys.modules['tokenizers'] = None\n"
    script += "".join(f"import minimt.{name}\n" for name in numpy_only)
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)


def test_every_module_has_its_tests():
    """But for what only ties others together, which test_cli and test_style try."""
    rooms = "experiments inspection benchmark"
    paths = [*ROOT.glob("minimt/*.py")]
    paths += [path for room in rooms.split() for path in ROOT.glob(f"minimt/{room}/*")]
    tied = "__init__ __main__ errors files init environment figures charts"
    tied += " extras generate compare stages recall checkpoints optimizer"
    names = {path.stem for path in paths if path.suffix == ".py"} - set(tied.split())
    names -= {"torch_attention"}  # the twins' tests try it
    tested = {path.stem.removeprefix("test_") for path in ROOT.glob("tests/test_*.py")}
    assert names <= tested
