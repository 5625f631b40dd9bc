"""The command minimt, killed after four steps of training and their checkpoint."""

import os
import signal
import sys

from minimt import train
from minimt.console import cli

train.SAVE_EVERY = 0  # seconds: a checkpoint after every step
step = train.Trainer.step


def step_or_die(trainer):
    """The fifth step never comes, and nothing is cleaned up."""
    if len(trainer.losses) == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return step(trainer)


train.Trainer.step = step_or_die
cli.main(sys.argv[1:])
