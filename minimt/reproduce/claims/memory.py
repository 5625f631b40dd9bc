"""Claim: a larger memory lowers perplexity on every kind of text (the paper's Table 4).

For each size of memory, a model with a Transformer-XL cache and one without are trained
on the same batches. Perplexity is measured on held-out documents, and given as a ratio
to that of the model with neither memory nor cache.
"""

from functools import partial
from itertools import pairwise, product

from ... import figures
from ..charts import curve
from ..results import mean, mean_std, perplexities, ratios

SIZES, CACHES = (0, 512, 2048, 8192), (0, 64)


def measure(study, plan):
    """A row for each text, cache and memory: perplexities by seed, and their ratios."""
    plan = plan.written()

    def case_of(text, cache, memory, seed):
        return plan.case(seed, text, cache=cache, memory=memory), {}

    settings = list(product(plan.texts, CACHES, SIZES))
    found = perplexities(study, plan, {x: partial(case_of, *x) for x in settings})
    rows = []
    for text, cache, memory in settings:
        row = dict(text=text, cache=cache, memory=memory)
        row["perplexity"] = found[text, cache, memory]
        row["ratio"] = ratios(row["perplexity"], found[text, 0, 0])
        rows.append(row)
    return dict(rows=rows)


def rows(result):
    """The table: a line for each text and cache, a column for each memory."""
    lines = [("perplexity ratio", "cache", *(f"memory {M}" for M in SIZES))]
    for text, cache in product(result["texts"], CACHES):
        lines.append((text, cache, *map(mean_std, _ratios(result, text, cache))))
    return lines


def _ratios(result, text, cache):
    """For each memory, the ratios by seed."""
    found = {(x["text"], x["cache"], x["memory"]): x["ratio"] for x in result["rows"]}
    return [found[text, cache, memory] for memory in SIZES]


def verdict(result):
    """What was found, in a sentence."""
    gains, holds = [], 0
    for at in product(result["texts"], CACHES):
        means = list(map(mean, _ratios(result, *at)))
        gains.append(1 - means[-1] / means[0])
        holds += all(a > b for a, b in pairwise(means))
    gain = f"{min(gains):.0%} to {max(gains):.0%}"
    lowers = f"A memory of {SIZES[-1]} lowers perplexity by {gain}"
    return f"{lowers}; each larger size helps further in {holds} of {len(gains)} cases"


def draw(result):
    """Ratios by the size of the memory, a panel for each text."""
    figure, panels = figures.panels(verdict(result), len(result["texts"]))
    for ax, text in zip(panels, result["texts"]):
        for cache, style in zip(CACHES, (figures.WITHOUT, figures.WITH)):
            style = style | dict(label=f"cache of {cache}")
            curve(ax, range(len(SIZES)), _ratios(result, text, cache), **style)
        ax.set(title=text, xlabel="memory in tokens")
        ax.set_xticks(range(len(SIZES)), SIZES)
    panels[0].set_ylabel("perplexity, neither = 1")
    panels[0].legend(frameon=False)
    return figure
