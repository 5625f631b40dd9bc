"""The stages of the main job: repetition, then text with memory, and without."""

import logging
from dataclasses import replace
from functools import partial

import numpy as np

from .. import distributed
from ..config import Config
from ..corpus import Source, load_corpus
from ..evaluate import document_losses, read_twice
from ..formation import Formation
from ..optimizer import Training
from ..progress import progress
from ..runs import REPETITION, WITH, WITHOUT, checkpoint, origin, reader
from ..torch_model import MemorizingTransformer
from ..train import run_trainer, text_trainer

log = logging.getLogger(__name__)

FIRST_MEMORY = 8192  # tokens, when it is switched on for the first time
DOCUMENTS, OPENING = 4, 4096  # documents that are read then, and tokens of each


def train(folder, options, device):
    """Take a run through its stages, from where it stopped.

    Returns the trainers by the names of their checkpoints, the corpus, and in the
    leader what `first_use` finds after repetition, otherwise None.
    """
    config, training = Config(**options["config"]), Training(**options["training"])
    source, cache = Source(**options["source"]), folder.parent / ".vocabularies"
    with distributed.leader_first():  # it makes the vocabulary that the others read
        corpus = load_corpus(source, config, training.seed, cache)
    model = MemorizingTransformer(replace(config, memory=0), training.seed).to(device)

    def run(name, trainer_of, minutes=None):
        path, of = checkpoint(folder, name), origin(options, name)
        return run_trainer(path, of, trainer_of, corpus, minutes)

    def read_text(name, memory, training, minutes=None):
        start = model.changed(memory=memory)
        return run(name, partial(text_trainer, start, training), minutes)

    trainers, found = {}, None
    if training.repetition_steps:
        trainers[REPETITION] = run(REPETITION, partial(Formation, model, training))
        if distributed.leader():
            found = first_use(model, corpus.held.docs)
            tell(trainers[REPETITION], found)
    trainers[WITH] = read_text(WITH, config.memory, training, options["minutes"])
    if options[WITHOUT]:
        training = trainers[WITH].training  # with as many steps as the minutes allowed
        trainers[WITHOUT] = read_text(WITHOUT, 0, training)
    return trainers, corpus, found


def first_use(model, docs):
    """What a memory saves a model that was trained without one, before more training.

    Returns nats per token: without memory, and of the first and second reading with it.
    """
    docs = [doc[:OPENING] for doc in docs[:DOCUMENTS]]
    segments = sum(-(-len(doc) // model.config.segment) for doc in docs)
    with progress("reading with memory", 3 * segments, "segment") as bar:
        nats = document_losses(model, docs, on_segment=bar.update)
        with_memory = reader(model).changed(memory=FIRST_MEMORY)
        twice = read_twice(with_memory, docs, bar.update)
    return dict(without=float(np.concatenate(nats).mean()), **twice)


def tell(formation, found):
    """Log when the lookup formed, if it did, and what the memory's first use saves."""
    if formation.formed:
        log.info(f"a lookup formed by step {formation.formed} of repetition")
    else:
        log.info(f"no lookup formed in {len(formation.losses)} steps of repetition")
    reading = found["without"] - found["first"]
    log.info(
        "with a memory, before any more training, "
        f"a token costs {reading:.2f} nats less,\n"
        f"  and {found['saved']:.2f} less again when a document is read a second time"
    )
