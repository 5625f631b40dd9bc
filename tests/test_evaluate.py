"""Evaluation counts every token of a document once, as reading it alone would."""

import copy
import math
from dataclasses import replace

import numpy as np
import pytest
from models import CONFIG, params_of

from minimt import evaluate, model, tokenizer
from minimt.errors import InputError


def documents(rng, *lengths):
    return [rng.integers(CONFIG.vocab, size=n) for n in lengths]


def numpy_losses(doc, config=CONFIG):
    """One document read alone by the NumPy model, segment after segment."""
    nats, state = [], None
    for at in range(0, len(doc) - 1, config.segment):
        piece = doc[None, at : at + config.segment + 1]
        logits, state = model.forward(params_of(config), config, piece[:, :-1], state)
        nats.append(model.token_losses(logits, piece[:, 1:])[0])
    return np.concatenate(nats)


@pytest.mark.parametrize("streams", [1, 2, 5, 9])
def test_losses_are_those_of_each_document_read_alone(rng, small_model, streams):
    docs = documents(rng, 11, 40, 3, 27, 6)
    found = evaluate.document_losses(small_model, docs, streams)
    for nats, doc in zip(found, docs):
        np.testing.assert_allclose(nats, numpy_losses(doc), atol=1e-5)


@pytest.mark.parametrize("M", [0, 4, 99])
def test_the_memory_size_can_be_changed(rng, small_model, M):
    docs, config = documents(rng, 40, 27), replace(CONFIG, memory=M)
    found = evaluate.document_losses(small_model.changed(memory=M), docs)
    for nats, doc in zip(found, docs):
        np.testing.assert_allclose(nats, numpy_losses(doc, config), atol=1e-5)


def test_a_summary_is_in_nats_perplexity_and_bits_per_byte():
    nats, texts = [np.array([1.0, 2.0]), np.array([6.0])], ["héé", "x"]
    found = evaluate.summary(nats, texts)
    assert found["nats_per_token"] == 3 and found["tokens"] == 3
    assert found["perplexity"] == pytest.approx(math.exp(3))
    assert found["bits_per_byte"] == pytest.approx(9 / math.log(2) / 6)


def test_reading_twice_compares_the_same_tokens(rng, small_model):
    docs = documents(rng, 11, 13, 30)  # the last is longer than the memory
    found = evaluate.read_twice(small_model, docs)
    nats = [numpy_losses(np.concatenate([doc, doc[1:]])) for doc in docs[:2]]
    first = np.concatenate([nats[0][:10], nats[1][:12]]).mean()
    second = np.concatenate([nats[0][10:], nats[1][12:]]).mean()
    assert found["documents"] == 2
    assert found["first"] == pytest.approx(first, abs=1e-5)
    assert found["saved"] == pytest.approx(first - second, abs=1e-5)


def test_of_documents_that_are_all_too_long_the_beginnings_are_read_twice(
    rng, small_model
):
    docs, M = documents(rng, 30, 45), small_model.config.memory
    found = evaluate.read_twice(small_model, docs)
    assert found == evaluate.read_twice(small_model, [doc[:M] for doc in docs])
    assert found["documents"] == 2 and M < 30


def test_distances_count_tokens_since_the_name_was_last_begun(tmp_path):
    text = "alpha = beta(alpha)\nbeta += alpha # ab"
    vocabulary = tokenizer.train_vocabulary([text * 50], 268, tmp_path)
    distance = evaluate.name_distances(vocabulary, text)
    spans = vocabulary.encode(text).offsets
    assert len(distance) == len(spans) == len(tokenizer.encode(vocabulary, text)) - 1
    begun = [
        next(i for i, (a, b) in enumerate(spans) if a <= at < b) for at in (0, 13, 28)
    ]
    assert distance[begun[0]] == 0
    assert distance[begun[1]] == begun[1] - begun[0] > 0
    assert distance[begun[2]] == begun[2] - begun[1] > 0
    sign = next(i for i, (a, b) in enumerate(spans) if a <= text.index("#") < b)
    assert distance[sign] == -1 and distance[-1] == -1  # "ab" is no name


def test_gains_are_averaged_by_distance():
    gains = [np.array([1.0, 2.0, 3.0]), np.array([4.0, 6.0])]
    distances = [np.array([0, -1, 1]), np.array([300, 63])]
    rows = evaluate.gain_by_distance(gains, distances, memory=2048)
    found = {row["distance"]: (row["gain"], row["tokens"]) for row in rows}
    assert found == {
        "first seen here": (1, 1),
        "1–63": (4.5, 2),
        "256–1,023": (4, 1),
        "not in a name": (2, 1),
    }


@pytest.mark.parametrize("M", [0, 1, 64, 100, 512, 2048, 5000])
def test_no_group_of_distances_lies_on_both_sides_of_the_memory_s_end(M, rng):
    distance = rng.integers(-1, 4 * M + 9, 3000)
    rows = evaluate.gain_by_distance([distance.astype(float)], [distance], M)
    assert sum(row["tokens"] for row in rows) == len(distance)
    seen = [row for row in rows if row["seen"]]
    ends = [row["nearest"] for row in seen[1:]] + [np.inf]
    for row, end in zip(seen, ends):
        inside = (distance >= row["nearest"]) & (distance < end)
        assert row["gain"] == pytest.approx(distance[inside].mean())
        assert not M or row["nearest"] >= M or end <= M


def test_a_huge_loss_has_no_perplexity_and_an_infinite_one_is_a_mistake(small_model):
    assert evaluate.summary([np.full(3, 2000.0)], ["abc"])["perplexity"] == math.inf
    broken = copy.deepcopy(small_model)
    broken.norm.data.fill_(math.nan)
    with pytest.raises(InputError, match="not finite"):
        evaluate.document_losses(broken, [np.arange(5)])
