"""Claim: a larger memory lowers perplexity on every kind of text (the paper's Table 4).

For each size of memory, a model with a Transformer-XL cache and one without are trained
on the same batches, from the same weights, in which a lookup has formed. Perplexity is
measured on held-out documents, and given as a ratio to that of the model with neither
memory nor cache. In the paper a segment of 512 with a memory of 1,536 does about as
well as a segment of 2,048, which sees as many tokens. So, without a cache, there is
also a segment of 64 with a memory of 192, beside one of 256 without. With segments of
256, a batch has only four streams. So in both of these models, one stream in four
repeats chunks.
"""

from functools import partial
from itertools import pairwise, product

from ... import figures
from ...config import Config
from ...optimizer import Training
from ..charts import NAMES, curve, end, note_seeds
from ..results import between, mean, mean_std, perplexities, ratios

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


def beside(result, text, cache):
    """By memory and seed: perplexity over that without memory, with the same cache."""
    settings = [(Config.segment, cache, M) for M in SIZES]
    first, *others = _ratios(result, text, settings)
    return [ratios(x, first) for x in (first, *others)]


def verdict(result):
    """What was found, in a sentence."""
    cases = product(result["texts"], CACHES)
    found = [list(map(mean, beside(result, *case))) for case in cases]
    gain = between([1 - means[-1] for means in found], ".0%")
    holds = sum(all(a > b for a, b in pairwise(means)) for means in found)
    lowers = f"A memory of {SIZES[-1]:,} lowers perplexity by {gain}"
    return f"{lowers}; each larger size helps further in {holds} of {len(found)} cases"


def draw(result):
    """What memory takes off perplexity, by its size, a panel for each text."""
    texts = list(result["texts"])
    columns, rows = min(2, len(texts)), -(-len(texts) // 2)
    height = 1.3 + 2.2 * rows
    figure, panels = figures.panels(verdict(result), columns, rows, height)
    places = range(len(SIZES))
    for ax, text in zip(panels, texts):
        ends = {}
        for cache, style in zip(CACHES, (figures.WITHOUT, figures.WITH)):
            values = beside(result, text, cache)
            curve(ax, places, values, **style)
            name = f"{mean(values[-1]):.2f}\n" + (
                f"cache of {cache}" if cache else "no cache"
            )
            ends[name] = end(places, values, style["color"])
        ax.set_xticks(places, [f"{M:,}" for M in SIZES])
        figures.headline(ax, NAMES.get(text, text))
        figures.label_ends(ax, ends)
    for ax in panels[len(texts) :]:
        ax.set_visible(False)
    for ax in panels[: len(texts)][-columns:]:
        ax.set_xlabel("memory in tokens")
    figure.supylabel("perplexity, without memory = 1", fontsize=10)
    note_seeds(figure, values[-1])
    return figure
