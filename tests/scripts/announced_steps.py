"""The command minimt, which prints a line after each of the first steps of training."""

import sys

from minimt import train
from minimt.console import cli
from minimt.console.exits import leave

step = train.Trainer.step


def announced(trainer):
    """Take a step and tell who waits for it; later ones would only fill the pipe."""
    result = step(trainer)
    if len(trainer.losses) < 10:
        print("steps taken:", len(trainer.losses), flush=True)
    return result


train.Trainer.step = announced
leave(cli.main(sys.argv[1:]))
