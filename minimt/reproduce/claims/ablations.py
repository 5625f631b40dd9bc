"""What is each design choice worth? One thing is changed at a time.

The first row is the main job's model: primed weights, repetition until a lookup has
formed, then text, beside which some streams go on with repetition. In the rows "primed
without", one ingredient of the primed weights is random. There is a model without
memory for each initialisation, so that memory is compared with the best of these.
"""

from functools import partial

import numpy as np

from ..charts import bars
from ..results import mean, mean_std, perplexities, ratios
from ..variants import GATES, INGREDIENTS

BASE = "the main job's model"
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
    ratio = {(x["group"], x["name"]): mean(x["ratio"]) for x in result["rows"]}
    never = ratio["repetition", "none"]
    best = min(x for (group, _), x in ratio.items() if group == "no memory")
    return (
        f"Perplexity is {never:.2f} times as high without repetition, "
        f"{best:.2f} times as high for the best model without memory"
    )


def draw(result):
    """A bar for each change, its ratio to the main job's model."""
    named = {label(x): x["ratio"] for x in result["rows"]}
    return bars(verdict(result), f"perplexity, {BASE} = 1", named)
