"""Places in memory, and whose the gain is, are as loops and hand-made cases say."""

from collections import deque
from types import SimpleNamespace

import numpy as np
import pytest

from minimt import tokenizer
from minimt.config import Config
from minimt.errors import InputError
from minimt.inspection.definitions import NamedTokens, named_tokens, python
from minimt.reproduce import kinds as parts
from minimt.reproduce.claims import lookups
from minimt.reproduce.kinds import CHOICES, CLASSES, KINDS, Use

SIZES = dict(vocab=300, layers=2, heads=2, embed=8, memory_layer=1, neighbours=2)
CONFIG = Config(**SIZES, segment=4, cache=3, memory=9)


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
    best = sorted(range(400), key=lambda i: -gain[i])[:4]
    found = parts.shares(mask, gain)
    assert found["tokens"] == sum(mask.tolist()) / 400
    assert found["top"] == sum(mask[i] for i in best) / 4
    total = sum(gain.tolist())
    whole = sum(x for x, chosen in zip(gain, mask) if chosen)
    assert found["gain"] == pytest.approx(whole / total)
    assert parts.shares(mask, -gain)["gain"] is None  # of a loss nothing has a share


def test_uses_are_of_the_last_definition_before():
    places = python("b\ndef b(x): return x\nb = b\nb\n")
    spans = [(i * 10 + 1, i * 10 + 3) for i in range(len(places))]
    found = parts.uses(places, SimpleNamespace(spans=spans))
    words = [(place.name, bool(place.defines)) for place in places]
    assert words == [
        ("b", 0),
        ("b", 1),
        ("x", 1),
        ("x", 0),
        ("b", 1),
        ("b", 0),
        ("b", 0),
    ]
    assert found == [
        Use("x", 31, 33, "arg", 10),
        Use("b", 51, 53, "Name", 10),
        Use("b", 61, 63, "Name", 20),
    ]


def test_far_is_in_memory_and_out_of_local_sight():
    T, C = CONFIG.segment, CONFIG.cache
    some = 0
    for first in range(T + 1, 50):
        for distance in range(1, first + 1):
            use, place = Use("a", first, first + 1, "", distance), first - distance
            far = parts.is_far(use, CONFIG)
            inside = place in held(first, T, CONFIG.memory)
            assert far == (inside and distance > C + T)
            local = range((first - 1) // T * T - C, first)
            assert not (far and place in local)
            some += far
    assert some


def test_weights_are_summed_over_heads_by_their_gates():
    heads = [[(5, 0.75), (2, 0.25)], [(2, 1.0)], []]
    assert parts.weigh(heads, [0.5, 0.25, 1.0]) == {5: 0.375, 2: 0.375}


def scalar_class(place, names, defines, doc, token):
    if names[place] == names[token]:
        return CLASSES[0] if defines[place] else CLASSES[1]
    return CLASSES[2] if doc[place] == doc[token] else CLASSES[3]


def scalar_choices(doc, names, defines, token, found):
    """{choice: shares of the classes}, by trying all places in memory."""
    memory = held(token, CONFIG.segment, CONFIG.memory)

    def one(place):
        name = scalar_class(place, names, defines, doc, token)
        return np.array([name == x for x in CLASSES], float)

    def latest(able):
        places = [x for x in memory if able(x)]
        return one(places[-1]) if places else np.array([0, 0, 0, 1.0])

    heaviest, total = max(found.values()), sum(found.values())
    best = max(place for place, weight in found.items() if weight == heaviest)
    return {
        "best memory": one(best),
        "all found, by weight": sum(w * one(x) for x, w in found.items()) / total,
        "random place": sum(map(one, memory)) / len(memory),
        "latest place": one(memory[-1]),
        "latest after the same token": latest(
            lambda x: x > 0 and doc[x - 1] == doc[token - 1]
        ),
        "latest of the token to come": latest(lambda x: doc[x] == doc[token]),
    }


def test_each_choice_is_what_trying_all_places_gives(rng):
    seen = set()
    for _ in range(100):
        doc, names = rng.integers(0, 4, 40), rng.integers(-1, 2, 40)
        token = int(rng.integers(6, 40))
        names[token] = 1
        defines = (rng.random(40) < 0.3) & (names >= 0)
        memory = held(token, CONFIG.segment, CONFIG.memory)
        few = rng.choice(memory, 3, replace=False).tolist()
        found = dict(zip(few, rng.choice([0.25, 0.5, 1.0], 3).tolist()))
        named = NamedTokens({"a": 0, "b": 1}, names, defines, [])
        table = parts.choices(doc, named, "b", token, found, CONFIG)
        expected = scalar_choices(doc, names, defines, token, found)
        np.testing.assert_allclose(table, [expected[x] for x in CHOICES])
        seen |= set(table[0].nonzero()[0].tolist())
    assert seen == {0, 1, 2, 3}


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


def planted(doc_spans):
    """Retrieval: one head finds the definition, the other the space before it."""
    (define, _), (use, _) = doc_spans[0], doc_spans[-1]

    def places(model, doc, queries):
        assert queries == {use - 1, use}
        return {
            i: [[(define + i + 1 - use, 1.0)], [(define - 1, 1.0)]] for i in queries
        }

    return places


def look(known, gates, monkeypatch, text=TEXT, doc=None):
    doc = known.doc if doc is None else doc
    monkeypatch.setattr(lookups, "retrieved_places", planted(known.spans))
    small = np.arange(len(doc) - 1.0)
    about = model(*gates), known.vocabulary, python
    return lookups.look_at(*about, text, doc, small, small / 2)


def test_the_best_place_is_where_it_was_planted(known, monkeypatch):
    for gates, expected in (((0.8, 0.2), 0), ((0.2, 0.8), 3)):
        found = look(known, gates, monkeypatch)
        (use,) = found["uses"]
        first = known.spans[-1][0]
        assert (use["name"], use["defined"]) == ("far_name", "FunctionDef")
        assert use["distance"] == first - known.spans[0][0]
        assert use["nats"] == [first - 1, (first - 1) / 2]
        assert use["gain"] == (first - 1) / 2
        for table in use["chosen"]:  # of the first token, and the second
            assert table[0].tolist() == np.eye(4)[expected].tolist()
            assert table[1][0] == pytest.approx(gates[0])
        start, stop = known.spans[-1]
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


def test_a_look_tells_what_it_left_out(known, monkeypatch):
    monkeypatch.setattr(lookups, "retrieved_places", planted(known.spans))
    found, examples = lookups.look(trained(known, [TEXT, "("]), None, lookups.CODE)
    assert (found["documents"], found["left_out"]) == (1, 1)
    assert found["tokens"] == len(known.doc) - 1
    assert found["uses"][lookups.FIRST] == 1 and examples[0]["name"] == "far_name"
    best = found["looked_up"][lookups.FIRST]["best memory"]
    assert best == dict(zip(CLASSES, (1, 0, 0, 0)))
    with pytest.raises(InputError, match="give others"):
        lookups.look(trained(known, ["("]), None, lookups.CODE)


def test_the_uses_that_gain_most_come_first(known, monkeypatch):
    monkeypatch.setattr(lookups, "retrieved_places", planted(known.spans))
    here, losses = trained(known, [TEXT] * 11), [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5]

    def read(case, x):
        n = len(known.doc) - 1
        return [np.full(n, loss * (x["memory"] == 512.0)) for loss in losses]

    here.read = read
    found, examples = lookups.look(here, None, lookups.CODE)
    assert [x["nats"] for x in examples] == [[x, 0] for x in (9, 6, 5, 5, 5, 4)]
    assert (found["uses"][parts.FIRST], found["uses"][parts.MOST]) == (11, 2)


def test_without_far_uses_the_table_says_so(known, monkeypatch):
    row = dict(text="a", steps=5, top={}, kinds={})
    for name in parts.TOP:
        row["top"][name] = dict(gains=[None, 0.5], losses=[None, None])
    for name in (*KINDS, lookups.KNOWN):
        row["kinds"][name] = dict(tokens=[0.1, 0.1], top=[0, 0], gain=[None, None])
    groups = parts.grouped([])
    row["looked_up"] = parts.by_seed([{k: parts.classes(v) for k, v in groups.items()}])
    row["uses"] = {name: [0, 0] for name in groups}
    table = dict(lookups.rows(dict(rows=[row])))
    assert table["the 1% that gain most; that lose most"] == "50.0; –"
    assert table["place in memory, at the first token of a use"] == lookups.NO_USE
    assert table["best memory"] == "–; –"
    said = lookups.verdict(dict(rows=[row]))
    assert "saves nothing" in said and said.endswith(lookups.NO_USE)
