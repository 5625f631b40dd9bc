"""Recorded keys are those that the model would have written to its memory."""

import numpy as np
import torch

from minimt.benchmark.recorded import STREAMS, Recording, random_recording, record
from minimt.config import Config
from minimt.tokenizer import encode, train_vocabulary
from minimt.torch_model import MemorizingTransformer

WORDS = "memory key value query head gate bucket recall segment cache".split()


def documents(rng):
    return [(f"{i}", " ".join(rng.choice(WORDS, size=400))) for i in range(12)]


def test_it_holds_what_the_memory_would_hold(rng, tmp_path):
    texts = documents(rng)
    vocabulary = train_vocabulary([text for _, text in texts], 300, tmp_path)
    config = Config(vocab=300, layers=3, segment=16, memory=4096, neighbours=1)
    model = MemorizingTransformer(config, seed=1)
    recording = record(model, vocabulary, texts, tokens=3000, seed=2)
    order = np.random.default_rng(2).permutation(12)
    text = np.concatenate([encode(vocabulary, texts[i][1]) for i in order])[:3072]
    each = len(text) // (STREAMS * 16) * 16
    assert recording.keys.shape == (4, STREAMS * each, 32)
    tokens, state = (
        torch.from_numpy(text[: STREAMS * each].reshape(STREAMS, each)),
        None,
    )
    with torch.inference_mode():
        for at in range(0, each, 16):
            _, state = model(tokens[:, at : at + 16], state)
    for b in range(STREAMS):
        there = slice(b * each, (b + 1) * each)
        memory = state.memory.keys[b, :, :each]
        np.testing.assert_allclose(recording.keys[:, there], memory, atol=1e-5)
        scores = state.retrieved[0][b, :, :, 0]  # of the last segment's queries
        q = recording.queries[:, there][:, -16:]
        best = (q @ memory[:, : each - 16].mT).amax(-1)
        np.testing.assert_allclose(best, scores, atol=1e-5)


def test_streams_are_memories_and_the_queries_after_them():
    numbers = torch.arange(20.0).view(1, 20, 1)
    q, keys = Recording(numbers, numbers).streams(M=6, T=3, most=9)
    assert keys[:, 0, :, 0].tolist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    assert q[:, 0, :, 0].tolist() == [[6, 7, 8], [12, 13, 14]]
    assert len(Recording(numbers, numbers).streams(M=6, T=3, most=1)[0]) == 1
    assert len(Recording(numbers, numbers).streams(M=18, T=3, most=9)[1]) == 0


def test_random_keys_have_length_1_and_a_seed():
    one, again = random_recording(2, 8, 50, seed=3), random_recording(2, 8, 50, seed=3)
    np.testing.assert_allclose(one.keys.norm(dim=-1), np.ones((2, 50)), atol=1e-6)
    assert torch.equal(one.queries, again.queries)
    assert not torch.equal(one.queries, one.keys)
