"""The figures of a run: each shows one claim, and bears it as its title."""

import io

import numpy as np
from matplotlib.figure import Figure

from .files import replace_file

# Okabe and Ito's colours, told apart by the colour-blind and, with markers, in print.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "#666666"
WITH = dict(color=BLUE, marker="o", label="with memory")
WITHOUT = dict(color=ORANGE, marker="s", linestyle="--", label="without memory")


def draw_all(folder, metrics, losses):
    """Draw what a run's metrics and losses per step show, into its folder."""
    save(loss_curves(losses), folder / "loss_curves.png")
    save(memory_sizes(metrics), folder / "memory_sizes.png")
    save(gates(metrics["gate"]), folder / "gates.png")
    if "gain_by_distance" in metrics:
        save(gains(metrics["gain_by_distance"]), folder / "gain_by_distance.png")


def save(figure, path):
    """Write a figure as PNG, whole or not at all."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    replace_file(path, buffer.getvalue())


def axes(title, xlabel, ylabel):
    """A figure with one pair of axes: (figure, axes)."""
    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    figure.suptitle(title, fontsize=11.5)
    ax = figure.add_subplot(xlabel=xlabel, ylabel=ylabel)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", color="#dddddd", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.margins(x=0.06, y=0.12)
    return figure, ax


def loss_curves(losses):
    """Training loss of each model, the mean of some steps per point."""
    style = dict(memory=WITH, vanilla=WITHOUT)
    title = "Training loss"
    if "vanilla" in losses:
        last = {name: np.mean(x[-len(x) // 10 :]) for name, x in losses.items()}
        title = (
            f"On the same batches, memory ends training "
            f"{saves(last['vanilla'] - last['memory'])}"
        )
    figure, ax = axes(title, "step", "nats per token")
    for name, x in losses.items():
        width = max(1, len(x) // 40)
        points = np.mean(np.reshape(x[: len(x) // width * width], (-1, width)), axis=1)
        ax.plot(
            width * (np.arange(len(points)) + 1), points, markersize=3, **style[name]
        )
    ax.legend(frameon=False)
    return figure


def saves(nats):
    """A difference in words, whichever way it went."""
    return f"{abs(nats):.2f} nats per token {'lower' if nats >= 0 else 'higher'}"


def memory_sizes(metrics):
    """Held-out loss of the model with memory by the size of its memory."""
    sizes = [row["memory"] for row in metrics["by_memory"]]
    nats = [row["nats_per_token"] for row in metrics["by_memory"]]
    saved = nats[0] - nats[-1]
    cost = f"{abs(saved):.2f} nats per token {'less' if saved >= 0 else 'more'}"
    title = f"With {sizes[-1]} tokens of memory, the same weights cost {cost}"
    figure, ax = axes(title, "memory in tokens, same weights", "nats per token")
    ax.plot(range(len(sizes)), nats, **WITH)
    for place, value in enumerate(nats):
        ax.annotate(f"{value:.2f}", (place, value), (0, 7), textcoords="offset points")
    if "vanilla" in metrics:
        line = {k: v for k, v in WITHOUT.items() if k != "marker"}
        line["label"] = "trained without memory"
        ax.axhline(metrics["vanilla"]["nats_per_token"], **line)
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
    """What memory saves on the tokens of a name, by how long ago it was last seen."""
    seen = [row for row in rows if row["seen"]]
    best = max(seen, key=lambda row: row["gain"], default=None)
    title = "Memory saves nothing on names that were seen before"
    if best and best["gain"] > 0:
        saved = f"{best['gain']:.2f} nats per token"
        title = (
            f"Memory saves most, {saved}, on names seen {best['distance']} tokens ago"
        )
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


def recall_curves(metrics):
    """Recall of far numbers through training, with and without memory."""
    far = metrics["memory"]["far"], metrics["vanilla"]["far"]
    title = f"Far numbers recalled: {far[0]:.1%} with memory, {far[1]:.1%} without"
    figure, ax = axes(title, "step", "share of numbers recalled")
    for name, style in dict(memory=WITH, vanilla=WITHOUT).items():
        steps, near, far = zip(*metrics[name]["curve"])
        ax.plot(steps, far, markersize=4, **style)
    ax.axhline(metrics["chance"], color=GREY, linestyle=":", label="chance")
    ax.set_ylim(-0.02, 1.05)
    ax.legend(frameon=False)
    return figure
