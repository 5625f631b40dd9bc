"""Claim: after training with a small memory, finetuning with a large one pays.

Three ways to spend the same steps on the same text: the large memory from scratch; the
small one, then the large one for the last quarter of the steps; the small one, then the
small one again, which shows what the second stage's new warm-up does by itself. And two
models as they are after the small one's steps, read with either memory. The paper
finetuned its largest memories in this way (Table 5).
"""

from .charts import bars
from .results import center, perplexities, ratios, within

SMALL, LARGE = 512, 8192
PART = 4  # the second stage is a quarter of the steps
RATE = 2e-3  # its peak learning rate


def measure(study, plan):
    """A row for each way: perplexity by seed, and its ratio to large from scratch."""
    last = plan.steps // PART

    def staged(seed, memory):
        first = plan.case(seed, memory=SMALL, steps=plan.steps - last)
        about = dict(steps=last, before=first, learning_rate=RATE)
        return plan.case(seed, memory=memory, **about), {}

    ways = {
        f"{LARGE} from scratch": lambda seed: (plan.case(seed, memory=LARGE), {}),
        f"{SMALL}, finetuned with {LARGE}": lambda seed: staged(seed, LARGE),
        f"{SMALL}, finetuned with {SMALL}": lambda seed: staged(seed, SMALL),
        f"{SMALL} from scratch, read with {LARGE}": lambda seed: (
            plan.case(seed, memory=SMALL),
            dict(memory=LARGE),
        ),
        f"{SMALL} from scratch": lambda seed: (plan.case(seed, memory=SMALL), {}),
    }
    found = perplexities(study, plan, ways)
    base = next(iter(found.values()))
    rows = [dict(way=w, perplexity=x, ratio=ratios(x, base)) for w, x in found.items()]
    return dict(rows=rows)


def rows(result):
    """The table: a line for each way."""
    lines = [("way to spend the steps", "perplexity", "ratio")]
    for x in result["rows"]:
        lines.append((x["way"], within(x["perplexity"], 2), within(x["ratio"])))
    return lines


def verdict(result):
    """What was found, in a sentence."""
    scratch, tuned, _, read, _ = (center(x["ratio"]) for x in result["rows"])
    better = "beats" if tuned < scratch else "does not beat"
    said = f"{SMALL}, then {LARGE} {better} {LARGE} from scratch ({tuned:.3f} of it)"
    return f"{said}; without finetuning: {read:.3f}"


def draw(result):
    """A bar for each way, its ratio to the large memory from scratch."""
    label = f"perplexity, {LARGE} from scratch = 1"
    return bars(verdict(result), label, {x["way"]: x["ratio"] for x in result["rows"]})
