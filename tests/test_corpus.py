"""Sources: a folder of text, or a corpus that `CORPORA` names."""

import pytest

from minimt import corpus
from minimt.config import Config
from minimt.corpus import Source


def poems():
    """A corpus of a test: its documents, as `CORPORA` wants them."""
    return [(f"{i}.txt", f"rose{i} is a rose{i}, " * 60) for i in range(5)]


def test_a_corpus_takes_one_line_and_is_named_by_data(monkeypatch, tmp_path):
    monkeypatch.setitem(corpus.CORPORA, "poems", poems)
    source = Source("poems", held_out=1)
    assert source.read() == poems() and source.name == "poems"
    assert source.absolute() == source  # wherever the next command is given
    found = corpus.load_corpus(source, Config(vocab=262, segment=16), 0, tmp_path)
    assert len(found.train) == 4 and len(found.held.docs) == 1


def test_a_folder_keeps_its_place_and_gives_its_name(monkeypatch, tmp_path):
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts/a.txt").write_text("one")
    monkeypatch.chdir(tmp_path)
    source = Source("texts").absolute()
    assert source.name == "texts" and source.read() == [("a.txt", "one")]
    monkeypatch.chdir("/")
    assert source.read() == [("a.txt", "one")]


def test_a_folder_of_the_name_of_a_corpus_can_be_given_by_its_path(
    monkeypatch, tmp_path
):
    (tmp_path / "stdlib").mkdir()
    (tmp_path / "stdlib/a.txt").write_text("one")
    monkeypatch.chdir(tmp_path)
    assert Source("./stdlib").read() == [("a.txt", "one")]


@pytest.mark.parametrize(
    "given, reason",
    [
        (dict(data=""), "data must be a folder, or one of stdlib"),
        (dict(held_out=0), "held_out must be at least 1, not 0"),
    ],
)
def test_what_cannot_be_read_is_refused(given, reason):
    with pytest.raises(ValueError, match=f"^{reason}"):
        Source(**given)
