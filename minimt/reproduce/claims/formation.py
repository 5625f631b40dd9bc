"""Does lookup form by itself? An ordinary start, trained as long as can be afforded.

Training goes in legs, each with a warm-up and a decay of its own, so that the model can
be judged after each: its perplexity with its memory and without, and what a document
costs less when it is read for the second time. The lookup start's first leg stands
beside it.
"""

import numpy as np

from ... import figures
from ...evaluate import read_twice

LEGS, LONGER = 6, 5  # a leg has so many times the steps of the plan
FORMED = 0.1  # nats that a second reading saves where there is lookup
LARGE = 8192  # the memory in which documents are read twice


def measure(study, plan):
    """A row for each start and leg: perplexity with memory, without; second readings.

    One seed: all the time there is goes into the length of one training.
    """
    seed, steps = plan.seeds[0], plan.steps * (1 if plan.quick else LONGER)
    legs, case = [], None
    for _ in range(2 if plan.quick else LEGS):
        case = plan.case(seed, start="ordinary", steps=steps, before=case)
        legs.append(case)
    cases = [plan.case(seed, steps=steps), *legs]
    study.train(cases)
    found = study.map(judge, [(study.shelf, case) for case in cases], "judge")
    rows = [dict(start="lookup", steps=steps, **found[0])]
    for leg, x in enumerate(found[1:], 1):
        rows.append(dict(start="ordinary", steps=leg * steps, **x))
    return dict(rows=rows)


def judge(shelf, case):
    """Perplexity with memory and without, and nats that second readings save."""
    with_it, without = (
        float(np.exp(np.concatenate(shelf.read(case, changes)).mean()))
        for changes in ({}, dict(memory=0))
    )
    model, docs = shelf.model(case, memory=LARGE), shelf.corpus(case).held.docs
    twice = read_twice(model, docs)
    saved = twice and twice["saved"]
    return dict(perplexity=with_it, without_memory=without, second_reading_saves=saved)


def rows(result):
    """The table: a line for each leg."""
    lines = [("start, steps", "with memory", "without", "second reading saves")]
    for x in result["rows"]:
        saved = x["second_reading_saves"]
        twice = "–" if saved is None else f"{saved:.3f} nats"
        cells = f"{x['perplexity']:.2f}", f"{x['without_memory']:.2f}", twice
        lines.append((f"{x['start']}, {x['steps']}", *cells))
    return lines


def verdict(result):
    """What was found, in a sentence."""
    legs = [x for x in result["rows"] if x["start"] == "ordinary"]
    formed = [x["steps"] for x in legs if (x["second_reading_saves"] or 0) > FORMED]
    if formed:
        return f"From an ordinary start lookup forms by itself within {formed[0]} steps"
    last = legs[-1]["steps"]
    return f"From an ordinary start lookup does not form by itself in {last} steps"


def draw(result):
    """What second readings save, and what memory saves, by the steps."""
    label = "nats saved per token"
    figure, ax = figures.axes(verdict(result), "steps of 1,024 tokens", label)
    lookup, *legs = result["rows"]
    steps = [x["steps"] for x in legs]
    twice = [x["second_reading_saves"] or 0 for x in legs]
    first = [np.log(x["without_memory"] / x["perplexity"]) for x in legs]
    ax.plot(steps, twice, **figures.WITH | dict(label="by a second reading"))
    ax.plot(steps, first, **figures.WITHOUT | dict(label="by memory, first reading"))
    goal = lookup["second_reading_saves"] or 0
    label = f"by a second reading, lookup start, {lookup['steps']} steps"
    ax.axhline(goal, color=figures.GREY, linestyle=":", label=label)
    ax.legend(frameon=False)
    return figure
