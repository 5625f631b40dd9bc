"""The recall experiment: how far back can a model look up a number?"""

import time
from dataclasses import asdict, replace

import numpy as np
import torch

from .. import figures
from ..config import Config
from ..environment import machine, versions
from ..files import write_json
from ..optimizer import Training
from ..phonebook import NUMBERS, VOCAB, PhoneBook
from ..progress import progress
from ..torch_model import MemorizingTransformer
from ..train import Trainer
from . import charts

CONFIG = Config(
    vocab=VOCAB,
    layers=2,
    heads=4,
    embed=64,
    segment=32,
    cache=32,
    memory=1024,
    memory_layer=1,
    neighbours=8,
)
TRAINING = Training(
    streams=32, steps=300, learning_rate=5e-3, repetition_steps=0, repetition_share=0
)
MODELS = dict(with_memory=CONFIG, without_memory=replace(CONFIG, memory=0))
CHANCE = 1 / NUMBERS
SIZES = 0, 128, 256, 512, 1024  # of the memory, at which to examine the same weights
GAPS = 1, 64, 128, 256, 512, 1024  # tokens since a name was listed: bounds of intervals


def recall(steps, seed, device):
    """Train on phone books with and without memory; returns the metrics.

    A number is far if its name was last listed over two segments ago, beyond the reach
    of segment and cache. Training books are never repeated, so recall during training
    is on unseen books, too; the final recall is on more of them, with another seed.
    """
    training = replace(TRAINING, steps=steps, seed=seed)
    metrics = dict(seed=seed, chance=CHANCE, training=asdict(training))
    for name, config in MODELS.items():
        began = time.perf_counter()
        trainer, curve = learn(config, training, name, device)
        sizes = SIZES if config.memory else (0,)
        by_gap = {M: examine(trainer.model, M, seed + 1) for M in sizes}
        seconds = time.perf_counter() - began
        metrics[name] = dict(
            curve=curve, by_gap=by_gap, seconds=seconds, config=asdict(config)
        )
    return metrics | dict(gaps=GAPS, versions=versions(), machine=machine())


def save(folder, metrics):
    """Write the metrics and their figure into a folder."""
    write_json(folder / "metrics.json", metrics)
    figures.save(charts.recall(metrics), folder / "recall.png")


def learn(config, training, name, device):
    """Train on phone books; returns the trainer and its curve [(step, near, far)]."""
    book = PhoneBook(training.streams, config.segment, training.seed)
    model = MemorizingTransformer(config, training.seed).to(device)
    trainer, curve, window = Trainer(model, training, book), [], []
    with progress(f"training {name.replace('_', ' ')}", training.steps) as bar:
        while not trainer.done:
            window.append(hits(trainer.step(), book))
            bar.update()
            if len(trainer.losses) % 10 == 0 or trainer.done:
                near, far = rates(window)
                curve.append((len(trainer.losses), near, far))
                bar.note = f"recall near {near:.0%}, far {far:.0%}"
                window = []
    return trainer, curve


@torch.inference_mode()
def examine(model, memory, seed, documents=2):
    """Recall on new phone books with a memory of this size, for each interval of GAPS.

    documents: how many each stream reads. Shares from 0 to 1, or None where no number
    was asked for.
    """
    model, device = model.changed(memory=memory), model.norm.device
    book, state = PhoneBook(TRAINING.streams, CONFIG.segment, seed), None
    right, gaps = [], []
    for _ in range(documents * 2 * book.entries // book.T):
        tokens, _, starts = (torch.from_numpy(x) for x in next(book))
        logits, state = model(tokens.to(device), state, starts.to(device))
        asked = book.gap > 0
        right.append((logits.argmax(-1).cpu().numpy() == book.targets)[asked])
        gaps.append(book.gap[asked])
    right, interval = np.concatenate(right), np.digitize(np.concatenate(gaps), GAPS)
    chosen = (right[interval == i] for i in range(1, len(GAPS)))
    return [float(x.mean()) if len(x) else None for x in chosen]


def hits(logits, book):
    """Counts in a segment: near numbers recalled, all near ones; the same for far."""
    right = logits.argmax(-1).cpu().numpy() == book.targets
    far = book.gap > 2 * book.T
    near = (book.gap > 0) & ~far
    return (right & near).sum(), near.sum(), (right & far).sum(), far.sum()


def rates(counted):
    """Near and far recall over several segments."""
    near, all_near, far, all_far = (int(sum(part)) for part in zip(*counted))
    return near / max(1, all_near), far / max(1, all_far)
