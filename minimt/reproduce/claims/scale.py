"""Claim: a small model with memory does as well as a much larger one without it.

A model with memory is compared with models without it that have 1, 2, 5 and 10 times
its parameters, all trained on the same batches. In the paper, a memory of 8K tokens is
worth five times the parameters (Figure 1). The larger models have a lower learning
rate, proportional to 1 / √E.
"""

from functools import partial
from itertools import pairwise

import numpy as np

from ... import figures
from ...init import init_params
from ...optimizer import Training
from ..charts import curve, end, note_seeds
from ..results import mean, mean_std, perplexities, ratios

MEMORY = 8192
SIZES = {  # times the parameters: layers, embed, heads
    1: (4, 128, 4),
    2: (4, 192, 6),
    5: (6, 256, 8),
    10: (8, 320, 10),
}


def measure(study, plan):
    """A row for each model: parameters, perplexity by seed, its ratio to the first."""
    plan = plan.written()
    configs = {}

    def case_of(times, memory, seed):
        layers, embed, heads = SIZES[times]
        rate = Training.learning_rate * (SIZES[1][1] / embed) ** 0.5
        sizes = dict(layers=layers, embed=embed, heads=heads, learning_rate=rate)
        case = plan.case(seed, memory=memory, **sizes)
        configs[times, memory] = case.config
        return case, {}

    configurations = {(times, 0): partial(case_of, times, 0) for times in SIZES}
    configurations[1, MEMORY] = partial(case_of, 1, MEMORY)
    found = perplexities(study, plan, configurations)
    rows = []
    for at, x in found.items():
        weights = init_params(configs[at]).values()
        row = dict(times=at[0], memory=at[1], parameters=sum(w.size for w in weights))
        rows.append(row | dict(perplexity=x, ratio=ratios(x, found[1, 0])))
    return dict(rows=rows)


def rows(result):
    """The table: a line for each model."""
    lines = [("model", "parameters", "perplexity", "ratio")]
    for x in result["rows"]:
        memory = f"memory of {x['memory']}" if x["memory"] else "no memory"
        cells = f"{x['parameters'] / 1e6:.2f}M", mean_std(x["perplexity"], 2)
        lines.append((f"{x['times']} x, {memory}", *cells, mean_std(x["ratio"])))
    return lines


def crossing(sizes, perplexities, goal):
    """The size at which models, from small to large, reach a perplexity.

    Interpolates log perplexity over log size between two of them; None if even the
    largest does not reach it.
    """
    goal, points = np.log(goal), np.log(list(zip(sizes, perplexities)))
    for (n, nats), (larger, less) in pairwise(points):
        if nats >= goal >= less:
            return float(np.exp(n + (larger - n) * (nats - goal) / (nats - less)))
    return None


def verdict(result):
    """What was found, in a sentence."""
    *plain, remembering = result["rows"]
    worth = f"After {result['steps'][-1]} steps, a memory of {MEMORY} is worth"
    sizes = [x["parameters"] for x in plain]
    perplexities = [mean(x["perplexity"]) for x in plain]
    at = crossing(sizes, perplexities, mean(remembering["perplexity"]))
    if at:
        return f"{worth} {at / remembering['parameters']:.1f} times the parameters"
    best = min(mean(x["ratio"]) for x in plain)
    if best > mean(remembering["ratio"]):
        return f"{worth} more than {plain[-1]['times']} times the parameters"
    return f"{worth} nothing: a model of the same size without it does as well"


def draw(result):
    """Perplexity by parameters, and the model with memory as a line across."""
    *plain, remembering = result["rows"]
    figure, ax = figures.axes(verdict(result), "parameters", "perplexity")
    sizes = [x["parameters"] for x in plain]
    values = [x["perplexity"] for x in plain]
    curve(ax, sizes, values, **figures.WITHOUT)
    own = [remembering["parameters"]], [remembering["perplexity"]]
    curve(ax, *own, **figures.WITH)
    ax.axhline(mean(own[1][0]), color=figures.BLUE, linestyle=":")
    ax.set_xscale("log")
    ax.set_xticks(sizes, [f"{n / 1e6:.1f}M" for n in sizes])
    ax.set_xticks([], minor=True)
    line = sizes[-1], mean(own[1][0]), figures.BLUE
    ends = {"without memory": end(sizes, values, figures.WITHOUT["color"])}
    figures.label_ends(ax, ends | {f"{sizes[0] / 1e6:.1f}M with\na memory": line})
    note_seeds(figure, values[0])
    return figure
