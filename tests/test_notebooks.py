"""The notebooks: small, executed, and still saying what they said when executed."""

import base64
import io
import itertools
import json
import re
import symtable
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from minimt import notebooks
from minimt.errors import InputError

PATHS = notebooks.find()
LESSONS = PATHS[:-1]  # the last one only looks at results
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


def test_all_notebooks_together_are_small():
    assert sum(path.stat().st_size for path in PATHS) < 1_200_000


@pytest.mark.parametrize("path", PATHS, ids=stem)
def test_installing_and_importing_are_out_of_sight(path):
    for cell in code(read(path))[:2]:
        assert cell["metadata"]["jupyter"]["source_hidden"]
        assert "hide-input" in cell["metadata"]["tags"]


@pytest.mark.parametrize("path", LESSONS, ids=stem)
def test_it_is_there_to_play_with(path):
    sources = ["".join(cell["source"]) for cell in code(read(path))]
    for what, least in {
        "# change me": 2,
        "slider(draw, ": 1,
        "with mistake()": 1,
    }.items():
        assert sum(source.count(what) for source in sources) >= least, what


@pytest.mark.parametrize("path", LESSONS, ids=stem)
def test_the_last_cell_is_the_reader_s_and_its_function_is_not_written_yet(path):
    *others, last = code(read(path))
    assert "".join(last["source"]).startswith("# your turn\n")
    assert not [cell for cell in others if "# your turn" in "".join(cell["source"])]
    ((said,),) = texts(dict(cells=[last]))
    assert re.fullmatch(r"\w+: not written yet\n", said)


@pytest.mark.parametrize("path", PATHS, ids=stem)
def test_a_question_comes_before_a_cell_and_the_answer_is_folded(path):
    cells = read(path)["cells"]
    for before, cell in itertools.pairwise(cells):
        text = "".join(before["source"])
        if before["cell_type"] == "markdown":
            assert text.count("<details>") == text.count("</details>")
            asked = text.rfind("**Predict.**")
            assert asked < 0 or asked > text.rfind("</details>")
            assert asked < 0 or cell["cell_type"] == "code", text


@pytest.mark.parametrize("path", LESSONS, ids=stem)
def test_after_a_figure_a_sentence_says_what_to_see(path):
    cells = read(path)["cells"]
    for cell, after in itertools.pairwise(cells):
        drawn = [x for x in cell.get("outputs", []) if "image/png" in x.get("data", {})]
        if drawn:
            opening = "<details><summary>What to see</summary>"
            assert "".join(after["source"]).startswith(opening)


@pytest.mark.parametrize("path", PATHS, ids=stem)
def test_links_lead_to_the_lines_of_definitions(path):
    notebook, committed = read(path), path.read_text(encoding="utf-8")
    found = notebooks.LINK.findall(committed)
    assert found or path not in LESSONS
    assert committed.count("#L") == len(found)
    notebooks.relink(notebook)
    for cell, was in zip(notebook["cells"], read(path)["cells"]):
        fix = f"python -m minimt notebooks --refresh {path.stem}"
        assert "".join(cell["source"]) == "".join(was["source"]), f"run {fix}"


@pytest.fixture(scope="module")
def executed():
    """{path: its execution by a kernel of its own}, two of them at a time."""
    pytest.importorskip("nbclient")
    with ThreadPoolExecutor(2) as pool:
        last_first = reversed(PATHS)  # the last take longest
        yield {path: pool.submit(notebooks.execute, path) for path in last_first}


@pytest.mark.slow
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


def a_link(target):
    cell = dict(cell_type="markdown", source=[f"Read [{target}#L1).\n", "More."])
    notebook = dict(cells=[cell])
    notebooks.relink(notebook)
    return notebook["cells"][0]["source"]


def test_a_link_follows_its_function():
    lines = (notebooks.ROOT / "minimt/memory.py").read_text("utf-8").splitlines()
    at = 1 + next(
        n for n, line in enumerate(lines) if line.startswith("    def write(")
    )
    want = f"Read [`Memory.write`](../minimt/memory.py#L{at}).\nMore."
    assert a_link("`Memory.write`](../minimt/memory.py") == want


def test_a_link_to_what_is_not_there_is_refused():
    with pytest.raises(InputError, match=r"forget, which is not in minimt/memory\.py"):
        a_link("`forget`](../minimt/memory.py")


def test_a_figure_is_shrunk_and_looks_the_same():
    image = pytest.importorskip("PIL.Image")
    numpy = pytest.importorskip("numpy")
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    figure, png = Figure(figsize=(3, 2)), io.BytesIO()
    figure.subplots().plot([1, 3, 2], color="#E69F00", marker="*")
    figure.savefig(png, dpi=200)
    data = {"image/png": base64.b64encode(png.getvalue()).decode()}
    notebooks.shrink(dict(cells=[dict(outputs=[dict(data=data)])]))
    small = io.BytesIO(base64.b64decode(data["image/png"]))
    assert len(small.getvalue()) < 0.6 * len(png.getvalue())
    before, after = (numpy.asarray(image.open(x).convert("RGB")) for x in (png, small))
    assert numpy.abs(before.astype(int) - after).max() < 40


def test_a_mistake_is_shown_and_the_notebook_goes_on(capsys):
    with notebooks.mistake():
        raise ValueError("keys of two streams")
    assert capsys.readouterr().out == "ValueError: keys of two streams\n"


def test_a_mistake_that_is_none_is_an_error():
    with pytest.raises(AssertionError, match="nothing failed"), notebooks.mistake():
        pass


@pytest.fixture
def drawn(monkeypatch):
    """What a slider drew: the values that draw(ax, value) was called with."""
    pyplot = pytest.importorskip("matplotlib.pyplot")
    monkeypatch.setattr(pyplot, "show", lambda: None)
    yield []
    pyplot.close("all")


def test_without_a_screen_a_slider_is_a_panel_for_each_value(drawn, monkeypatch):
    monkeypatch.setenv(notebooks.STILL, "1")

    def draw(ax, value):
        drawn.append((ax.figure, value))

    notebooks.slider(draw, "scale", [0, 1, 4, 12], still=(1, 12))
    (one, first), (same, second) = drawn
    assert (first, second) == (1, 12) and one is same


def test_moving_a_slider_draws_again(drawn, monkeypatch):
    widgets = pytest.importorskip("ipywidgets")
    monkeypatch.delenv(notebooks.STILL, raising=False)
    made, make = [], widgets.SelectionSlider

    def keep(**options):
        made.append(make(**options))
        return made[-1]

    monkeypatch.setattr(widgets, "SelectionSlider", keep)
    notebooks.slider(lambda ax, x: drawn.append(x), "scale", [0, 1, 4], still=(1, 4))
    made[0].value = 4
    assert drawn == [1, 4]
    assert made[0].options == (0, 1, 4)


def scopes(source):
    """The table of names of a cell, and of each function in it, by name."""
    python = re.sub(r"^( *)%.*$", r"\1pass", source, flags=re.M)  # IPython's own
    table = symtable.symtable(python, "cell", "exec")
    return table, {x.get_name(): x for x in table.get_children()}


@pytest.mark.parametrize("path", LESSONS, ids=stem)
def test_a_slider_still_works_when_all_cells_have_been_run(path):
    cells = ["".join(cell["source"]) for cell in code(read(path))]
    at = next(n for n, source in enumerate(cells) if "slider(draw, " in source)
    functions = {}
    for source in cells[: at + 1]:
        functions |= scopes(source)[1]
    needed, todo = set(), ["draw"]
    while todo:
        needed.add(name := todo.pop())
        if name in functions:
            symbols = functions[name].get_symbols()
            todo += {x.get_name() for x in symbols if x.is_global()} - needed
    for source in cells[at + 1 :]:
        given = {
            x.get_name() for x in scopes(source)[0].get_symbols() if x.is_assigned()
        }
        assert not needed & given, source
