"""Claim: an approximate search is enough (Section 3.3).

A model trained with exact search is evaluated with other searches: with LSH that probes
more and more pages of keys, and with one maximum for each of N strided buckets, as on
the authors' TPUs. Recall is the share of the truly nearest keys that a search finds,
over all queries of the evaluation.
"""

from dataclasses import replace

import numpy as np
import torch

from ... import figures
from ...benchmark.approximate import cells_for, strided_maxima
from ...evaluate import document_losses
from ...torch_model import SEARCHES
from ...torch_search import Search, exact_topk
from ..charts import curve
from ..results import mean, mean_std, ratios
from ..variants import VARIANTS

MEMORY = 8192
PAGES, BUCKETS = (1, 2, 4, 8, 16, 32), (16, 64, 256, 1024)  # of LSH; of maxima
WITHOUT, EXACT = "no memory", "exact"
LSH, MAXIMA = "LSH, pages", "one maximum per bucket, buckets"


def measure(study, plan):
    """A row for each search: recall and perplexity by seed, ratio to exact search."""
    pages, buckets = (x[1::2] if plan.quick else x for x in (PAGES, BUCKETS))
    searches = [(WITHOUT, 0), (EXACT, 0)]
    searches += [(LSH, n) for n in pages] + [(MAXIMA, n) for n in buckets]
    cases = [plan.case(seed, memory=MEMORY) for seed in plan.seeds]
    study.train(cases)
    tasks = [(study.trained, case, *search) for case in cases for search in searches]
    found = study.map(read, tasks, "read")
    by_seed = {x: found[i :: len(searches)] for i, x in enumerate(searches)}
    exact = [x["perplexity"] for x in by_seed[EXACT, 0]]
    rows = []
    for (name, setting), of_seeds in by_seed.items():
        row = dict(search=name, setting=setting)
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
        inner = Buckets(setting) if buckets else SEARCHES[config.search](config)
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


class Buckets(Search):
    """A search among the best keys of N strided buckets."""

    def __init__(self, N):
        self.N = N

    def topk(self, q, keys, valid, K):
        """Like `exact_topk`, but among the best key of each bucket."""
        scores = q @ keys.mT  # (B, H, T, M)
        scores.masked_fill_(~valid[:, None, None], -torch.inf)
        index = strided_maxima(scores, self.N, min(K, self.N))
        scores = scores.gather(-1, index)
        found = scores > -torch.inf
        return scores, index.masked_fill(~found, 0), found


def rows(result):
    """The table: a line for each search."""
    lines = [("search", "setting", "recall", "perplexity", "ratio to exact")]
    for x in result["rows"]:
        recall = mean_std(x["recall"]) if x["search"] != WITHOUT else "–"
        cells = recall, mean_std(x["perplexity"], 2), mean_std(x["ratio"])
        lines.append((x["search"], x["setting"] or "–", *cells))
    return lines


def verdict(result):
    """What was found, in a sentence: the lowest recalls that cost less than 1%."""
    least = {}
    for x in result["rows"]:
        if x["search"] in (LSH, MAXIMA) and mean(x["ratio"]) < 1.01:
            recall = mean(x["recall"])
            least[x["search"]] = min(recall, least.get(x["search"], 1))
    if not least:
        return "No approximate search came within 1% of exact search's perplexity"
    recalls = (f"{x:.0%} ({search.split(',')[0]})" for search, x in least.items())
    return f"A recall of {' or '.join(recalls)} raises perplexity by less than 1%"


def draw(result):
    """Perplexity by recall, a line for each kind of search."""
    title, label = verdict(result), "perplexity, exact search = 1"
    figure, ax = figures.axes(title, "recall of the nearest keys", label)
    styles = {
        LSH: dict(color=figures.ORANGE, marker="s"),
        MAXIMA: dict(color=figures.BLUE, marker="^", linestyle="--"),
    }
    for search, style in styles.items():
        found = [x for x in result["rows"] if x["search"] == search]
        recalls = [mean(x["recall"]) for x in found]
        curve(ax, recalls, [x["ratio"] for x in found], label=search, **style)
        for x, recall in zip(found, recalls):
            at = recall, mean(x["ratio"])
            style = dict(textcoords="offset points", fontsize=8)
            ax.annotate(x["setting"], at, (4, 5), **style)
    ax.axhline(1, color=figures.GREY, linestyle=":", label="exact search")
    ax.legend(frameon=False)
    return figure
