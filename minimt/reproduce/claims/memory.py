"""Claim: a larger memory lowers perplexity on every kind of text (the paper's Table 4).

A model for each size of memory, with a Transformer-XL cache and without, reads the same
batches. Perplexity is of held-out documents, given as a ratio to that of the model with
neither.
"""

from functools import partial
from itertools import pairwise, product

from ... import figures
from ..charts import curve
from ..results import center, perplexities, ratios, within

SIZES, CACHES = (0, 512, 2048, 8192), (0, 64)


def measure(study, plan):
    """A row for each text, cache and memory: perplexities by seed, and their ratios."""

    def way(text, cache, memory, seed):
        return plan.case(seed, text, cache=cache, memory=memory), {}

    settings = list(product(plan.texts, CACHES, SIZES))
    found = perplexities(study, plan, {x: partial(way, *x) for x in settings})
    rows = []
    for text, cache, memory in settings:
        row = dict(text=text, cache=cache, memory=memory)
        row["perplexity"] = found[text, cache, memory]
        row["ratio"] = ratios(row["perplexity"], found[text, 0, 0])
        rows.append(row)
    return dict(rows=rows)


def rows(result):
    """The table: a line for each text and cache, a column for each memory."""
    lines = [("perplexity, ratio", "cache", *(f"memory {M}" for M in SIZES))]
    for text, cache in product(result["texts"], CACHES):
        lines.append((text, cache, *map(within, _ratios(result, text, cache))))
    return lines


def _ratios(result, text, cache):
    """For each memory, the ratios by seed."""
    found = {(x["text"], x["cache"], x["memory"]): x["ratio"] for x in result["rows"]}
    return [found[text, cache, memory] for memory in SIZES]


def verdict(result):
    """What was found, in a sentence."""
    gains, holds = [], 0
    for at in product(result["texts"], CACHES):
        means = list(map(center, _ratios(result, *at)))
        gains.append(1 - means[-1] / means[0])
        holds += all(a > b for a, b in pairwise(means))
    gain = f"{min(gains):.0%} to {max(gains):.0%}"
    said = f"A memory of {SIZES[-1]} lowers perplexity by {gain}"
    return f"{said}; each larger one helps in {holds} of {len(gains)} rows"


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
