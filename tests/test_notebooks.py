"""The notebooks: small, executed, and still saying what they said when executed."""

import base64
import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from minimt import notebooks
from minimt.errors import InputError

PATHS = notebooks.find()
CHAPTERS = sorted((notebooks.ROOT / "tutorial").glob("[0-9]*.md"))
MACHINE = re.compile(r"/(home|root|tmp|work|usr|opt|Users|private)/|site-packages")


def stem(path):
    return path.stem


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def code(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def texts(notebook):
    """What each code cell says: all of its output but the images."""
    said = []
    for cell in code(notebook):
        parts = [("text", output.get("text", "")) for output in cell["outputs"]]
        for output in cell["outputs"]:
            parts.extend(output.get("data", {}).items())
        said.append(["".join(x) for kind, x in parts if kind.startswith("text")])
    return said


def test_every_chapter_has_its_notebook():
    assert [path.stem for path in PATHS] == [path.stem for path in CHAPTERS]


@pytest.mark.parametrize("path", PATHS, ids=stem)
def test_cells_are_few_and_small(path):
    cells = code(read(path))
    assert len(cells) <= 15
    for cell in cells:
        lines = "".join(cell["source"]).splitlines()
        assert len(lines) <= 15 and max(map(len, lines)) <= 88, lines[0]


@pytest.mark.parametrize("path", PATHS, ids=stem)
def test_it_opens_with_a_title_and_installs_only_what_is_missing(path):
    cells = read(path)["cells"]
    assert "".join(cells[0]["source"]).startswith("# ")
    first = ["".join(code(read(each))[0]["source"]) for each in (path, PATHS[0])]
    assert "%pip install" in first[0] and "find_spec" in first[0]
    assert first[0] == first[1], "the first cell is the same in all notebooks"


@pytest.mark.parametrize("path", PATHS, ids=stem)
def test_it_is_committed_as_executed_from_a_clean_kernel(path):
    notebook = read(path)
    assert notebook["metadata"] == notebooks.METADATA
    cells = code(notebook)
    counts = [cell["execution_count"] for cell in cells]
    assert counts == list(range(1, len(cells) + 1))
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    for cell in cells:
        assert "execution" not in cell["metadata"]  # when it was
        for output in cell["outputs"]:
            assert output["output_type"] != "error"
            assert output.get("name") != "stderr", output


@pytest.mark.parametrize("path", PATHS, ids=stem)
def test_its_outputs_name_no_folder_of_a_machine(path):
    said = "\n".join(text for cell in texts(read(path)) for text in cell)
    assert not MACHINE.search(said)
    assert not re.search(" at 0x[0-9a-f]", said)


@pytest.mark.parametrize("path", PATHS, ids=stem)
def test_the_chapter_s_figure_is_the_tagged_one_and_small(path):
    figure = notebooks.chapter_figure(read(path), path.name)
    assert len(figure) <= 100_000
    drawn = notebooks.ROOT / f"tutorial/figures/{path.stem}.png"
    assert drawn.read_bytes() == figure


@pytest.fixture(scope="module")
def executed():
    """{path: its execution by a kernel of its own}, two of them at a time."""
    pytest.importorskip("nbclient")
    with ThreadPoolExecutor(2) as pool:
        last_first = reversed(PATHS)  # the last take longest
        yield {path: pool.submit(notebooks.execute, path) for path in last_first}


@pytest.mark.parametrize("path", PATHS, ids=stem)
def test_executing_it_again_prints_the_same(path, executed):
    again = json.loads(notebooks.as_bytes(executed[path].result()))
    assert texts(again) == texts(read(path))


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a notebook of code cells into a checkout of its own; returns its path."""
    nbformat = pytest.importorskip("nbformat")
    monkeypatch.setattr(notebooks, "ROOT", tmp_path)
    (tmp_path / "notebooks").mkdir()

    def write(*sources, tag=notebooks.TAG):
        cells = [
            nbformat.v4.new_code_cell(source, id=f"cell-{n}", metadata=dict(tags=[tag]))
            for n, source in enumerate(sources)
        ]
        for cell in cells[:-1]:
            cell.metadata.clear()
        path = tmp_path / "notebooks/00_try.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
        return path

    return write


def test_refresh_writes_outputs_and_figure(write):
    say = "import os, pathlib; print(pathlib.Path.cwd().name, os.environ['%s'])"
    draw = "import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.show()"
    path = write(say % "OMP_NUM_THREADS", "object()", draw)
    assert notebooks.refresh(["00_try"]).startswith("00_try: ")
    notebook = read(path)
    said = texts(notebook)
    assert said[:2] == [["notebooks 1\n"], ["", "<object at 0x…>"]]
    assert [cell["id"] for cell in notebook["cells"]] == ["cell-0", "cell-1", "cell-2"]
    assert [cell["execution_count"] for cell in code(notebook)] == [1, 2, 3]
    assert notebook["metadata"] == notebooks.METADATA
    image = code(notebook)[2]["outputs"][-1]["data"]["image/png"]
    figure = notebooks.ROOT / "tutorial/figures/00_try.png"
    assert figure.read_bytes() == base64.b64decode("".join(image))


def test_a_cell_that_fails_is_named_in_one_line_and_nothing_is_written(write):
    path = write("1 + 1", "raise ValueError('too\\nbad')")
    before = path.read_bytes()
    with pytest.raises(InputError) as error:
        notebooks.refresh()
    assert str(error.value) == "00_try.ipynb, code cell 2: ValueError: too"
    assert path.read_bytes() == before
    assert [x.name for x in path.parent.iterdir()] == ["00_try.ipynb"]


def test_a_cell_whose_kernel_dies_is_named(write):
    with pytest.raises(InputError, match="code cell 2: the kernel died"):
        notebooks.execute(write("import os", "os._exit(1)"))


def test_a_cell_that_takes_too_long_is_named(write, monkeypatch):
    monkeypatch.setattr(notebooks, "SECONDS", 1)
    with pytest.raises(InputError, match="code cell 1: took longer than 1 s"):
        notebooks.execute(write("import time; time.sleep(30)"))


def test_a_folder_without_notebooks_is_refused(write):
    with pytest.raises(InputError, match="no notebooks"):
        notebooks.refresh()


def test_a_notebook_that_does_not_exist_is_refused(write):
    write("1 + 1")
    with pytest.raises(InputError, match="no notebook 07: choose from 00_try"):
        notebooks.refresh(["07"])


def test_a_notebook_without_a_tagged_figure_is_refused(write):
    path = write("1 + 1", tag="another")
    with pytest.raises(InputError, match=r"00_try\.ipynb: tag one cell"):
        notebooks.chapter_figure(read(path), path.name)


def test_without_nbclient_the_message_tells_how_to_install_it(write, monkeypatch):
    path = write("1 + 1")
    monkeypatch.setitem(sys.modules, "nbclient", None)
    with pytest.raises(InputError, match="needs nbclient: pip install"):
        notebooks.execute(path)


def test_side_by_side_shows_both_sources_escaped():
    pytest.importorskip("IPython")
    html = notebooks.side_by_side(stem, texts).data
    assert html.count("<td") == 2 and "def stem(path):" in html
    assert "kind.startswith(&quot;text&quot;)" in html
