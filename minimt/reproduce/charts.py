"""Charts that several claims draw: means over seeds, and each seed's own point."""

from .. import figures
from .results import mean, std


def bars(title, label, values):
    """A bar for each name of values {name: [by seed]}, with a dot for each seed."""
    figure, ax = figures.axes(title, label, "")
    figure.set_size_inches(7.2, 1.2 + 0.36 * len(values))
    places = range(len(values))
    means = [mean(x) for x in values.values()]
    ax.barh(places, means, color=figures.BLUE, alpha=0.55, height=0.6)
    style = dict(textcoords="offset points", fontsize=8, va="center")
    for place, height, x in zip(places, means, values.values()):
        ax.plot(x, [place] * len(x), "o", color="black", markersize=3)
        ax.annotate(f"{height:.3f}", (max(x), place), (6, 0), **style)
    ax.axvline(1, color=figures.GREY, linestyle=":")
    ax.set_yticks(places, values, fontsize=9)
    ax.margins(y=0.04)
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    ax.set_xlim(0, 1.15 * max(max(x) for x in values.values()))
    return figure


def curve(ax, places, values, **style):
    """A line through the means of values [[by seed]], with ± one standard deviation."""
    means, errors = [mean(x) for x in values], [std(x) for x in values]
    ax.errorbar(places, means, errors, capsize=3, **style)
