"""What is each design choice worth? One thing is changed at a time.

The first row is the model of most other claims: primed weights, repetition until later
readings cost almost nothing (or for 600 steps), then text, while two streams of sixteen
go on with repetition. The memory is in layer 1 (the second of four, since they are
counted from 0), K is 16, and the gate begins at 0.5. In the rows "primed without", one
ingredient of the primed weights is random. Models with random weights, or with the
lookup written by hand, also repeat nothing. There is a model without memory for each
initialisation, so that memory is compared with the best of these.
"""

from functools import partial

import numpy as np

from ..charts import bars
from ..results import mean, mean_std, perplexities, ratios
from ..variants import GATES, INGREDIENTS

BASE = "nothing changed"
CHANGES = {  # group: {name: what is changed}
    "initialisation": {
        "written by hand": dict(init="induction"),
        "random": dict(init="random"),
    },
    "primed without": {x: dict(variant=f"without {x}") for x in INGREDIENTS},
    "repetition": {
        "none": dict(repetition_steps=0, repetition_share=0),
        "before the text only": dict(repetition_share=0),
        "beside the text only": dict(repetition_steps=0),
        "before, and beside in 4 streams": dict(repetition_share=0.25),
    },
    "no memory": {
        "primed": dict(memory=0),
        "written by hand": dict(memory=0, init="induction"),
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
    "primed without": "primed, but random weights in place of",
    "repetition": "repetition of chunks",
    "no memory": "without memory, with initial weights",
    "norms": "normalisation",
    "memory layer": "layer with the memory",
    "K": "neighbours retrieved",
    "first gate": "gate before training",
}
NEVER = "repetition", "none"
QUICK = "initialisation", "repetition", "no memory"  # groups


def measure(study, plan):
    """A row for each change: perplexity by seed, its ratio, the trained gates."""
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
    """What was found, in a sentence: what repetition is worth, and what memory."""
    never = mean(ratios_of(result)[NEVER])
    best = mean(ratios_of(result)[best_without_memory(result)])
    return (
        f"Perplexity is {never:.2f} times as high without repetition, "
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
    """A bar for each change, its ratio to the model with nothing changed."""
    groups, chosen = {}, {NEVER, best_without_memory(result)}
    for (group, name), x in ratios_of(result).items():
        if name:  # the first row is 1 by definition
            groups.setdefault(HEADINGS[group], {})[name] = x
    label = f"perplexity, {BASE} = 1 (longer bars: worse)"
    shown = {(HEADINGS[group], name) for group, name in chosen}
    return bars(verdict(result), label, groups, shown)
