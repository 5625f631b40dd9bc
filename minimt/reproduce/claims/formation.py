"""Does lookup form by itself, from random weights, in as many steps as we can afford?

Training proceeds in stages, each with its own warm-up and decay, so that the model can
be judged after each of them: by its perplexity with its memory and without, and by how
much less a document costs when it is read for the second time. The first stage of a
model with the induction initialisation is shown for comparison.
"""

import numpy as np

from ... import figures
from ...evaluate import read_twice

STAGES, LONGER = 6, 5  # a stage has LONGER times the steps of the plan
FORMED = 0.1  # nats that a second reading saves once there is lookup
LARGE = 8192  # the memory in which documents are read twice


def measure(study, plan):
    """A row for each initialisation and stage: perplexities, and second readings.

    There is one seed, so that all the time goes into one long training.
    """
    seed, steps = plan.seeds[0], plan.steps * (1 if plan.quick else LONGER)
    stages, case = [], None
    for _ in range(2 if plan.quick else STAGES):
        case = plan.case(seed, init="random", steps=steps, before=case)
        stages.append(case)
    cases = [plan.case(seed, steps=steps), *stages]
    study.train(cases)
    found = study.map(judge, [(study.trained, case) for case in cases], "judge")
    rows = [dict(init="induction", steps=steps, **found[0])]
    for stage, x in enumerate(found[1:], 1):
        rows.append(dict(init="random", steps=stage * steps, **x))
    return dict(rows=rows)


def judge(trained, case):
    """Perplexity with memory and without, and the nats that second readings save."""
    with_it, without = (
        float(np.exp(np.concatenate(trained.read(case, changes)).mean()))
        for changes in ({}, dict(memory=0))
    )
    model, docs = trained.model(case, memory=LARGE), trained.corpus(case).held.docs
    twice = read_twice(model, docs)
    saved = twice and twice["saved"]
    return dict(perplexity=with_it, without_memory=without, second_reading_saves=saved)


def rows(result):
    """The table: a line for each stage."""
    saves = "second reading saves"
    lines = [("initialisation, steps", "perplexity", "without memory", saves)]
    for x in result["rows"]:
        saved = x["second_reading_saves"]
        twice = "–" if saved is None else f"{saved:.3f} nats"
        cells = f"{x['perplexity']:.2f}", f"{x['without_memory']:.2f}", twice
        lines.append((f"{x['init']}, {x['steps']}", *cells))
    return lines


def verdict(result):
    """What was found, in a sentence."""
    stages = [x for x in result["rows"] if x["init"] == "random"]
    formed = [x["steps"] for x in stages if (x["second_reading_saves"] or 0) > FORMED]
    if formed:
        return f"From random weights, lookup forms by itself within {formed[0]} steps"
    last = stages[-1]["steps"]
    return f"From random weights, lookup does not form by itself within {last} steps"


def draw(result):
    """What second readings save, and what memory saves, by the number of steps."""
    label = "nats saved per token"
    figure, ax = figures.axes(verdict(result), "steps of 1,024 tokens", label)
    induction, *stages = result["rows"]
    steps = [x["steps"] for x in stages]
    twice = [x["second_reading_saves"] or 0 for x in stages]
    first = [np.log(x["without_memory"] / x["perplexity"]) for x in stages]
    ax.plot(steps, twice, **figures.WITH | dict(label="by a second reading"))
    ax.plot(steps, first, **figures.WITHOUT | dict(label="by memory, first reading"))
    goal = induction["second_reading_saves"] or 0
    label = f"by a second reading, induction initialisation, {induction['steps']} steps"
    ax.axhline(goal, color=figures.GREY, linestyle=":", label=label)
    ax.legend(frameon=False)
    return figure
