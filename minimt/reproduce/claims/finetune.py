"""Claim: after training with a small memory, it pays to finetune with a large one.

The same number of steps on the same text can be spent in several ways: with the large
memory from scratch; with the small one, then with the large one for the last quarter of
the steps; or with the small one, then with the small one again, which shows what the
second stage's new warm-up does by itself. A model trained with the small memory from
scratch is evaluated with either memory. All this is repeated with fewer steps, with
more steps, and with a model of half the width, to show the trend. The paper finetuned
its largest memories in this way (Table 5).
"""

from functools import partial

from ... import figures
from ..charts import curve
from ..results import mean, mean_std, perplexities, ratios

SMALL, LARGE = 512, 8192
PART = 4  # the second stage is a quarter of the steps
RATE = 2e-3  # its peak learning rate
LENGTHS = 0.5, 1, 2  # times the plan's steps
CONFIGURATIONS = {  # name: memory in the first stage, in any second one, for reading
    f"{LARGE} from scratch": (LARGE, None, LARGE),
    f"{SMALL}, finetuned with {LARGE}": (SMALL, LARGE, LARGE),
    f"{SMALL}, finetuned with {SMALL}": (SMALL, SMALL, SMALL),
    f"{SMALL} from scratch, read with {LARGE}": (SMALL, None, LARGE),
    f"{SMALL} from scratch": (SMALL, None, SMALL),
}
SCRATCH, TUNED, *_ = CONFIGURATIONS
COLOURS = figures.BLUE, figures.GREEN, figures.ORANGE, figures.GREY
LOOKS = dict(zip(list(CONFIGURATIONS)[1:], zip(COLOURS, "o^sD")))


def measure(study, plan):
    """A row for each size and configuration: perplexity by seed, ratio to the first."""
    width = plan.base.embed
    sizes = [(width, plan.steps)]
    if not plan.quick:
        sizes = [(width, round(times * plan.steps)) for times in LENGTHS]
        sizes.append((width // 2, plan.steps))
    configurations = {
        (*size, name): partial(spend, plan, *size, *memories)
        for size in sizes
        for name, memories in CONFIGURATIONS.items()
    }
    found = perplexities(study, plan, configurations)
    rows = []
    for (embed, steps, name), x in found.items():
        row = dict(embed=embed, steps=steps, configuration=name, perplexity=x)
        rows.append(row | dict(ratio=ratios(x, found[embed, steps, SCRATCH])))
    return dict(rows=rows)


def spend(plan, embed, steps, first, second, reads, seed):
    """How to spend the steps: the case, and the changes to read it with."""
    last = steps // PART if second else 0
    case = plan.case(seed, embed=embed, memory=first, steps=steps - last)
    if second:
        stage = dict(steps=last, before=case, learning_rate=RATE)
        case = plan.case(seed, embed=embed, memory=second, **stage)
    return case, dict(memory=reads)


def by_size(result):
    """The rows of each size: {(embed, steps): {configuration: row}}."""
    found = {}
    for row in result["rows"]:
        found.setdefault((row["embed"], row["steps"]), {})[row["configuration"]] = row
    return found


def rows(result):
    """The table: a line for each configuration, a column for each size."""
    found = by_size(result)
    heads = [f"width {embed}, {steps} steps" for embed, steps in found]
    lines = [("perplexity ratio, by how the steps are spent", *heads)]
    for name in CONFIGURATIONS:
        lines.append((name, *[mean_std(of[name]["ratio"]) for of in found.values()]))
    perplexity = [mean_std(of[SCRATCH]["perplexity"], 1) for of in found.values()]
    return [*lines, (f"perplexity of {SCRATCH}", *perplexity)]


def verdict(result):
    """What was found, in a sentence."""
    width = result["model"]["embed"]
    found = {
        steps: mean(of[TUNED]["ratio"])
        for (embed, steps), of in by_size(result).items()
        if embed == width
    }
    beats = "beats" if list(found.values())[-1] < 1 else "does not beat"
    times = ", ".join(f"{x:.2f}" for x in found.values())
    after = ", ".join(map(str, found))
    return (
        f"Finetuning a memory of {SMALL} with {LARGE} {beats} {LARGE} from scratch: "
        f"{times} times its perplexity after {after} steps"
    )


def draw(result):
    """Each configuration's ratio to the large memory from scratch, by size."""
    label = f"perplexity, {SCRATCH} = 1"
    figure, ax = figures.axes(verdict(result), "", label)
    found = by_size(result)
    for name, (color, marker) in LOOKS.items():
        values = [of[name]["ratio"] for of in found.values()]
        style = dict(color=color, marker=marker, linestyle="", label=name)
        curve(ax, range(len(found)), values, **style)
    ax.axhline(1, color=figures.GREY, linestyle=":")
    names = [f"width {embed},\n{steps} steps" for embed, steps in found]
    ax.set_xticks(range(len(found)), names)
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    return figure
