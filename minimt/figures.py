"""The figures of a run: each shows one finding, which is its title."""

import io
import itertools
import textwrap

import numpy as np

from .files import replace_file

# Okabe and Ito's colours, which colour-blind readers can tell apart.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "#666666"
WITH = dict(color=BLUE, marker="o", label="with memory")
WITHOUT = dict(color=ORANGE, marker="s", linestyle="--", label="without memory")
LINES = "-", "--", "-.", ":"  # of the heads


MODELS = dict(with_memory=WITH, without_memory=WITHOUT)


def draw_all(folder, metrics, losses):
    """Draw a run's metrics, and its losses by step, into its folder."""
    if "repetition" in metrics:
        save(formation(**metrics["repetition"]), folder / "formation.png")
    save(loss_curves(losses), folder / "loss_curves.png")
    save(memory_sizes(metrics), folder / "memory_sizes.png")
    save(gates(metrics["gates"]), folder / "gates.png")
    if "gain_by_distance" in metrics:
        save(gains(metrics["gain_by_distance"]), folder / "gain_by_distance.png")


def save(figure, path):
    """Write a figure as PNG, whole or not at all."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    replace_file(path, buffer.getvalue())


def axes(title, xlabel, ylabel):
    """A figure with one pair of axes: (figure, axes)."""
    figure, (ax,) = panels(title, 1, width=6.4)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    return figure, ax


def panels(title, columns, width=3.4, sharey=True):
    """A figure with panels side by side: (figure, [axes])."""
    from matplotlib.figure import Figure  # here, since it takes most of a second

    inches = width * columns + 0.8
    figure = Figure(figsize=(inches, 4.2), layout="constrained")
    figure.suptitle(textwrap.fill(title, round(11 * inches)), fontsize=11.5)
    row = figure.subplots(1, columns, sharey=sharey, squeeze=False)[0]
    return figure, [tidy(ax) for ax in row]


def tidy(ax):
    """The axes without a frame, on a light grid."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", color="#dddddd", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.margins(x=0.06, y=0.12)
    return ax


def formation(formed, curve, **_):
    """How a lookup forms: the cost of each reading, and what the heads attend to."""
    title = "No lookup forms while chunks are repeated"
    if formed:
        title = (
            f"A lookup forms by step {formed}: what was just read costs little again"
        )
    figure, (left, right) = panels(title, 2, width=4.2, sharey=False)
    steps = [x["step"] for x in curve]
    style = WITHOUT | dict(label="first reading of a chunk", markersize=3)
    left.plot(steps, [x["first"] for x in curve], **style)
    style = WITH | dict(label="later readings", markersize=3)
    left.plot(steps, [x["later"] for x in curve], **style)
    left.set(xlabel="step of repetition", ylabel="nats per token", ylim=(0, None))
    left.legend(frameon=False)
    for head, (share, line) in enumerate(
        zip(zip(*(x["attention"] for x in curve)), itertools.cycle(LINES))
    ):
        right.plot(steps, share, line, color=BLUE, label=f"head {head}")
    right.set(xlabel="step of repetition", ylim=(0, 1))
    right.set_ylabel("attention to places after the same token")
    right.legend(frameon=False)
    return figure


def loss_curves(losses):
    """The training loss of each model; a point is the mean of several steps."""
    title = "Training loss"
    if "without_memory" in losses:
        last = {name: np.mean(x[-len(x) // 10 :]) for name, x in losses.items()}
        title = (
            f"On the same batches, training with memory ends "
            f"{saves(last['without_memory'] - last['with_memory'])}"
        )
    figure, ax = axes(title, "step", "nats per token")
    for name, x in losses.items():
        width = max(1, len(x) // 40)
        points = np.mean(np.reshape(x[: len(x) // width * width], (-1, width)), axis=1)
        ax.plot(
            width * (np.arange(len(points)) + 1), points, markersize=3, **MODELS[name]
        )
    ax.legend(frameon=False)
    return figure


def saves(nats):
    """A difference in words, whichever its sign."""
    return f"{abs(nats):.2f} nats per token {'lower' if nats >= 0 else 'higher'}"


def memory_sizes(metrics):
    """Held-out loss of the model with memory, by the size of its memory."""
    sizes = [row["memory"] for row in metrics["by_memory"]]
    nats = [row["nats_per_token"] for row in metrics["by_memory"]]
    saved = nats[0] - nats[-1]
    cost = f"{abs(saved):.2f} nats per token {'less' if saved >= 0 else 'more'}"
    title = f"With {sizes[-1]} tokens of memory, the same weights cost {cost}"
    figure, ax = axes(title, "memory in tokens, same weights", "nats per token")
    ax.plot(range(len(sizes)), nats, **WITH)
    for place, value in enumerate(nats):
        ax.annotate(f"{value:.2f}", (place, value), (0, 7), textcoords="offset points")
    if "without_memory" in metrics:
        line = {k: v for k, v in WITHOUT.items() if k != "marker"}
        line["label"] = "trained without memory"
        ax.axhline(metrics["without_memory"]["nats_per_token"], **line)
    ax.set_xticks(range(len(sizes)), sizes)
    ax.legend(frameon=False)
    return figure


def gates(gate):
    """The share of each head's output that comes from memory."""
    low, high = f"{min(gate):.0%}", f"{max(gate):.0%}"
    share = low if low == high else f"{low} to {high}"
    title = f"Heads take {share} of their output from memory"
    figure, ax = axes(title, "head of the memory layer", "gate g")
    bars = ax.bar(range(len(gate)), gate, color=BLUE, width=0.6)
    ax.bar_label(bars, fmt="%.2f", padding=2)
    ax.axhline(0.5, color=GREY, linestyle=":", label="half and half")
    ax.set_xticks(range(len(gate)))
    ax.set_ylim(0, 1)
    ax.legend(frameon=False)
    return figure


def gains(rows):
    """What memory saves on the tokens of a name, by when the name was last seen."""
    seen = [row for row in rows if row["seen"]]
    best = max(seen, key=lambda row: row["gain"], default=None)
    title = "Memory saves nothing on names that were seen before"
    if best and best["gain"] > 0:
        saved = f"{best['gain']:.2f} nats per token"
        where = f"names seen {best['distance']} tokens ago"
        title = f"Memory saves most, {saved}, on {where}"
    figure, ax = axes(
        title, "tokens since the name was last seen", "nats saved per token"
    )
    places = range(len(rows))
    heights, errors = [row["gain"] for row in rows], [row["error"] for row in rows]
    colours = [BLUE if row["seen"] else GREY for row in rows]
    bars = ax.bar(places, heights, yerr=errors, color=colours, capsize=3, width=0.7)
    ax.bar_label(bars, [f"n = {row['tokens']}" for row in rows], padding=2, fontsize=8)
    ax.axhline(0, color="black", linewidth=0.8)
    ax.set_xticks(places, [row["distance"] for row in rows])
    return figure


def recall(metrics):
    """Recall of far numbers through training, and by distance and size of memory."""
    title = "A model recalls as far back as its memory reaches"
    figure, (left, right) = panels(title, 2, width=4.6)
    for name, style in MODELS.items():
        steps, _, far = zip(*metrics[name]["curve"])
        left.plot(steps, far, markersize=3, **style)
    left.set(xlabel="training step", ylabel="far numbers recalled", ylim=(-0.02, 1.05))
    found, gaps = metrics["with_memory"]["by_gap"], metrics["gaps"]
    for (M, shares), line in zip(found.items(), itertools.cycle(LINES)):
        style = dict(color=BLUE if int(M) else ORANGE, marker="o", markersize=4)
        right.plot(range(len(shares)), numbers(shares), line, label=f"M {M}", **style)
    right.set_xticks(range(len(gaps) - 1), intervals(gaps))
    right.set(xlabel="tokens since the name was listed")
    for ax in (left, right):
        ax.axhline(metrics["chance"], color=GREY, linestyle=":", label="chance")
    left.legend(frameon=False, fontsize=9)
    right.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def numbers(shares):
    """Shares to draw, with a gap where there is none."""
    return [np.nan if x is None else x for x in shares]


def intervals(bounds):
    """Labels of the intervals between bounds: 1–63, 64–127, …"""
    return [f"{low}–{high - 1}" for low, high in itertools.pairwise(bounds)]
