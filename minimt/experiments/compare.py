"""The main job: a model with memory and the same model without, on the same batches."""

import logging
import shlex
import time
from contextlib import ExitStack, contextmanager
from dataclasses import asdict

from .. import distributed
from ..checkpoints import check, loading
from ..corpus import Source, digest, hashes, hold_out, read_split
from ..environment import machine, versions
from ..errors import InputError
from ..evaluate import (
    document_losses,
    gain_by_distance,
    name_distances,
    read_twice,
    summary,
)
from ..figures import MODELS
from ..files import write_json
from ..progress import progress
from ..runs import (
    REPETITION,
    WITH,
    WITHOUT,
    checkpoint,
    load_model,
    load_options,
    reader,
)
from ..texts import counted
from . import charts
from .stages import train

log = logging.getLogger(__name__)

SIZES = (0, 512, 2048, 8192)  # memory sizes at which to evaluate


def compare(folder, options, device):
    """Train both models of a run, from where they stopped, and measure them.

    folder: a context that gives the run's folder, entered by the leader alone. options:
    config, training and source as dicts; minutes (None = a number of steps) and
    without_memory (False = only the model with memory). Returns the metrics; with
    several processes, only the leader does. Raises KeyboardInterrupt, with everything
    saved, if Ctrl-C comes first.
    """
    with ExitStack() as stack:
        with distributed.group(device) as device:
            folder = distributed.from_leader(lambda: stack.enter_context(folder))
            with told_how_to_resume(folder):
                trainers, corpus, found = train(folder, options, device)
        if not distributed.leader():
            return None
        trainer, formation = trainers[WITH], trainers.get(REPETITION)
        models = {name: reader(trainer.model) for name, trainer in trainers.items()}
        with told_how_to_resume(folder):
            metrics = measure(models, corpus.vocabulary, corpus.held)
        metrics["seconds"] |= {name: t.seconds for name, t in trainers.items()}
        if formation:
            repetition = dict(formed=formation.formed, curve=formation.curve)
            metrics["repetition"] = repetition | dict(first_use=found)
        metrics |= provenance(options, trainer, corpus)
        write_json(folder / "metrics.json", metrics)
        losses = {name: trainers[name].losses for name in MODELS if name in trainers}
        charts.draw_all(folder, metrics, losses)
        log.info(f"saved in {folder}")
        return metrics


@contextmanager
def told_how_to_resume(folder):
    """After Ctrl-C or a full disk, say how to continue, if anything has been saved."""
    python = distributed.launcher(distributed.size())
    again = f"{python} -m minimt train --resume {shlex.quote(str(folder))}"
    try:
        yield
    except (KeyboardInterrupt, OSError) as error:
        if not any(checkpoint(folder, name).exists() for name in (REPETITION, WITH)):
            raise
        if isinstance(error, OSError):
            why = f"{error.filename}: {error.strerror}"
            raise InputError(f"{why}; when that is fixed: {again}") from None
        raise KeyboardInterrupt(f"stopped; continue with: {again}") from None


def evaluate(folder, other, most, device):
    """Measure a run's models again, on its held-out documents or on a whole folder.

    most: how many tokens to read, 0 = all, None = as in the run.
    """
    options, models = load_options(folder), {}
    models[WITH], vocabulary, saved = load_model(folder, device)
    if checkpoint(folder, WITHOUT).exists():
        model, _, saved_without = load_model(folder, device, WITHOUT)
        if len(saved_without["losses"]) == len(saved["losses"]):
            models[WITHOUT] = model
        else:
            log.info("leaving out the model without memory, which has had fewer steps")
    source, seed = Source(**options["source"]), options["training"]["seed"]
    most = source.held_out_tokens if most is None else most
    if other is None:
        documents, _, held = read_split(source, models[WITH].config, seed)
        check(folder, saved, documents=digest(documents))
        heading = "held-out documents"
    else:
        held = Source(data=other).read()
        with loading(checkpoint(folder)):
            known = sum(x in saved["trained"] for x in hashes(held))
        heading = f"{counted(len(held), 'document')}, {known or 'none'} trained on"
    held = hold_out(held, vocabulary, most, seed)
    metrics = measure(models, vocabulary, held)
    return dict(documents=heading) | metrics


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
        rows = gain_by_distance(gains, distances, model.config.memory)
        result["gain_by_distance"] = rows
    result |= dict(gates=model.gates(), neighbours=model.config.neighbours)
    result["seconds"] = dict(evaluation=time.perf_counter() - began)
    return result


def read(models, held):
    """The held-out documents' nats per token, as `document_losses` returns them.

    Returns {memory: nats} of the model with memory, at each size; the nats of the model
    without, or None; and what `read_twice` finds with the largest of `SIZES`.
    """
    model, other = models[WITH], models.get(WITHOUT)
    sizes = sorted({*SIZES, model.config.memory})
    passes = len(sizes) + bool(other) + 2
    segments = sum(-(-len(doc) // model.config.segment) for doc in held.docs)
    with progress("evaluating", passes * segments, "segment") as bar:

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
