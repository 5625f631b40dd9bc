"""How much do the keys of other documents distract a lookup?

In the paper each document has a memory of its own. If documents share one, a lookup has
to find the right keys among those of all. Focused Transformer (Tworkowski et al., 2023,
arXiv 2307.03170) calls this the distraction issue: the more documents share a memory,
the less attention falls on the keys of the right one. Here models are trained with a
memory for each document, and read with it or with one that 4 or 16 documents share. A
document stores as many keys as before, and its lookups also search the keys of the
others. These are training documents of the same kind of text, whose keys are all there
from the start. How much of the gain, in nats per token, is left, compared with the same
weights without memory? And how much of the attention to the memory falls on a
document's own keys?
"""

from dataclasses import replace
from functools import partial
from itertools import cycle

import numpy as np
import torch

from ... import figures
from ...evaluate import document_losses
from ...torch_attention import softmax
from ...torch_memory import Memory
from ..charts import NAMES, curve, end, note_seeds
from ..results import between, mean, mean_std
from ..variants import VARIANTS

NONE, ALONE = 0, 1  # no memory; a memory for one document
DOCUMENTS = ALONE, 4, 16  # that share a memory
COLOURS = figures.BLUE, figures.ORANGE, figures.GREEN, figures.GREY


class SharedMemory(Memory):
    """A memory in which every stream also finds N keys of other documents.

    others: the keys and values, each (H, N, D), which never change. attention: a list
    that gets, for every lookup, how much falls on the stream's own keys, and on all.
    """

    def __init__(self, B, H, M, D, *, others, attention, **options):
        super().__init__(B, H, M, D, **options)
        self.N, self.attention = others[0].shape[1], attention
        self.all = Memory(B, H, self.N + M, D, **options)
        for ring, some in zip((self.all.keys, self.all.values), others):
            ring[:, :, : self.N] = some
        self.keys, self.values = (  # what is written here is written there
            ring[:, :, self.N :] for ring in (self.all.keys, self.all.values)
        )

    def search(self, q, K):
        """The K nearest among the own keys, which begin at slot N, and the others."""
        others = self.valid.new_ones(len(q), self.N)
        valid = torch.cat([others, self.valid], 1)  # (B, N + M)
        return self.searcher.topk(q, self.all.keys, valid, K)

    def attend(self, q, retrieved, scale):
        """What queries read from the slots they retrieved: (B, H, T, D)."""
        scores, index, _ = retrieved
        weight = softmax(scale[:, None, None] * scores)  # (B, H, T, K)
        own = weight * (index >= self.N)
        self.attention.append((float(own.sum()), float(weight.sum())))
        return self.all.attend(q, retrieved, scale)


def measure(study, plan):
    """A row for each text and number of documents: perplexity, gain, own attention."""
    cases = {(x, seed): plan.case(seed, x) for x in plan.texts for seed in plan.seeds}
    study.train(cases.values())
    settings = [(text, n) for text in plan.texts for n in (NONE, *DOCUMENTS)]
    tasks = [
        (study.trained, cases[text, seed], n)
        for text, n in settings
        for seed in plan.seeds
    ]
    readings, count = study.map(read, tasks, "reading"), len(plan.seeds)
    found = {x: readings[i * count :][:count] for i, x in enumerate(settings)}
    rows = []
    for text, n in settings:
        row = dict(text=text, documents=n)
        for name in ("others", "perplexity", "own"):
            row[name] = [x[name] for x in found[text, n]]
        without, alone = (
            [x["perplexity"] for x in found[text, end]] for end in (NONE, ALONE)
        )
        saved, whole = (np.log(without) - np.log(x) for x in (row["perplexity"], alone))
        rows.append(row | dict(gain=list(saved / whole)))
    return dict(rows=rows)


def read(trained, case, documents):
    """Perplexity, keys of others, and the share of attention that own keys get."""
    corpus, attention = trained.corpus(case), []
    if documents == NONE:
        model, others = trained.model(case, memory=0), 0
    else:
        alone, M = trained.model(case), case.config.memory
        chosen = choose(corpus.train, documents - ALONE, M, case.first_seed)
        keys, values = stored(alone, chosen)
        shared = partial(SharedMemory, others=(keys, values), attention=attention)
        parts = replace(VARIANTS[case.variant].parts, memory=shared)
        model, others = alone.changed(parts), keys.shape[1]
    # One stream, since one that has read its documents would go on to search.
    nats = document_losses(model, corpus.held.docs, streams=1)
    own, total = np.sum(attention, axis=0) if attention else (0, 1)
    perplexity = float(np.exp(np.concatenate(nats).mean()))
    return dict(perplexity=perplexity, others=others, own=float(own / total))


def choose(docs, n, M, seed):
    """Draw n documents at random; shorter than M only if there are no others."""
    drawn = np.random.default_rng(seed).permutation(len(docs))
    return [docs[i] for i in sorted(drawn, key=lambda i: len(docs[i]) < M)[:n]]


@torch.inference_mode()
def stored(model, docs):
    """The keys and values of the first M tokens of each document: each (H, N, D)."""
    c, device = model.config, model.norm.device
    found = [[torch.zeros(c.heads, 0, c.head, device=device)] * 2]
    for doc in docs:
        tokens, state = torch.from_numpy(doc[None, : c.memory]).to(device), None
        for some in tokens.split(c.segment, dim=1):
            _, state = model(some, state)
        n = tokens.shape[1]
        found.append([x[0, :, :n] for x in (state.memory.keys, state.memory.values)])
    return [torch.cat(x, 1) for x in zip(*found)]


def rows(result):
    """The table: a line for each text and number of documents."""
    heads = "keys of others", "perplexity", "share of the gain", "attention to own keys"
    lines = [("text", "documents that share a memory", *heads)]
    for x in result["rows"]:
        n, others, perplexity = (
            x["documents"],
            x["others"],
            mean_std(x["perplexity"], 2),
        )
        if n == NONE:
            lines.append((x["text"], "switched off", "–", perplexity, "–", "–"))
        else:
            cells = f"{mean(others):.0f}", perplexity, mean_std(x["gain"])
            lines.append((x["text"], n, *cells, mean_std(x["own"])))
    return lines


def verdict(result):
    """What was found, in a sentence, for the largest number of documents."""
    most = [x for x in result["rows"] if x["documents"] == DOCUMENTS[-1]]
    gain, own = (between([mean(x[y]) for x in most], ".0%") for y in ("gain", "own"))
    return (
        f"A memory that {DOCUMENTS[-1]} documents share brings {gain} of the gain of a "
        f"memory for each; {own} of the attention to it falls on a document's own keys"
    )


def draw(result):
    """The gain and the attention by the number of documents, a line for each text."""
    figure, panels = figures.panels(verdict(result), 2, height=3.6)
    labels = dict(
        gain="gain from memory,\nwith one of its own = 100%",
        own="attention that falls on\na document's own keys",
    )
    for ax, (name, label) in zip(panels, labels.items()):
        looks, ends = zip(cycle(COLOURS), cycle("os^D")), {}
        for text, (color, marker) in zip(result["texts"], looks):
            found = [x for x in result["rows"] if x["text"] == text and x["documents"]]
            places = [x["documents"] for x in found]
            values = [x[name] for x in found]
            curve(ax, places, values, color=color, marker=marker)
            said = f"{mean(values[-1]):.0%}"
            if len(result["texts"]) > 1:
                said += f" {NAMES.get(text, text)}"
            ends[said] = end(places, values, color)
        ax.set(xlabel="documents that share a memory", ylim=(0, None))
        ax.set_xscale("log", base=2)
        ax.set_xticks(DOCUMENTS, DOCUMENTS)
        ax.yaxis.set_major_formatter("{x:.0%}")
        figures.headline(ax, label)
        figures.label_ends(ax, ends)
    note_seeds(figure, values[-1])
    return figure
