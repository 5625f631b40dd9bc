"""The figures of a run: each shows one finding, which is its title."""

import io
import textwrap

import numpy as np

from .files import replace_file

# Okabe and Ito's colours, which colour-blind readers can tell apart.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "#666666"
WITH = dict(color=BLUE, marker="o", label="with memory")
WITHOUT = dict(color=ORANGE, marker="s", linestyle="--", label="without memory")


def draw_all(folder, metrics, losses):
    """Draw a run's metrics, and its losses by step, into its folder."""
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


def loss_curves(losses):
    """The training loss of each model; a point is the mean of several steps."""
    style = dict(with_memory=WITH, without_memory=WITHOUT)
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
            width * (np.arange(len(points)) + 1), points, markersize=3, **style[name]
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


def recall_curves(metrics):
    """Recall of far numbers through training, with and without memory."""
    far = metrics["with_memory"]["far"], metrics["without_memory"]["far"]
    title = f"Far numbers recalled: {far[0]:.1%} with memory, {far[1]:.1%} without"
    figure, ax = axes(title, "step", "share of numbers recalled")
    for name, style in dict(with_memory=WITH, without_memory=WITHOUT).items():
        steps, _, far = zip(*metrics[name]["curve"])
        ax.plot(steps, far, markersize=4, **style)
    ax.axhline(metrics["chance"], color=GREY, linestyle=":", label="chance")
    ax.set_ylim(-0.02, 1.05)
    ax.legend(frameon=False)
    return figure


# The styles of all that the bench compares, which differ in black and white as well.
STYLES = {
    "exact": dict(color=BLUE, marker="o"),
    "LSH with insertion": dict(color=ORANGE, marker="s"),
    "product": dict(color="black", linestyle="--"),
    "product in place": dict(color="black", linestyle=":"),
    "full attention": dict(color=GREEN, marker="^"),
    "exact, NumPy": dict(color=BLUE, marker="x", linestyle=":"),
    "faiss flat": dict(color=GREY, marker="v"),
    "scikit-learn": dict(color=GREY, marker="D", linestyle=":"),
    "LSH, cells of stored keys": dict(color=ORANGE, marker="s"),
    "LSH, hyperplanes through the origin": dict(color=GREEN, marker="x", linestyle=":"),
    "LSH, hyperplanes through the mean": dict(color=GREEN, marker="+", linestyle="-."),
    "one maximum per bucket": dict(color=BLUE, marker="^", linestyle="--"),
    "faiss IVF": dict(color=GREY, marker="v"),
    "faiss HNSW": dict(color=GREY, marker="D", linestyle="--"),
    "faiss LSH": dict(color=GREY, marker="+", linestyle=":"),
}


def search_costs(rows):
    """Time per query by the size of the memory, both on logarithmic scales."""
    faster = [
        row["memory"]
        for row in rows
        if row["to_exact"]["LSH with insertion"]["median"] < 1 and row["recall"] >= 0.9
    ]
    title = "LSH search of 90% recall never overtakes exact search here"
    if faster:
        title = f"LSH search of 90% recall overtakes exact search at M = {faster[0]}"
    figure, ax = axes(title, "memories per stream and head (M)", "µs per query")
    for name, style in STYLES.items():
        points = [
            (row["memory"], row["microseconds"][name]["median"])
            for row in rows
            if name in row["microseconds"]
        ]
        if points:
            ax.plot(*zip(*points), label=name, markersize=5, **style)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_xticks([row["memory"] for row in rows], [row["memory"] for row in rows])
    ax.legend(frameon=False, fontsize=8)
    return figure


def recall_costs(result):
    """Recall against the share of keys scored, and against time."""
    good = [
        row["scored"]
        for row in result["rows"]
        if row["method"] == "LSH, cells of stored keys" and row["recall"] >= 0.9
    ]
    keys = f"{result['memory']} keys of a model"
    title = f"LSH does not reach 90% recall on {keys}"
    if good:
        title = f"90% recall on {keys} takes {min(good):.0%} of the work"
    figure, (left, right) = panels(title, 2, width=4.85)
    for method in dict.fromkeys(row["method"] for row in result["rows"]):
        rows = [row for row in result["rows"] if row["method"] == method]
        style = STYLES[method] | dict(markersize=5, label=method)
        shared = [(row["scored"], row["recall"]) for row in rows if row["scored"]]
        timed = [(row["time"]["median"], row["recall"]) for row in rows if row["time"]]
        for ax, points in ((left, shared), (right, timed)):
            if points:
                ax.plot(*zip(*points), **style)
    labels = "products per query, as a share of all keys", "time, exact search = 1"
    for ax, label in zip((left, right), labels):
        ax.set_xscale("log")
        ax.set_xlabel(label)
    left.set_ylabel("recall of the nearest keys")
    drawn = [ax.get_legend_handles_labels() for ax in (left, right)]
    handles = {x: line for lines, names in drawn for line, x in zip(lines, names)}
    style = dict(loc="outside right", frameon=False, fontsize=8)
    figure.legend(handles.values(), handles.keys(), **style)
    return figure


def lsh_losses(result):
    """Held-out loss by the pages that LSH probes, between exact search and none."""
    rows = result["rows"]
    lsh = [(x["probes"], x["nats_per_token"]) for x in rows if x["search"] == "LSH"]
    lines = {x["search"]: x["nats_per_token"] for x in rows if x["probes"] is None}
    lost, probes = lsh[-1][1] - lines["exact"], lsh[-1][0]
    cost = f"{lost:.3f} nats per token more than exact search"
    title = f"Probing {probes} pages costs {cost}"
    figure, ax = axes(title, "pages of 64 keys that LSH probes", "nats per token")
    ax.plot(*zip(*lsh), label="LSH", color=ORANGE, marker="s")
    ax.axhline(lines["exact"], color=BLUE, label="exact")
    ax.axhline(lines["without memory"], color=GREY, linestyle="--", label="no memory")
    ax.set_xscale("log", base=2)
    ax.set_xticks([x for x, _ in lsh], [x for x, _ in lsh])
    ax.legend(frameon=False)
    return figure
