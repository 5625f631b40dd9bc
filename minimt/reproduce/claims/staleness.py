"""How do stored keys age, if they are normalised and if they are not?

The paper says that normalising keys does not eliminate their staleness, but makes old
and new keys equal in length (Section 3.2). It makes no claim about their directions.
The keys in memory were made with the weights of earlier steps. We look at them in the
middle of training, while the weights are still changing fast. Each is compared with the
key that the current weights make of the same token, by the number of steps since it was
stored: the cosine between the two, and the ratio of their lengths.

Both kinds begin with the lookup that is written by hand: repetition does not always
teach one to a model whose keys are not normalised.
"""

import numpy as np
import torch

from ... import figures
from ...benchmark.recorded import Recorder, recording_model
from ...data import DocumentStreams
from ...train import Trainer
from ..charts import curve, end, note_seeds
from ..results import mean, mean_std

AGES = (1, 2, 4, 8, 16, 32, 64)  # steps
MEMORY = 8192
KINDS = {"normalised": "", "as they are": "no normalisation"}
SAID = {"normalised": "if\nnormalised", "as they are": "if not\nnormalised"}


def measure(study, plan):
    """A row for each kind of key and age: cosine and length ratio, by seed."""
    tasks = [
        (study.trained, plan.case(seed, init="induction", memory=MEMORY, variant=name))
        for name in KINDS.values()
        for seed in plan.seeds
    ]
    found = study.map(stale, tasks, "training", "step", [plan.steps // 2] * len(tasks))
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


def stale(trained, case):
    """Train half of a case's steps; {age: (cosine, length ratio)} of stored keys."""
    docs, training, T = trained.corpus(case).train, case.training, case.config.segment
    streams = DocumentStreams(docs, training.streams, T, training.seed)
    trainer = Trainer(trained.first_model(case), training, streams)
    for _ in range(training.steps // 2):
        trainer.step()
    trainer.state.memory.flush()
    ages = compare(trainer.state.memory, keys_now(trainer.model, streams), T)
    return dict(ages=ages, seconds=trainer.seconds)


@torch.inference_mode()
def keys_now(model, streams):
    """The keys that a model makes of what each stream has read: [(H, n, D)]."""
    T, read = streams.T, []
    for document, offset in zip(streams.document, streams.offset):
        tokens = np.zeros(offset, dtype=np.int64)  # the last segment is padded
        known = streams.docs[document][: min(offset, len(streams.docs[document]) - 1)]
        tokens[: len(known)] = known
        tokens = torch.from_numpy(tokens).to(model.norm.device)
        recorder = Recorder()
        lower = recording_model(model, recorder)
        state = lower.first_state(1)
        for at in range(0, len(tokens), T):
            _, state = lower(tokens[None, at : at + T], state)
        state.memory.flush()
        read.append(torch.cat(recorder.keys, 2)[0])
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
    lines = [("keys", "steps old", "cosine", "length, stored / fresh")]
    for x in result["rows"]:
        cells = mean_std(x["cosine"]), mean_std(x["length"])
        lines.append((x["keys"], x["age"], *cells))
    return lines


def verdict(result):
    """What was found, in a sentence: length and direction of the oldest keys."""
    oldest = result["rows"][-1]["age"]
    last = {x["keys"]: x for x in result["rows"] if x["age"] == oldest}
    normalised, other = (last[kind] for kind in KINDS)
    length, cosine = (
        [f"{mean(x[name]):.2f}" for x in (other, normalised)]
        for name in ("length", "cosine")
    )
    return (
        f"After {oldest} steps a stored key has {length[0]} of the length of a fresh "
        f"one (normalised: {length[1]}) and a cosine of {cosine[0]} with it "
        f"(normalised: {cosine[1]})"
    )


def draw(result):
    """Length ratio and cosine by age, a line for each kind of key."""
    figure, panels = figures.panels(verdict(result), 2)
    labels = dict(length="length, fresh key = 1", cosine="cosine with the fresh key")
    for ax, (name, label) in zip(panels, labels.items()):
        ends = {}
        for kind, style in zip(KINDS, (figures.WITH, figures.WITHOUT)):
            found = [x for x in result["rows"] if x["keys"] == kind]
            ages, values = [x["age"] for x in found], [x[name] for x in found]
            curve(ax, ages, values, **style)
            said = f"{mean(values[-1]):.2f} {SAID[kind]}"
            ends[said] = end(ages, values, style["color"])
        ax.set(xlabel="steps since the key was stored", xscale="log", ylim=(0, 1.09))
        ax.set_xticks(AGES, AGES)
        ax.set_xticks([], minor=True)
        figures.headline(ax, label)
        figures.label_ends(ax, ends)
    note_seeds(figure, values[-1])
    return figure
