"""The bench: what search and memory cost, as ratios measured side by side."""

import time
from dataclasses import replace

import numpy as np
import torch

from . import approximate, figures, peers, search
from .compare import MEMORY, load_model, load_run
from .config import Config
from .corpus import Source, hold_out, say
from .data import split
from .files import write_json
from .recorded import random_recording, record
from .report import machine, versions
from .timing import in_turns, ratio, spread
from .train import Trainer, Training, load_checkpoint

CONFIG = Config(segment=128, neighbours=32)  # B 16, H 4, T 128, D 32, K 32
STREAMS = 16
SIZES = (512, 2048, 8192, 32_768, 65_536, 262_144)
STEPS = (8192, 65_536)  # memories of the training steps; the largest by LSH as well
LARGEST_ELSEWHERE = 65_536  # memories that NumPy and the peers are tried on
TOKENS = 2**20  # of all streams together, in the largest memories
RECALL = 0.9  # that the LSH search must reach on a trained model's keys


def bench(run, device, sizes=SIZES, steps=STEPS, repeats=5):
    """Everything, as a dict: what costs what, beside what, on which machine.

    run: the folder of a run whose keys to use, or None: then keys are random, and what
    needs a trained model is left out.
    """
    began = time.perf_counter()
    tokens = min(TOKENS, max(sizes) * STREAMS) + CONFIG.segment
    recording, model, held = random_recording(4, 32, tokens), None, None
    if run:
        say(f"reading text with the model of {run}")
        recording, model, held = trained(run, tokens, device)
    result = dict(
        sizes=dict(B=STREAMS, H=4, T=CONFIG.segment, D=32, K=CONFIG.neighbours),
        keys=f"of the model in {run}" if run else "random unit vectors",
        repeats=repeats,
        versions=versions() | peers.installed(),
        machine=machine(),
    )
    result["search"] = [search_cost(recording, M, device, repeats) for M in sizes]
    result["step"] = step_cost(device, repeats, steps)
    if run:
        q, keys = (x.to(device) for x in recording.streams(65_536, 128, 4))
        if len(q):
            rows = approximate.curve(
                q, keys, CONFIG.neighbours, CONFIG.segment, repeats
            )
            result["recall"] = dict(memory=65_536, rows=rows)
        say("reading the held-out documents with LSH and with exact search")
        result["losses"] = dict(memory=8192, rows=approximate.losses(model, held))
    return result | dict(seconds=time.perf_counter() - began)


def trained(run, tokens, device):
    """A Recording by a run's model, the model, and the run's held-out documents."""
    options = load_run(run)
    model, vocabulary = load_model(load_checkpoint(run / MEMORY), device)
    source = Source(**options["source"])
    documents, held = split(source.read(), source.held_out, options["training"]["seed"])
    recording = record(model, vocabulary, documents, tokens)
    return recording, model, hold_out(held, vocabulary)


def search_cost(recording, M, device, repeats):
    """Microseconds per query of each way to search M keys, and its ratio to q·kᵀ."""
    K, T = CONFIG.neighbours, CONFIG.segment
    streams = recording.streams(M, T, min(STREAMS, TOKENS // M))
    q, keys = (x.to(device) for x in streams)
    began = time.perf_counter()
    lsh = approximate.filled(keys, 1, T)
    insertion = (time.perf_counter() - began) / keys[..., 0].numel()
    probes = approximate.probes_for(lsh, q[:4], K, RECALL)
    cases = search_cases(q, keys, lsh, K)
    seconds = in_turns({name: f for name, (f, _) in cases.items()}, repeats, f"M {M}")
    seconds = {
        name: [s / cases[name][1] for s in rounds] for name, rounds in seconds.items()
    }
    # In a document's course there is one insertion per query and head.
    seconds["LSH with insertion"] = [s + insertion for s in seconds["LSH"]]
    return dict(
        memory=M,
        streams=len(q),
        cells=approximate.cells_for(M),
        probes=probes,
        recall=approximate.recall_of(lsh, q[:4], K),
        microseconds={
            name: spread([1e6 * s for s in x]) for name, x in seconds.items()
        },
        to_product={name: ratio(seconds, name, "product") for name in seconds},
        to_exact={name: ratio(seconds, name, "exact") for name in seconds},
    )


def search_cases(q, keys, lsh, K):
    """What is compared: {name: (function, how many queries it answers)}.

    q (B, H, T, D), keys (B, H, M, D). NumPy answers those of one stream, peers of one
    head.
    """
    (B, H, T, _), M = q.shape, keys.shape[2]
    memory, space = approximate.exact_memory(keys), keys.new_empty(H, T, M)
    cases = {
        "product": (lambda: q @ keys.mT, B * H * T),
        "product in place": (lambda: products(q, keys, space), B * H * T),
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


def products(q, keys, space):
    """All scores, stream by stream into the same space: no search can do without."""
    for x, k in zip(q, keys):
        torch.bmm(x, k.mT, out=space)


def attention(q, keys):
    """Attention to the whole past, stream by stream."""
    for x, k in zip(q, keys):
        torch.softmax(10 * (x @ k.mT), -1) @ k


def step_cost(device, repeats, sizes=STEPS):
    """Milliseconds of a training step without memory, with it, and of the peer's."""
    steps = {"without memory": our_step(replace(CONFIG, memory=0), device)}
    for M in sizes:
        config = replace(CONFIG, memory=M)
        steps[f"exact, M {M}"] = our_step(config, device)
        if peers.available("memorizing_transformers_pytorch") and device == "cpu":
            steps[f"memorizing-transformers-pytorch, M {M}"] = their_step(
                config, repeats
            )
    bits = int(np.log2(approximate.cells_for(max(sizes))))
    config = replace(config, search="lsh", bits=bits, probes=64)
    steps[f"LSH, M {max(sizes)}"] = our_step(config, device)
    seconds = in_turns(steps, repeats, "training step")
    tokens = STREAMS * CONFIG.segment
    return [
        dict(
            model=name,
            milliseconds=spread([1e3 * s for s in seconds[name]]),
            tokens_per_second=spread([tokens / s for s in seconds[name]]),
            to_no_memory=ratio(seconds, name, "without memory"),
        )
        for name in steps
    ]


def our_step(config, device):
    """A function that makes one training step of our model, its memory full."""
    training = Training(streams=STREAMS)
    trainer = Trainer(config, training, random_segments(config), device)
    trainer.state = trainer.model.first_state(STREAMS)
    if config.memory:
        keys = random_recording(config.heads, config.head, STREAMS * config.memory).keys
        keys = keys.unflatten(1, (STREAMS, -1)).transpose(0, 1).to(device)
        for some in keys.split(config.segment, dim=2):
            trainer.state.memory.write(some, some)
        trainer.state.memory.settled()
    trainer.state.age += config.memory
    return trainer.step


def their_step(config, repeats):
    """The same of memorizing-transformers-pytorch, with room for the steps to come."""
    model = peers.TheirModel(config, STREAMS, spare=(repeats + 2) * config.segment)
    segments = random_segments(config)

    def step():
        tokens, targets, _ = (torch.from_numpy(x) for x in next(segments))
        model.step(tokens, targets)

    return step


def random_segments(config, seed=0):
    """Segments of random tokens, of documents that never end."""
    rng = np.random.default_rng(seed)
    while True:
        text = rng.integers(1, config.vocab, size=(STREAMS, config.segment + 1))
        yield text[:, :-1].copy(), text[:, 1:].copy(), np.zeros(STREAMS, bool)


def save(folder, result):
    """Write the result, and the figures of it, into a folder."""
    write_json(folder / "bench.json", result)
    figures.save(figures.search_costs(result["search"]), folder / "search_cost.png")
    if "recall" in result:
        figures.save(figures.recall_costs(result["recall"]), folder / "recall_cost.png")
    if "losses" in result:
        figures.save(figures.lsh_losses(result["losses"]), folder / "lsh_losses.png")
