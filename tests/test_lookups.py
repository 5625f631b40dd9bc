"""Looking up names the right places, and generation reads as training did."""

import time

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from models import CONFIG, params_of

from minimt import evaluate, model, tokenizer
from minimt.generate import as_text, generate, sample
from minimt.inspection import lookups
from minimt.torch_model import MemorizingTransformer


@torch.no_grad()
def test_places_are_where_the_retrieved_keys_were_written(rng, small_model):
    """The key in a retrieved slot is the one that the named position wrote."""
    doc = rng.integers(CONFIG.vocab, size=43)
    places = lookups.retrieved_places(small_model, doc, set(range(42)))
    state, T, written, checked = small_model.first_state(1), CONFIG.segment, [], 0
    for age in range(0, 42, T):
        before = state.memory.keys[0].numpy().copy()  # (H, M, D)
        _, state = small_model(torch.from_numpy(doc[None, age : age + T]), state)
        _, index, found = (x[0].numpy() for x in state.retrieved)  # (H, T, K)
        for i in range(age, min(age + T, 42)):
            for head, named in enumerate(places[i]):
                slots = index[head, i - age][found[head, i - age]]
                assert len(named) == len(slots) == min(CONFIG.neighbours, age)
                for (place, _), slot in zip(named, slots):
                    np.testing.assert_array_equal(
                        before[head, slot], written[place][head]
                    )
                    checked += 1
        slots = np.arange(age, min(age + T, 43)) % CONFIG.memory
        written += list(state.memory.keys[0].numpy()[:, slots].swapaxes(0, 1).copy())
    assert checked > 100


@torch.no_grad()
def test_weights_are_those_of_the_softmax_over_what_was_found(rng, small_model):
    doc = rng.integers(CONFIG.vocab, size=12)
    places, state = lookups.retrieved_places(small_model, doc, {7})[7], None
    for age in (0, 5):
        _, state = small_model(torch.from_numpy(doc[None, age : age + 5]), state)
    for head, named in enumerate(places):
        scale = small_model.layers[1]["log_scale"].exp()[head]
        expected = (scale * state.retrieved[0][0, head, 2]).softmax(-1)
        np.testing.assert_allclose([w for _, w in named], expected, atol=1e-6)
        assert [w for _, w in named] == sorted((w for _, w in named), reverse=True)


def test_a_slot_stands_for_the_last_position_written_to_it():
    M, age = 13, 40
    written = {}
    for n in range(age):
        written[n % M] = n
    places, _ = lookups.weigh(np.zeros(M), np.arange(M), age, M)
    assert places.tolist() == [written[slot] for slot in range(M)]


def test_a_memory_that_was_not_found_has_no_place_and_no_weight(rng):
    """Many queries at once are weighed as each of them, found by found."""
    logits, slots = rng.normal(size=(2, 3, 4)), rng.integers(13, size=(2, 3, 4))
    logits[0, 1, 2:], logits[1, 2] = -np.inf, -np.inf
    places, weights = lookups.weigh(logits, slots, 40, 13)
    for at in np.ndindex(2, 3):
        k = np.isfinite(logits[at]).sum()
        each, share = lookups.weigh(logits[at][:k], slots[at][:k], 40, 13)
        np.testing.assert_allclose(weights[at], [*share, *[0] * (4 - k)])
        assert places[at].tolist() == [*each, *[-1] * (4 - k)]
        assert weights[at].sum() == pytest.approx(float(k > 0))


def test_gainers_are_the_tokens_that_gain_most(rng, small_model):
    doc = rng.integers(CONFIG.vocab, size=43)
    without = evaluate.document_losses(small_model.changed(memory=0), [doc])[0]
    gain = without - evaluate.document_losses(small_model, [doc])[0]
    found = lookups.gainers(small_model, doc, top=4)
    saved = [lookup.without - lookup.with_memory for lookup in found]
    np.testing.assert_allclose(saved, np.sort(gain)[::-1][:4], atol=1e-6)
    assert [gain[lookup.position] for lookup in found] == pytest.approx(saved, abs=1e-6)


def test_a_report_shows_the_places_in_their_text(rng, tmp_path):
    text = "one two three four five six seven eight nine ten\x1b[31m " * 9
    vocabulary = tokenizer.train_vocabulary([text], 270, tmp_path)
    config = model.Config(vocab=270, segment=16, memory=64, embed=32, layers=2)
    untrained, doc = MemorizingTransformer(config), tokenizer.encode(vocabulary, text)
    found = lookups.gainers(untrained, doc, top=2)
    shown = lookups.report(untrained, vocabulary, doc, found)
    assert shown.count("saves") == 2 and "gate per head: 0.50, " in shown
    assert "tokens back" in shown and "⟦" in shown
    assert "\x1b" not in shown  # a document cannot write to the terminal


@pytest.mark.parametrize("word", ["plain", "漢字かな", "a\u0301e\u0301"])
@pytest.mark.parametrize("heads", [1, 6, 7])
def test_a_report_fits_the_terminal(tmp_path, word, heads):
    text = f"{word} one two three four five six seven " * 20
    vocabulary = tokenizer.train_vocabulary([text], 280, tmp_path)
    sizes = dict(segment=16, memory=256, heads=heads, embed=8 * heads, layers=2)
    untrained = MemorizingTransformer(model.Config(vocab=280, **sizes))
    doc = tokenizer.encode(vocabulary, text)
    found = lookups.gainers(untrained, doc, top=4)
    shown = lookups.report(untrained, vocabulary, doc, found, columns=80)
    assert max(map(lookups.columns_of, shown.splitlines())) <= 80
    for line in shown.splitlines():  # every context ends with its token
        assert "⟦" not in line or line.endswith("⟧")


def test_the_places_of_all_heads_are_merged_the_heaviest_first():
    heads = [[(5, 0.7), (2, 0.2)], [(2, 0.6), (9, 0.3)], []]
    found = lookups.by_place(heads)
    assert found == {2: [0.2, 0.6, 0.0], 5: [0.7, 0.0, 0.0], 9: [0.0, 0.3, 0.0]}
    assert list(found) == [2, 5, 9]
    assert lookups.by_place([[], []]) == {}


def test_greedy_generation_takes_the_likeliest_next_token(rng, small_model):
    """The likeliest token after a text, whether it is read whole or written on."""
    prompt = rng.integers(CONFIG.vocab, size=12)
    written = list(generate(small_model, prompt, count=9, temperature=0))
    text, state, best = np.concatenate([prompt, written]), None, []
    for at in range(0, len(text), CONFIG.segment):
        piece = text[None, at : at + CONFIG.segment]
        logits, state = model.forward(params_of(CONFIG), CONFIG, piece, state)
        best += logits[0].argmax(-1).tolist()
    assert written == best[11:20]


@pytest.mark.parametrize("length", [1, 4, 5, 6, 10])
def test_generation_is_seeded_and_starts_anywhere_in_a_segment(
    rng, small_model, length
):
    prompt = rng.integers(CONFIG.vocab, size=length)
    drawn = [list(generate(small_model, prompt, 20, seed=seed)) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(drawn[0]) == 20 and max(drawn[0]) < CONFIG.vocab


MIXED = "one 我歌唱 שלום, naïve\n🙂 end 我我 שלום " * 30


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A vocabulary of hardly more than bytes, and a text of many kinds of letters."""
    folder = tmp_path_factory.mktemp("vocabulary")
    vocabulary = tokenizer.train_vocabulary([MIXED], 262, folder)
    return vocabulary, tokenizer.encode(vocabulary, MIXED)


@pytest.mark.parametrize("width", [20, 50, 75])
def test_a_context_shows_whole_characters_and_fits_into_its_line(mixed, width):
    vocabulary, doc = mixed
    spans, flat = tokenizer.offsets(vocabulary, MIXED), lookups.one_line(MIXED)
    for i in range(100, 220):
        line = lookups.context(vocabulary, doc, i, width)
        assert "\ufffd" not in line and lookups.columns_of(line) <= width
        begin, end = spans[i]  # of token i + 1
        shown, token = line.strip("\u2068\u2069").rstrip("⟧").split("⟦")
        assert flat[begin:end] in token and len(token) - (end - begin) in (0, 1)
        places = (begin - 1, begin)  # a token may end one character and begin another
        assert any(
            flat[:x].endswith(shown) and flat[x:].startswith(token) for x in places
        )
        assert lookups.columns_of(shown + token) >= width - 4  # as much as fits
        assert line.startswith("\u2068") == any("א" <= c <= "ת" for c in shown + token)


def test_columns_count_wide_and_combining_characters():
    assert lookups.columns_of("abc") == 3 and lookups.columns_of("我a") == 3
    assert lookups.columns_of("e\u0301") == 1 and lookups.columns_of("") == 0
    assert lookups.last_columns("a我b", 2) == "b" and lookups.last_columns("a", 0) == ""


@given(text=st.text("ab 我\u0301", max_size=12), columns=st.integers(-2, 20))
def test_as_much_of_the_end_of_a_text_is_shown_as_fits(text, columns):
    fitting = [text[i:] for i in range(len(text) + 1)]
    fitting = [x for x in fitting if lookups.columns_of(x) <= columns]
    assert lookups.last_columns(text, columns) == max(fitting, key=len, default="")


def test_the_end_of_a_long_text_is_found_in_time_in_proportion():
    began = time.perf_counter()
    assert lookups.last_columns("a" * 30_000, 80) == "a" * 80
    assert time.perf_counter() - began < 2


def test_lines_of_a_report_fit_into_the_terminal(mixed):
    vocabulary, doc = mixed
    config = model.Config(vocab=262, segment=16, memory=64, embed=32, layers=2)
    untrained = MemorizingTransformer(config)
    found = lookups.gainers(untrained, doc, top=9)
    for columns in (72, 80, 120):
        shown = lookups.report(untrained, vocabulary, doc, found, columns=columns)
        places = [line for line in shown.splitlines() if "tokens back" in line]
        assert max(lookups.columns_of(line) for line in places) <= columns


def test_generated_text_comes_in_whole_characters(mixed):
    vocabulary, doc = mixed
    pieces = list(as_text(vocabulary, doc[1:].tolist()))
    assert "".join(pieces) == MIXED and "\ufffd" not in "".join(pieces)
    assert len(pieces) > len(MIXED) / 2  # they do not wait for the end


@given(spelled=st.binary(max_size=12))
@example(spelled=b"\x80\x80\x80\x80\xc3\xa9")
@example(spelled=b"\xf0\x9f\xf0\x9f\x99\x82a\xe6")
def test_generated_text_is_that_of_all_its_bytes(mixed, spelled):
    """A character is whole, whatever parts of others precede it."""
    vocabulary, _ = mixed
    letters = {byte: letter for letter, byte in tokenizer.LETTERS.items()}
    tokens = [vocabulary.token_to_id(letters[byte]) for byte in spelled]
    text = "".join(as_text(vocabulary, tokens))
    assert text == vocabulary.decode(tokens) == spelled.decode("utf-8", "replace")


@pytest.mark.parametrize("temperature", [1e-320, 1e-46, 1e-9, 1e-3])
def test_the_coldest_sampling_takes_the_likeliest_token(rng, temperature):
    for _ in range(20):
        logits = torch.from_numpy(rng.normal(size=9).astype(np.float32))
        random = torch.Generator().manual_seed(0)
        assert sample(logits, temperature, random) == int(logits.argmax())


def test_the_hottest_sampling_takes_any_token(rng):
    logits = torch.from_numpy(10 * rng.normal(size=4).astype(np.float32))
    random = torch.Generator().manual_seed(0)
    drawn = [sample(logits, 1e300, random) for _ in range(400)]
    assert np.bincount(drawn, minlength=4).min() > 60
