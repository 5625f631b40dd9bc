"""Claim: an approximate search is enough (Section 3.3).

A model trained with exact search is read with other searches: with LSH that probes more
and more pages of keys, and with one maximum for each of N buckets of slots. Another
model is also trained with the latter, with as many buckets as neighbours, and is read
with the same search or with exact search. The paper says that a recall of about 90% was
used, and names no algorithm. One maximum per bucket is the search of the authors'
released code; the paper's text does not mention it. Recall is the share of the truly
nearest keys that a search finds, over all queries of the reading.
"""

from dataclasses import replace

import numpy as np
import torch

from ... import figures
from ...benchmark.approximate import cells_for
from ...benchmark.buckets import BucketSearch
from ...evaluate import document_losses
from ...texts import counted
from ...torch_model import SEARCHES
from ...torch_search import exact_topk
from ..charts import BESIDE, curve, note_seeds
from ..results import mean, mean_std, ratios
from ..variants import VARIANTS

MEMORY = 8192
PAGES, BUCKETS = (1, 2, 4, 8, 16, 32), (16, 64, 256, 1024)  # of LSH; of maxima
WITHOUT, EXACT = "no memory", "exact"
LSH, MAXIMA = "LSH", "one maximum per bucket"
UNITS = {LSH: "page", MAXIMA: "bucket"}
STYLES = {  # by the search in training and the search in reading
    (EXACT, LSH): dict(color=figures.ORANGE, marker="s"),
    (EXACT, MAXIMA): dict(color=figures.BLUE, marker="^", linestyle="--"),
    (MAXIMA, MAXIMA): dict(
        color=figures.GREEN, marker="D", markerfacecolor="none", markersize=9
    ),
}
SAID = {  # what they are called in the figure, and where, from their first mark
    (EXACT, LSH): ("LSH, by the pages that it probes", (20, 0)),
    (EXACT, MAXIMA): ("one maximum per bucket,\nby the number of buckets", (-14, -17)),
    (MAXIMA, MAXIMA): ("the same, also in training", (-14, 17)),
}
LITTLE = 0.01  # more perplexity than with exact search


def measure(study, plan):
    """A row for each search: recall and perplexity by seed, ratio to exact search."""
    pages, buckets = PAGES, BUCKETS
    if plan.quick:
        pages, buckets = PAGES[1::2], BUCKETS[::2]
    searches = [(EXACT, WITHOUT, 0), (EXACT, EXACT, 0)]  # in training, in reading
    searches += [(EXACT, LSH, n) for n in pages]
    searches += [(EXACT, MAXIMA, n) for n in buckets]
    searches += [(MAXIMA, EXACT, 0), (MAXIMA, MAXIMA, plan.base.neighbours)]
    cases = {(EXACT, seed): plan.case(seed, memory=MEMORY) for seed in plan.seeds}
    for seed in plan.seeds:
        cases[MAXIMA, seed] = replace(cases[EXACT, seed], variant=MAXIMA)
    study.train(cases.values())
    tasks = [
        (study.trained, cases[trained, seed], search, setting)
        for seed in plan.seeds
        for trained, search, setting in searches
    ]
    found = study.map(read, tasks, "reading")
    by_seed = {x: found[i :: len(searches)] for i, x in enumerate(searches)}
    exact = [x["perplexity"] for x in by_seed[EXACT, EXACT, 0]]
    rows = []
    for (trained, search, setting), of_seeds in by_seed.items():
        row = dict(trained=trained, search=search, setting=setting)
        row |= {key: [x[key] for x in of_seeds] for key in ("recall", "perplexity")}
        rows.append(row | dict(ratio=ratios(row["perplexity"], exact)))
    return dict(rows=rows)


def read(trained, case, search, setting):
    """Perplexity of a case's held-out documents with a search, and its recall."""
    changes, tally = dict(memory=MEMORY), Tally()
    if search == WITHOUT:
        changes = dict(memory=0)
    if search == LSH:
        changes |= dict(search="lsh", probes=setting)
        changes["bits"] = int(np.log2(cells_for(MEMORY)))

    def searcher(config):
        buckets = search == MAXIMA
        inner = BucketSearch(setting) if buckets else SEARCHES[config.search](config)
        return Watched(inner, tally)

    parts = replace(VARIANTS[case.variant].parts, searcher=searcher)
    model = trained.model(case, parts, **changes)
    nats = document_losses(model, trained.corpus(case).held.docs)
    perplexity = float(np.exp(np.concatenate(nats).mean()))
    return dict(perplexity=perplexity, recall=tally.share)


class Tally:
    """How many nearest keys there were, and how many of them were found."""

    def __init__(self):
        self.found, self.all = 0, 0

    @property
    def share(self):
        """Recall; 0 if there was nothing to find."""
        return self.found / max(1, self.all)


class Watched:
    """A search whose recall is tallied: every query is searched for exactly as well."""

    def __init__(self, search, tally):
        self.search, self.tally = search, tally

    def topk(self, q, keys, valid, K):
        """What the search finds."""
        neighbours = self.search.topk(q, keys, valid, K)
        _, true, there = exact_topk(q, keys, valid, K)
        _, index, found = neighbours
        slots = torch.where(found, index, -1)[..., None, :]
        hits = (slots == true[..., None]).any(-1) & there
        self.tally.found += int(hits.sum())
        self.tally.all += int(there.sum())
        return neighbours

    def __getattr__(self, name):
        """Everything else comes from the search itself."""
        return getattr(self.search, name)


def rows(result):
    """The table: a line for each search in training and in reading."""
    lines = [("trained with", "read with", "recall", "perplexity", "ratio to exact")]
    for x in result["rows"]:
        search = x["search"]
        if search in UNITS:
            search += f", {counted(x['setting'], UNITS[search])}"
        recall = mean_std(x["recall"]) if search != WITHOUT else "–"
        cells = mean_std(x["perplexity"], 2), mean_std(x["ratio"])
        lines.append((x["trained"], search, recall, *cells))
    return lines


def verdict(result):
    """What was found: the lowest recalls that are enough, and after such training."""
    least, (*others, own) = {}, result["rows"]
    for x in others:
        if x["search"] in UNITS and mean(x["ratio"]) < 1 + LITTLE:
            recall = mean(x["recall"])
            least[x["search"]] = min(recall, least.get(x["search"], 1))
    found = "No approximate search came within 1% of exact search's perplexity"
    if least:
        recalls = (f"{recall:.0%} ({search})" for search, recall in least.items())
        found = f"A recall of {' or '.join(recalls)} is within 1% of exact search"
    times = f"{mean(own['ratio']):.2f} times its perplexity"
    return f"{found}; a model also trained with {own['setting']} buckets has {times}"


def draw(result):
    """Perplexity by recall, a line for each kind of search."""
    title, label = verdict(result), "perplexity, exact search = 1"
    figure, ax = figures.axes(title, "recall of the nearest keys", label, height=4.2)
    ax.axhspan(1, 1 + LITTLE, color=figures.GREY, alpha=0.25, linewidth=0)
    for at, style in STYLES.items():
        found = [x for x in result["rows"] if (x["trained"], x["search"]) == at]
        recalls = [mean(x["recall"]) for x in found]
        curve(ax, recalls, [x["ratio"] for x in found], **style)
        ink = dict(color=figures.INK[style["color"]]) | BESIDE
        for x, recall in zip(found, recalls):
            place = recall, mean(x["ratio"])
            if at == (EXACT, LSH):
                ax.annotate(x["setting"], place, (4, 5), **ink)
            if at == (EXACT, MAXIMA):
                side = dict(ha="left" if x in (found[0], found[-1]) else "right")
                ax.annotate(x["setting"], place, (0, -14), **side, **ink)
        said, where = SAID[at]
        first = recalls[0], mean(found[0]["ratio"])
        side = "left" if where[0] > 0 else "right"
        ax.annotate(said, first, where, va="center", ha=side, **ink)
    ax.xaxis.set_major_formatter("{x:.0%}")
    ax.margins(y=0.2)
    said = f"less than\n{LITTLE:.0%} more"
    figures.label_ends(ax, {said: (1.1, 1 + LITTLE / 2, figures.GREY)})
    note_seeds(figure, found[0]["ratio"])
    return figure
