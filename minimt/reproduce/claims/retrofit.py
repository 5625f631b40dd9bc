"""Claim: a model trained without memory learns to use one in a few more steps.

A model trained without memory is given one, and is read as it is, or after 4%, 10% or
20% more steps; as a control, it is also trained for as many more steps without memory.
How much of the gap to a model that had the memory from its first step does this close?
In the paper, a model of a billion parameters closed 85% of it after 4% more steps, and
all of it after 20% (Figure 6). A model that can already look things up in its segment
and its cache needs to learn little: a memory extends how far back it can look.
"""

from functools import partial

from ..charts import bars
from ..results import mean, mean_std, perplexities, ratios

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
    """A bar for each configuration, its ratio to the model without memory."""
    label = "perplexity, without memory = 1"
    ratio = {x["configuration"]: x["ratio"] for x in result["rows"]}
    return bars(verdict(result), label, ratio)
