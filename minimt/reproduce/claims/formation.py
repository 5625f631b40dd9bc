"""When does a lookup form: on repeated chunks, on plain text, or not at all?

Models without a memory are trained in two ways, from each initialisation: on chunks of
text that are repeated, as in the first stage of the main job, and for as many steps on
plain text. A lookup has formed when a chunk of a probe costs less than half as much
when it is read again. After training, each model is given a memory of 8,192 tokens for
the first time, and reads held-out documents twice.

On plain text a lookup needs far longer. For 16 streams and segments of 64 tokens, the
law of Aoyama et al. (arXiv 2511.16893) predicts it after 15,700 steps (16 million
tokens), or after 22,100 (23 million) if the cache counts as context. So one model with
random weights also reads plain text for 26,000 steps, on one schedule of learning
rates. The band in the figure is this prediction, which was written down before the
model was trained. A lookup that forms in another layer than that of the memory is of no
use to a memory: then a second reading saves nothing.
"""

from ... import figures
from ...evaluate import read_twice
from ...formation import formed
from ..charts import BESIDE
from ..results import mean_std

INITS = "primed", "random", "induction"
STAGES = "repeated chunks", "plain text"
LONG = "plain text, for long"
LONG_STEPS, PREDICTED = 26_000, (15_700, 22_100)  # steps of 1,024 tokens
SEEDS = 5
LARGE = 8192  # the memory in which documents are read twice
SHOWN = "step", "first", "later"  # of a curve
LINES = dict(primed="-", random="--", induction="-.")
COLOURS = dict(primed=figures.BLUE, random=figures.ORANGE, induction=figures.GREEN)


def measure(study, plan):
    """A row for each initialisation and stage, by seed."""
    seeds = plan.seeds[:1] if plan.quick else range(SEEDS)
    cases = {
        (init, stage): [case_of(plan, init, stage, seed) for seed in seeds]
        for init in INITS
        for stage in STAGES
    }
    if not plan.quick:
        cases["random", LONG] = [case_of(plan, "random", LONG, seeds[0])]
    every = [case for found in cases.values() for case in found]
    every.sort(key=lambda case: -case.training.steps)  # the longest begins first
    study.train(every)
    saves = study.map(judge, [(study.trained, case) for case in every], "judging")
    saves = dict(zip(every, saves))
    rows = []
    for (init, stage), found in cases.items():
        curves = [study.used[case]["curve"] for case in found]
        curve = [{name: x[name] for name in SHOWN} for x in curves[0]]
        row = dict(init=init, stage=stage, curve=curve)
        row["steps"] = [curve[-1]["step"] for curve in curves]
        row["formed"] = [formed(curve) for curve in curves]
        rows.append(row | dict(saves=[saves[case] for case in found]))
    return dict(rows=rows)


def case_of(plan, init, stage, seed):
    """The training of an initialisation in a stage."""
    if stage == "repeated chunks":
        return plan.repetition(seed, init=init)
    steps = LONG_STEPS if stage == LONG else plan.training.repetition_steps
    return plan.watched(seed, steps=steps, init=init)


def judge(trained, case):
    """The nats that a second reading saves a model that is given a large memory."""
    model, docs = trained.model(case, memory=LARGE), trained.corpus(case).held.docs
    return read_twice(model, docs)["saved"]


def rows(result):
    """The table: a line for each initialisation and stage."""
    lines = [("initialisation, read", "lookup formed at step", "second reading saves")]
    for x in result["rows"]:
        steps = sorted(n for n in x["formed"] if n is not None)
        where = "–".join(map(str, dict.fromkeys(steps[:1] + steps[-1:])))
        count = f"{len(steps)} of {len(x['formed'])}"
        when = f"{where} ({count})" if steps else f"never in {max(x['steps'])}"
        saves = f"{mean_std(x['saves'])} nats"
        lines.append((f"{x['init']}, {x['stage']}", when, saves))
    return lines


def verdict(result):
    """What was found, in a sentence."""
    found = {(x["init"], x["stage"]): x for x in result["rows"]}
    steps = found["primed", "repeated chunks"]["formed"]
    sure = [n for n in steps if n is not None]
    if not sure:
        return "No lookup forms, even where chunks are repeated"
    plain = [
        x
        for x in result["rows"]
        if x["stage"] != STAGES[0] and x["init"] != "induction"
    ]
    late = [(n, x["init"]) for x in plain for n in x["formed"] if n is not None]
    longest = max(n for x in plain for n in x["steps"])
    other = f"on plain text none forms in {longest:,}"
    if late:
        n, init = min(late)
        other = f"on plain text, a {init} one does by step {n:,}"
    return (
        "On repeated chunks, a primed model learns a lookup within "
        f"{max(sure)} steps ({len(sure)} of {len(steps)} seeds); {other}"
    )


def draw(result):
    """What later readings cost by step, a panel for each way of reading."""
    figure, panels = figures.panels(verdict(result), 2, height=4.2)
    for ax, stages in zip(panels, (STAGES[:1], (STAGES[1], LONG))):
        rows, ends = [x for x in result["rows"] if x["stage"] in stages], {}
        for x in rows:
            points = [point for point in x["curve"] if point["step"]]
            steps = [point["step"] for point in points]
            shares = [point["later"] / point["first"] for point in points]
            line, colour = LINES[x["init"]], COLOURS[x["init"]]
            ax.plot(steps, shares, line, color=colour, label=x["init"])
            if points:
                ends[x["init"]] = steps[-1], shares[-1], colour
        ax.axhline(1 / 2, color=figures.GREY, linestyle=":")
        if any(x["stage"] == LONG for x in rows):
            ax.axvspan(*PREDICTED, color=figures.GREY, alpha=0.3, linewidth=0)
            first, last = PREDICTED
            said = f"the law\npredicts\nstep {first:,}\nto {last:,}"
            ends[said] = last, 0.9, figures.GREY
        ax.set(ylim=(0, 1.12), xlabel="step of 1,024 tokens")
        if ends:  # a very short training was watched at step 0 alone
            ax.set_xscale("log")
        figures.headline(ax, f"cost of a later reading, first = 1:\n{stages[0]}")
        figures.label_ends(ax, ends)
    style = dict(xycoords=("axes fraction", "data"), ha="right") | BESIDE
    panels[0].annotate(
        "below this\nline, a lookup\nhas formed", (1, 1 / 2), (0, 4), **style
    )
    return figure
