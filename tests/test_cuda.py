"""What a GPU computes agrees with the CPU; these tests are skipped where none is."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from models import CONFIG, params_of, stream

from minimt.config import Config
from minimt.evaluate import document_losses
from minimt.formation import Formation
from minimt.generate import generate
from minimt.optimizer import Training, mixed_precision
from minimt.repetition import Repetition
from minimt.torch_model import MemorizingTransformer
from minimt.train import Trainer, text_trainer

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no CUDA device here"
)
SEARCHES = pytest.mark.parametrize(
    "search", [{}, dict(search="lsh", bits=3, probes=2)], ids=["exact", "lsh"]
)
SMALL = Config(vocab=64, layers=3, heads=2, embed=32, segment=16, cache=16, memory=128)


def documents(rng, n=20, length=400):
    """Documents of random tokens, each of which repeats its first half."""
    halves = rng.integers(1, SMALL.vocab, size=(n, length // 2))
    return list(np.concatenate([halves, halves], axis=1))


@SEARCHES
def test_the_model_agrees_with_the_cpu(rng, search):
    config = replace(CONFIG, memory=256, **search)
    cpu, state, cuda_state = MemorizingTransformer(config), None, None
    cpu.load_numpy(params_of(config))
    cuda = MemorizingTransformer(config).load_numpy(params_of(config)).cuda()
    for tokens, starts in stream(rng, config, 5):
        tokens, starts = torch.from_numpy(tokens), torch.from_numpy(starts)
        expected, state = cpu(tokens, state, starts)
        logits, cuda_state = cuda(tokens.cuda(), cuda_state, starts.cuda())
        np.testing.assert_allclose(logits.cpu().detach(), expected.detach(), atol=1e-9)


def trained(docs, device, steps, training=None, **changes):
    """A trainer on documents that has taken some steps on a device."""
    training = training or Training(streams=4, steps=20, seed=3, repetition_share=0.25)
    model = MemorizingTransformer(replace(SMALL, **changes), seed=3).to(device)
    trainer = text_trainer(model, training, docs)
    for _ in range(steps):
        trainer.step()
    return trainer


@SEARCHES
def test_training_with_bfloat16_agrees_with_the_cpu(rng, search):
    docs = documents(rng)
    cpu, cuda = (trained(docs, device, 20, **search) for device in ("cpu", "cuda"))
    np.testing.assert_allclose(cuda.losses, cpu.losses, rtol=0.02)
    assert cuda.losses[-1] < cuda.losses[0]
    assert cuda.losses != cpu.losses  # or bfloat16 was not used


def test_matrices_are_multiplied_in_bfloat16_and_nothing_else_is_stored_so():
    x = torch.ones(3, 3, device="cuda")
    with mixed_precision("cuda"):
        assert (x @ x).dtype == torch.bfloat16
    trainer = trained(documents(np.random.default_rng(0)), "cuda", 3)
    assert {p.dtype for p in trainer.model.parameters()} == {torch.float32}
    memory = trainer.state.memory
    assert memory.keys.is_cuda and memory.keys.dtype == torch.float32


@SEARCHES
def test_a_resumed_training_continues_as_if_it_had_never_stopped(rng, search):
    docs = documents(rng)
    whole, begun = (trained(docs, "cuda", n, **search) for n in (20, 8))
    saved = io.BytesIO()
    torch.save(begun.state_dict(), saved)
    saved.seek(0)
    resumed = trained(docs, "cuda", 0, **search)
    resumed.load_state_dict(torch.load(saved, weights_only=True, map_location="cpu"))
    while not resumed.done:
        resumed.step()
    np.testing.assert_allclose(resumed.losses, whole.losses, rtol=1e-3)


@SEARCHES
def test_reading_agrees_with_the_cpu(rng, search):
    """In float64, as in float32 a query between two cells of LSH may go to either."""
    docs, model = documents(rng, 5), MemorizingTransformer(replace(SMALL, **search))
    expected = document_losses(model.double(), docs)
    found = document_losses(model.cuda(), docs)
    for x, y in zip(found, expected):
        np.testing.assert_allclose(x, y, atol=1e-5)


def test_the_probe_agrees_with_the_cpu(rng):
    docs, training = documents(rng), Training(streams=4, seed=3)
    cpu, cuda = (
        Formation(MemorizingTransformer(replace(SMALL, memory=0)).to(x), training, docs)
        for x in ("cpu", "cuda")
    )
    for name in ("first", "later", "attention"):
        expected, found = cpu.curve[0][name], cuda.curve[0][name]
        np.testing.assert_allclose(found, expected, rtol=1e-3)
    assert isinstance(cuda.streams, Repetition) and isinstance(cuda, Trainer)


def test_generating_agrees_with_the_cpu(rng):
    prompt, model = documents(rng, 1)[0][:40], MemorizingTransformer(SMALL)
    options = dict(count=20, temperature=0)
    expected = list(generate(model, prompt, **options))
    assert list(generate(model.cuda(), prompt, **options)) == expected
