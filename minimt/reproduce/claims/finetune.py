"""Claim: after training with a small memory, finetuning with a large one pays.

Three ways to spend the same steps on the same text: the large memory from scratch; the
small one, then the large one for the last quarter of the steps; the small one, then the
small one again, which shows what the second stage's new warm-up does by itself. And two
models as they are after the small one's steps, read with either memory. All of it again
with fewer steps, with more, and with a model of half the width, to see where it tends.
The paper finetuned its largest memories in this way (Table 5).
"""

from functools import partial

from ... import figures
from ..charts import curve
from ..results import center, perplexities, ratios, within

SMALL, LARGE = 512, 8192
PART = 4  # the second stage is a quarter of the steps
RATE = 2e-3  # its peak learning rate
LENGTHS = 0.5, 1, 2  # times the plan's steps
WAYS = {  # name: memory of the only or first stage, of the second, memory to read with
    f"{LARGE} from scratch": (LARGE, None, LARGE),
    f"{SMALL}, finetuned with {LARGE}": (SMALL, LARGE, LARGE),
    f"{SMALL}, finetuned with {SMALL}": (SMALL, SMALL, SMALL),
    f"{SMALL} from scratch, read with {LARGE}": (SMALL, None, LARGE),
    f"{SMALL} from scratch": (SMALL, None, SMALL),
}
SCRATCH, TUNED, *_ = WAYS
COLOURS = figures.BLUE, figures.GREEN, figures.ORANGE, figures.GREY
LOOKS = dict(zip(list(WAYS)[1:], zip(COLOURS, "o^sD")))


def measure(study, plan):
    """A row for each size and way: perplexity by seed, its ratio to the first way's."""
    width = plan.base.embed
    sizes = [(width, plan.steps)]
    if not plan.quick:
        sizes = [(width, round(times * plan.steps)) for times in LENGTHS]
        sizes.append((width // 2, plan.steps))
    wanted = {(*size, name): way for size in sizes for name, way in WAYS.items()}
    ways = {at: partial(spend, plan, *at[:2], *way) for at, way in wanted.items()}
    found = perplexities(study, plan, ways)
    rows = []
    for (embed, steps, name), x in found.items():
        row = dict(embed=embed, steps=steps, way=name, perplexity=x)
        rows.append(row | dict(ratio=ratios(x, found[embed, steps, SCRATCH])))
    return dict(rows=rows)


def spend(plan, embed, steps, first, second, reads, seed):
    """One way to spend the steps: the case, and the changes to read it with."""
    last = steps // PART if second else 0
    case = plan.case(seed, embed=embed, memory=first, steps=steps - last)
    if second:
        stage = dict(steps=last, before=case, learning_rate=RATE)
        case = plan.case(seed, embed=embed, memory=second, **stage)
    return case, dict(memory=reads)


def by_size(result):
    """The rows of each size: {(embed, steps): {way: row}}."""
    found = {}
    for row in result["rows"]:
        found.setdefault((row["embed"], row["steps"]), {})[row["way"]] = row
    return found


def rows(result):
    """The table: a line for each way, a column for each size."""
    found = by_size(result)
    heads = [f"width {embed}, {steps} steps" for embed, steps in found]
    lines = [("way to spend the steps: ratio", *heads)]
    for way in WAYS:
        lines.append((way, *[within(of[way]["ratio"]) for of in found.values()]))
    perplexity = [within(of[SCRATCH]["perplexity"], 1) for of in found.values()]
    return [*lines, (f"perplexity of {SCRATCH}", *perplexity)]


def verdict(result):
    """What was found, in a sentence."""
    width = result["model"]["embed"]
    found = {
        steps: center(of[TUNED]["ratio"])
        for (embed, steps), of in by_size(result).items()
        if embed == width
    }
    beats = "beats" if list(found.values())[-1] < 1 else "does not beat"
    said = ", ".join(f"{x:.2f}" for x in found.values())
    after = ", ".join(map(str, found))
    return (
        f"{SMALL}, then {LARGE} {beats} {LARGE} from scratch: "
        f"{said} of its perplexity after {after} steps"
    )


def draw(result):
    """Each way's ratio to the large memory from scratch, by size."""
    label = f"perplexity, {SCRATCH} = 1"
    figure, ax = figures.axes(verdict(result), "", label)
    found = by_size(result)
    for way, (color, marker) in LOOKS.items():
        values = [of[way]["ratio"] for of in found.values()]
        style = dict(color=color, marker=marker, linestyle="", label=way)
        curve(ax, range(len(found)), values, **style)
    ax.axhline(1, color=figures.GREY, linestyle=":")
    names = [f"width {embed},\n{steps} steps" for embed, steps in found]
    ax.set_xticks(range(len(found)), names)
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    return figure
