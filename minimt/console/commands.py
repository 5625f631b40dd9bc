"""The commands: each takes its flags, and returns its output as text and as data."""

import logging
import pathlib
import shlex
from dataclasses import asdict

from .. import distributed, texts, tokenizer
from ..benchmark import bench
from ..checkpoints import load_checkpoint
from ..config import Config
from ..corpus import Source
from ..errors import InputError
from ..experiments import compare, recall
from ..files import write_json
from ..generate import generate
from ..inspection import explorer, lookups
from ..optimizer import Training
from ..reproduce import plan, results
from ..reproduce.study import Study
from . import report
from .flags import build, device

log = logging.getLogger(__name__)

RUNS = pathlib.Path("runs")
RESULTS, QUICK = "results", "results/quick"  # where `reproduce` writes


def train_command(args):
    """Train a model with memory and one without, and compare them."""
    folder, options = resumed_run(args) if "resume" in args else new_run(args)
    distributed.check(options["training"]["streams"], options["processes"])
    try:
        metrics = compare.compare(folder, options, device(args))
    except KeyboardInterrupt:
        if not (folder / texts.RUN_FILE).exists():
            raise
        python = distributed.launcher(distributed.size())
        again = f"{python} -m minimt train --resume {folder}"
        raise KeyboardInterrupt(f"stopped; continue with: {again}") from None
    log.info(f"saved in {folder}")
    return metrics and report.comparison(metrics), metrics


def resumed_run(args):
    """The folder and the options of a run to continue."""
    extra = sorted(set(vars(args)) - {"command", "json", "device", "resume"})
    if extra:
        flags = ", ".join(f"--{name}" for name in extra)
        raise InputError(f"--resume takes its options from the run: leave out {flags}")
    folder = pathlib.Path(args.resume)
    return folder, compare.load_run(folder)


def new_run(args):
    """The folder and the options of a new run."""
    if "steps" in args and "minutes" in args:
        raise InputError("give --steps or --minutes, not both")
    source, config = build(Source, args), build(Config, args)
    if not config.memory:
        raise InputError("train compares memory with none: --memory must be 1 or more")
    folder = RUNS / args.name if "name" in args else free_folder(source.name)
    if folder.exists():
        again = f"choose another --name, or continue with --resume {folder}"
        raise InputError(f"{folder} already exists: {again}")
    return folder, dict(
        config=asdict(config),
        training=asdict(build(Training, args)),
        source=asdict(source.absolute()),
        minutes=getattr(args, "minutes", None),
        without_memory="only_with_memory" not in args,
        processes=distributed.size(),
    )


def recall_command(args):
    """Train on phone books with and without memory: which recalls far numbers?"""
    metrics = recall.recall(args.steps, args.seed, device(args))
    folder = free_folder("recall")
    recall.save(folder, metrics)
    log.info(f"saved in {folder}")
    return report.recall(metrics), metrics


def bench_command(args):
    """Measure what search and memory cost, on the keys of a trained model."""
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
    """The run in runs/ that was trained last, or None if there are no runs."""
    found = RUNS.glob(f"*/{compare.WITH}.pt")
    weights = sorted(found, key=lambda path: path.stat().st_mtime)
    if not weights:
        log.info(
            "keys are random, as runs/ has no run: python -m minimt train makes one"
        )
    return weights[-1].parent if weights else None


def evaluate_command(args):
    """Evaluate a run's models on held-out documents, or on another folder."""
    metrics = compare.evaluate(pathlib.Path(args.run), args.data, device(args))
    return report.comparison(metrics), metrics


def generate_command(args):
    """Continue a prompt, after reading a file into memory."""
    model, vocabulary = run_model(args)
    read = texts.read_text(args.read) if args.read else ""
    tokens = tokenizer.encode(vocabulary, read + args.prompt)
    new = generate(model, tokens, args.tokens, args.temperature, args.seed)
    text = args.prompt + vocabulary.decode(list(new))
    return text, dict(prompt=args.prompt, text=text, read_tokens=len(tokens))


def inspect_command(args):
    """Show the tokens of a file that gain most from memory, and what they looked up."""
    model, vocabulary = run_model(args)
    text = texts.read_text(args.file)
    if args.html:
        name = pathlib.Path(args.file).name
        explorer.write(args.html, model, vocabulary, text, name)
        return f"open {args.html} in a browser", dict(page=args.html)
    doc = tokenizer.encode(vocabulary, text)
    lookups.check(model.config, doc, args.file)
    found = lookups.gainers(model, doc, args.top)
    return lookups.report(model, vocabulary, doc, found), [asdict(x) for x in found]


def reproduce_command(args):
    """Test a finding of the paper on a small scale; --quick takes minutes."""
    if args.quick and args.texts:
        raise InputError("--quick reads only the standard library: leave out --texts")
    tried = plan.quick() if args.quick else plan.full(args.texts)
    folder = pathlib.Path(args.out or (QUICK if args.quick else RESULTS))
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is not a directory: choose another --out")
    command = f"python -m minimt reproduce {args.claim}"
    command += " --quick" * args.quick
    if args.texts:
        command += f" --texts {shlex.quote(args.texts)}"
    try:
        with Study(RUNS / "reproduce", device(args)) as study:
            result = results.reproduce(args.claim, tried, study, command)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"stopped; continue with: {command}") from None
    results.write(folder, result)
    log.info(f"saved in {folder}")
    return report.claim(result), result


def run_model(args):
    """The named run's model with memory, and its vocabulary."""
    folder = pathlib.Path(args.run)
    compare.load_run(folder)
    return compare.load_model(load_checkpoint(compare.checkpoint(folder)), device(args))


def free_folder(name):
    """runs/NAME or, if that is taken, runs/NAME-2 and so on."""
    numbered = (RUNS / (f"{name}-{i}" if i > 1 else name) for i in range(1, 10_000))
    return next(folder for folder in numbered if not folder.exists())
