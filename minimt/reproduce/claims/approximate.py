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
from itertools import cycle

import numpy as np
import torch

from ... import figures
from ...benchmark.approximate import cells_for
from ...benchmark.buckets import BucketSearch
from ...evaluate import document_losses
from ...torch_model import SEARCHES
from ...torch_search import exact_topk
from ..charts import curve
from ..results import mean, mean_std, ratios
from ..variants import VARIANTS

MEMORY = 8192
PAGES, BUCKETS = (1, 2, 4, 8, 16, 32), (16, 64, 256, 1024)  # of LSH; of maxima
WITHOUT, EXACT = "no memory", "exact"
LSH, MAXIMA = "LSH", "one maximum per bucket"
UNITS = {LSH: "pages", MAXIMA: "buckets"}
STYLES = {  # by the search in training and the search in reading
    (EXACT, LSH): dict(label="LSH, pages", color=figures.ORANGE, marker="s"),
    (EXACT, MAXIMA): dict(
        label=f"{MAXIMA}, buckets", color=figures.BLUE, marker="^", linestyle="--"
    ),
    (MAXIMA, MAXIMA): dict(
        label="the same, also in training",
        color=figures.GREEN,
        marker="D",
        linestyle="",
    ),
}


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
            search += f", {x['setting']} {UNITS[search]}"
        recall = mean_std(x["recall"]) if search != WITHOUT else "–"
        cells = mean_std(x["perplexity"], 2), mean_std(x["ratio"])
        lines.append((x["trained"], search, recall, *cells))
    return lines


def verdict(result):
    """What was found: the lowest recalls that cost less than 1%, and after training."""
    least, (*others, own) = {}, result["rows"]
    for x in others:
        if x["search"] in UNITS and mean(x["ratio"]) < 1.01:
            recall = mean(x["recall"])
            least[x["search"]] = min(recall, least.get(x["search"], 1))
    found = "No approximate search came within 1% of exact search's perplexity"
    if least:
        recalls = (f"{recall:.0%} ({search})" for search, recall in least.items())
        found = f"A recall of {' or '.join(recalls)} raises perplexity by less than 1%"
    also = f"a model also trained with {own['setting']} buckets has"
    return f"{found}; {also} {mean(own['ratio']):.2f} times the perplexity"


def draw(result):
    """Perplexity by recall, a line for each kind of search."""
    title, label = verdict(result), "perplexity, exact search = 1"
    figure, ax = figures.axes(title, "recall of the nearest keys", label)
    for at, style in STYLES.items():
        found = [x for x in result["rows"] if (x["trained"], x["search"]) == at]
        recalls = [mean(x["recall"]) for x in found]
        curve(ax, recalls, [x["ratio"] for x in found], **style)
        for x, recall, up in zip(found, recalls, cycle((5, -12))):
            place, style = (recall, mean(x["ratio"])), dict(fontsize=8)
            if at[0] == EXACT:  # or it would stand twice
                style["textcoords"] = "offset points"
                ax.annotate(x["setting"], place, (4, up), **style)
    ax.axhline(1, color=figures.GREY, linestyle=":", label="exact search")
    ax.legend(frameon=False)
    return figure
