"""Figures: titles in few lines, names beside lines that stay apart, files small."""

import json
import textwrap
from itertools import pairwise

import numpy as np
import pytest
from commands import ROOT
from PIL import Image

from minimt import figures
from minimt.experiments import charts
from minimt.reproduce import results
from minimt.reproduce.claims import CLAIMS


def boxes(figure):
    """[(text, where it is drawn)] of all that is written in a figure, ticks aside."""
    figure.draw_without_rendering()
    texts = [*figure.texts]
    for ax in figure.axes:
        texts += [*ax.texts, ax._left_title, ax.xaxis.label, ax.yaxis.label]
    return [
        (x.get_text(), x.get_window_extent())
        for x in texts
        if x.get_visible() and x.get_text()
    ]


def overlap(a, b, slack=3):
    """Whether two boxes share more than a few dots each way."""
    width = min(a.x1, b.x1) - max(a.x0, b.x0)
    height = min(a.y1, b.y1) - max(a.y0, b.y0)
    return min(width, height) > slack


@pytest.mark.parametrize("words", [1, 5, 14, 30])
def test_a_title_has_as_few_lines_as_it_needs(words, rng):
    for _ in range(50):
        title = " ".join("x" * n for n in rng.integers(1, 12, words))
        lines = figures.balanced(title).split("\n")
        assert " ".join(lines) == title and max(map(len, lines)) <= figures.LETTERS
        assert len(lines) == len(textwrap.wrap(title, figures.LETTERS))


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_names_of_lines_stay_apart_and_in_order(scale, rng):
    for _ in range(5):
        figure, ax = figures.axes("title", "x", "y")
        ends = {f"line {i}": (2, 1 + y, "black") for i, y in enumerate(rng.random(6))}
        ends["two\nlines"] = 2, 1.5, "black"
        for x, y, _ in ends.values():
            ax.plot([1, x], [1, y])
        ax.set_yscale(scale)
        figures.label_ends(ax, ends)
        found = dict(boxes(figure))
        named = sorted(ends, key=lambda name: ends[name][1])
        for low, high in pairwise(named):
            assert found[low].y1 < found[high].y1
            assert not overlap(found[low], found[high])


def test_a_file_is_small_and_has_200_dots_an_inch(tmp_path):
    figure, ax = figures.axes("title", "x", "y")
    ax.plot(range(9))
    figures.save(figure, tmp_path / "x.png")
    image = Image.open(tmp_path / "x.png")
    assert image.width == 200 * figures.WIDTH
    assert len(image.convert("RGB").getcolors()) <= 64
    assert (tmp_path / "x.png").stat().st_size < 30_000


def gains(distances, memory):
    """The figure for names last seen at some distances, and where it ends memory."""
    rows = [dict(distance="first seen here", seen=False, nearest=None)]
    rows += [dict(distance=f"≥ {n}", seen=True, nearest=n) for n in distances]
    rows = [row | dict(gain=0.5, error=0.1, tokens=9) for row in rows]
    (ax,) = charts.gains(rows, memory).axes
    ends = [x for x in ax.lines if len(set(x.get_xdata())) == 1 and len(x.get_xdata())]
    ends = [x.get_xdata()[0] for x in ends if x.get_linestyle() == ":"]
    return ends, [bar.get_x() + bar.get_width() / 2 for bar in ax.patches]


def test_the_memory_ends_between_the_distances_on_both_sides_of_its_size():
    (end,), bars = gains((1, 256, 2048, 4096), 2048)
    assert bars[1] < end < bars[2]
    assert gains((1, 256), 2048)[0] == []


def drawn(name):
    result = json.loads((ROOT / f"results/{name}.json").read_text())
    return results.module(name).draw(result)


@pytest.mark.parametrize("name", CLAIMS)
def test_what_is_written_in_a_result_s_figure_can_be_read(name):
    figure = drawn(name)
    assert figure.get_suptitle().count("\n") <= 1
    found = boxes(figure)
    for i, (text, box) in enumerate(found):
        assert np.all(np.array([box.x0, box.y0]) > -2), text
        assert box.x1 < figure.bbox.width + 2 and box.y1 < figure.bbox.height + 2, text
        for other, there in found[:i]:
            assert not overlap(box, there), (text, other)
