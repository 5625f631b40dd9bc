"""The commands: each takes its flags, and returns its output as text and as data."""

import logging
import pathlib
import shlex
import shutil
from dataclasses import asdict
from itertools import chain

from .. import distributed, runs, texts, tokenizer
from ..benchmark import bench
from ..config import Config
from ..corpus import Source
from ..errors import InputError
from ..experiments import compare, recall
from ..files import check_folder, check_output, write_json
from ..generate import as_text, generate
from ..inspection import explorer, lookups
from ..optimizer import Training
from ..reproduce import plan, results
from ..reproduce.study import Study
from . import report
from .flags import build, device, flag_of

log = logging.getLogger(__name__)

RESULTS, QUICK = "results", "results/quick"  # where `reproduce` writes


def train_command(args):
    """Train a model with memory and one without, and compare them."""
    run, options = resumed_run(args) if "resume" in args else new_run(args)
    folder = getattr(args, "resume", "")
    distributed.check(options["training"]["streams"], options["processes"], folder)
    name = options["device"] if args.device == "auto" else args.device
    metrics = compare.compare(run, options, device(name))
    return metrics and report.comparison(metrics), metrics


def resumed_run(args):
    """A run to continue, and its options."""
    extra = sorted(set(vars(args)) - {"command", "json", "device", "resume"})
    if extra:
        flags = ", ".join(map(flag_of, extra))
        raise InputError(f"--resume takes its options from the run: leave out {flags}")
    folder = pathlib.Path(args.resume)
    return runs.resumed(folder), runs.load_options(folder)


def new_run(args):
    """A new run, whose folder is claimed when it is entered, and its options."""
    if "steps" in args and "minutes" in args:
        raise InputError("give --steps or --minutes, not both")
    source, config = build(Source, args), build(Config, args)
    if not config.memory:
        raise InputError("train needs a model with memory: --memory must be 1 or more")
    options = dict(
        command="train",
        config=asdict(config),
        training=asdict(build(Training, args)),
        source=asdict(source.absolute()),
        minutes=getattr(args, "minutes", None),
        without_memory="only_with_memory" not in args,
        processes=distributed.size(),
        device=device(args.device),
    )
    if "name" in args:
        return runs.claimed(args.name, options, numbered=False), options
    return runs.claimed(runs.plain(source.name), options), options


def recall_command(args):
    """Train on phone books with memory and without: how far back does each recall?"""
    options = dict(command="recall", steps=args.steps, seed=args.seed)
    with runs.claimed("recall", options) as folder:
        metrics = recall.recall(args.steps, args.seed, device(args.device))
        recall.save(folder, metrics)
    log.info(f"saved in {folder}")
    return report.recall(metrics), metrics


def bench_command(args):
    """Measure what search and memory cost, on the keys of a trained model."""
    if args.json:
        check_output(args.json)
    run = args.run or newest_run()
    options = dict(command="bench", run=run and str(run), repeats=args.repeats)
    with runs.claimed("bench", options) as folder:
        result = bench.bench(run, device(args.device), repeats=args.repeats)
        bench.save(folder, result)
    if args.json:
        write_json(args.json, result)
    log.info(f"saved in {folder}")
    return report.bench(result), result


def newest_run():
    """The run in runs/ that was trained last, or None if there are no runs."""
    found = runs.RUNS.glob(f"*/{runs.WITH}.pt")
    weights = sorted(found, key=lambda path: path.stat().st_mtime)
    if not weights:
        log.info(
            "keys are random, as there is no run in runs/; "
            "to make one: python -m minimt train"
        )
    return weights[-1].parent if weights else None


def evaluate_command(args):
    """Evaluate a run's models on held-out documents, or on another folder."""
    folder, most = pathlib.Path(args.run), args.held_out_tokens
    metrics = compare.evaluate(folder, args.data, most, device(args.device))
    return report.comparison(metrics), metrics


def generate_command(args):
    """Continue a prompt, after reading a file into memory."""
    model, vocabulary, _ = runs.load_model(args.run, device(args.device))
    read = texts.read_text(args.read) if args.read else ""
    (tokens,) = tokenizer.encode_all(vocabulary, [read + args.prompt])
    new = generate(model, tokens, args.tokens, args.temperature, args.seed)
    pieces = chain([args.prompt], as_text(vocabulary, new))
    if not args.json:
        return pieces, None
    text = "".join(pieces)
    return text, dict(prompt=args.prompt, text=text, read_tokens=len(tokens))


def inspect_command(args):
    """Show the tokens of a file that gain most from memory, and what they looked up."""
    if args.html:
        check_output(args.html, [args.file])
    model, vocabulary, _ = runs.load_model(args.run, device(args.device))
    text = texts.read_text(args.file)
    if args.html:
        name = pathlib.Path(args.file).name
        explorer.write(args.html, model, vocabulary, text, name)
        return f"open {args.html} in a browser", dict(page=args.html)
    (doc,) = tokenizer.encode_all(vocabulary, [text])
    lookups.check(model.config, doc, args.file)
    found = lookups.gainers(model, doc, args.top)
    columns = shutil.get_terminal_size().columns
    shown = lookups.report(model, vocabulary, doc, found, columns=columns)
    return shown, [asdict(x) for x in found]


def reproduce_command(args):
    """Test a finding of the paper on a small scale; --quick takes minutes."""
    if args.quick and args.texts:
        raise InputError("--quick reads only the standard library: leave out --texts")
    tried = plan.quick() if args.quick else plan.full(args.texts)
    folder = pathlib.Path(args.out or (QUICK if args.quick else RESULTS))
    check_folder(folder)
    command = f"python -m minimt reproduce {args.claim}"
    command += " --quick" * args.quick
    if args.texts:
        command += f" --texts {shlex.quote(args.texts)}"
    again = command
    if args.out:
        again += f" --out {shlex.quote(args.out)}"
    if args.device != "auto":
        again += f" --device {args.device}"
    try:
        with Study(runs.RUNS / "reproduce", device(args.device)) as study:
            result = results.reproduce(args.claim, tried, study, command)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"stopped; continue with: {again}") from None
    results.write(folder, result)
    log.info(f"saved in {folder}")
    return report.claim(result), result
