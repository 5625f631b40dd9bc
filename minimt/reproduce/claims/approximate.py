"""Claim: an approximate search is enough (Section 3.3).

One model, trained with exact search, is read with others: LSH that looks into more and
more pages of keys, and one maximum for each of N strided buckets, as on the authors'
TPUs. Recall is the share of the exactly nearest keys that a search finds, over all
queries of the same reading, weighted alike.
"""

from unittest.mock import patch

import numpy as np
import torch

from ... import figures, torch_model
from ...benchmark.approximate import cells_for, strided_maxima
from ...evaluate import document_losses
from ...torch_lsh import LSHMemory
from ...torch_memory import Memory
from ..charts import curve
from ..results import center, ratios, within

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
    tasks = [(study.shelf, case, *search) for case in cases for search in searches]
    found = study.map(read, tasks, "read")
    by_seed = {x: found[i :: len(searches)] for i, x in enumerate(searches)}
    exact = [x["perplexity"] for x in by_seed[EXACT, 0]]
    rows = []
    for (name, setting), of_seeds in by_seed.items():
        row = dict(search=name, setting=setting)
        row |= {key: [x[key] for x in of_seeds] for key in ("recall", "perplexity")}
        rows.append(row | dict(ratio=ratios(row["perplexity"], exact)))
    return dict(rows=rows)


def read(shelf, case, search, setting):
    """Perplexity of a case's held-out documents by a search, and its recall."""
    changes, tally = dict(memory=MEMORY), Tally()
    if search == WITHOUT:
        changes = dict(memory=0)
    if search == LSH:
        changes |= dict(search="lsh", probes=setting)
        changes["bits"] = int(np.log2(cells_for(MEMORY)))
    kinds = dict(LSHMemory=watched(LSHMemory, tally))
    kind = bucket_memory(setting) if search == MAXIMA else Memory
    kinds["Memory"] = watched(kind, tally)
    with patch.multiple(torch_model, **kinds):
        docs = shelf.corpus(case).held.docs
        nats = document_losses(shelf.model(case, **changes), docs)
    return dict(
        perplexity=float(np.exp(np.concatenate(nats).mean())), recall=tally.share
    )


class Tally:
    """How many of the nearest keys there were, and how many of them were found."""

    def __init__(self):
        self.found, self.all = 0, 0

    @property
    def share(self):
        """Recall; 0 where there was nothing to find."""
        return self.found / max(1, self.all)


def watched(kind, tally):
    """A class of memory that also searches exactly, and tallies its own recall."""

    class Watched(kind):
        def search(self, q, K):
            result = super().search(q, K)
            _, true, there = Memory.search(self, q, K)
            _, index, found = result
            slots = torch.where(found, index, -1)[..., None, :]
            hits = (slots == true[..., None]).any(-1) & there
            tally.found += int(hits.sum())
            tally.all += int(there.sum())
            return result

    return Watched


def bucket_memory(N):
    """A class of memory that keeps the best key of each of N strided buckets."""

    class Buckets(Memory):
        def search(self, q, K):
            scores = q @ self.keys.mT  # (B, H, T, M)
            scores.masked_fill_(~self.valid[:, None, None], -torch.inf)
            index = strided_maxima(scores, N, min(K, N))
            scores = scores.gather(-1, index)
            found = scores > -torch.inf
            return scores, index.masked_fill(~found, 0), found

    return Buckets


def rows(result):
    """The table: a line for each search."""
    lines = [("search", "setting", "recall", "perplexity", "ratio to exact")]
    for x in result["rows"]:
        recall = within(x["recall"]) if x["search"] != WITHOUT else "–"
        cells = recall, within(x["perplexity"], 2), within(x["ratio"])
        lines.append((x["search"], x["setting"] or "–", *cells))
    return lines


def verdict(result):
    """What was found, in a sentence: the lowest recalls that cost less than 1%."""
    least = {}
    for x in result["rows"]:
        if x["search"] in (LSH, MAXIMA) and center(x["ratio"]) < 1.01:
            recall = center(x["recall"])
            least[x["search"]] = min(recall, least.get(x["search"], 1))
    if not least:
        return "No approximate search came within 1% of exact search's perplexity"
    said = (f"{x:.0%} ({search.split(',')[0]})" for search, x in least.items())
    return f"Recalls of {' and '.join(said)} cost less than 1% of perplexity"


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
        recalls = [center(x["recall"]) for x in found]
        curve(ax, recalls, [x["ratio"] for x in found], label=search, **style)
        for x, recall in zip(found, recalls):
            at = recall, center(x["ratio"])
            about = dict(textcoords="offset points", fontsize=8)
            ax.annotate(x["setting"], at, (4, 5), **about)
    ax.axhline(1, color=figures.GREY, linestyle=":", label="exact search")
    ax.legend(frameon=False)
    return figure
