"""Claim: normalised keys go stale more slowly than keys as they are (Section 3.2).

In the middle of training, when the weights change most, the keys in memory were made by
the weights of the steps before. Each is compared with the key that the present weights
make of the same token: the cosine between the two, and how much longer or shorter the
stored one is, by the number of steps since it was stored.
"""

import numpy as np
import torch

from ... import figures
from ...benchmark.recorded import Listener, up_to_the_memory
from ...data import DocumentStreams
from ...train import Trainer
from ..charts import curve
from ..results import center, within
from ..variants import first_weights, variant

AGES = (1, 2, 4, 8, 16, 32, 64)  # steps
MEMORY = 8192
KINDS = {"normalised": "", "as they are": "no normalisation"}


def measure(study, plan):
    """A row for each kind of key and age: cosine and length ratio, by seed."""
    tasks = [
        (study.shelf, plan.case(seed, memory=MEMORY, variant=name))
        for name in KINDS.values()
        for seed in plan.seeds
    ]
    found = study.map(stale, tasks, "train", [plan.steps // 2] * len(tasks))
    study.used |= {
        case: dict(seconds=x["seconds"]) for (_, case), x in zip(tasks, found)
    }
    rows, n = [], len(plan.seeds)
    for i, kind in enumerate(KINDS):
        by_seed = found[i * n : (i + 1) * n]
        for age in AGES:
            if all(age in x["ages"] for x in by_seed):
                cosine, length = zip(*(x["ages"][age] for x in by_seed))
                rows.append(dict(keys=kind, age=age, cosine=cosine, length=length))
    return dict(rows=rows)


def stale(shelf, case):
    """Train half of a case's steps; {age: (cosine, length ratio)} of stored keys."""
    with variant(case.variant):
        docs, training = shelf.corpus(case).train, case.training
        streams = DocumentStreams(
            docs, training.streams, case.config.segment, training.seed
        )
        trainer = Trainer(case.config, training, streams, shelf.device)
        weights = first_weights(case.variant, case.config, training.seed)
        trainer.model.load_numpy(weights)
        for _ in range(training.steps // 2):
            trainer.step()
        fresh = keys_now(trainer.model, streams)
    ages = compare(trainer.state.memory, fresh, case.config.segment)
    return dict(ages=ages, seconds=trainer.seconds)


@torch.inference_mode()
def keys_now(model, streams):
    """The keys that a model makes of what each stream has read: [(H, n, D)]."""
    model, T = up_to_the_memory(model), streams.T
    read = []
    for document, offset in zip(streams.document, streams.offset):
        tokens = np.zeros(offset, dtype=np.int64)  # a document's end is filled up
        known = streams.docs[document][: min(offset, len(streams.docs[document]) - 1)]
        tokens[: len(known)] = known
        tokens = torch.from_numpy(tokens).to(model.norm.device)
        state, listener = model.first_state(1), Listener()
        for at in range(0, len(tokens), T):
            state.memory = listener
            _, state = model(tokens[None, at : at + T], state)
        read.append(torch.cat(listener.keys, 2)[0])
    return read


def compare(memory, fresh, T):
    """{age: (mean cosine, mean length of stored over fresh)} over streams and heads.

    A key's age is the number of steps since it was written, from 1.
    """
    found, M = {age: [] for age in AGES}, memory.keys.shape[2]
    for stored, now, n in zip(memory.keys, fresh, memory.written.tolist()):
        for age in AGES:
            first = n - age * T
            if first >= max(0, n - M):
                old = stored[:, torch.arange(first, first + T) % M].float()
                new = now[:, first : first + T]
                cosine = torch.cosine_similarity(old, new, dim=-1)
                length = old.norm(dim=-1) / new.norm(dim=-1)
                found[age].append((cosine.mean().item(), length.mean().item()))
    return {age: np.mean(x, axis=0).tolist() for age, x in found.items() if x}


def rows(result):
    """The table: a line for each kind of key and age."""
    lines = [("keys", "steps old", "cosine", "length, stored to fresh")]
    for x in result["rows"]:
        cells = within(x["cosine"]), within(x["length"])
        lines.append((x["keys"], x["age"], *cells))
    return lines


def verdict(result):
    """What was found, in a sentence: the oldest keys of each kind."""
    oldest = result["rows"][-1]["age"]
    last = [x for x in result["rows"] if x["age"] == oldest]
    turned = (f"{center(x['cosine']):.2f} {x['keys']}" for x in last)
    length = center(last[-1]["length"])
    said = f"Keys {oldest} steps old: cosine with fresh ones {', '.join(turned)}"
    return f"{said}; the latter are {length:.2f} times as long as fresh ones"


def draw(result):
    """Cosine and length ratio by age, a line for each kind of key."""
    figure, (left, right) = figures.panels(verdict(result), 2, width=4, sharey=False)
    for kind, style in zip(KINDS, (figures.WITH, figures.WITHOUT)):
        found = [x for x in result["rows"] if x["keys"] == kind]
        ages, style = [x["age"] for x in found], style | dict(label=kind)
        curve(left, ages, [x["cosine"] for x in found], **style)
        curve(right, ages, [x["length"] for x in found], **style)
    for ax, label in ((left, "cosine"), (right, "length, stored to fresh")):
        ax.set(xlabel="steps since the key was stored", ylabel=label, xscale="log")
        ax.set_xticks(AGES, AGES)
        ax.set_xticks([], minor=True)
    left.legend(frameon=False)
    return figure
