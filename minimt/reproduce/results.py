"""Results: what the command for a claim finds, and writes as JSON, figure and page."""

import importlib
import json
import statistics
import time
from dataclasses import asdict

import numpy as np

from .. import figures
from ..corpus import digest
from ..environment import machine, versions
from ..files import replace_file, write_json
from .trained import documents


def reproduce(name, plan, study, command):
    """Measure a claim; returns its result, with what is needed to judge or repeat it.

    Its module has measure(study, plan) → dict, and rows, verdict and draw of that dict.
    """
    began = time.perf_counter()
    found = module(name).measure(study, plan)
    used = study.used  # {case: losses and seconds of its training}
    texts = {
        text: describe(source)
        for text, source in plan.texts.items()
        if any(case.source == source for case in used)
    }
    result = dict(claim=name, command=command, quick=plan.quick)
    result["seeds"] = sorted({case.first_seed for case in used})
    result["initialisations"] = sorted({case.config.init for case in used})
    result["steps"] = sorted({case.training.steps for case in used})
    result["model"] = asdict(plan.base)
    result |= dict(texts=texts, versions=versions(), machine=machine())
    result["device"] = study.trained.device
    training = sum(x["seconds"] for x in used.values())
    result["seconds"] = dict(training=training, command=time.perf_counter() - began)
    return json.loads(json.dumps(result | found))  # as a reader of the file will see it


def module(name):
    """The module of a claim."""
    return importlib.import_module(f"{__package__}.claims.{name}")


def describe(source):
    """The size and hash of a text, by which others can tell if theirs is the same."""
    texts = documents(source)
    size = sum(len(text.encode()) for _, text in texts)
    return dict(documents=len(texts), bytes=size, sha256=digest(texts))


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
    mark = "<!-- written by minimt -->"  # by which it is never taken for a text
    return "\n".join([*lines, "", *origin(result), "", mark]) + "\n"


def markdown(rows):
    """Rows of cells as a Markdown table; the first row is its head."""
    head, *body = [[str(cell) for cell in row] for row in rows]
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *body]
    return ["| " + " | ".join(line) + " |" for line in lines]


def origin(result):
    """How a result was made: command, texts, seeds, versions, seconds."""
    texts = (
        f"{name} ({x['documents']} documents, {x['bytes'] / 1e6:.1f} MB)"
        for name, x in result["texts"].items()
    )
    seed, steps = (", ".join(map(str, result[name])) for name in ("seeds", "steps"))
    plural = "s" * (len(result["seeds"]) > 1)
    init = " and ".join(result["initialisations"])
    seconds, versions = result["seconds"], result["versions"]
    cores, device = result["machine"]["cores"], "one core each"
    if result.get("device", "cpu") != "cpu":  # older results have none
        device = f"{result['machine']['accelerator']}, several at a time"
    return [
        f"    {result['command']}",
        "",
        f"Texts: {', '.join(texts)}. Seed{plural} {seed}; stages of {steps} steps of "
        f"1,024 tokens; {init} initialisation. Python {versions['python']}, torch "
        f"{versions['torch']}, {cores} cores. Training all models took "
        f"{seconds['training'] / 60:.0f} minutes, on {device}; this command "
        f"took {seconds['command'] / 60:.0f} minutes and reused what had already been "
        "trained.",
    ]


def perplexities(study, plan, configurations):
    """Train and read each configuration for each seed: {name: [perplexity by seed]}.

    configurations: {name: a function from the seed to (case, changes to read it with)}.
    """
    wanted = [
        (name, *of_seed(seed))
        for name, of_seed in configurations.items()
        for seed in plan.seeds
    ]
    # In this order, each corpus is read only once.
    wanted.sort(key=lambda x: (x[1].source.data, x[1].first_seed))
    study.train([case for _, case, _ in wanted])
    nats = study.read([(case, changes) for _, case, changes in wanted])
    found = {name: [] for name in configurations}
    for (name, *_), x in zip(wanted, nats):
        found[name].append(float(np.exp(np.concatenate(x).mean())))
    return found


def ratios(values, base):
    """Ratios of two lists, seed by seed, since held-out documents differ by seed."""
    return [x / y for x, y in zip(values, base)]


def mean(values):
    """Mean over the seeds."""
    return statistics.fmean(values)


def std(values):
    """Standard deviation over the seeds; 0 if there is only one."""
    return statistics.stdev(values) if len(values) > 1 else 0.0


def mean_std(values, digits=3):
    """Mean ± standard deviation over the seeds, as text."""
    deviation = f" ± {std(values):.{digits}f}" if len(values) > 1 else ""
    return f"{mean(values):.{digits}f}{deviation}"


def between(values, style):
    """The range of some values as text; one number if all are the same as text."""
    low, high = (format(x, style) for x in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"
