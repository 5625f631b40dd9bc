"""Results: what a claim's command finds, and writes as JSON, figure and page."""

import importlib
import json
import statistics
import time
from dataclasses import asdict

import numpy as np

from .. import figures
from ..console.report import table
from ..corpus import digest
from ..environment import machine, versions
from ..files import replace_file, write_json


def reproduce(name, plan, study, command):
    """Measure a claim: its result, with all that a reader needs to judge or repeat it.

    Its module has measure(study, plan) → dict, and of that rows, verdict and draw.
    """
    began = time.perf_counter()
    found = module(name).measure(study, plan)
    kept = study.used  # {case: what is kept of it}
    texts = {
        text: describe(source)
        for text, source in plan.texts.items()
        if any(case.source == source for case in kept)
    }
    about = dict(claim=name, command=command, quick=plan.quick)
    about["seeds"] = sorted({case.first_seed for case in kept})
    about["starts"] = sorted({case.config.start for case in kept})
    about["steps"] = sorted({case.training.steps for case in kept})
    about["model"] = asdict(plan.base)
    about |= dict(texts=texts, versions=versions(), machine=machine())
    training = sum(x["seconds"] for x in kept.values())
    seconds = dict(training=training, command=time.perf_counter() - began)
    result = about | dict(seconds=seconds) | found
    return json.loads(json.dumps(result))  # as those will see it who read the file


def module(name):
    """The module of a claim."""
    return importlib.import_module(f"{__package__}.claims.{name}")


def describe(source):
    """What a text is made of, by which others can tell whether theirs is the same."""
    documents = source.read()
    size = sum(len(text.encode()) for _, text in documents)
    return dict(documents=len(documents), bytes=size, sha256=digest(documents))


def write(folder, result):
    """Write NAME.json, NAME.png and NAME.md, the page that shows both."""
    name = result["claim"]
    figures.save(module(name).draw(result), folder / f"{name}.png")
    replace_file(folder / f"{name}.md", page(result).encode())
    write_json(folder / f"{name}.json", result)


def page(result):
    """A result as Markdown: what was found, the figure, the table, how it was made."""
    name, claim = result["claim"], module(result["claim"])
    lines = [f"# {name}: {claim.verdict(result)}", "", claim.__doc__.strip(), ""]
    lines += [f"![{claim.verdict(result)}]({name}.png)", ""]
    lines += markdown(claim.rows(result))
    return "\n".join([*lines, "", *origin(result)]) + "\n"


def text(result):
    """A result for a terminal: what was found, and the table."""
    claim = module(result["claim"])
    cells = [[str(cell) for cell in row] for row in claim.rows(result)]
    return f"{claim.verdict(result)}\n\n{table(cells)}"


def markdown(rows):
    """A table in Markdown, of rows of cells; the first row is the head."""
    head, *body = [[str(cell) for cell in row] for row in rows]
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *body]
    return ["| " + " | ".join(line) + " |" for line in lines]


def origin(result):
    """How a result was made: command, texts, seeds, versions, seconds."""
    texts = (
        f"{name} ({x['documents']} documents, {x['bytes'] / 1e6:.1f} MB)"
        for name, x in result["texts"].items()
    )
    seeds, versions = result["seeds"], result["versions"]
    seeds = f"Seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"
    seconds, cores = result["seconds"], result["machine"]["cores"]
    starts, steps = " and ".join(result["starts"]), ", ".join(map(str, result["steps"]))
    return [
        f"    {result['command']}",
        "",
        f"Texts: {', '.join(texts)}. {seeds}; {steps} steps of 1,024 "
        f"tokens; {starts} start. Python {versions['python']}, torch "
        f"{versions['torch']}, {cores} cores; its trainings took "
        f"{seconds['training'] / 60:.0f} minutes on one core each, this command "
        f"{seconds['command'] / 60:.0f} minutes with what had been trained before.",
    ]


def perplexities(study, plan, ways):
    """Train and read each way for each seed: {way: [held-out perplexity by seed]}.

    ways: {way: a function from the seed to (case, changes to read it with)}.
    """
    wanted = [
        (way, *of_seed(seed)) for way, of_seed in ways.items() for seed in plan.seeds
    ]
    wanted.sort(key=lambda x: (x[1].source.data, x[1].first_seed))  # read once each
    study.train([case for _, case, _ in wanted])
    nats = study.read([(case, changes) for _, case, changes in wanted])
    found = {way: [] for way in ways}
    for (way, *_), x in zip(wanted, nats):
        found[way].append(float(np.exp(np.concatenate(x).mean())))
    return found


def ratios(values, base):
    """Of two lists by seed, seed by seed: held-out documents differ between seeds."""
    return [x / y for x, y in zip(values, base)]


def center(values):
    """Mean of the seeds."""
    return statistics.fmean(values)


def spread(values):
    """Standard deviation over the seeds; 0 where there is one."""
    return statistics.stdev(values) if len(values) > 1 else 0.0


def within(values, digits=3):
    """Mean ± standard deviation over the seeds, as text."""
    about = f" ± {spread(values):.{digits}f}" if len(values) > 1 else ""
    return f"{center(values):.{digits}f}{about}"
