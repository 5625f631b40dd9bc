"""The bench: what search and memory cost, as ratios between timings side by side."""

import logging
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F

from .. import figures, search
from ..checkpoints import check
from ..config import Config
from ..corpus import Source, digest, hold_out, read_split
from ..environment import machine, versions
from ..errors import InputError
from ..files import write_json
from ..optimizer import Training
from ..runs import load_model, load_options
from ..torch_model import MemorizingTransformer
from ..torch_search import PIECE
from ..train import Trainer
from . import approximate, charts, peers
from .recorded import random_recording, record
from .timing import clock, in_turns, median_range, ratio

log = logging.getLogger(__name__)

CONFIG = Config(segment=128, neighbours=32)  # B 16, H 4, T 128, D 32, K 32
STREAMS = 16
SIZES = (512, 2048, 8192, 32_768, 65_536, 262_144)
STEPS = (8192, 65_536)  # memories of the training steps; the largest with LSH as well
LARGEST_ELSEWHERE = 65_536  # the largest memory that NumPy and the peers are tried on
TOKENS = 2**20  # in the largest memories of all streams together
RECALL = 0.9  # that LSH search must reach on a trained model's keys


def bench(run, device, sizes=SIZES, steps=STEPS, repeats=5):
    """All measurements as a dict, with the versions and the machine.

    run: the folder of a run whose keys to use; with None, keys are random and whatever
    needs a trained model is left out. Raises InputError if the run's text is too short
    for a size.
    """
    began = clock()
    tokens = min(TOKENS, max(sizes) * STREAMS) + CONFIG.segment
    if run:
        recording, model, held = trained(run, tokens, device)
    else:
        recording, model, held = random_recording(4, 32, tokens), None, None
    H, N, D = recording.keys.shape
    if max(sizes) + CONFIG.segment > N:
        raise InputError(
            f"the text of {run} has {N} tokens, too few for a memory of {max(sizes)}: "
            "choose a --run with more text"
        )
    result = dict(
        command="python -m minimt bench",  # so that it is never taken for a text
        sizes=dict(B=STREAMS, H=H, T=CONFIG.segment, D=D, K=CONFIG.neighbours),
        keys=f"from the model in {run}" if run else "random unit vectors",
        repeats=repeats,
        device=str(device),
        versions=versions() | peers.installed(),
        machine=machine(),
    )
    result["search"] = [search_cost(recording, M, device, repeats) for M in sizes]
    probes = {row["memory"]: row["probes"] for row in result["search"]}
    result["step"] = step_cost(device, repeats, steps, probes)
    if run:
        M, T, K = max(steps), CONFIG.segment, CONFIG.neighbours
        q, keys = (x.to(device) for x in recording.streams(M, T, 4))
        rows = approximate.curve(q, keys, K, T, repeats)
        result["recall"] = dict(memory=M, rows=rows)
        log.info("reading the held-out documents with LSH and with exact search")
        M = min(steps)
        result["losses"] = dict(memory=M, rows=approximate.losses(model, held, M))
    return result | dict(seconds=clock() - began)


def trained(run, tokens, device):
    """A Recording of a run's model, the model, and the run's held-out documents."""
    options = load_options(run)
    model, vocabulary, saved = load_model(run, device)
    source = Source(**options["source"])
    seed = options["training"]["seed"]
    documents, _, held = read_split(source, model.config, seed)
    check(run, saved, documents=digest(documents))
    recording = record(model, vocabulary, documents, tokens)
    return recording, model, hold_out(held, vocabulary, source.held_out_tokens, seed)


def search_cost(recording, M, device, repeats):
    """Microseconds per query of each way to search M keys, and its ratio to q·kᵀ."""
    K, T = CONFIG.neighbours, CONFIG.segment
    streams = recording.streams(M, T, min(STREAMS, TOKENS // M))
    q, keys = (x.to(device) for x in streams)
    began = clock()
    lsh = approximate.filled(keys, 1, T)
    insertion = (clock() - began) / (1.5 * keys[..., 0].numel())
    half = (len(q) + 1) // 2  # chosen on some streams, reported on the others
    probes = approximate.probes_for(lsh, q[:half], K, RECALL)
    cases = search_cases(q, keys, lsh, K)
    functions = {name: f for name, (f, _) in cases.items()}
    seconds = in_turns(functions, repeats, f"timing a memory of {M}")
    seconds = {
        name: [s / cases[name][1] for s in rounds] for name, rounds in seconds.items()
    }
    # While a document is read, there is one insertion per query and head.
    seconds["LSH with insertion"] = [s + insertion for s in seconds["LSH"]]
    return dict(
        memory=M,
        streams=len(q),
        cells=approximate.cells_for(M),
        probes=probes,
        recall=approximate.recall_of(lsh, q, K, first=half % len(q)),
        microseconds={
            name: median_range([1e6 * s for s in x]) for name, x in seconds.items()
        },
        to_product={name: ratio(seconds, name, "product") for name in seconds},
        to_exact={name: ratio(seconds, name, "exact") for name in seconds},
    )


def search_cases(q, keys, lsh, K):
    """What is compared: {name: (function, how many queries it answers)}.

    q (B, H, T, D), keys (B, H, M, D). NumPy answers the queries of one stream, and the
    peers those of one head.
    """
    (B, H, T, _), M = q.shape, keys.shape[2]
    memory = approximate.exact_memory(keys)
    cases = {
        "product": (lambda: q @ keys.mT, B * H * T),
        "product in place": (lambda: products(q, keys), B * H * T),
        "exact": (lambda: memory.search(q, K), B * H * T),
        "LSH": (lambda: lsh.search(q, K), B * H * T),
        "full attention": (lambda: attention(q, keys), B * H * T),
    }
    if M <= LARGEST_ELSEWHERE:
        x, k = q[:1].cpu().numpy(), keys[:1].cpu().numpy()
        valid = np.ones((1, M), dtype=bool)
        cases["exact, NumPy"] = (lambda: search.exact_topk(x, k, valid, K), H * T)
        for name, function in peers.flat_searches(k[0, 0], K).items():
            cases[name] = (lambda function=function: function(x[0, 0]), T)
    return cases


def products(q, keys):
    """All scores, piece by piece into the same space: no exact search can do less."""
    space = keys.new_empty(*q.shape[1:3], min(PIECE, keys.shape[2]))
    for x, k in zip(q, keys):
        for some in k.split(PIECE, dim=1):
            torch.bmm(x, some.mT, out=space[..., : some.shape[1]])


def attention(q, keys):
    """Attention to the whole past, stream by stream."""
    for x, k in zip(q, keys):
        F.scaled_dot_product_attention(x, k, k, scale=10)


def step_cost(device, repeats, sizes, probes):
    """The milliseconds of a training step: ours, with and without memory, and a peer's.

    probes: {M: how many pages LSH probes}, for the sizes of memory where it is known.
    """
    steps = {"without memory": our_step(replace(CONFIG, memory=0), device)}
    for M in sizes:
        config = replace(CONFIG, memory=M)
        steps[f"exact, M {M}"] = our_step(config, device)
        spare = (repeats + 2) * config.segment
        theirs = peers.available("memorizing_transformers_pytorch")
        if theirs and device == "cpu" and spare < M:
            name = f"memorizing-transformers-pytorch, M {M}"
            steps[name] = their_step(config, spare)
    M = max(sizes)
    bits, probes = int(np.log2(approximate.cells_for(M))), probes.get(M, 64)
    config = replace(CONFIG, memory=M, search="lsh", bits=bits, probes=probes)
    steps[f"LSH of {probes} pages, M {M}"] = our_step(config, device)
    seconds = in_turns(steps, repeats, "timing training steps")
    tokens = STREAMS * CONFIG.segment
    return [
        dict(
            model=name,
            milliseconds=median_range([1e3 * s for s in seconds[name]]),
            tokens_per_second=median_range([tokens / s for s in seconds[name]]),
            to_no_memory=ratio(seconds, name, "without memory"),
        )
        for name in steps
    ]


def our_step(config, device):
    """A function that takes one training step with our model, whose memory is full."""
    model = MemorizingTransformer(config).to(device)
    trainer = Trainer(model, Training(streams=STREAMS), random_segments(config))
    trainer.state = trainer.model.first_state(STREAMS)
    if config.memory:
        keys = random_recording(config.heads, config.head, STREAMS * config.memory).keys
        keys = keys.unflatten(1, (STREAMS, -1)).transpose(0, 1).to(device)
        for some in keys.split(config.segment, dim=2):
            trainer.state.memory.write(some, some)
    trainer.state.age += config.memory
    return trainer.step


def their_step(config, spare):
    """The same with memorizing-transformers-pytorch, with room for the coming steps."""
    model = peers.TheirModel(config, STREAMS, spare)
    segments = random_segments(config)

    def step():
        tokens, targets, _ = (torch.from_numpy(x) for x in next(segments))
        model.step(tokens, targets)

    return step


def random_segments(config, seed=0):
    """Segments of random tokens, from documents that never end."""
    rng = np.random.default_rng(seed)
    while True:
        text = rng.integers(1, config.vocab, size=(STREAMS, config.segment + 1))
        yield text[:, :-1].copy(), text[:, 1:].copy(), np.zeros(STREAMS, bool)


def save(folder, result):
    """Write the result and its figures into a folder."""
    write_json(folder / "bench.json", result)
    figures.save(charts.search_costs(result["search"]), folder / "search_cost.png")
    if "recall" in result:
        figures.save(charts.recall_costs(result["recall"]), folder / "recall_cost.png")
    if "losses" in result:
        figures.save(charts.lsh_losses(result["losses"]), folder / "lsh_losses.png")
