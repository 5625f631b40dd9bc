"""The figures of the bench: what search costs, and what LSH finds for it."""

from ..figures import BLUE, GREY, ORANGE, SIZE, axes, headline, label_ends, panels

# What the bench compares with the two searches of minimt, which alone have a colour.
OURS = {
    "exact": dict(color=BLUE, marker="o"),
    "LSH with insertion": dict(color=ORANGE, marker="s"),
    "LSH, cells of stored keys": dict(color=ORANGE, marker="s"),
}
OTHERS = {
    "product": dict(linestyle="--"),
    "product in place": dict(linestyle=":"),
    "full attention": dict(marker="^"),
    "exact, NumPy": dict(marker="x", linestyle=":"),
    "faiss flat": dict(marker="v"),
    "scikit-learn": dict(marker="D", linestyle=":"),
    "LSH, hyperplanes through the origin": dict(marker="x", linestyle=":"),
    "LSH, hyperplanes through the mean": dict(marker="+", linestyle="-."),
    "one maximum per bucket": dict(marker="^", linestyle="--"),
    "faiss IVF": dict(marker="v"),
    "faiss HNSW": dict(marker="D", linestyle="--"),
    "faiss LSH": dict(marker="P", linestyle=":"),
}
THEIRS = dict(color=GREY, linewidth=1, markersize=4)
STYLES = {name: THEIRS | style for name, style in OTHERS.items()} | OURS


def search_costs(rows):
    """Time per query by the size of the memory, both on logarithmic scales."""
    faster = [
        row["memory"]
        for row in rows
        if row["to_exact"]["LSH with insertion"]["median"] < 1 and row["recall"] >= 0.9
    ]
    title = "LSH search of 90% recall never overtakes exact search here"
    if faster:
        title = f"LSH search of 90% recall overtakes exact search at M = {faster[0]:,}"
    label = "µs per query, on a logarithmic scale"
    figure, ax = axes(title, "memories per stream and head (M)", label, height=4.4)
    ends = {}
    for name, style in STYLES.items():
        points = [
            (row["memory"], row["microseconds"][name]["median"])
            for row in rows
            if name in row["microseconds"]
        ]
        if points:
            ax.plot(*zip(*points), **style)
            ends[name] = *points[-1], style["color"]
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.yaxis.set_major_formatter("{x:,g}")
    if faster:
        ax.axvline(faster[0], color="black", linestyle=":", linewidth=1)
    sizes = [row["memory"] for row in rows]
    ax.set_xticks(sizes, [f"{M:,}" for M in sizes])
    label_ends(ax, ends, inside=0.9)
    return figure


def recall_costs(result):
    """Recall against the share of keys scored, and against time."""
    good = [
        row["scored"]
        for row in result["rows"]
        if row["method"] == "LSH, cells of stored keys" and row["recall"] >= 0.9
    ]
    keys = f"{result['memory']:,} keys of a model"
    title = f"LSH does not reach 90% recall on {keys}"
    if good:
        title = f"90% recall on {keys} takes {min(good):.0%} of the work"
    figure, both = panels(title, 1, rows=2, height=7)
    labels = dict(
        scored="recall, by products per query as a share of all keys",
        time="recall, by time, exact search = 1",
    )
    for ax, (name, label) in zip(both, labels.items()):
        draw_recall(ax, result["rows"], name)
        headline(ax, label)
    return figure


def draw_recall(ax, rows, cost):
    """A line for each method of rows, by what it costs: "scored" or "time"."""
    begins = {}
    for method in dict.fromkeys(row["method"] for row in rows):
        style = STYLES[method]
        found = [row for row in rows if row["method"] == method and row[cost]]
        if found:
            costs = [x[cost]["median"] if cost == "time" else x[cost] for x in found]
            ax.plot(costs, [x["recall"] for x in found], **style)
            begins[method] = costs[0], found[0]["recall"], style["color"]
    ax.axhline(0.9, color="black", linestyle=":", linewidth=1)
    ax.set(xscale="log")
    ax.xaxis.set_major_formatter("{x:.1%}" if cost == "scored" else "{x:g}")
    ax.yaxis.set_major_formatter("{x:.0%}")
    label_ends(ax, begins, inside=0.9, offset=(4, -9))


def lsh_losses(result):
    """Held-out loss by the pages that LSH probes, between exact search and none."""
    rows = result["rows"]
    lsh = [(x["probes"], x["nats_per_token"]) for x in rows if x["search"] == "LSH"]
    lines = {x["search"]: x["nats_per_token"] for x in rows if x["probes"] is None}
    lost, probes = lsh[-1][1] - lines["exact"], lsh[-1][0]
    title = f"Probing {probes} pages costs {lost:.3f} nats per token over exact search"
    label = "nats per token of held-out documents"
    figure, ax = axes(title, "pages of 64 keys that LSH probes", label)
    ax.plot(*zip(*lsh), color=ORANGE, marker="s")
    ax.axhline(lines["exact"], color=BLUE)
    ax.axhline(lines["without memory"], color=GREY, linestyle="--")
    ax.set_xscale("log", base=2)
    for place in lsh:
        style = dict(textcoords="offset points", fontsize=SIZE, ha="center")
        ax.annotate(f"{place[1]:.2f}", place, (0, 7), **style)
    ax.set_xticks([x for x, _ in lsh], [x for x, _ in lsh])
    ends = {
        "LSH": (*lsh[-1], ORANGE),
        "exact search": (probes, lines["exact"], BLUE),
        "no memory": (probes, lines["without memory"], GREY),
    }
    label_ends(ax, ends)
    return figure
