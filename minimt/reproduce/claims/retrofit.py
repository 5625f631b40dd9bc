"""Claim: a model trained without memory learns to use one in a few more steps.

A model without memory is given one as it is, or finetuned with it for 4% or 10% of its
steps; beside these stands the same finetuning without memory. How much of the way to a
model that had the memory from its first step do they go? In the paper it was 85% after
4% (Figure 6). The lookup start matters here: before it has a memory, the model has
learned to look things up in its segment and its cache.
"""

from functools import partial

from ..charts import bars
from ..results import center, perplexities, ratios, within

LONGER = 3  # times the plan's steps: a few per cent must be enough to fill a memory
SHARES = (0.04, 0.1)  # of the steps that the model was trained for
RATE = 2e-3  # peak learning rate of finetuning
MEMORY = 2048


def measure(study, plan):
    """A row for each way: perplexity by seed, its ratio, the part of the gap closed."""
    steps = LONGER * plan.steps

    def plain(seed):
        return plan.case(seed, memory=0, steps=steps)

    def tuned(share, memory, seed):
        more = dict(steps=round(share * steps), learning_rate=RATE)
        return plan.case(seed, memory=memory, before=plain(seed), **more), {}

    ways = {
        "without memory": lambda seed: (plain(seed), {}),
        "given memory": lambda seed: (plain(seed), dict(memory=MEMORY)),
    }
    for share in SHARES:
        for memory, name in ((MEMORY, "with memory"), (0, "without")):
            ways[f"{share:.0%} more steps {name}"] = partial(tuned, share, memory)
    ways["with memory from the start"] = lambda seed: (
        plan.case(seed, memory=MEMORY, steps=steps),
        {},
    )
    found = perplexities(study, plan, ways)
    first, *_, last = found.values()
    rows = []
    for way, x in found.items():
        closed = [(a - b) / (a - c) for a, b, c in zip(first, x, last)]
        row = dict(way=way, perplexity=x, ratio=ratios(x, first), closed=closed)
        rows.append(row)
    return dict(rows=rows, pretraining_steps=steps)


def rows(result):
    """The table: a line for each way."""
    lines = [("way", "perplexity", "ratio", "of the gap closed")]
    for x in result["rows"]:
        closed = [100 * share for share in x["closed"]]
        cells = within(x["perplexity"], 2), within(x["ratio"]), within(closed, 0) + " %"
        lines.append((x["way"], *cells))
    return lines


def verdict(result):
    """What was found, in a sentence."""
    closed = {x["way"]: center(x["closed"]) for x in result["rows"]}
    tuned = (closed[f"{share:.0%} more steps with memory"] for share in SHARES)
    said = " and ".join(f"{share:.0%}" for share in tuned)
    shares = " and ".join(f"{share:.0%}" for share in SHARES)
    at_once = f"{closed['given memory']:.0%} of the gap at once"
    return f"Given memory, a model closes {at_once}, {said} after {shares} more steps"


def draw(result):
    """A bar for each way, its ratio to the model without memory."""
    label = "perplexity, without memory = 1"
    return bars(verdict(result), label, {x["way"]: x["ratio"] for x in result["rows"]})
