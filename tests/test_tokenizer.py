"""Texts survive being tokens, and a vocabulary is trained only once."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

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
