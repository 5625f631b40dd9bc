"""The figures of the bench: what search costs, and what LSH finds for it."""

from ..figures import BLUE, GREEN, GREY, ORANGE, axes, panels

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
