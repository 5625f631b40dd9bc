"""Notebooks: executing them in a fresh kernel, and what their cells draw with."""

import ast
import base64
import contextlib
import html
import importlib.util
import inspect
import io
import os
import pathlib
import re
import textwrap
import time

import numpy as np

from .course import handout
from .errors import InputError
from .extras import missing
from .files import replace_file
from .progress import progress

ROOT = pathlib.Path(__file__).parent.parent
TAG = "chapter-figure"  # of the cell whose figure the chapter shows
SECONDS = 300  # that one cell may take
STILL = "MINIMT_STILL"  # environment variable: panels in place of sliders
FIXED = {"OMP_NUM_THREADS": "1", "MPLBACKEND": "inline", STILL: "1"}
COLOURS = 48  # of a committed figure
LINK = re.compile(r"\[`([\w.]+)`\]\(\.\./([\w/]+\.py)#L(\d+)\)")  # to a definition
KERNEL = dict(display_name="Python 3", language="python", name="python3")
METADATA = dict(kernelspec=KERNEL, language_info=dict(name="python"))  # no versions


def refresh(names=()):
    """Execute notebooks, such as 03_cache (none = all); write them and their figures.

    Returns a line of text for each. Raises InputError for an unknown name, or if a cell
    fails.
    """
    lines = []
    paths = find(names)
    with progress("running", len(paths), "notebook") as bar:
        for path in paths:
            began = time.perf_counter()
            notebook = with_link(execute(path), handout.hosted(path.name))
            seconds = time.perf_counter() - began
            figure = chapter_figure(notebook, path.name)
            replace_file(path, as_bytes(notebook))
            replace_file(ROOT / f"tutorial/figures/{path.stem}.png", figure)
            lines.append(f"{path.stem}: {seconds:.1f} s, figure of {len(figure)} bytes")
            bar.update()
    return "\n".join(lines)


def find(names=()):
    """The paths of the notebooks with these names; none = all, in order."""
    paths = {path.stem: path for path in sorted(ROOT.glob("notebooks/[0-9]*.ipynb"))}
    if not paths:
        raise InputError("there are no notebooks here: run this command in a checkout")
    for name in names:
        if name not in paths:
            have = ", ".join(paths)
            raise InputError(f"there is no notebook {name}: choose from {have}")
    return [paths[name] for name in names or paths]


def execute(path):
    """The notebook, executed by a fresh kernel in its own folder; writes nothing."""
    if why := missing("executing notebooks", "notebooks"):
        raise InputError(why)
    import nbclient
    import nbformat

    options = dict(timeout=SECONDS, record_timing=False, coalesce_streams=True)
    options |= dict(kernel_name="python3", extra_arguments=["--log-level=ERROR"])
    notebook = nbformat.read(path, as_version=4)
    relink(notebook)
    client = nbclient.NotebookClient(notebook, **options)
    try:
        client.execute(cwd=path.parent, env={**os.environ, **FIXED})
    except nbclient.exceptions.CellTimeoutError:
        reason = f"took longer than {SECONDS} s"
    except nbclient.exceptions.CellExecutionError as error:
        reason = f"{error.ename}: {error.evalue}".splitlines()[0]
    except nbclient.exceptions.DeadKernelError:
        reason = "the kernel died"
    else:
        notebook["metadata"] = nbformat.from_dict(METADATA)
        shrink(notebook)
        return notebook
    raise InputError(f"{path.name}, code cell {client.code_cells_executed}: {reason}")


def with_link(notebook, link):
    """The notebook with a line below its title that opens it in a browser, if any."""
    first = notebook["cells"][0]
    if link and link not in first["source"]:
        title, end, rest = first["source"].partition("\n")
        first["source"] = f"{title}\n\n{link}{end}{rest}"
    return notebook


def relink(notebook):
    """Let each link to a function or class lead to the line of its definition."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = LINK.sub(linked, "".join(cell["source"]))


def linked(match):
    """A link such as [`Memory.write`](../minimt/memory.py#L1), with the right line."""
    name, path, _ = match.groups()
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    for part in name.split("."):
        inside = [node for node in tree.body if getattr(node, "name", "") == part]
        if not inside:
            raise InputError(f"a notebook links to {name}, which is not in {path}")
        (tree,) = inside
    return f"[`{name}`](../{path}#L{tree.lineno})"


def shrink(notebook):
    """Write each figure with few colours, which takes a third of the bytes."""
    from PIL import Image

    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "image/png" in data:
                png = io.BytesIO(base64.b64decode("".join(data["image/png"])))
                whole, method = (
                    Image.open(png).convert("RGB"),
                    Image.Quantize.MAXCOVERAGE,
                )
                few = whole.quantize(COLOURS, method, dither=Image.Dither.NONE)
                few.save(small := io.BytesIO(), "png", optimize=True)
                data["image/png"] = base64.b64encode(small.getvalue()).decode()


def as_bytes(notebook):
    """A notebook as it is written: without objects' addresses, which differ by run."""
    import nbformat

    text = re.sub(r"(?<= at )0x[0-9a-fA-F]+", "0x…", nbformat.writes(notebook))
    return text.encode() + b"\n"


def chapter_figure(notebook, name):
    """The PNG of the one cell tagged with TAG; name: the notebook's, for the error."""
    cells = [x for x in notebook["cells"] if TAG in x["metadata"].get("tags", [])]
    outputs = [x.get("data", {}) for cell in cells for x in cell["outputs"]]
    figures = [x["image/png"] for x in outputs if "image/png" in x]
    if len(cells) != 1 or len(figures) != 1:
        raise InputError(f"{name}: tag one cell, with one figure, as {TAG}")
    return base64.b64decode("".join(figures[0]))


def style():
    """Draw figures of one size, sharp on any screen."""
    import matplotlib.pyplot as plt
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    plt.rc("figure", figsize=(7, 3.4), dpi=100)
    plt.rc("figure.constrained_layout", use=True)
    plt.rc("axes.spines", top=False, right=False)
    set_matplotlib_formats("retina")  # twice as many dots


def slider(draw, name, values, still, **panel):
    """Draw draw(ax, value) for the value of a slider, and again when it is moved.

    Without widgets, such as on a page that only shows the notebook, there is a panel
    for each of the values in `still`. panel: keyword arguments of plt.subplots.
    """
    import matplotlib.pyplot as plt

    if os.environ.get(STILL) or not importlib.util.find_spec("ipywidgets"):
        _, axes = plt.subplots(1, len(still), squeeze=False, **panel)
        for ax, value in zip(axes[0], still):
            draw(ax, value)
            ax.label_outer()
        plt.show()
        return
    import ipywidgets

    def redraw(value):
        draw(plt.subplots()[1], value)
        plt.show()

    options = dict(options=values, value=still[0], description=name)
    ipywidgets.interact(redraw, value=ipywidgets.SelectionSlider(**options))


@contextlib.contextmanager
def mistake():
    """Show the error that the cell's mistake leads to, and go on."""
    try:
        yield
    except Exception as error:
        print(f"{type(error).__name__}: {error}")
    else:
        raise AssertionError("nothing failed")


def side_by_side(numpy_function, torch_function):
    """The source of a function and of its twin in torch, in two columns."""
    from IPython.display import HTML

    left = 'style="text-align: left; vertical-align: top; font: 11px monospace"'
    columns = ""
    for function in (numpy_function, torch_function):
        file = function.__module__.replace(".", "/") + ".py"
        code = html.escape(textwrap.dedent(inspect.getsource(function)))
        columns += f"<td {left}><b>{file}</b><pre {left}>{code}</pre></td>"
    return HTML(f"<table><tr>{columns}</tr></table>")


def draw_table(ax, table, title, rows, columns, form=".0f"):
    """Draw a small table as numbers on shaded cells; NaN is hatched."""
    top = np.nanmax(table)
    ax.imshow(table, cmap="Blues", vmin=0, vmax=1.25 * top, aspect="auto")
    for (i, j), x in np.ndenumerate(table):
        colour, number = "white" if x > 0.75 * top else "black", f"{x:{form}}"
        if not np.isnan(x):
            ax.text(j, i, number, color=colour, fontsize=9, ha="center", va="center")
    ax.patch.set(hatch="////", edgecolor="#bbbbbb")
    ax.set_title(title, fontsize=10)
    ax.set(xlabel=columns, xticks=range(len(table[0])))
    ax.set(ylabel=rows, yticks=range(len(table)))
