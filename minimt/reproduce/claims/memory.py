"""Claim: a larger memory lowers perplexity on every kind of text (the paper's Table 4).

For each size of memory, a model with a Transformer-XL cache and one without are trained
on the same batches, from the same weights, in which a lookup has formed. Perplexity is
measured on held-out documents, and given as a ratio to that of the model with neither
memory nor cache. In the paper a segment of 512 with a memory of 1,536 does about as
well as a segment of 2,048, which sees as many tokens. So, without a cache, there is
also a segment of 64 with a memory of 192, beside one of 256 without. As a batch of the
latter has four streams only, one in four repeats chunks in both.
"""

from functools import partial
from itertools import pairwise, product

from ... import figures
from ...config import Config
from ...optimizer import Training
from ..charts import curve
from ..results import mean, mean_std, perplexities, ratios

SIZES, CACHES = (0, 512, 2048, 8192), (0, 64)
TIMES = 4  # the longer segment is so many times as long as the usual one
LONGER = TIMES * Config.segment
SMALL = LONGER - Config.segment  # memory with which a usual segment sees as much
SAME_SIGHT = ((Config.segment, 0, SMALL), (LONGER, 0, 0))  # segment, cache, memory
SHARE = 1 / TIMES  # of the streams of these two that repeat chunks


def measure(study, plan):
    """A row for each text, segment, cache and memory: perplexities and ratios."""

    def case_of(text, segment, cache, memory, seed):
        streams = Training.streams * Config.segment // segment  # as many tokens a step
        sizes = dict(segment=segment, cache=cache, memory=memory, streams=streams)
        if (segment, cache, memory) in SAME_SIGHT:
            sizes["repetition_share"] = SHARE
        return plan.case(seed, text, **sizes), {}

    usual = [(Config.segment, *x) for x in product(CACHES, SIZES)]
    settings = list(product(plan.texts, [*usual, *SAME_SIGHT]))
    configurations = {(text, *x): partial(case_of, text, *x) for text, x in settings}
    found = perplexities(study, plan, configurations)
    names = "text", "segment", "cache", "memory"
    rows = []
    for at, perplexity in found.items():
        base = found[at[0], Config.segment, 0, 0]
        row = dict(zip(names, at)) | dict(perplexity=perplexity)
        rows.append(row | dict(ratio=ratios(perplexity, base)))
    return dict(rows=rows)


def rows(result):
    """The table: a line for each text and cache, a column for each memory."""
    others = f"memory {SMALL}", f"segment {LONGER}, no memory"
    lines = [("perplexity ratio", "cache", *(f"memory {M}" for M in SIZES), *others)]
    for text, cache in product(result["texts"], CACHES):
        cells = _ratios(result, text, [(Config.segment, cache, M) for M in SIZES])
        same = ["–"] * len(SAME_SIGHT)
        if not cache:
            same = map(mean_std, _ratios(result, text, SAME_SIGHT))
        lines.append((text, cache, *map(mean_std, cells), *same))
    return lines


def _ratios(result, text, settings):
    """For each (segment, cache, memory) of settings, the ratios by seed."""
    names = "text", "segment", "cache", "memory"
    found = {tuple(x[name] for name in names): x["ratio"] for x in result["rows"]}
    return [found[text, *x] for x in settings]


def verdict(result):
    """What was found, in a sentence."""
    gains, holds = [], 0
    for text, cache in product(result["texts"], CACHES):
        settings = [(Config.segment, cache, M) for M in SIZES]
        means = list(map(mean, _ratios(result, text, settings)))
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
            settings = [(Config.segment, cache, M) for M in SIZES]
            curve(ax, range(len(SIZES)), _ratios(result, text, settings), **style)
        ax.set(title=text, xlabel="memory in tokens")
        ax.set_xticks(range(len(SIZES)), SIZES)
    panels[0].set_ylabel("perplexity, neither = 1")
    panels[0].legend(frameon=False)
    return figure
