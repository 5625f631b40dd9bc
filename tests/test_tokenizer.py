"""Texts survive being tokens, and a vocabulary is trained only once."""

import json
import signal
import time
from unittest.mock import MagicMock

import numpy as np
import pytest
from commands import PATIENCE, script, started, wait_for_line
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import pre_tokenizers

from minimt import tokenizer
from minimt.errors import InputError

TEXT = "a rose is a rose is a rose; " * 40 + "".join(map(chr, range(32, 127))) * 9


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory):
    return tokenizer.train_vocabulary(
        [TEXT], 270, tmp_path_factory.mktemp("vocabulary")
    )


@given(text=st.text(max_size=80))
@example(text=TEXT)
@example(text="naïve ☃ <document>\n\ttab")
@example(text="<document>")
def test_any_text_survives_encoding_and_decoding(vocabulary, text):
    tokens = tokenizer.encode(vocabulary, text)
    assert vocabulary.decode(tokens[1:].tolist()) == text
    assert tokens[0] == 0 and (tokens[1:] > 0).all() and (tokens < 270).all()


def test_a_vocabulary_is_trained_only_once(tmp_path):
    vocabulary = tokenizer.train_vocabulary([TEXT], 270, tmp_path)
    (cached,) = tmp_path.iterdir()
    before = cached.stat().st_mtime_ns
    again = tokenizer.train_vocabulary([TEXT], 270, tmp_path)
    assert again.to_str() == vocabulary.to_str()
    assert cached.stat().st_mtime_ns == before
    tokenizer.train_vocabulary([TEXT + "!"], 270, tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    "size, reason", [(200, "too small"), (5000, "too short for a vocabulary of 5000")]
)
def test_a_vocabulary_of_an_impossible_size_is_refused(tmp_path, size, reason):
    with pytest.raises(InputError, match=reason):
        tokenizer.train_vocabulary([TEXT], size, tmp_path)


def test_a_damaged_vocabulary_is_refused():
    with pytest.raises(InputError, match="damaged"):
        tokenizer.load_vocabulary("{}")


@given(
    text=st.text("ab c\n é我\t\x1c\u3000'd.", max_size=300), piece=st.integers(1, 40)
)
def test_pieces_have_the_tokens_of_the_whole(vocabulary, text, piece):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokenizer, "PIECE", piece)
        parts = list(tokenizer.pieces(text))
        tokens = tokenizer.encode(vocabulary, text)
        spans = tokenizer.offsets(vocabulary, text)
    assert "".join(parts) == text
    assert vocabulary.decode(tokens[1:].tolist()) == text
    assert len(spans) == len(tokens) - 1
    whole = vocabulary.encode(text)
    if all(len(part) < 2 * piece for part in parts):  # never cut inside a word
        assert tokens[1:].tolist() == whole.ids
        assert spans.tolist() == [list(span) for span in whole.offsets]


def test_words_without_end_take_time_in_proportion(tmp_path):
    """Ten times the text without a space: with squares, a hundred times the time."""
    letters = np.random.default_rng(0).choice(list("ACGT"), size=300_000)
    seconds = []
    for n in (30_000, 300_000):
        began = time.perf_counter()
        tokenizer.train_vocabulary(["".join(letters[:n])], 400, tmp_path)
        seconds.append(time.perf_counter() - began)
    assert seconds[1] < 5


def test_a_long_text_is_sampled_the_same_each_time(tmp_path, monkeypatch, caplog):
    caplog.set_level("INFO", "minimt")
    monkeypatch.setattr(tokenizer, "PIECE", 100)
    texts = [TEXT[i:] + f" {i}" * 99 for i in range(9)]
    monkeypatch.setattr(tokenizer, "SAMPLE", 2000)
    drawn = tokenizer.draw(texts)
    assert drawn == tokenizer.draw(texts) and 2000 <= sum(map(len, drawn)) < 2200
    assert caplog.messages[0].startswith("training the vocabulary on 1")
    monkeypatch.setattr(tokenizer, "SAMPLE", 10**6)
    assert tokenizer.draw(texts) == texts


def test_drawing_from_many_short_texts_takes_time_in_proportion(monkeypatch):
    """Adding up anew what is drawn, for each text, would take minutes."""
    monkeypatch.setattr(tokenizer, "SAMPLE", 100_000)
    began = time.perf_counter()
    assert len(tokenizer.draw(["a"] * 200_000)) == 100_000
    assert time.perf_counter() - began < 5


def test_the_library_gets_a_piece_at_a_time(tmp_path, monkeypatch):
    """It takes some 150 bytes of memory for each byte; the vocabulary is the same."""
    whole = tokenizer.train_vocabulary([TEXT], 270, tmp_path / "whole").to_str()
    monkeypatch.setattr(tokenizer, "PIECE", 100)
    bar, counted = MagicMock(), []
    bar.__enter__.return_value.update = counted.append
    monkeypatch.setattr(tokenizer, "progress", lambda *_: bar)
    assert tokenizer.train_vocabulary([TEXT], 270, tmp_path).to_str() == whole
    assert sum(counted) == len(TEXT) and max(counted) < 200


def test_what_the_library_raises_is_not_taken_for_a_short_text():
    with pytest.raises((TypeError, UnicodeEncodeError)):
        tokenizer.learn(["no text in UTF-8: \ud800"], 270)


@given(text=st.text(max_size=80))
def test_tokens_spell_the_bytes_of_a_text(vocabulary, text):
    tokens = tokenizer.encode(vocabulary, text).tolist()
    spelled = b"".join(tokenizer.token_bytes(vocabulary, token) for token in tokens)
    assert spelled == text.encode()


def test_every_byte_has_a_letter():
    assert set(tokenizer.LETTERS) == set(pre_tokenizers.ByteLevel.alphabet())
    assert set(tokenizer.LETTERS.values()) == set(range(256))


@pytest.mark.parametrize("how", ["cut", "changed", "foreign", "renamed", "list"])
def test_a_vocabulary_that_is_damaged_is_trained_again(tmp_path, how):
    right = tokenizer.train_vocabulary([TEXT], 270, tmp_path).to_str()
    (path,) = tmp_path.iterdir()
    tokenizer.train_vocabulary([TEXT * 2 + "abcd" * 99], 270, tmp_path / "other")
    (other,) = (tmp_path / "other").iterdir()
    content = json.loads(path.read_text())
    changed = content | dict(vocabulary=content["vocabulary"].replace("Ġ", "x"))
    foreign = content | dict(vocabulary=json.loads(other.read_text())["vocabulary"])
    contents = dict(cut=path.read_text()[:99], list="[]", renamed=other.read_text())
    contents |= dict(changed=json.dumps(changed), foreign=json.dumps(foreign))
    path.write_text(contents[how])
    assert tokenizer.train_vocabulary([TEXT], 270, tmp_path).to_str() == right
    assert json.loads(path.read_text()) == content


def test_ctrl_c_ends_the_training_of_a_vocabulary_at_once(tmp_path):
    with started(script("endless_vocabulary.py"), tmp_path) as process:
        wait_for_line(process, "training")
        began = time.perf_counter()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
    assert time.perf_counter() - began < 1.5 and process.returncode != 0
    assert not list(tmp_path.iterdir())
