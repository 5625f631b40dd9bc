"""The main job: a model with memory and the same model without, on the same batches."""

import json
import pathlib
import time
from dataclasses import asdict, replace

from tqdm import tqdm

from . import figures
from .config import Config
from .corpus import Corpus, Source, load_corpus
from .data import DocumentStreams, encode, load_vocabulary, split
from .errors import InputError
from .evaluate import (
    document_losses,
    gain_by_distance,
    name_distances,
    read_twice,
    summary,
    with_memory,
)
from .files import write_json
from .report import machine, versions
from .torch_model import MemorizingTransformer
from .train import (
    Trainer,
    Training,
    fit,
    load_checkpoint,
    save_checkpoint,
    stop_on_interrupt,
)

MEMORY, VANILLA = "memory.pt", "vanilla.pt"  # a run's two checkpoints
OPTIONS, METRICS = "options.json", "metrics.json"
SIZES = (0, 512, 2048, 8192)  # memory sizes at which to evaluate


def load_run(folder):
    """The options of the run in `folder`. InputError where there is none."""
    try:
        return json.loads((pathlib.Path(folder) / OPTIONS).read_text())
    except (OSError, ValueError):
        raise InputError(f"{folder} holds no run of minimt: give runs/NAME") from None


def compare(folder, options, device):
    """Train both models of a run, from where they stand, and measure them.

    options: config, training, source as dicts; minutes (None = by steps) and vanilla
    (False = only the model with memory). Returns the metrics. KeyboardInterrupt, with
    all saved, if Ctrl-C came first.
    """
    config, training = Config(**options["config"]), Training(**options["training"])
    source = Source(**options["source"])
    corpus = load_corpus(source, config, training.seed, folder.parent)
    write_json(folder / OPTIONS, options)  # only now: a bad source leaves no run behind
    trainer = train_one(
        folder / MEMORY, config, training, corpus, device, options["minutes"]
    )
    trainers = {"memory": trainer}
    if options["vanilla"]:
        plain = replace(config, memory=0)
        trainers["vanilla"] = train_one(
            folder / VANILLA, plain, trainer.training, corpus, device
        )
    models = {name: trainer.model for name, trainer in trainers.items()}
    metrics = measure(models, corpus)
    metrics["seconds"] |= {name: t.seconds for name, t in trainers.items()}
    metrics |= about(options, trainer, corpus)
    write_json(folder / METRICS, metrics)
    losses = {name: trainer.losses for name, trainer in trainers.items()}
    figures.draw_all(folder, metrics, losses)
    return metrics


def train_one(path, config, training, corpus, device, minutes=None):
    """A trainer that has made all its steps; goes on from the checkpoint at `path`."""
    with stop_on_interrupt() as interrupted:  # from here on Ctrl-C loses nothing
        docs, B, T = corpus.train, training.streams, config.segment
        streams = DocumentStreams(docs, B, T, training.seed)
        trainer = Trainer(config, training, streams, device)
        if path.exists():
            trainer.load_state_dict(load_checkpoint(path))
        elif minutes:
            trainer.plan(minutes)

        def save():
            text = corpus.vocabulary.to_str()
            save_checkpoint(path, trainer.state_dict() | {"vocabulary": text})

        if not trainer.done and not fit(trainer, save, path.stem, interrupted):
            raise KeyboardInterrupt
    return trainer


def load_model(path, device="cpu"):
    """The model and the vocabulary in a checkpoint."""
    saved = load_checkpoint(path)
    model = MemorizingTransformer(Config(**saved["config"])).to(device)
    model.load_state_dict(saved["model"])
    return model, load_vocabulary(saved["vocabulary"])


def evaluate(folder, other, device):
    """Measure a run's models again, on its held-out documents or on a folder's, all."""
    options = load_run(folder)
    model, vocabulary = load_model(folder / MEMORY, device)
    models = {"memory": model}
    if (folder / VANILLA).exists():
        models["vanilla"] = load_model(folder / VANILLA, device)[0]
    source = Source(data=other) if other else Source(**options["source"])
    documents = source.read()
    if not other:
        _, documents = split(documents, source.held_out, options["training"]["seed"])
    names, texts = zip(*documents)
    held = [encode(vocabulary, text) for text in texts]
    return measure(models, Corpus(vocabulary, [], names, texts, held))


def measure(models, corpus):
    """Read the held-out documents with each model; all that metrics.json says of it.

    models: "memory" and, to compare with, "vanilla" if it was trained.
    """
    began, model = time.perf_counter(), models["memory"]
    trained = model.config.memory  # one of the sizes may be this: read once
    sizes, largest = sorted({*SIZES, trained}), with_memory(model, max(SIZES))
    passes = len(sizes) + ("vanilla" in models) + 2
    segments = sum(-(-len(doc) // model.config.segment) for doc in corpus.held)
    bar = tqdm(total=passes * segments, desc="evaluate", unit="segment", disable=None)
    with bar:

        def read(model):
            return document_losses(model, corpus.held, on_segment=bar.update)

        by_size = {M: read(with_memory(model, M)) for M in sizes}
        nats = {"memory": by_size[trained]}
        if "vanilla" in models:
            nats["vanilla"] = read(models["vanilla"])
        twice = read_twice(largest, corpus.held, bar.update)
        bar.update(bar.total - bar.n)  # documents too long for it were not read twice
    result = {name: summary(x, corpus.texts) for name, x in nats.items()}
    result["by_memory"] = [
        dict(memory=M, **summary(x, corpus.texts)) for M, x in by_size.items()
    ]
    result["read_twice"] = twice
    if "vanilla" in models:
        result["gain"] = (
            result["vanilla"]["nats_per_token"] - result["memory"]["nats_per_token"]
        )
        distances = [name_distances(corpus.vocabulary, text) for text in corpus.texts]
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
            held_out_documents=corpus.names,
        ),
        versions=versions(),
        machine=machine(),
    )
