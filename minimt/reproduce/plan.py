"""What a claim trains: a quick plan for a reader, or the full one of the results."""

import logging
import pathlib
from dataclasses import dataclass, fields, replace

from ..config import Config
from ..corpus import Source
from ..errors import InputError
from ..optimizer import Training
from ..texts import hidden, shown
from .trained import Case

log = logging.getLogger(__name__)

CODE, PROOFS = "standard library", "hol_light"
TRAINING = Training(  # as in results/; the main job's is better (tutorial/tuning.md)
    learning_rate=5e-3, repetition_rate=1.0, lookup_rate=1.0, repetition_share=0.125
)


@dataclass(frozen=True)
class Plan:
    """Seeds, steps, and texts {name: source}; quick: for a reader, in minutes."""

    quick: bool
    seeds: tuple
    steps: int
    texts: dict
    base: Config = Config()
    training: Training = TRAINING

    def case(self, seed, text=CODE, *, steps=None, before=None, variant="", **changes):
        """A model with the sizes of `base`, except for `changes`, trained on a text.

        changes: fields of Config and of Training. before: the case whose weights it
        starts from, to read the same documents in a new order. Without one, a primed
        model starts from its repetition; models that are not primed repeat nothing.
        """
        steps = steps or self.steps
        config, training = self.settings(changes)
        if config.init != "primed":
            training = replace(training, repetition_steps=0, repetition_share=0)
        if before:  # so that it does not begin with the same documents
            seed = before.training.seed + 1000
        elif training.repetition_steps:
            before = self.repetition(seed, text, variant=variant, **changes)
        training = replace(training, steps=steps, warmup=max(1, steps // 5), seed=seed)
        return Case(self.texts[text], config, training, before, variant)

    def settings(self, changes):
        """The Config and the Training with some of their fields changed."""
        names = {field.name for field in fields(Training)}
        found = {name: x for name, x in changes.items() if name in names}
        config = {name: x for name, x in changes.items() if name not in names}
        return replace(self.base, **config), replace(self.training, **found)

    def repetition(self, seed, text=CODE, *, variant="", **changes):
        """A model without memory that repeats chunks until a lookup has formed.

        The models that start from it may have any memory, search, segment and cache.
        """
        usual = "search", "neighbours", "segment", "cache"
        changes |= {name: getattr(self.base, name) for name in usual}
        changes |= dict(memory=0, streams=Training.streams)
        config, training = self.settings(changes | dict(repetition_share=0, seed=seed))
        return Case(self.texts[text], config, training, None, variant, "repetition")

    def watched(self, seed, text=CODE, *, steps, **changes):
        """A model without memory that reads plain text, watched for a lookup."""
        config, training = self.settings(changes | dict(memory=0))
        training = replace(training, seed=seed, steps=steps, repetition_share=0)
        return Case(self.texts[text], config, training, kind="watched text")


def quick():
    """One seed and a few steps on the standard library, which every machine has."""
    return Plan(True, (0,), 60, {CODE: Source(held_out=3)})


def full(folder=None):
    """Three seeds; besides the standard library, each folder of text in `folder`.

    Raises InputError if that is not a directory, or has no folders in it.
    """
    texts = {CODE: Source()}
    if folder is not None:
        root = pathlib.Path(folder)
        if not root.is_dir():
            raise InputError(f"{folder} is not a directory: give one that holds texts")
        inside = sorted(root.iterdir())
        kinds = [path for path in inside if path.is_dir() and not hidden(path.name)]
        if not kinds:
            raise InputError(f"{folder} has no folders in it: make one for each text")
        if others := [shown(path.name) for path in inside if path not in kinds]:
            log.info(f"left out {', '.join(others)}: give each text its own folder")
        texts |= {path.name: Source(str(path)).absolute() for path in kinds}
    return Plan(False, (0, 1, 2), 200, texts)
