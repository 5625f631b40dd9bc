"""The command line: its commands, their flags, and their exit codes."""

import argparse
import logging

from .. import distributed
from ..config import Config
from ..corpus import Source
from ..errors import InputError
from ..experiments import recall
from ..files import as_json
from ..reproduce.claims import CLAIMS
from ..train import Training
from . import COMMANDS, examples
from .commands import (
    bench_command,
    evaluate_command,
    generate_command,
    inspect_command,
    recall_command,
    reproduce_command,
    train_command,
)
from .exits import finish
from .flags import (
    Parser,
    add_fields,
    add_flag,
    amount,
    count,
    filename,
    positive,
    several,
    utf8,
)


def main(argv=None):
    """Run a command; returns its exit code, as `exits.finish` says."""
    return finish(run, argv)


def run(argv=None):
    """Run a command and print what it returns."""
    show_notices()
    args = parser().parse_args(argv)
    if args.command is not train_command and distributed.size() > 1:
        raise InputError("only train can use several processes: leave out torchrun")
    text, result = args.command(args)
    if distributed.leader():
        show(as_json(result) if args.json is True else text)


def show(text):
    """Print a text, or the pieces of one as they come."""
    try:
        for piece in [text] if isinstance(text, str) else text:
            print(piece, end="", flush=True)
    finally:
        print()


def show_notices():
    """Send the package's log to standard error, from one process only."""
    log = logging.getLogger("minimt")
    log.handlers = [logging.StreamHandler()]
    log.setLevel(logging.INFO if distributed.leader() else logging.WARNING)


def parser():
    """The commands that need torch, and their flags."""
    top = Parser(prog="minimt")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    add_train(commands)

    task = add_command(commands, recall_command)
    add_flag(task, "steps", recall.TRAINING.steps, "training steps", several)
    add_flag(task, "seed", 0, "seed for the weights and the books", count)

    measure = add_command(commands, bench_command, json_file=True)
    help_text = "folder of a trained run, whose keys are used (default: the newest)"
    measure.add_argument("--run", type=filename, metavar="RUN", help=help_text)
    add_flag(measure, "repeats", 5, "rounds of measurement", several)

    evaluate = add_command(commands, evaluate_command, "run")
    help_text = "folder of documents (default: the run's held-out ones)"
    evaluate.add_argument("--data", type=filename, metavar="DIR", help=help_text)
    help_text = "about how many tokens to read; 0 = all (default: as in the run)"
    evaluate.add_argument("--held-out-tokens", type=count, metavar="N", help=help_text)

    write = add_command(commands, generate_command, "run")
    help_text = "text file to read first"
    write.add_argument("--read", type=filename, metavar="FILE", help=help_text)
    add_flag(write, "prompt", "", "text to continue", utf8)
    add_flag(write, "tokens", 100, "tokens to write", count)
    help_text = "how freely to choose; 0 = always the most likely token"
    add_flag(write, "temperature", 0.8, help_text, amount)
    add_flag(write, "seed", 0, "seed for sampling", count)

    inspect = add_command(commands, inspect_command, "run", "file")
    add_flag(inspect, "top", 10, "tokens to show", count)
    help_text = "write an HTML page instead, on which every token can be explored"
    inspect.add_argument("--html", type=filename, metavar="FILE", help=help_text)

    add_reproduce(commands)
    return top


def add_train(commands):
    """The main job, with a flag for every field of its model, training and source."""
    train = add_command(commands, train_command)
    group = train.add_argument_group("run", argument_default=argparse.SUPPRESS)
    help_text = "minutes on text with memory, in place of --steps"
    group.add_argument("--minutes", type=positive, metavar="X", help=help_text)
    help_text = "name of the run (default: that of the data, numbered if taken)"
    group.add_argument("--name", type=utf8, metavar="NAME", help=help_text)
    help_text = "continue a run that was stopped"
    group.add_argument("--resume", type=filename, metavar="RUN", help=help_text)
    help_text = "train only the model with memory, without a comparison"
    group.add_argument("--only-with-memory", action="store_true", help=help_text)
    for title, part in dict(data=Source, training=Training, model=Config).items():
        add_fields(train, title, part)


def add_reproduce(commands):
    """The paper's findings on a small scale, by the name of the claim."""
    reproduce = add_command(commands, reproduce_command)
    asks = [f"  {name:13}{asked}" for name, asked in CLAIMS.items()]
    reproduce.usage = "minimt reproduce CLAIM [options]"
    reproduce.description += "\n\n" + "\n".join(["claims:", *asks])
    help_text = "one of the claims above"
    reproduce.add_argument("claim", choices=CLAIMS, metavar="CLAIM", help=help_text)
    help_text = "one seed, fewer steps, the standard library alone: a few minutes"
    reproduce.add_argument("--quick", action="store_true", help=help_text)
    help_text = "folder with one subfolder of text files for each further kind of text"
    reproduce.add_argument("--texts", type=filename, metavar="DIR", help=help_text)
    help_text = "folder to write to (default: results; with --quick: results/quick)"
    reproduce.add_argument("--out", type=filename, metavar="DIR", help=help_text)


def add_command(commands, run, *positional, json_file=False):
    """A command named after its function, with the flags that all commands share."""
    name = run.__name__.removesuffix("_command")
    about = dict(description=COMMANDS[name], epilog=examples(name))
    usage = " ".join(["minimt", name, *map(str.upper, positional), "[options]"])
    command = commands.add_parser(name, usage=usage, **about)
    command.set_defaults(command=run)
    texts = dict(run="folder of a run, such as runs/NAME", file="text file")
    for argument in positional:
        options = dict(metavar=argument.upper(), help=texts[argument])
        command.add_argument(argument, type=filename, **options)
    add_flag(command, "device", "auto", "auto, cpu, cuda or mps", str)
    if json_file:
        help_text = "also write the result to this file"
        command.add_argument("--json", type=filename, metavar="FILE", help=help_text)
    else:
        help_text = "print the result as JSON"
        command.add_argument("--json", action="store_true", help=help_text)
    return command
