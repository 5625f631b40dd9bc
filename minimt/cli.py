"""The command line: what each command does with its flags."""

import argparse
import json
import pathlib
import sys
from dataclasses import asdict

from . import bench, compare, course, data, distributed, lookups, recall, report
from .config import Config
from .corpus import Source, say
from .errors import InputError
from .files import write_json
from .flags import (
    Parser,
    add_fields,
    add_flag,
    amount,
    build,
    count,
    device,
    positive,
    several,
)
from .generate import generate
from .train import Training, load_checkpoint

RUNS = pathlib.Path("runs")


def main(argv=None):
    """Run a command; 0 when it succeeded, 2 for a user's mistake, 130 after Ctrl-C."""
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
        say(f"minimt: {str(stopped) or 'stopped'}")
        return 130


def mistake(line):
    """Say what is wrong, once; exit code 2."""
    distributed.let_leader_speak()
    print(f"minimt: {line}", file=sys.stderr, flush=True)
    return 2


def train_command(args):
    """Train a model with memory, then the same without, and compare them."""
    folder, options = resumed_run(args) if "resume" in args else new_run(args)
    distributed.check(options["training"]["streams"], options["processes"])
    try:
        metrics = compare.compare(folder, options, device(args))
    except KeyboardInterrupt:
        if not (folder / data.RUN_FILE).exists():
            raise
        python = distributed.launcher(distributed.size())
        again = f"{python} -m minimt train --resume {folder}"
        raise KeyboardInterrupt(f"stopped; go on with: {again}") from None
    say(f"saved in {folder}")
    return metrics and report.comparison(metrics), metrics


def resumed_run(args):
    """The folder and the options of a run that is to go on."""
    extra = sorted(set(vars(args)) - {"command", "json", "device", "resume"})
    if extra:
        flags = ", ".join(f"--{name}" for name in extra)
        raise InputError(f"--resume takes its options from the run: leave out {flags}")
    folder = pathlib.Path(args.resume)
    return folder, compare.load_run(folder)


def new_run(args):
    """The folder and the options of a run that begins."""
    if "steps" in args and "minutes" in args:
        raise InputError("give --steps or --minutes, not both")
    source, config = build(Source, args), build(Config, args)
    if not config.memory:
        raise InputError("train compares memory with none: --memory must be 1 or more")
    folder = RUNS / args.name if "name" in args else free_folder(source.name)
    if folder.exists():
        again = f"choose another --name, or go on with --resume {folder}"
        raise InputError(f"{folder} is there already: {again}")
    return folder, dict(
        config=asdict(config),
        training=asdict(build(Training, args)),
        source=asdict(source.absolute()),
        minutes=getattr(args, "minutes", None),
        vanilla="no_vanilla" not in args,
        processes=distributed.size(),
    )


def recall_command(args):
    """Learn phone books with and without memory: who recalls far numbers?"""
    metrics = recall.recall(args.steps, args.seed, device(args))
    folder = free_folder("recall")
    recall.save(folder, metrics)
    say(f"saved in {folder}")
    return report.recall(metrics), metrics


def bench_command(args):
    """Measure what search and memory cost, with the keys of a trained model."""
    run = pathlib.Path(args.run) if args.run else newest_run()
    if run:
        compare.load_run(run)
    result = bench.bench(run, device(args), repeats=args.repeats)
    folder = free_folder("bench")
    bench.save(folder, result)
    if args.json:
        write_json(args.json, result)
    say(f"saved in {folder}")
    return report.bench(result), result


def newest_run():
    """The run in runs/ that was trained last, None where there is none."""
    weights = sorted(RUNS.glob(f"*/{compare.MEMORY}"), key=lambda x: x.stat().st_mtime)
    if not weights:
        say("no run here to take keys from: python -m minimt train makes one")
    return weights[-1].parent if weights else None


def evaluate_command(args):
    """Measure a run's models on its held-out documents, or on those of a folder."""
    metrics = compare.evaluate(pathlib.Path(args.run), args.data, device(args))
    return report.comparison(metrics), metrics


def generate_command(args):
    """Write on from a prompt, with a file read into memory first."""
    model, vocabulary = run_model(args)
    read = data.read_text(args.read) if args.read else ""
    tokens = data.encode(vocabulary, read + args.prompt)
    new = generate(model, tokens, args.tokens, args.temperature, args.seed)
    text = args.prompt + vocabulary.decode(list(new))
    return text, dict(prompt=args.prompt, text=text, read_tokens=len(tokens))


def inspect_command(args):
    """Show the tokens of a file that gain most from memory, and what they looked up."""
    model, vocabulary = run_model(args)
    doc = data.encode(vocabulary, data.read_text(args.file))
    if len(doc) <= model.config.segment:
        raise InputError(
            f"{args.file} has {len(doc)} tokens and fits one segment of "
            f"{model.config.segment}, so nothing is in memory: give a longer file"
        )
    found = lookups.gainers(model, doc, args.top)
    return lookups.report(model, vocabulary, doc, found), [asdict(x) for x in found]


def run_model(args):
    """The model with memory of the run that was named, and its vocabulary."""
    folder = pathlib.Path(args.run)
    compare.load_run(folder)
    return compare.load_model(load_checkpoint(folder / compare.MEMORY), device(args))


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


def free_folder(name):
    """runs/NAME or, when that is taken, runs/NAME-2 and so on."""
    numbered = (RUNS / (f"{name}-{i}" if i > 1 else name) for i in range(1, 10_000))
    return next(folder for folder in numbered if not folder.exists())
