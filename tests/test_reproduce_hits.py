"""What counts as looked up, and its chance, are as loops over all places say."""

from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest

from minimt.config import Config
from minimt.inspection.definitions import NamedTokens, python
from minimt.reproduce import hits
from minimt.reproduce.hits import BEST, FIRST, GROUPS, LATER, PLACES, Use
from minimt.reproduce.kinds import oldest

SIZES = dict(vocab=300, layers=2, heads=2, embed=8, memory_layer=1, neighbours=2)
CONFIG = Config(**SIZES, segment=4, cache=3, memory=150)


def in_letters(text):
    """The places of a Python text, and their tokens, each of which is one letter."""
    places = python(text)
    spans = [(place.start, place.end) for place in places]
    return places, SimpleNamespace(spans=spans, bodies=[x.body for x in places])


def used(text):
    """[(a name, its definition's text, whether it was used before)] of all uses."""
    found = hits.uses(*in_letters(text))
    for use in found:
        assert text[use.first : use.stop] == use.name
        named = text[use.first - use.distance :]
        assert named.startswith(use.name)
    return [(use.name, text[slice(*use.body)], use.again) for use in found]


def test_a_use_is_of_the_last_definition_before_it():
    one, two = "def far(): return 1", "def far(): return 2"
    assert used(f"far\n{one}\nfar\nfar\n{two}\nfar\n") == [
        ("far", one, False),
        ("far", one, True),
        ("far", two, False),
    ]


def test_a_use_inside_its_definition_is_not_the_first():
    inner = "def g(): return g"
    outer = f"def f():\n    {inner}\n    f(), g()"
    assert used(f"{outer}\nf()\ng()\n") == [
        ("g", inner, False),
        ("f", outer, False),
        ("g", inner, False),
        ("f", outer, False),
        ("g", inner, True),
    ]


def test_names_that_are_not_functions_have_definitions_too():
    found = hits.uses(*in_letters("def b(x): return x\nb = b\nb\n"))
    assert [(use.name, use.defined) for use in found] == [
        ("x", "arg"),
        ("b", "Name"),
        ("b", "Name"),
    ]


def test_a_lookup_is_in_memory_and_out_of_local_sight():
    T, C, M = CONFIG.segment, CONFIG.cache, CONFIG.memory
    some = 0
    for first in range(T + 1, 200):
        for distance in range(1, first + 1):
            there = first - distance
            use = Use("a", first, first + 1, "let", distance, (there, there + 1), False)
            segment = (first - 1) // T * T
            inside = there in range(max(0, segment - M), segment)
            assert hits.is_lookup(use, CONFIG) == (inside and distance > C + T)
            local = there in range(segment - C, first)
            assert not (hits.is_lookup(use, CONFIG) and local)
            some += hits.is_lookup(use, CONFIG)
    assert some


def test_a_variable_is_no_lookup_and_neither_is_a_use_inside_the_definition():
    use = Use("a", 50, 51, "FunctionDef", 20, (29, 50), False)
    assert hits.is_lookup(use, CONFIG)
    assert not hits.is_lookup(use._replace(defined="Name"), CONFIG)
    assert not hits.is_lookup(use._replace(body=(29, 51)), CONFIG)


def test_weights_are_summed_over_heads_by_their_gates():
    heads = [[(5, 0.75), (2, 0.25)], [(2, 1.0)], []]
    assert hits.weigh(heads, [0.5, 0.25, 1.0]) == {5: 0.375, 2: 0.375}


@pytest.mark.parametrize("n", [1, 32, 33, 200])
def test_near_is_at_most_32_places_away(n, rng):
    for density in (0, 0.01, 0.5):
        mask = rng.random(n) < density
        at = mask.nonzero()[0].tolist()
        expected = [any(abs(i - j) <= 32 for j in at) for i in range(n)]
        assert hits.near(mask).tolist() == expected


def test_the_chance_is_that_of_all_draws():
    for held in range(1, 8):
        for wanted in range(held + 1):
            for drawn in range(1, held + 1):
                draws = list(combinations(range(held), drawn))
                share = sum(min(x) < wanted for x in draws) / len(draws)
                assert hits.chance(wanted, held, drawn) == pytest.approx(share)


def test_the_chance_is_that_of_a_simulation(rng):
    draws = [rng.choice(8192, 64, replace=False).min() < 165 for _ in range(4000)]
    assert hits.chance(165, 8192, 64) == pytest.approx(np.mean(draws), abs=0.03)


def scalar_hits(places, token, use, names, defines):
    """Pairs of a hit and how many places in memory would be one, by trying all."""
    end = (token - 1) // CONFIG.segment * CONFIG.segment
    memory = range(max(0, end - CONFIG.memory), end)
    body = [x for x in memory if use.body[0] <= x < use.body[1]]
    uses = [x for x in memory if names[x] == 1 and not defines[x] and x >= use.body[1]]
    wanted = []
    for exact in (body, uses):
        around = [x for x in memory if any(abs(x - y) <= 32 for y in exact)]
        wanted += [exact, around]
    return [(any(x in y for x in places), len(y) / len(memory)) for y in wanted]


def test_hits_are_what_trying_all_places_gives(rng):
    seen = set()
    for _ in range(300):
        names, token = rng.integers(-1, 2, 400), int(rng.integers(100, 400))
        names[rng.random(400) < 0.95] = -1
        defines = (rng.random(400) < 0.3) & (names >= 0)
        start = max(0, oldest(token, 4, 150)) + int(rng.integers(60))
        use = Use("b", token, token + 1, "let", token - start, (start, start + 9), True)
        named = NamedTokens({"a": 0, "b": 1}, names, defines, [], [])
        memory = range(max(0, oldest(token, 4, 150)), oldest(token, 4, 150) + 150)
        place = [int(rng.choice(memory))]
        table = hits.hits(place, token, use, named, CONFIG)
        expected = scalar_hits(place, token, use, names, defines)
        np.testing.assert_allclose(table, expected)  # one place: chance is a share
        many = rng.choice(memory, 5, replace=False).tolist()
        table = hits.hits(many, token, use, named, CONFIG)
        expected = scalar_hits(many, token, use, names, defines)
        assert table[:, 0].tolist() == [x for x, _ in expected]
        shares = [
            hits.chance(round(x * len(memory)), len(memory), 5) for _, x in expected
        ]
        np.testing.assert_allclose(table[:, 1], shares)
        seen.add(tuple(table[:, 0]))
    assert len(seen) > 4 and not {x for x in seen if x[0] > x[1] or x[2] > x[3]}


def test_each_token_of_a_name_belongs_to_its_group():
    """Names of three tokens and of one; a definition at 8 to 16, found by one head."""
    names, defines = np.full(300, -1), np.zeros(300, bool)
    names[9:12], defines[9:12] = 0, True
    named = NamedTokens({"name": 0}, names, defines, [], [])
    use = Use("name", 100, 103, "let", 91, (8, 17), False)
    far = [use, use._replace(first=120, stop=123, again=True)]
    far.append(use._replace(first=140, stop=141, again=True))
    queries = [i - 1 for use in far for i in range(use.first, use.stop)]
    found = {i: [[(10, 0.5), (70, 0.5)], [(70, 1.0)]] for i in queries}
    model = SimpleNamespace(config=CONFIG, gates=lambda: [0.9, 0.2])
    seen = hits.looked_up(far, named, found, model)
    assert {name: len(x) for name, x in seen.items()} == {FIRST: 2, LATER: 2, BEST: 3}
    assert all(x[0, 0] == 1 for x in seen[FIRST] + seen[LATER])
    assert all(x[0, 0] == 0 for x in seen[BEST])  # 70 weighs more: 0.65 to 0.45
    model.gates = lambda: [0.9, 0.0]  # of equal weights, the latest
    assert all(x[0, 0] == 0 for x in hits.looked_up(far, named, found, model)[BEST])
    firsts = {i: [[(10, 0.6), (70, 0.4)], [(70, 1.0)]] for i in (99, 119, 139)}
    seen = hits.looked_up(far, named, found | firsts, model)
    assert all(x[0, 0] == 1 for x in seen[BEST])


def test_a_group_without_tokens_has_no_share():
    table = np.arange(8).reshape(4, 2)
    found = hits.averaged({FIRST: [table, table + 2], LATER: [], BEST: [table]})
    assert found[f"{FIRST}: {PLACES[1]}"] == dict(found=3, random=4)
    assert found[f"{LATER}: {PLACES[3]}"] == dict(found=None, random=None)
    assert found[f"{BEST}: {PLACES[3]}"] == dict(found=6, random=7)
    assert len(found) == sum(map(len, GROUPS.values())) == 10
