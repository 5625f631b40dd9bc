"""Claim: a model trained without memory learns to use one in a few more steps.

A model trained without memory is given one, and is read as it is, or after 4%, 10% or
20% more steps; as a control, it is also trained for as many more steps without memory.
How much of the gap to a model that had the memory from its first step does this close?
In the paper, a model of a billion parameters closed 85% of it after 4% more steps, and
all of it after 20% (Figure 6). A model that can already look things up in its segment
and its cache needs to learn little: a memory extends how far back it can look.
"""

from functools import partial

from ... import figures
from ..charts import BESIDE, curve, end, note_seeds
from ..results import mean, mean_std, perplexities, ratios, std

LONGER = 3  # times the plan's steps: a few per cent must be enough to fill a memory
SHARES = (0.04, 0.1, 0.2)  # of the steps that the model was trained for
RATE = 1e-3  # peak learning rate of finetuning
MEMORY = 2048


def measure(study, plan):
    """A row for each configuration: perplexity, ratio, share of the gap closed."""
    steps = LONGER * plan.steps

    def plain(seed, memory=0):
        return plan.case(seed, memory=memory, steps=steps), {}

    def given(seed):
        return plain(seed)[0], dict(memory=MEMORY)

    def tuned(share, memory, seed):
        more = dict(steps=round(share * steps), learning_rate=RATE)
        return plan.case(seed, memory=memory, before=plain(seed)[0], **more), {}

    configurations = {"without memory": plain, "given memory": given}
    for share in SHARES:
        for memory, name in ((MEMORY, "with memory"), (0, "without")):
            more = f"{share:.0%} more steps {name}"
            configurations[more] = partial(tuned, share, memory)
    configurations["with memory from the start"] = partial(plain, memory=MEMORY)
    found = perplexities(study, plan, configurations)
    first, *_, last = found.values()
    rows = []
    for name, x in found.items():
        closed = [(a - b) / (a - c) for a, b, c in zip(first, x, last)]
        row = dict(configuration=name, perplexity=x, ratio=ratios(x, first))
        rows.append(row | dict(closed=closed))
    return dict(rows=rows, pretraining_steps=steps)


def rows(result):
    """The table: a line for each configuration."""
    lines = [("configuration", "perplexity", "ratio", "gap closed")]
    for x in result["rows"]:
        closed = [100 * share for share in x["closed"]]
        cells = (
            mean_std(x["perplexity"], 2),
            mean_std(x["ratio"]),
            mean_std(closed, 0) + " %",
        )
        lines.append((x["configuration"], *cells))
    return lines


def verdict(result):
    """What was found, in a sentence."""
    closed = {x["configuration"]: mean(x["closed"]) for x in result["rows"]}
    *before, last = (
        f"{closed[f'{share:.0%} more steps with memory']:.0%} after {share:.0%}"
        for share in SHARES
    )
    at_once = f"{closed['given memory']:.0%} of the gap at once"
    closes = ", ".join([at_once, *before])
    return f"Given a memory, a model closes {closes} and {last} more steps"


def draw(result):
    """The share of the gap that is closed, by how many steps are added."""
    closed = {x["configuration"]: x["closed"] for x in result["rows"]}
    label = "share of the gap that is closed"
    figure, ax = figures.axes(verdict(result), "more steps", label)
    places, ends = range(1 + len(SHARES)), {}
    lines = {
        "more steps\nwith memory": ("given memory", "with memory", figures.WITH),
        "more steps\nwithout": ("without memory", "without", figures.WITHOUT),
    }
    for said, (first, name, style) in lines.items():
        names = first, *(f"{share:.0%} more steps {name}" for share in SHARES)
        values = [closed[name] for name in names]
        curve(ax, places, values, **style)
        for x, y in zip(places, values):
            percent = f"{mean(y):.0%}".replace("-", "−")
            top = x, mean(y) + std(y)
            ax.annotate(percent, top, (0, 6), ha="center", **BESIDE)
        ends[said] = end(places, values, style["color"])
    for level, said in (
        (0, "no memory, no\nmore steps"),
        (1, "memory from\nthe first step"),
    ):
        ax.axhline(level, color=figures.GREY, linestyle=":")
        ends[said] = places[-1], level, figures.GREY
    ax.set_xticks(places, ["none", *(f"{share:.0%}" for share in SHARES)])
    ax.yaxis.set_major_formatter("{x:.0%}")
    figures.label_ends(ax, ends)
    note_seeds(figure, closed["given memory"])
    return figure
