"""The command line: its commands and their flags, and how a command ends."""

import argparse
import json
import logging
import sys

from .. import course, distributed
from ..config import Config
from ..corpus import Source
from ..errors import InputError
from ..experiments import recall
from ..reproduce.claims import CLAIMS
from ..train import Training
from .commands import (
    bench_command,
    evaluate_command,
    generate_command,
    inspect_command,
    recall_command,
    reproduce_command,
    train_command,
)
from .flags import Parser, add_fields, add_flag, amount, count, positive, several


def main(argv=None):
    """Run a command; 0 when it succeeded, 2 for a user's mistake, 130 after Ctrl-C."""
    show_notices()
    try:
        args = parser().parse_args(argv)
        if args.command is not train_command and distributed.size() > 1:
            raise InputError("only train runs in several processes: leave out torchrun")
        text, result = args.command(args)
        if distributed.leader():
            print(json.dumps(result, indent=2) if args.json is True else text)
        return 0
    except InputError as error:
        return mistake(error)
    except OSError as error:
        return mistake(f"{error.filename or 'output'}: {error.strerror}")
    except KeyboardInterrupt as stopped:
        if distributed.leader():
            print(f"minimt: {str(stopped) or 'stopped'}", file=sys.stderr)
        return 130


def show_notices():
    """Write what the package logs to standard error, once and not per process."""
    log = logging.getLogger("minimt")
    log.handlers = [logging.StreamHandler()]
    log.setLevel(logging.INFO if distributed.leader() else logging.WARNING)


def mistake(line):
    """Say what is wrong, once; exit code 2."""
    distributed.let_leader_speak()
    print(f"minimt: {line}", file=sys.stderr, flush=True)
    return 2


def parser():
    """All commands and their flags."""
    top = Parser(prog="minimt", description="Memorizing Transformers on a laptop.")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    add_train(commands)

    task = add_command(commands, recall_command)
    add_flag(task, "steps", recall.TRAINING.steps, "training steps", several)
    add_flag(task, "seed", 0, "seed of weights and books", count)

    measure = add_command(commands, bench_command, json_file=True)
    about = "folder of a trained run, for its keys (the newest in runs/)"
    measure.add_argument("--run", metavar="RUN", help=about)
    add_flag(
        measure, "repeats", 5, "rounds in which all that is compared runs", several
    )

    evaluate = add_command(commands, evaluate_command, "run")
    evaluate.add_argument(
        "--data", help="folder of documents (the run's held-out ones)"
    )

    write = add_command(commands, generate_command, "run")
    write.add_argument("--read", metavar="FILE", help="text file to read first")
    add_flag(write, "prompt", "", "text to go on from", str)
    add_flag(write, "tokens", 100, "tokens to write", count)
    add_flag(write, "temperature", 0.8, "0 = always the likeliest token", amount)
    add_flag(write, "seed", 0, "seed of the draws", count)

    inspect = add_command(commands, inspect_command, "run", "file")
    add_flag(inspect, "top", 10, "tokens to show", count)
    about = "write a page instead, on which every token can be looked at"
    inspect.add_argument("--html", metavar="FILE", help=about)

    add_reproduce(commands)
    for name, about in course.COMMANDS.items():  # minimt.course.cli does these
        commands.add_parser(name, help=about)
    return top


def add_train(commands):
    """The main job, with a flag for every field of what it is made of."""
    train = add_command(commands, train_command)
    for part in (Config, Training, Source):
        add_fields(train, part)
    optional = dict(default=argparse.SUPPRESS)
    about = "train the model with memory so long, the other for as many steps"
    train.add_argument("--minutes", type=positive, help=about, **optional)
    train.add_argument("--name", help="name of the run (a free one)", **optional)
    about = "go on with a run that was stopped"
    train.add_argument("--resume", metavar="RUN", help=about, **optional)
    about = "train only the model with memory"
    train.add_argument("--no_vanilla", action="store_true", help=about, **optional)


def add_reproduce(commands):
    """The paper's findings in small, by the name of the claim."""
    reproduce = add_command(commands, reproduce_command)
    asks = "; ".join(f"{name}: {asked}" for name, asked in CLAIMS.items())
    reproduce.add_argument("claim", choices=CLAIMS, metavar="CLAIM", help=asks)
    about = "one seed, fewer steps, the standard library alone: at most three minutes"
    reproduce.add_argument("--quick", action="store_true", help=about)
    about = "folder with a folder of text files for each further kind of text"
    reproduce.add_argument("--texts", metavar="DIR", help=about)
    about = "folder to write to (results, or results/quick)"
    reproduce.add_argument("--out", metavar="DIR", help=about)


def add_command(commands, run, *positional, json_file=False):
    """A command named after its function, with what all commands take."""
    name, about = run.__name__.removesuffix("_command"), run.__doc__
    command = commands.add_parser(name, help=about, description=about)
    command.set_defaults(command=run)
    texts = dict(run="folder of a run: runs/NAME", file="text file")
    for argument in positional:
        command.add_argument(argument, help=texts[argument])
    add_flag(command, "device", "auto", "auto, cpu, cuda or mps", str)
    if json_file:
        command.add_argument(
            "--json", metavar="FILE", help="write the result there too"
        )
    else:
        about = "print the result as JSON"
        command.add_argument("--json", action="store_true", help=about)
    return command
