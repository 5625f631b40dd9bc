"""The stage of repetition: what its probe measures, when it ends, how it resumes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from models import CONFIG, params_of
from trainers import TRAINING, finish

from minimt import attention, position, texts, tokenizer
from minimt.config import Config
from minimt.evaluate import read_twice
from minimt.formation import (
    CHUNKS,
    FORMED,
    LEARNED,
    Formation,
    Probe,
    watched_text,
)
from minimt.repetition import READINGS
from minimt.torch_model import MemorizingTransformer, token_losses

SMALL = replace(CONFIG, memory=0)
DOCS = [np.random.default_rng(i).integers(1, CONFIG.vocab, size=60) for i in range(5)]


def model_of(config=SMALL):
    return MemorizingTransformer(config).load_numpy(params_of(config))


def test_a_probe_measures_each_reading_and_where_heads_look():
    """Against loops over every query and key, with the queries and keys of NumPy."""
    model, H = model_of(), SMALL.heads
    probe = Probe(model, DOCS, seed=0)
    found, tokens = probe.measure(model), probe.tokens.numpy()[:, :-1]
    n, T = probe.tokens.shape[1] // READINGS, tokens.shape[1]
    logits, _ = model(probe.tokens[:, :-1])
    nats = token_losses(logits, probe.tokens[:, 1:]).detach().numpy()
    assert found["first"] == pytest.approx(nats[:, : n - 1].mean())
    assert found["later"] == pytest.approx(nats[:, n - 1 :].mean())
    q, k = probe.seen[2 * SMALL.memory_layer : 2 * SMALL.memory_layer + 2]
    p = params_of(SMALL)
    table = p[f"layers.{SMALL.memory_layer}.bias"]
    scale = np.exp(p[f"layers.{SMALL.memory_layer}.log_scale"])
    shares = np.zeros((CHUNKS, H, T))
    for b in range(CHUNKS):
        for h in range(H):
            for i in range(T):
                keys = np.arange(i + 1)
                logit = scale[h] * (k[b, h, keys] @ q[b, h, i]).numpy()
                logit += table[position.relative_position_bucket(i - keys), h]
                weight = attention.softmax(logit)
                after = [j > 0 and tokens[b, j - 1] == tokens[b, i] for j in keys]
                shares[b, h, i] = weight[after].sum()
    expected = shares[..., n - 1 :].mean((0, 2))
    np.testing.assert_allclose(found["attention"], expected, atol=1e-6)
    assert expected.min() > 0.05 and expected.max() < 0.95  # or nothing was tested


def test_measuring_does_not_change_the_model():
    model = model_of()
    before = {name: w.clone() for name, w in model.state_dict().items()}
    Probe(model, DOCS, seed=0).measure(model)
    assert all(torch.equal(w, before[x]) for x, w in model.state_dict().items())
    assert model.parts.normalize is not Probe.record


def formation_of(**changes):
    training = replace(TRAINING, streams=4, repetition_steps=30, warmup=5)
    model = MemorizingTransformer(replace(SMALL, init="primed"))
    return Formation(model, replace(training, **changes), DOCS)


def test_it_takes_its_own_number_of_steps_and_measures_on_the_way():
    trainer = formation_of(steps=7, repetition_steps=12)
    assert len(finish(trainer)) == 12
    assert [x["step"] for x in trainer.curve] == [0, 5, 10]


def test_it_ends_once_the_lookup_is_sure(monkeypatch):
    """A probe that finds a lookup after so many measurements."""
    costs = iter([9.0, 8.0, 7.0, 3.0, 1.0, 0.2, 0.2, 0.2])

    def measure(self, model):
        return dict(first=8.0, later=next(costs), attention=[0.5, 0.5])

    monkeypatch.setattr(Probe, "measure", measure)
    trainer = formation_of()
    assert len(finish(trainer)) == 25 and trainer.formed == 15
    assert LEARNED * 8 > 0.2 and FORMED * 8 > 3


def test_it_resumes_to_the_last_bit():
    whole, stopped, resumed = (formation_of() for _ in range(3))
    for _ in range(13):
        stopped.step()
    resumed.load_state_dict(stopped.state_dict())
    assert finish(whole) == finish(resumed)
    assert whole.curve == resumed.curve and len(whole.curve) == 7


def test_plain_text_can_be_watched_and_resumed(monkeypatch):
    monkeypatch.setattr("minimt.formation.POINTS", 3)
    training = replace(TRAINING, streams=4, steps=21, repetition_share=0.25)
    whole, stopped, resumed = (watched_text(model_of(), training, DOCS) for _ in "abc")
    for _ in range(9):
        stopped.step()
    resumed.load_state_dict(stopped.state_dict())
    assert finish(whole) == finish(resumed)
    assert [x["step"] for x in whole.curve] == [0, 7, 14, 21]
    assert whole.curve == resumed.curve


@pytest.mark.parametrize("init", ["random", "primed", "induction"])
def test_before_training_only_a_written_lookup_looks_anything_up(init, tmp_path):
    """Neither within a chunk that is repeated, nor in a document that is read twice."""
    documents = [text for _, text in texts.standard_library()[:60:6]]
    vocabulary = tokenizer.train_vocabulary(documents, Config.vocab, tmp_path)
    docs = [doc[:2000] for doc in tokenizer.encode_all(vocabulary, documents[:3])]
    config = Config(memory=8192, init=init)
    model = MemorizingTransformer(config, seed=1)
    attention = Probe(model.changed(memory=0), docs, seed=1).measure(model)["attention"]
    saved = read_twice(model, docs)["saved"]
    if init == "induction":
        assert min(attention) > 0.5 and saved > 1
    else:
        assert max(attention) < 0.1 and abs(saved) < 0.05
