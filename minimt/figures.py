"""How all figures look: their size, colours and titles, and the names of lines."""

import io
import itertools
import textwrap

from .files import replace_file

# Okabe and Ito's colours, which colour-blind readers tell apart; INK is for letters.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "#666666"
INK = {BLUE: BLUE, ORANGE: "#8F5E00", GREEN: "#007355", GREY: "#555555"}
WITH = dict(color=BLUE, marker="o", label="with memory")
WITHOUT = dict(color=ORANGE, marker="s", linestyle="--", label="without memory")
MODELS = dict(with_memory=WITH, without_memory=WITHOUT)

WIDTH, LETTERS = 7.2, 76  # inches of every figure, and letters in a line of its title
SIZE = 9  # points of what is written beside a line or a mark


def save(figure, path):
    """Write a figure as PNG, 200 dots an inch in 64 colours, whole or not at all."""
    from PIL import Image  # here, like Matplotlib, which requires it

    drawn, packed = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=200)
    image = Image.open(drawn).convert("RGB").quantize(64)
    image.save(packed, format="png", optimize=True)
    replace_file(path, packed.getvalue())


def axes(title, xlabel, ylabel, height=3.8):
    """A figure with one pair of axes: (figure, axes)."""
    figure, (ax,) = panels(title, 1, height=height)
    ax.set_xlabel(xlabel)
    headline(ax, ylabel)
    return figure, ax


def panels(title, columns, rows=1, height=3.8, sharey=True):
    """A figure with panels side by side, and in rows: (figure, [axes])."""
    from matplotlib.figure import Figure  # here, since it takes most of a second

    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    style = dict(x=0.01, ha="left", fontsize=11, fontweight="bold")
    figure.suptitle(balanced(title), **style)
    grid = figure.subplots(rows, columns, sharey=sharey, squeeze=False)
    return figure, [tidy(ax) for ax in grid.flat]


def balanced(title):
    """A title in as few lines as it needs, which are about equally long."""
    lines = len(textwrap.wrap(title, LETTERS))
    widths = range(len(title) // lines, LETTERS)
    found = (textwrap.wrap(title, width) for width in [*widths, LETTERS])
    return "\n".join(next(x for x in found if len(x) == lines))


def tidy(ax):
    """The axes without a frame, on a light grid."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", color="#dddddd", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.margins(x=0.05, y=0.12)
    ax.tick_params(labelsize=SIZE)
    return ax


def headline(ax, text):
    """What a panel shows, above it, where it reads more easily than along its side."""
    ax.set_title(text, loc="left", fontsize=10)


def note(figure, text):
    """A line below a figure, that says what its marks mean."""
    figure.supxlabel(text, x=0.01, ha="left", fontsize=8.5, color=INK[GREY])


WHITE = dict(facecolor="white", alpha=0.7, edgecolor="none", pad=0.5)


def label_ends(ax, ends, inside=0.7, offset=(6, 0)):
    """Name lines at their right ends, in place of a legend; call it with limits set.

    ends: {name: (x, y, colour)}. Names that would overlap move apart. Lines that end
    within this share of the width are named there, the others beside the axes.
    offset: of the names, in points.
    """
    ax.get_xlim(), ax.get_ylim()  # now they are up to date
    place = ax.transScale + ax.transLimits
    at = {name: place.transform((x, y)) for name, (x, y, _) in ends.items()}
    height = 72 * ax.figure.get_figheight() * ax.get_position().height
    half = {name: 0.72 * SIZE * (1 + name.count("\n")) / height for name in ends}
    order = sorted(ends, key=lambda name: at[name][1])
    for _ in range(100):
        for low, high in itertools.pairwise(order):
            lack = half[low] + half[high] - (at[high][1] - at[low][1])
            if lack > 0:
                at[low][1] -= lack / 2
                at[high][1] += lack / 2
    style = dict(xycoords="axes fraction", textcoords="offset points", va="center")
    for name, (_, _, colour) in ends.items():
        x, y = at[name]
        look = dict(color=INK.get(colour, colour), fontsize=SIZE, bbox=WHITE)
        ax.annotate(name, (1 if x > inside else x, y), offset, **look, **style)


def intervals(bounds):
    """Labels of the intervals between bounds: 1–63, 64–127, …"""
    return [f"{low}–{high - 1}" for low, high in itertools.pairwise(bounds)]
