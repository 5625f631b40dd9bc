"""Charts that several claims draw: means over seeds, and each seed's own point."""

from .. import figures
from .results import mean, std

BESIDE = dict(textcoords="offset points", fontsize=figures.SIZE)  # of a mark
NAMES = dict(hol_light="HOL Light", sympy="SymPy")  # of texts, as people write them


def bars(title, label, groups, chosen=()):
    """Bars that begin at 1, in groups, with a dot for each seed.

    groups: {heading: {name: [by seed]}}. chosen: the (heading, name) to show in colour,
    which the title tells of.
    """
    lines = sum(1 + len(group) for group in groups.values())
    figure, ax = figures.axes(title, "", label, height=1.1 + 0.2 * lines)
    places, y = [], 0
    for heading, group in groups.items():
        places.append((y, heading, "bold"))
        for name, x in group.items():
            y += 1
            places.append((y, name, "normal"))
            colour = figures.BLUE if (heading, name) in chosen else figures.GREY
            bar(ax, y, x, colour)
        y += 1.25
    ax.set_yticks([y for y, _, _ in places], [name for _, name, _ in places])
    for tick, (_, _, weight) in zip(ax.get_yticklabels(), places):
        tick.set_fontweight(weight)
    ax.tick_params(axis="y", length=0)
    ax.axvline(1, color="black", linewidth=0.8)
    ax.set_ylim(y - 0.4, -0.8)
    ax.grid(axis="y", visible=False)
    ax.margins(x=0.1)
    if (n := len(x)) > 1:
        figures.note(figure, f"Bars: means of {n} seeds; dots: each seed.")
    return figure


def bar(ax, y, values, colour):
    """A bar from 1 to the mean of values, with a dot for each."""
    height = mean(values)
    ax.barh(y, height - 1, left=1, color=colour, alpha=0.55, height=0.7)
    ax.plot(values, [y] * len(values), "o", color="black", markersize=2.5)
    ax.annotate(f"{height:.2f}", (max(1, *values), y), (6, 0), va="center", **BESIDE)


def curve(ax, places, values, **style):
    """A line through the means of values [[by seed]], with ± one standard deviation."""
    means, errors = [mean(x) for x in values], [std(x) for x in values]
    ax.errorbar(places, means, errors, capsize=3, **dict(markersize=5) | style)
    ax.relim()  # with a logarithmic scale, error bars set limits that are wrong


def end(places, values, colour):
    """Where a curve ends, and its colour: (x, y, colour)."""
    return places[-1], mean(values[-1]), colour


def note_seeds(figure, values):
    """Say below a figure what its marks are, if values [by seed] come from several."""
    n = len(values)
    if n > 1:
        figures.note(
            figure, f"Means of {n} seeds; error bars: ± one standard deviation."
        )
