"""Whose the gain is, and what is looked up, are as loops and hand-made cases say."""

from collections import deque
from types import SimpleNamespace

import numpy as np
import pytest

from minimt import tokenizer
from minimt.config import Config
from minimt.errors import InputError
from minimt.inspection.definitions import named_tokens, python
from minimt.reproduce import kinds as parts
from minimt.reproduce.claims import lookups
from minimt.reproduce.hits import BEST, FIRST, GROUPS, LATER, PLACES, averaged
from minimt.reproduce.kinds import KINDS

SIZES = dict(vocab=300, layers=2, heads=2, embed=8, memory_layer=1, neighbours=2)


def held(token, T, M):
    """The positions in memory when a token is predicted, a segment at a time."""
    memory, age = deque(maxlen=M), 0
    while age + T <= token - 1:
        memory.extend(range(age, age + T))
        age += T
    return list(memory)


@pytest.mark.parametrize("T, M", [(4, 9), (5, 10), (3, 2), (1, 4)])
def test_the_oldest_place_is_that_of_a_memory_that_was_filled(T, M):
    for token in range(T + 1, 60):
        assert max(0, parts.oldest(token, T, M)) == held(token, T, M)[0]


def scalar_kind(doc, distance, token, T, M):
    def lost(place):
        return not any(x <= place for x in range(token) if x >= first)

    first = (token - 1) // T * T - M
    n, before = parts.PHRASE, -1
    phrase = doc[token - n + 1 : token + 1]
    for end in range(n, token):
        if token >= n and doc[end - n + 1 : end + 1] == phrase:
            before = end
    repeated, ago = 0 <= before < first, distance[token - 1]
    if ago > 0 and lost(token - ago):
        return KINDS[0] if repeated else KINDS[1]
    if ago >= 0:
        return KINDS[2] if ago else KINDS[3]
    return KINDS[4] if repeated else KINDS[5]


def test_kinds_are_those_of_a_loop(rng):
    seen = set()
    for _ in range(20):
        doc = np.concatenate([[7], rng.integers(0, 2, 60)])
        ago = [int(rng.integers(-1, token + 1)) for token in range(1, len(doc))]
        found = parts.kinds(doc, np.array(ago), 4, 9)
        for token in range(1, len(doc)):
            expected = scalar_kind(doc.tolist(), ago, token, 4, 9)
            assert KINDS[found[token - 1]] == expected
            seen.add(expected)
    assert seen == set(KINDS)


def test_the_few_that_gain_and_lose_most():
    gain = np.array([9.0] + [1.0] * 99 + [-1.0] * 98 + [-2.0, -2.0])
    found = parts.concentration(gain)
    assert found["1%"] == dict(gains=10 / 108, losses=4 / 102)
    assert found["10%"] == dict(gains=28 / 108, losses=22 / 102)
    nothing = parts.concentration(np.zeros(5))
    assert nothing["1%"] == dict(gains=None, losses=None)


def test_shares_are_counted(rng):
    gain, mask = rng.normal(0.5, size=400), rng.random(400) < 0.3
    found = parts.shares(mask, gain)
    assert found["tokens"] == sum(mask.tolist()) / 400
    total = sum(gain.tolist())
    whole = sum(x for x, chosen in zip(gain, mask) if chosen)
    assert found["gain"] == pytest.approx(whole / total)
    assert parts.shares(mask, -gain)["gain"] is None  # of a loss nothing has a share


TEXT = "def far_name(x):\n    return x\n" + "if 1: pass\n" * 30 + "far_name(1)\n"


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """A text whose only far name is defined in its beginning, used at its end."""
    folder = tmp_path_factory.mktemp("vocabulary")
    vocabulary = tokenizer.train_vocabulary(
        ["qz qz qz"], 258, folder
    )  # bytes, or nearly
    doc = tokenizer.encode(vocabulary, TEXT)
    spans = named_tokens(python(TEXT), vocabulary.encode(TEXT).offsets).spans
    return SimpleNamespace(vocabulary=vocabulary, doc=doc, spans=spans)


def model(*gates):
    config = Config(**SIZES, segment=16, cache=16, memory=8192)
    return SimpleNamespace(config=config, gates=lambda: list(gates))


def planted(spans):
    """Retrieval: one head finds the definition, the other the last place in memory."""
    (define, _), (use, stop) = spans[0], spans[-1]

    def places(model, doc, queries):
        assert queries == set(range(use - 1, stop - 1))
        return {
            i: [[(define + i + 1 - use, 1.0)], [(i // 16 * 16 - 1, 1.0)]]
            for i in queries
        }

    return places


def look(known, gates, monkeypatch, text=TEXT, doc=None):
    doc = known.doc if doc is None else doc
    monkeypatch.setattr(lookups, "retrieved_places", planted(known.spans))
    small = np.arange(len(doc) - 1.0)
    about = model(*gates), known.vocabulary, python
    return lookups.look_at(*about, text, doc, small, small / 2)


def test_what_is_planted_is_found(known, monkeypatch):
    for gates, expected in (((0.8, 0.2), 1), ((0.2, 0.8), 0)):
        found = look(known, gates, monkeypatch)
        start, stop = known.spans[-1]
        (best,) = found["hits"][BEST]
        assert best[:, 0].tolist() == [expected, expected, 0, 0]
        inside = found["hits"][FIRST]
        assert len(inside) == stop - start - 1 > 1 and not found["hits"][LATER]
        assert all(x[:, 0].tolist() == [1, 1, 0, 0] for x in inside)
        assert all(0 < x[0, 1] < x[1, 1] < 1 for x in inside)
        assert found["known"][start - 1 : stop - 1].all()
        assert not found["known"][stop - 1 :].any()
        assert found["gain"].tolist() == [i / 2 for i in range(len(known.doc) - 1)]
        assert len(found["kind"]) == len(found["gain"])


def test_what_does_not_parse_or_is_cut_is_left_out(known, monkeypatch):
    assert look(known, (0.5, 0.5), monkeypatch, text="def f(:\n") is None
    assert look(known, (0.5, 0.5), monkeypatch, doc=known.doc[:-1]) is None


def trained(known, texts):
    """Of documents that have all the tokens of TEXT, and gain the same on each."""
    held = SimpleNamespace(texts=texts, docs=[known.doc] * len(texts))
    corpus = SimpleNamespace(vocabulary=known.vocabulary, held=held)
    n = len(known.doc) - 1
    return SimpleNamespace(
        corpus=lambda case: corpus,
        model=lambda case, memory: model(0.8, 0.2),
        read=lambda case, x: [np.full(n, 1.0 + (x["memory"] == 512))] * len(texts),
    )


def test_a_look_counts_all_documents_and_tells_what_it_left_out(known, monkeypatch):
    monkeypatch.setattr(lookups, "retrieved_places", planted(known.spans))
    monkeypatch.setattr(lookups, "kinds", lambda doc, *_: np.arange(len(doc) - 1) % 6)
    texts = [TEXT, "(", TEXT]
    found = lookups.look(trained(known, texts), None, lookups.CODE)
    assert (found["documents"], found["left_out"]) == (2, 1)
    assert found["tokens"] == 2 * (len(known.doc) - 1)
    start, stop = known.spans[-1]
    counts = {FIRST: 2 * (stop - start - 1), LATER: 0, BEST: 2}
    assert found["counted"] == counts
    assert found["looked_up"][f"{BEST}: {PLACES[0]}"]["found"] == 1
    halves = [found["kinds"][name]["gain"] for name in KINDS[:2]]
    assert found["kinds"][lookups.FAR]["gain"] == pytest.approx(sum(halves))
    assert min(halves) > 0
    with pytest.raises(InputError, match="give others"):
        lookups.look(trained(known, ["("]), None, lookups.CODE)


def row_of(kinds, hits):
    """A row of a result with two seeds, in which all shares are equal."""
    row = dict(text="a", steps=5, top={}, kinds={})
    for name in parts.TOP:
        row["top"][name] = dict(gains=[None, 0.5], losses=[None, None])
    for name in (lookups.FAR, *KINDS, lookups.KNOWN):
        row["kinds"][name] = kinds
    seen = averaged(dict.fromkeys(GROUPS, hits))
    row["counted"] = {name: [len(hits)] * 2 for name in GROUPS}
    return row | dict(looked_up=parts.by_seed([seen, seen]))


def test_without_far_uses_the_table_says_so():
    row = row_of(dict(tokens=[0.1, 0.1], gain=[None, None]), [])
    table = dict(lookups.rows(dict(rows=[row])))
    assert table["1%"] == "50.0; –"
    assert table[FIRST] == lookups.NO_USE
    assert table[f"{BEST}: {PLACES[0]}"] == "–; –"
    said = lookups.verdict(dict(rows=[row]))
    assert "saves nothing" in said and said.endswith(lookups.NO_USE)


def test_the_title_tells_of_the_shorter_training():
    shares = dict(tokens=[0.1, 0.2], gain=[0.5, 0.7])
    row = row_of(shares, [np.tile([0.5, 0.25], (4, 1))])
    other = row_of(shares, [np.tile([1.0, 0.125], (4, 1))])
    longer = row_of(shares, [np.zeros((4, 2))]) | dict(steps=15)
    said = lookups.verdict(dict(rows=[row, other, longer]))
    assert "15% of tokens, 60% of the gain" in said
    assert "an earlier one 50% to 100% of the time (at random 12% to 25%)" in said
    assert lookups.rows(dict(rows=[longer]))[-1][1:] == ("0.0 ± 0.0; 0.0 ± 0.0",)
