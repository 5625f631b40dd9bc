"""The main job: a model with memory and the same model without, on the same batches."""

import json
import logging
import time
from dataclasses import asdict, replace

from .. import distributed, figures
from ..checkpoints import load_checkpoint
from ..config import Config
from ..corpus import Source, check_documents, digest, hold_out, load_corpus
from ..data import split
from ..environment import machine, versions
from ..errors import InputError
from ..evaluate import (
    document_losses,
    gain_by_distance,
    name_distances,
    read_twice,
    summary,
)
from ..files import write_json
from ..optimizer import Training
from ..progress import progress
from ..texts import RUN_FILE
from ..tokenizer import load_vocabulary
from ..torch_model import MemorizingTransformer
from ..train import train_model

log = logging.getLogger(__name__)

WITH, WITHOUT = "with_memory", "without_memory"  # the models, and their checkpoints
SIZES = (0, 512, 2048, 8192)  # memory sizes at which to evaluate


def load_run(folder):
    """The options of the run in `folder`. Raises InputError if there is no run."""
    try:
        options = json.loads((folder / RUN_FILE).read_text())
        Config(**options["config"]), Training(**options["training"])
        Source(**options["source"]), options["minutes"], options[WITHOUT]
        return dict(processes=1) | options
    except TypeError:
        what = "was made by another version of minimt: train again"
        raise InputError(f"{folder} {what}") from None
    except (OSError, ValueError, KeyError):
        what = "is not the folder of a run: give one such as runs/NAME"
        raise InputError(f"{folder} {what}") from None


def compare(folder, options, device):
    """Train both models of a run, from where they stopped, and measure them.

    options: config, training and source as dicts; minutes (None = a number of steps)
    and without_memory (False = only the model with memory). Returns the metrics; with
    several processes, only the leader does. Raises KeyboardInterrupt, with everything
    saved, if Ctrl-C comes first.
    """
    with distributed.group(device) as device:
        trainers, corpus = train(folder, options, device)
    if not distributed.leader():
        return None
    trainer = trainers[WITH]
    models = {name: trainer.model for name, trainer in trainers.items()}
    metrics = measure(models, corpus.vocabulary, corpus.held)
    metrics["seconds"] |= {name: t.seconds for name, t in trainers.items()}
    metrics |= provenance(options, trainer, corpus)
    write_json(folder / "metrics.json", metrics)
    losses = {name: trainer.losses for name, trainer in trainers.items()}
    figures.draw_all(folder, metrics, losses)
    return metrics


def train(folder, options, device):
    """The trainers of a run's models, with all steps taken, and its corpus."""
    config, training = Config(**options["config"]), Training(**options["training"])
    source, cache = Source(**options["source"]), folder.parent / ".vocabularies"
    with distributed.leader_first():  # it makes the vocabulary that the others read
        corpus = load_corpus(source, config, training.seed, cache)
    # Only now, so that a bad source leaves no run behind.
    if distributed.leader() and not (folder / RUN_FILE).exists():
        folder.mkdir(parents=True)  # an error if another run has just taken the name
        write_json(folder / RUN_FILE, options)
    model = MemorizingTransformer(config, training.seed).to(device)
    path = checkpoint(folder, WITH)
    trainers = {WITH: train_model(path, model, training, corpus, options["minutes"])}
    if options[WITHOUT]:
        training = trainers[WITH].training  # with as many steps as the minutes allowed
        model = MemorizingTransformer(replace(config, memory=0), training.seed)
        path = checkpoint(folder, WITHOUT)
        trainers[WITHOUT] = train_model(path, model.to(device), training, corpus)
    return trainers, corpus


def checkpoint(folder, name=WITH):
    """The path of a run's model, WITH memory or WITHOUT."""
    return folder / f"{name}.pt"


def load_model(saved, device="cpu"):
    """The model and the vocabulary in a checkpoint's content."""
    model = MemorizingTransformer(Config(**saved["config"])).to(device)
    model.load_state_dict(saved["model"])
    return model, load_vocabulary(saved["vocabulary"])


def evaluate(folder, other, device):
    """Measure a run's models again, on its held-out documents or on a whole folder."""
    options, models = load_run(folder), {}
    saved = load_checkpoint(checkpoint(folder, WITH))
    models[WITH], vocabulary = load_model(saved, device)
    if checkpoint(folder, WITHOUT).exists():
        saved_without = load_checkpoint(checkpoint(folder, WITHOUT))
        if len(saved_without["losses"]) == len(saved["losses"]):
            models[WITHOUT], _ = load_model(saved_without, device)
        else:
            log.info("left out the model without memory, which has had fewer steps")
    source = Source(data=other) if other else Source(**options["source"])
    documents = source.read()
    if not other:
        check_documents(saved, digest(documents))
        _, documents = split(documents, source.held_out, options["training"]["seed"])
    return measure(models, vocabulary, hold_out(documents, vocabulary))


def measure(models, vocabulary, held):
    """Read the held-out documents with each model; returns what goes into metrics.json.

    models: the one WITH memory and, if it was trained, the one WITHOUT.
    """
    began, model = time.perf_counter(), models[WITH]
    by_size, without, twice = read(models, held)
    nats = {WITH: by_size[model.config.memory]}
    if without is not None:
        nats[WITHOUT] = without
    result = {name: summary(x, held.texts) for name, x in nats.items()}
    result["by_memory"] = [
        dict(memory=M, **summary(x, held.texts)) for M, x in by_size.items()
    ]
    result["read_twice"] = twice
    if without is not None:
        means = (result[name]["nats_per_token"] for name in (WITHOUT, WITH))
        result["gain"] = next(means) - next(means)
        distances = [name_distances(vocabulary, text) for text in held.texts]
        gains = [a - b for a, b in zip(without, nats[WITH])]
        result["gain_by_distance"] = gain_by_distance(gains, distances)
    result["gates"] = model.gates()
    result["seconds"] = dict(evaluation=time.perf_counter() - began)
    return result


def read(models, held):
    """The held-out documents' nats per token, as `document_losses` returns them.

    Returns {memory: nats} of the model with memory, at each size; the nats of the model
    without, or None; and what `read_twice` finds at the largest size.
    """
    model, other = models[WITH], models.get(WITHOUT)
    sizes = sorted({*SIZES, model.config.memory})
    passes = len(sizes) + bool(other) + 2
    segments = sum(-(-len(doc) // model.config.segment) for doc in held.docs)
    with progress("evaluate", passes * segments, "segment") as bar:

        def losses(model):
            return document_losses(model, held.docs, on_segment=bar.update)

        by_size = {M: losses(model.changed(memory=M)) for M in sizes}
        without = losses(other) if other else None
        largest = model.changed(memory=max(SIZES))
        twice = read_twice(largest, held.docs, bar.update)
    return by_size, without, twice


def provenance(options, trainer, corpus):
    """What a reader of metrics.json needs to know to judge or repeat the run."""
    return dict(
        config=asdict(trainer.model.config),
        training=asdict(trainer.training),
        corpus=dict(
            source=options["source"]["data"],
            training_documents=len(corpus.train),
            training_tokens=sum(len(doc) for doc in corpus.train),
            held_out_documents=corpus.held.names,
        ),
        versions=versions(),
        machine=machine(),
    )
