"""The commands: what each does with its flags, and returns to be printed."""

import logging
import pathlib
import shlex
from dataclasses import asdict

from .. import data, distributed
from ..benchmark import bench
from ..config import Config
from ..corpus import Source
from ..errors import InputError
from ..experiments import compare, recall
from ..files import write_json
from ..generate import generate
from ..inspection import explorer, lookups
from ..reproduce import plan, results
from ..reproduce.study import Study
from ..train import Training, load_checkpoint
from . import report
from .flags import build, device

log = logging.getLogger(__name__)

RUNS = pathlib.Path("runs")
RESULTS, QUICK = "results", "results/quick"  # where `reproduce` writes


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
    log.info(f"saved in {folder}")
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
    log.info(f"saved in {folder}")
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
    log.info(f"saved in {folder}")
    return report.bench(result), result


def newest_run():
    """The run in runs/ that was trained last, None where there is none."""
    weights = sorted(RUNS.glob(f"*/{compare.MEMORY}"), key=lambda x: x.stat().st_mtime)
    if not weights:
        log.info("no run here to take keys from: python -m minimt train makes one")
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
    text = data.read_text(args.file)
    if args.html:
        name = pathlib.Path(args.file).name
        explorer.write(args.html, model, vocabulary, text, name)
        return f"open {args.html} in a browser", dict(page=args.html)
    doc = data.encode(vocabulary, text)
    lookups.check(model.config, doc, args.file)
    found = lookups.gainers(model, doc, args.top)
    return lookups.report(model, vocabulary, doc, found), [asdict(x) for x in found]


def reproduce_command(args):
    """Try one of the paper's findings in small; --quick in a few minutes."""
    if args.quick and args.texts:
        raise InputError("--quick reads the standard library: leave out --texts")
    tried = plan.quick() if args.quick else plan.full(args.texts)
    folder = pathlib.Path(args.out or (QUICK if args.quick else RESULTS))
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is no folder: choose another --out")
    command = f"python -m minimt reproduce {args.claim}"
    command += " --quick" * args.quick
    if args.texts:
        command += f" --texts {shlex.quote(args.texts)}"
    try:
        with Study(RUNS / "reproduce", device(args)) as study:
            result = results.reproduce(args.claim, tried, study, command)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"stopped; go on with: {command}") from None
    results.write(folder, result)
    log.info(f"saved in {folder}")
    return results.text(result), result


def run_model(args):
    """The model with memory of the run that was named, and its vocabulary."""
    folder = pathlib.Path(args.run)
    compare.load_run(folder)
    return compare.load_model(load_checkpoint(folder / compare.MEMORY), device(args))


def free_folder(name):
    """runs/NAME or, when that is taken, runs/NAME-2 and so on."""
    numbered = (RUNS / (f"{name}-{i}" if i > 1 else name) for i in range(1, 10_000))
    return next(folder for folder in numbered if not folder.exists())
