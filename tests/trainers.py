"""A small training that takes a moment, for the tests of what training promises."""

import numpy as np
from models import CONFIG

from minimt.data import DocumentStreams
from minimt.optimizer import Training
from minimt.torch_model import MemorizingTransformer
from minimt.train import Trainer

TRAINING = Training(streams=3, steps=30, warmup=5, learning_rate=1e-2)


def trainer_of(config=CONFIG, training=TRAINING):
    """A trainer on documents in which tokens follow one another in a fixed order."""
    rng = np.random.default_rng(0)
    docs = [(rng.integers(23) + np.arange(n)) % 23 for n in (40, 33, 61, 12)]
    streams = DocumentStreams(docs, training.streams, config.segment, training.seed)
    return Trainer(MemorizingTransformer(config, training.seed), training, streams)


def finish(trainer):
    """Train to the end: the losses of all steps."""
    while not trainer.done:
        trainer.step()
    return trainer.losses
