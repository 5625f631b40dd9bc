"""Claim: a larger memory can come after training, at little cost (Table 5).

In the paper, a model trained with a memory of 8K tokens went on for 4% of its steps
with 65K. Its perplexity on arXiv fell from 2.37 to 2.32. A model that had 65K from its
first step reached 2.31, in more than twice the time. Here a model is trained with a
memory of 512, until its learning rate has decayed. Then it is given a larger one:

- It is only read with the larger memory.
- It is trained with the larger memory for 4% or 10% more steps. As a control, which the
  paper does not report, it is trained for as many more steps with a memory of 512, and
  then read with the larger.
- For comparison, a model has the larger memory from its first step. It is trained for
  as many steps as the model with 512, or else for as much time as that model's training
  takes together with 4% more steps with the larger memory.

Time is the number of steps times the median time of a step, as measured in training on
one core. What is the same for all models, such as a first stage of repetition, is not
counted.
"""

from functools import partial
from statistics import median
from typing import NamedTuple

from ... import figures
from ..charts import BESIDE
from ..results import between, mean, mean_std, perplexities, ratios

SMALL, LARGE = 512, (8192, 32768)
LONGER = 3  # times the plan's steps: a few per cent must be enough to fill a memory
SHARES = (0.04, 0.1)  # of the steps that the model was trained for
RATE = 3e-4  # peak learning rate of the additional steps, low as training had ended

# How the models are trained. What they are read with is the larger memory.
READ = f"with {SMALL}"
CONTROL = [f"{READ}, then {share:.0%} more steps with {SMALL}" for share in SHARES]
TUNED = [f"{READ}, then {share:.0%} more steps with the larger" for share in SHARES]
SAME_TIME = f"with the larger, as long as {SHARES[0]:.0%} more steps take"
SCRATCH = "with the larger, as many steps as with the small"

FIRST = dict(color="black", marker="*", linestyle="", markersize=9)
SLOWER = dict(color=figures.GREEN, marker="D", linestyle=":")
STYLES = {  # of what is read with the larger memory
    "the larger from the first step": ([SAME_TIME, SCRATCH], SLOWER),
    f"more steps with {SMALL}": ([READ, *CONTROL], figures.WITHOUT),
    "more steps with the larger": ([READ, *TUNED], figures.WITH),
}


class Stages(NamedTuple):
    """Steps with a first memory, then more steps with a second; read with `reads`."""

    first: int
    steps: int
    reads: int
    second: int = SMALL
    more: int = 0

    def time(self, step):
        """How long it takes, if a step with memory M takes step[M]."""
        return self.steps * step[self.first] + self.more * step[self.second]

    def case(self, plan, seed):
        """The case to train, and what to change when it is read."""
        case = plan.case(seed, memory=self.first, steps=self.steps)
        if self.more:
            stage = dict(before=case, steps=self.more, learning_rate=RATE)
            case = plan.case(seed, memory=self.second, **stage)
        return case, dict(memory=self.reads)


def measure(study, plan):
    """A row for each memory and training: steps, time, perplexity and ratio by seed."""
    steps, large = LONGER * plan.steps, LARGE[:1] if plan.quick else LARGE
    whole = {M: Stages(M, steps, reads=M) for M in (SMALL, *large)}
    step = step_times(study, plan, whole)
    configurations = {(SMALL, READ): whole[SMALL]}
    for M in large:
        configurations[M, READ] = Stages(SMALL, steps, M)
        for share, control, tuned in zip(SHARES, CONTROL, TUNED):
            more = round(share * steps)
            configurations[M, control] = Stages(SMALL, steps, M, SMALL, more)
            configurations[M, tuned] = Stages(SMALL, steps, M, M, more)
        time = configurations[M, TUNED[0]].time(step)
        configurations[M, SAME_TIME] = Stages(M, round(time / step[M]), M)
        configurations[M, SCRATCH] = whole[M]
    found = perplexities(
        study, plan, {at: partial(x.case, plan) for at, x in configurations.items()}
    )
    rows = []
    for (M, name), x in configurations.items():
        row = dict(memory=M, training=name, steps=x.steps + x.more)
        row |= dict(time=x.time(step) / steps, perplexity=found[M, name])
        rows.append(row | dict(ratio=ratios(found[M, name], found[SMALL, READ])))
    return dict(rows=rows)


def step_times(study, plan, whole):
    """How long a step with each memory takes, relative to one with the small memory.

    Rounded to a tenth: timings vary, but what is trained for as long must not.
    """
    cases = {
        M: [x.case(plan, seed)[0] for seed in plan.seeds] for M, x in whole.items()
    }
    study.train([case for some in cases.values() for case in some])
    seconds = {
        M: median(study.used[x]["seconds"] for x in some) for M, some in cases.items()
    }
    return {M: round(x / seconds[SMALL], 1) for M, x in seconds.items()}


def rows(result):
    """The table: a line for each memory and training."""
    heads = "steps", "time", "perplexity", "ratio", "over the control"
    lines = [("read with", "trained", *heads)]
    found = {(x["memory"], x["training"]): x["perplexity"] for x in result["rows"]}
    for x in result["rows"]:
        M, training = x["memory"], x["training"]
        control, over = dict(zip(TUNED, CONTROL)).get(training), "–"
        if control:
            over = mean_std(ratios(x["perplexity"], found[M, control]))
        cells = f"{x['time']:.2f}", mean_std(x["perplexity"], 2), mean_std(x["ratio"])
        lines.append((M, training, x["steps"], *cells, over))
    return lines


def verdict(result):
    """What was found, in a sentence, for all larger memories."""
    _, *others = result["rows"]
    found = {
        name: [x for x in others if x["training"] == name]
        for name in (READ, TUNED[-1], SCRATCH)
    }
    at = {
        name: between([1 - mean(x["ratio"]) for x in rows], ".0%")
        for name, rows in found.items()
    }
    times = between([x["time"] for x in found[SCRATCH]], ".1f")
    return (
        f"A larger memory lowers perplexity by {at[READ]} after training, by "
        f"{at[TUNED[-1]]} with {SHARES[-1]:.0%} more steps; from the first step, by "
        f"{at[SCRATCH]} in {times} times the time"
    )


def draw(result):
    """Perplexity by the time of training, a panel for each larger memory."""
    (first, *others) = result["rows"]
    memories = list(dict.fromkeys(x["memory"] for x in others))
    figure, panels = figures.panels(verdict(result), len(memories), height=4.2)
    for ax, M in zip(panels, memories):
        found = {x["training"]: x for x in others if x["memory"] == M}
        for label, (names, style) in STYLES.items():
            times = [found[name]["time"] for name in names]
            ratios = [mean(found[name]["ratio"]) for name in names]
            ax.plot(times, ratios, **style | dict(label=label))
        ax.plot(first["time"], mean(first["ratio"]), **FIRST)
        said = f"trained and\nread with {SMALL}"
        ax.annotate(said, (first["time"], 1), (9, 0), va="center", **BESIDE)
        ax.set_xlabel("training time, where ★ is 1")
        figures.headline(ax, f"read with a memory of {M:,}")
    panels[0].legend(frameon=False, fontsize=figures.SIZE, loc="upper right")
    figure.supylabel("perplexity, where ★ is 1", fontsize=10)
    if len(first["ratio"]) > 1:
        said = f"Means of {len(first['ratio'])} seeds; the table has their deviations."
        figures.note(figure, said)
    return figure
