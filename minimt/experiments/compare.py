"""The main job: a model with memory and the same model without, on the same batches."""

import json
import logging
import time
from dataclasses import asdict, replace

from tqdm import tqdm

from .. import distributed, figures
from ..config import Config
from ..corpus import Source, check_documents, digest, hold_out, load_corpus
from ..data import RUN_FILE, DocumentStreams, load_vocabulary, split
from ..environment import machine, versions
from ..errors import InputError
from ..evaluate import (
    document_losses,
    gain_by_distance,
    name_distances,
    read_twice,
    summary,
    with_memory,
)
from ..files import write_json
from ..torch_model import MemorizingTransformer
from ..train import (
    Trainer,
    Training,
    fit,
    load_checkpoint,
    save_checkpoint,
    stop_on_interrupt,
)

log = logging.getLogger(__name__)

MEMORY, VANILLA = "memory.pt", "vanilla.pt"  # a run's two checkpoints
SIZES = (0, 512, 2048, 8192)  # memory sizes at which to evaluate


def load_run(folder):
    """The options of the run in `folder`. InputError where there is none."""
    try:
        options = json.loads((folder / RUN_FILE).read_text())
        Config(**options["config"]), Training(**options["training"])
        Source(**options["source"]), options["minutes"], options["vanilla"]
        return dict(processes=1) | options
    except TypeError:
        raise InputError(f"{folder} was made by another version of minimt") from None
    except (OSError, ValueError, KeyError):
        raise InputError(f"{folder} holds no run of minimt: give runs/NAME") from None


def compare(folder, options, device):
    """Train both models of a run, from where they stand, and measure them.

    options: config, training, source as dicts; minutes (None = by steps) and vanilla
    (False = only the model with memory). Returns the metrics; with several processes,
    to the leader alone. KeyboardInterrupt, with all saved, if Ctrl-C came first.
    """
    with distributed.group(device) as device:
        trainers, corpus = train(folder, options, device)
    if not distributed.leader():
        return None
    trainer = trainers["memory"]
    models = {name: trainer.model for name, trainer in trainers.items()}
    metrics = measure(models, corpus.vocabulary, corpus.held)
    metrics["seconds"] |= {name: t.seconds for name, t in trainers.items()}
    metrics |= about(options, trainer, corpus)
    write_json(folder / "metrics.json", metrics)
    losses = {name: trainer.losses for name, trainer in trainers.items()}
    figures.draw_all(folder, metrics, losses)
    return metrics


def train(folder, options, device):
    """The trainers of a run's models, with all steps made, and its corpus."""
    config, training = Config(**options["config"]), Training(**options["training"])
    source, cache = Source(**options["source"]), folder.parent / ".vocabularies"
    with distributed.leader_first():  # it makes the vocabulary that the others read
        corpus = load_corpus(source, config, training.seed, cache)
    # Only now: a bad source leaves no run behind.
    if distributed.leader() and not (folder / RUN_FILE).exists():
        folder.mkdir(parents=True)  # an error if another run has just taken the name
        write_json(folder / RUN_FILE, options)
    trainer = train_one(
        folder / MEMORY, config, training, corpus, device, options["minutes"]
    )
    trainers = {"memory": trainer}
    if options["vanilla"]:
        plain = replace(config, memory=0)
        trainers["vanilla"] = train_one(
            folder / VANILLA, plain, trainer.training, corpus, device
        )
    return trainers, corpus


def train_one(path, config, training, corpus, device, minutes=None, weights=None):
    """A trainer that has made all its steps; goes on from the checkpoint at `path`.

    weights: a dict of arrays to begin with; none = those of the config and the seed.
    """
    with stop_on_interrupt() as interrupted:  # from here on Ctrl-C loses nothing
        docs, B, T = corpus.train, training.streams, config.segment
        streams = DocumentStreams(docs, B, T, training.seed)
        trainer = Trainer(config, training, streams, device)
        if weights:
            trainer.model.load_numpy(weights)
        if path.exists():
            saved = load_checkpoint(path)
            check_documents(saved, corpus.digest)
            trainer.load_state_dict(saved)
        elif minutes is not None:
            trainer.plan(minutes)
        about = dict(vocabulary=corpus.vocabulary.to_str(), documents=corpus.digest)

        def save():
            content = trainer.state_dict() | about  # gathered from all processes
            if distributed.leader():
                save_checkpoint(path, content)
            distributed.barrier()  # none ends before the file is whole

        if not trainer.done or not path.exists():
            fit(trainer, save, path.stem, interrupted)
        if any(distributed.anywhere(interrupted)):
            raise KeyboardInterrupt
    return trainer


def load_model(saved, device="cpu"):
    """The model and the vocabulary in a checkpoint's content."""
    model = MemorizingTransformer(Config(**saved["config"])).to(device)
    model.load_state_dict(saved["model"])
    return model, load_vocabulary(saved["vocabulary"])


def evaluate(folder, other, device):
    """Measure a run's models again, on its held-out documents or on a folder's, all."""
    options = load_run(folder)
    saved = load_checkpoint(folder / MEMORY)
    model, vocabulary = load_model(saved, device)
    models = {"memory": model}
    if (folder / VANILLA).exists():
        vanilla = load_checkpoint(folder / VANILLA)
        if len(vanilla["losses"]) == len(saved["losses"]):
            models["vanilla"] = load_model(vanilla, device)[0]
        else:
            log.info("the model without memory has not been trained as long: left out")
    source = Source(data=other) if other else Source(**options["source"])
    documents = source.read()
    if not other:
        check_documents(saved, digest(documents))
        _, documents = split(documents, source.held_out, options["training"]["seed"])
    return measure(models, vocabulary, hold_out(documents, vocabulary))


def measure(models, vocabulary, held):
    """Read the held-out documents with each model; all that metrics.json says of it.

    models: "memory" and, to compare with, "vanilla" if it was trained.
    """
    began, model = time.perf_counter(), models["memory"]
    trained = model.config.memory  # one of the sizes may be this: read once
    sizes, largest = sorted({*SIZES, trained}), with_memory(model, max(SIZES))
    passes = len(sizes) + ("vanilla" in models) + 2
    segments = sum(-(-len(doc) // model.config.segment) for doc in held.docs)
    bar = tqdm(total=passes * segments, desc="evaluate", unit="segment", disable=None)
    with bar:

        def read(model):
            return document_losses(model, held.docs, on_segment=bar.update)

        by_size = {M: read(with_memory(model, M)) for M in sizes}
        nats = {"memory": by_size[trained]}
        if "vanilla" in models:
            nats["vanilla"] = read(models["vanilla"])
        twice = read_twice(largest, held.docs, bar.update)
        bar.update(bar.total - bar.n)  # documents too long for it were not read twice
    result = {name: summary(x, held.texts) for name, x in nats.items()}
    result["by_memory"] = [
        dict(memory=M, **summary(x, held.texts)) for M, x in by_size.items()
    ]
    result["read_twice"] = twice
    if "vanilla" in models:
        result["gain"] = (
            result["vanilla"]["nats_per_token"] - result["memory"]["nats_per_token"]
        )
        distances = [name_distances(vocabulary, text) for text in held.texts]
        gains = [a - b for a, b in zip(nats["vanilla"], nats["memory"])]
        result["gain_by_distance"] = gain_by_distance(gains, distances)
    gate = model.layers[model.config.memory_layer].gate
    result["gate"] = gate.sigmoid().tolist()
    result["seconds"] = dict(evaluation=time.perf_counter() - began)
    return result


def about(options, trainer, corpus):
    """What a reader of metrics.json needs to know to judge it or repeat it."""
    return dict(
        config=asdict(trainer.model.config),
        training=asdict(trainer.training),
        corpus=dict(
            source=options["source"]["data"] or "the Python standard library",
            training_documents=len(corpus.train),
            training_tokens=sum(len(doc) for doc in corpus.train),
            held_out_documents=corpus.held.names,
        ),
        versions=versions(),
        machine=machine(),
    )
