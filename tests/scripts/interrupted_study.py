"""Train six models at once, saving after every step, until Ctrl-C stops them all.

interrupted_study.py TEXTS KEPT: the folder of texts, and where trainings are kept.
"""

import pathlib
import sys
from dataclasses import replace

from models import BASE

from minimt import train
from minimt.corpus import Source
from minimt.reproduce.plan import CODE, TRAINING, Plan
from minimt.reproduce.study import Study


def slowly(trained, case):
    """Train one of them, in a process of the study's pool."""
    train.SAVE_EVERY = 0  # so that something is saved when Ctrl-C comes
    trained.train(case)


if __name__ == "__main__":
    texts, kept = sys.argv[1:]
    source = Source(texts, held_out=2)
    training = replace(TRAINING, repetition_steps=60)
    plan = Plan(True, (0,), 60, {CODE: source}, BASE, training)
    with Study(pathlib.Path(kept)) as study:
        cases = [plan.repetition(seed) for seed in range(6)]
        study.map(slowly, [(study.trained, case) for case in cases], "train")
