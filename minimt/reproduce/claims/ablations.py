"""What is each design choice worth? One thing is changed at a time.

The first row is the main job's model. In the rows "induction without", one part of the
induction initialisation (`minimt.init`) is random. There is a model without memory for
each initialisation, so that memory is compared with the best of these.
"""

from functools import partial

import numpy as np

from ..charts import bars
from ..results import mean, mean_std, perplexities, ratios
from ..variants import GATES, PARTS

BASE = "the main job's model"
CHANGES = {  # group: {name: what is changed}
    "initialisation": {
        "random": dict(init="random"),
        "one token compared, not three": dict(variant="one token compared"),
    },
    "induction without": {part: dict(variant=f"without {part}") for part in PARTS},
    "no memory": {
        "induction": dict(memory=0),
        "induction, one token compared": dict(memory=0, variant="one token compared"),
        "random": dict(memory=0, init="random"),
    },
    "norms": {
        "no normalisation": dict(variant="no normalisation"),
        "values normalised too": dict(variant="values normalised too"),
    },
    "memory layer": {"2": dict(memory_layer=2), "3": dict(memory_layer=3)},
    "K": {str(K): dict(neighbours=K) for K in (1, 4, 64)},
    "first gate": {str(g): dict(variant=f"gate {g}") for g in GATES},
}
HEADINGS = {  # of the groups, in the figure
    "initialisation": "initial weights",
    "induction without": "random in place of",
    "no memory": "without memory, with initial weights",
    "norms": "normalisation",
    "memory layer": "layer with the memory",
    "K": "neighbours retrieved",
    "first gate": "gate before training",
}
RANDOM = "initialisation", "random"
QUICK = "initialisation", "induction without", "no memory"  # groups


def measure(study, plan):
    """A row for each change: perplexity by seed, its ratio, the trained gates."""
    plan = plan.written()
    groups = QUICK if plan.quick else CHANGES
    changes = {(BASE, ""): {}}
    changes |= {(g, name): x for g in groups for name, x in CHANGES[g].items()}

    def case_of(change, seed):
        return plan.case(seed, **change), {}

    configurations = {at: partial(case_of, x) for at, x in changes.items()}
    found = perplexities(study, plan, configurations)
    rows = []
    for (group, name), x in found.items():
        row = dict(group=group, name=name, perplexity=x)
        row["ratio"] = ratios(x, found[BASE, ""])
        cases = (configurations[group, name](seed)[0] for seed in plan.seeds)
        row["gate"] = [gate(study.trained, case) for case in cases]
        rows.append(row)
    return dict(rows=rows)


def gate(trained, case):
    """The mean gate of a trained model's heads; None if it has no memory."""
    return float(np.mean(trained.model(case).gates())) if case.config.memory else None


def rows(result):
    """The table: a line for each change."""
    lines = [("changed", "perplexity", "ratio", "gate after training")]
    for x in result["rows"]:
        gates = "–" if None in x["gate"] else mean_std(x["gate"], 2)
        cells = mean_std(x["perplexity"], 2), mean_std(x["ratio"]), gates
        lines.append((label(x), *cells))
    return lines


def label(row):
    """What a row changes."""
    return f"{row['group']}: {row['name']}" if row["name"] else row["group"]


def verdict(result):
    """What was found, in a sentence: what initialisation is worth, and what memory."""
    random = mean(ratios_of(result)[RANDOM])
    best = mean(ratios_of(result)[best_without_memory(result)])
    return (
        f"Perplexity is {random:.2f} times as high with random initialisation, "
        f"{best:.2f} times as high for the best model without memory"
    )


def ratios_of(result):
    """The ratios of each (group, name) by seed."""
    return {(x["group"], x["name"]): x["ratio"] for x in result["rows"]}


def best_without_memory(result):
    """The (group, name) of the model without memory that has the lowest perplexity."""
    without = {at: x for at, x in ratios_of(result).items() if at[0] == "no memory"}
    return min(without, key=lambda at: mean(without[at]))


def draw(result):
    """A bar for each change, its ratio to the main job's model."""
    groups, chosen = {}, {RANDOM, best_without_memory(result)}
    for (group, name), x in ratios_of(result).items():
        if name:  # the first row is 1 by definition
            groups.setdefault(HEADINGS[group], {})[name] = x
    label = f"perplexity, {BASE} = 1"
    shown = {(HEADINGS[group], name) for group, name in chosen}
    return bars(verdict(result), label, groups, shown)
