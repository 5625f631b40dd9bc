"""The figures of a run: each shows one finding, which is its title."""

import itertools

import numpy as np

from ..figures import (
    BLUE,
    GREY,
    INK,
    MODELS,
    ORANGE,
    SIZE,
    WITH,
    WITHOUT,
    axes,
    headline,
    intervals,
    label_ends,
    panels,
    save,
)

LINES = "-", "--", "-.", ":"  # of the sizes of memory
TOKENS = {"first seen here": "not seen\nbefore", "not in a name": "not in\na name"}


def draw_all(folder, metrics, losses):
    """Draw a run's metrics, and its losses by step, into its folder."""
    if "repetition" in metrics:
        save(formation(**metrics["repetition"]), folder / "formation.png")
    save(loss_curves(losses), folder / "loss_curves.png")
    save(memory_sizes(metrics), folder / "memory_sizes.png")
    save(gates(metrics["gates"]), folder / "gates.png")
    if "gain_by_distance" in metrics:
        memory = metrics["config"]["memory"]
        figure = gains(metrics["gain_by_distance"], memory)
        save(figure, folder / "gain_by_distance.png")


def formation(formed, curve, **_):
    """How a lookup forms: the cost of each reading, and what the heads attend to."""
    title = "No lookup forms while chunks are repeated"
    if formed:
        title = f"A lookup forms by step {formed}: what was just read becomes cheap"
    figure, (left, right) = panels(title, 2, sharey=False)
    steps = [x["step"] for x in curve]
    style = dict(markersize=3, markevery=max(1, len(steps) // 20))
    names = {"first": "first\nreading", "later": "later\nreadings"}
    for (name, said), look in zip(names.items(), (WITHOUT, WITH)):
        left.plot(steps, [x[name] for x in curve], **look | style | dict(label=said))
    left.set_ylim(0, None)
    ends = zip(names.items(), (ORANGE, BLUE))
    label_ends(left, {s: (steps[-1], curve[-1][n], c) for (n, s), c in ends})
    headline(left, "nats per token\nof a repeated chunk")
    right.plot(steps, [x["attention"] for x in curve], color=BLUE, linewidth=1)
    right.set_ylim(0, 1)
    right.yaxis.set_major_formatter("{x:.0%}")
    last = curve[-1]["attention"]
    label_ends(right, {f"{len(last)} heads": (steps[-1], np.mean(last), BLUE)})
    headline(right, "attention to places\nafter the same token")
    for ax in (left, right):
        ax.set_xlabel("step of repetition")
        if formed:
            ax.axvline(formed, color=GREY, linestyle=":")
            where = dict(textcoords="offset points", fontsize=SIZE, color=INK[GREY])
            ax.annotate(f"step {formed}", (formed, ax.get_ylim()[1]), (4, -9), **where)
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
    figure, ax = axes(title, "step", "nats per token of the training text")
    ends = {}
    for name, x in losses.items():
        width = max(1, len(x) // 40)
        points = np.mean(np.reshape(x[: len(x) // width * width], (-1, width)), axis=1)
        steps = width * (np.arange(len(points)) + 1)
        ax.plot(steps, points, markersize=3, **MODELS[name])
        ends[MODELS[name]["label"]] = steps[-1], points[-1], MODELS[name]["color"]
    label_ends(ax, ends)
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
    title = f"With {sizes[-1]:,} tokens of memory, the same model costs {cost}"
    figure, ax = axes(title, "memory in tokens", "nats per token of held-out documents")
    ax.plot(range(len(sizes)), nats, **WITH)
    for place, value in enumerate(nats):
        style = dict(textcoords="offset points", fontsize=SIZE, color=BLUE)
        ax.annotate(f"{value:.2f}", (place, value), (0, 7), **style)
    ends = {"trained with\nmemory": (len(sizes) - 1, nats[-1], BLUE)}
    if "without_memory" in metrics:
        other = metrics["without_memory"]["nats_per_token"]
        ax.axhline(other, color=ORANGE, linestyle="--")
        ends["trained without"] = len(sizes) - 0.8, other, ORANGE
    ax.set_xticks(range(len(sizes)), [f"{M:,}" for M in sizes])
    label_ends(ax, ends)
    return figure


def gates(gate):
    """The share of each head's output that comes from memory."""
    low, high = f"{min(gate):.0%}", f"{max(gate):.0%}"
    share = low if low == high else f"{low} to {high}"
    title = f"Heads take {share} of their output from memory"
    figure, ax = axes(title, "head of the memory layer", "gate g", height=3)
    bars = ax.bar(range(len(gate)), gate, color=BLUE, width=0.6)
    ax.bar_label(bars, fmt="%.2f", padding=2, fontsize=SIZE)
    ax.axhline(0.5, color=GREY, linestyle=":")
    ax.set_xticks(range(len(gate)))
    ax.set(xlim=(-0.6, len(gate) - 0.4), ylim=(0, 1))
    label_ends(ax, {"half and half": (len(gate) - 0.4, 0.5, GREY)})
    return figure


def gains(rows, memory):
    """What memory saves on the tokens of a name, by when the name was last seen."""
    seen = [row for row in rows if row["seen"]]
    best = max(seen, key=lambda row: row["gain"], default=None)
    title = "Memory saves nothing on names that were seen before"
    if best and best["gain"] > 0:
        saved = f"{best['gain']:.2f} nats per token"
        where = f"names last seen {best['distance']} tokens ago"
        title = f"Memory saves most, {saved}, on {where}"
    label = "nats saved per token; n: how many tokens"
    figure, ax = axes(title, "tokens since the name was last seen", label)
    # Distances stand side by side, and apart from the tokens that have none.
    apart = [row for row in rows if not row["seen"]]
    places = [*range(len(seen)), *(len(seen) + 0.5 + i for i in range(len(apart)))]
    shown = seen + apart
    heights, errors = [row["gain"] for row in shown], [row["error"] for row in shown]
    colours = [BLUE if row["seen"] else GREY for row in shown]
    style = dict(color=colours, capsize=3, width=0.7)
    bars = ax.bar(places, heights, yerr=errors, **style)
    said = [
        f"{row['gain']:.2f}\nn = {row['tokens']:,}".replace("-", "−") for row in shown
    ]
    ax.bar_label(bars, said, padding=2, fontsize=8)
    ax.margins(y=0.2)  # room for what is written below a bar
    ax.axhline(0, color="black", linewidth=0.8)
    names = [TOKENS.get(x["distance"], x["distance"]) for x in shown]
    ax.set_xticks(places, [broken(name) for name in names])
    beyond = [i for i, row in enumerate(seen) if row.get("nearest", 0) >= memory]
    if beyond:
        ax.axvline(beyond[0] - 0.5, color="black", linestyle=":")
        style = dict(xycoords=("data", "axes fraction"), fontsize=SIZE)
        said = f"the memory of\n{memory:,} ends here"
        ax.annotate(said, (beyond[0] - 0.42, 0.97), va="top", **style)
    return figure


def broken(interval):
    """The label of an interval, in two lines if it is long."""
    return interval.replace("–", "–\n") if len(interval) > 8 else interval


def recall(metrics):
    """Recall of far numbers through training, and by distance and size of memory."""
    title = "A model recalls as far back as its memory reaches"
    figure, (left, right) = panels(title, 2)
    ends = {}
    for name, style in MODELS.items():
        steps, _, far = zip(*metrics[name]["curve"])
        left.plot(steps, far, markersize=3, **style)
        ends[style["label"].replace(" ", "\n")] = steps[-1], far[-1], style["color"]
    left.set(xlabel="training step", ylim=(-0.02, 1.12))
    headline(left, "far numbers recalled")
    found, gaps = metrics["with_memory"]["by_gap"], metrics["gaps"]
    places = range(len(gaps) - 1)
    for (M, shares), line in zip(found.items(), itertools.cycle(LINES)):
        color = BLUE if int(M) else ORANGE
        shares = np.array(shares, dtype=float)  # None becomes NaN, a gap
        right.plot(places, shares, line, color=color, marker="o", markersize=4)
        # Where a line begins to fall is how far back its memory reaches.
        x = max((i for i in places if shares[i] > 0.5), default=0)
        style = dict(ha="center", color=INK[color], fontsize=SIZE)
        right.annotate(f"{int(M):,}", (x, 1.04), **style)
    right.set_xticks(places, [broken(x) for x in intervals(gaps)])
    right.set(xlabel="tokens since the name was listed", ylim=(-0.02, 1.12))
    headline(right, "by distance; a line for each size of memory")
    for ax, named in ((left, ends), (right, {})):
        chance = metrics["chance"]
        ax.axhline(chance, color=GREY, linestyle=":")
        label_ends(ax, named | {"chance": (ax.get_xlim()[1], chance, GREY)})
    return figure
