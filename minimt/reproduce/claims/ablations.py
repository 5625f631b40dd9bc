"""What each choice is worth: one thing is changed at a time, all else stays.

The first line is the main job's model. "start without" leaves one part of the lookup
start (`minimt.init`) as an ordinary start has it. Models without memory stand there
with each start, so that memory is compared with their best.
"""

from functools import partial

from ..charts import bars
from ..results import center, perplexities, ratios, within
from ..variants import PARTS

BASE = "the main job's model"
CHANGES = {  # group: {name: what is changed}
    "start": {
        "ordinary start": dict(start="ordinary"),
        "one token compared, not three": dict(variant="one token compared"),
    },
    "start without": {part: dict(variant=f"without {part}") for part in PARTS},
    "no memory": {
        "lookup start": dict(memory=0),
        "lookup start of one token": dict(memory=0, variant="one token compared"),
        "ordinary start": dict(memory=0, start="ordinary"),
    },
    "norms": {
        "no normalisation": dict(variant="no normalisation"),
        "values normalised too": dict(variant="values normalised too"),
    },
    "memory layer": {"2": dict(memory_layer=2), "3": dict(memory_layer=3)},
    "K": {str(K): dict(neighbours=K) for K in (1, 4, 64)},
    "first gate": {str(g): dict(variant=f"gate {g}") for g in (0.1, 0.9)},
}
QUICK = "start", "start without", "no memory"  # groups


def measure(study, plan):
    """A row for each change: perplexity by seed, its ratio, the trained gates."""
    groups = QUICK if plan.quick else CHANGES
    changes = {(BASE, ""): {}}
    changes |= {(g, name): x for g in groups for name, x in CHANGES[g].items()}

    def way(change, seed):
        return plan.case(seed, **change), {}

    ways = {at: partial(way, change) for at, change in changes.items()}
    found = perplexities(study, plan, ways)
    rows = []
    for (group, name), x in found.items():
        row = dict(group=group, name=name, perplexity=x)
        row["ratio"] = ratios(x, found[BASE, ""])
        cases = (ways[group, name](seed)[0] for seed in plan.seeds)
        row["gate"] = [gate(study.shelf, case) for case in cases]
        rows.append(row)
    return dict(rows=rows)


def gate(shelf, case):
    """The mean gate of a trained model's heads; None where it has no memory."""
    layer = shelf.model(case).layers[case.config.memory_layer]
    return layer.gate.sigmoid().mean().item() if case.config.memory else None


def rows(result):
    """The table: a line for each change."""
    lines = [("changed", "perplexity", "ratio", "gate after training")]
    for x in result["rows"]:
        gates = "–" if None in x["gate"] else within(x["gate"], 2)
        cells = within(x["perplexity"], 2), within(x["ratio"]), gates
        lines.append((label(x), *cells))
    return lines


def label(row):
    """What a row changes."""
    return f"{row['group']}: {row['name']}" if row["name"] else row["group"]


def verdict(result):
    """What was found, in a sentence: what the start is worth, and what memory."""
    ratio = {(x["group"], x["name"]): center(x["ratio"]) for x in result["rows"]}
    start = ratio["start", "ordinary start"]
    best = min(x for (group, _), x in ratio.items() if group == "no memory")
    return (
        f"An ordinary start has {start:.2f} times the perplexity, "
        f"the best model without memory {best:.2f} times"
    )


def draw(result):
    """A bar for each change, its ratio to the main job's model."""
    named = {label(x): x["ratio"] for x in result["rows"]}
    return bars(verdict(result), f"perplexity, {BASE} = 1", named)
