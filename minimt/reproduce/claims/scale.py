"""Claim: memory helps at every size, and a small model with it does as well as a much
larger one without (the paper's Figure 1).

Models of three sizes are trained with a memory and without, on the same batches, for
three numbers of steps. In the paper, a memory of 8K tokens helps models of 200 million,
one billion and eight billion parameters, and is worth about five times the parameters.
Here a memory is worth n times the parameters if a model without memory needs n times as
many for the same perplexity, interpolated between the sizes; the table says "more than"
where even our largest model without memory is not as good. The learning rate is
proportional to 1 / √E. As longer training comes with a schedule of its own, each number
of steps is a training of its own.
"""

from functools import partial
from itertools import pairwise, product

import numpy as np

from ... import figures
from ...config import Config
from ...init import init_params
from ..charts import BESIDE, curve, end, note_seeds
from ..results import between, mean, mean_std, perplexities, ratios

MEMORY = 8192
SIZES = (4, 64, 2), (4, 128, 4), (4, 192, 6)  # layers, embed, heads
LONGER = 1, 3, 9  # times the plan's steps
SIDES = {"without": (0, figures.WITHOUT), "with": (MEMORY, figures.WITH)}


def measure(study, plan):
    """A row for each size and number of steps: perplexities without and with memory."""
    times = LONGER[:1] if plan.quick else LONGER

    def case_of(size, n, memory, seed):
        layers, embed, heads = size
        rate = plan.training.learning_rate * (Config.embed / embed) ** 0.5
        sizes = dict(layers=layers, embed=embed, heads=heads, learning_rate=rate)
        return plan.case(seed, steps=n * plan.steps, memory=memory, **sizes), {}

    memories = [M for M, _ in SIDES.values()]
    settings = list(product(SIZES, times, memories))
    found = perplexities(study, plan, {x: partial(case_of, *x) for x in settings})
    rows = []
    for size, n in product(SIZES, times):
        case = case_of(size, n, 0, 0)[0]
        weights = init_params(case.config).values()
        row = dict(parameters=sum(w.size for w in weights), steps=n * plan.steps)
        row |= {name: found[size, n, M] for name, (M, _) in SIDES.items()}
        rows.append(row | dict(ratio=ratios(row["with"], row["without"])))
    return dict(rows=rows)


def of_steps(result):
    """The rows for each number of steps, from the smallest model to the largest."""
    numbers = sorted({x["steps"] for x in result["rows"]})
    return {n: [x for x in result["rows"] if x["steps"] == n] for n in numbers}


def rows(result):
    """The table: a line for each number of steps and size."""
    head = "steps", "parameters", "without memory", f"memory of {MEMORY}", "ratio"
    lines = [(*head, "worth, in parameters")]
    for n, found in of_steps(result).items():
        for i, x in enumerate(found):
            cells = (mean_std(x[name], 2) for name in SIDES)
            size, worth = f"{x['parameters'] / 1e6:.2f}M", worth_of(found, i)
            lines.append((n, size, *cells, mean_std(x["ratio"]), worth))
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


def worth_of(found, i):
    """How many times its parameters a memory is worth to model i, as text."""
    own, most = found[i]["parameters"], found[-1]["parameters"]
    if mean(found[i]["ratio"]) >= 1:
        return "nothing"
    if most == own:
        return "–"  # there is no larger model to compare it with
    at = as_good(found, i)
    return f"{at / own:.1f} times" if at else f"more than {most / own:.1f} times"


def as_good(found, i):
    """The parameters with which a model without memory does as well as model i with it.

    None if the largest of those that were trained does not.
    """
    sizes = [x["parameters"] for x in found[i:]]
    without = [mean(x["without"]) for x in found[i:]]
    return crossing(sizes, without, mean(found[i]["with"]))


def verdict(result):
    """What was found, in a sentence."""
    lowers = between([1 - mean(x["ratio"]) for x in result["rows"]], ".0%")
    steps, found = list(of_steps(result).items())[-1]
    worth = worth_of(found, 0)
    if worth != "nothing":
        worth += " the parameters"
    return (
        f"A memory of {MEMORY:,} lowers perplexity by {lowers}; after {steps:,} steps "
        f"it is worth {worth} to the smallest model"
    )


def draw(result):
    """Perplexity by parameters, a panel for each number of steps."""
    from matplotlib.ticker import LogLocator  # here, since it takes long

    found = of_steps(result)
    figure, panels = figures.panels(verdict(result), len(found))
    for ax, (n, x) in zip(panels, found.items()):
        sizes = [row["parameters"] for row in x]
        ax.set(xlabel="parameters", xscale="log", yscale="log")
        for name, (_, style) in SIDES.items():
            curve(ax, sizes, [row[name] for row in x], **style)
        for row, size in zip(x, sizes):
            less = f"{mean(row['ratio']) - 1:+.0%}".replace("-", "−")
            style = dict(color=figures.BLUE, ha="center", va="top") | BESIDE
            ax.annotate(less, (size, mean(row["with"])), (0, -13), **style)
        ax.set_xticks(sizes, [f"{size / 1e6:.1f}M" for size in sizes])
        ax.margins(x=0.15, y=0.2)
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
        ax.yaxis.set_major_formatter("{x:.0f}")
        ax.minorticks_off()
        figures.headline(ax, f"{n:,} steps")
    draw_worth(ax, n, x)
    ends = {
        f"{name}\nmemory": end(sizes, [row[name] for row in x], style["color"])
        for name, (_, style) in SIDES.items()
    }
    figures.label_ends(ax, ends)
    figure.supylabel("perplexity, on a logarithmic scale", fontsize=10)
    note_seeds(figure, x[-1]["ratio"])
    return figure


def draw_worth(ax, steps, found):
    """An arrow from the smallest model with memory to as good a one without."""
    first, *_, last = found
    goal, worth = mean(first["with"]), worth_of(found, 0)
    if worth != "nothing":
        there = as_good(found, 0) or last["parameters"]
        ends = (there, goal), (first["parameters"], goal)
        ax.annotate("", *ends, arrowprops=dict(arrowstyle="->"))
        figures.headline(ax, f"{steps:,} steps: the arrow is\n{worth} the parameters")
