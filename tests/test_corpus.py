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
    assert source.name == "texts" and source.read()[0][1] == "one"
    monkeypatch.chdir("/")
    assert source.read()[0][1] == "one"


def test_a_folder_of_the_name_of_a_corpus_can_be_given_by_its_path(
    monkeypatch, tmp_path
):
    (tmp_path / "stdlib").mkdir()
    (tmp_path / "stdlib/a.txt").write_text("one")
    monkeypatch.chdir(tmp_path)
    assert Source("./stdlib").read()[0][1] == "one"


@pytest.mark.parametrize(
    "endings, kinds",
    [("", []), (".py, .md", [".py", ".md"]), ("PY,.Md ,", [".py", ".md"])],
)
def test_endings_may_be_written_as_people_write_them(endings, kinds):
    assert Source(endings=endings).kinds == kinds


def test_one_file_is_cut_into_documents_and_says_so(tmp_path, caplog):
    caplog.set_level("INFO", "minimt")
    text = "\n\n".join(f"rose{i} is a rose{i}, " * 60 for i in range(12))
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "book.txt", tmp_path / "folder" / "book.txt"):
        path.write_text(text)
    config = Config(vocab=262, segment=16)
    for data in (tmp_path / "book.txt", tmp_path / "folder"):
        found = corpus.load_corpus(Source(str(data)), config, 0, tmp_path / "cache")
        assert len(found.train) == 3 and len(found.held.docs) == 1
        assert found.held.names[0].startswith("book.txt, part ")
        assert "cut the only text into 4 documents" in caplog.text
        caplog.clear()


def test_what_the_split_does_is_told(tmp_path, caplog):
    caplog.set_level("INFO", "minimt")
    for i in range(8):
        (tmp_path / f"{i}.txt").write_text(
            f"rose{i} is a rose{i}, " * (300 if i % 4 else 1)
        )
    (tmp_path / "latin.txt").write_bytes(b"\xe9")
    config, source = (
        Config(vocab=262, segment=32, cache=0),
        Source(str(tmp_path), held_out=6),
    )
    found = corpus.load_corpus(source, config, 0, tmp_path / "cache")
    assert len(found.held.docs) == 2 and min(map(len, found.held.docs)) > 32
    assert caplog.messages == [
        "left out 1 file (not UTF-8; iconv converts it): latin.txt at byte 0",
        "held out 2 documents, not 6: at most a quarter of 8",
        "left out 2 documents no longer than a segment",
    ]


def test_held_out_documents_that_are_all_short_are_told_of(tmp_path, caplog):
    caplog.set_level("INFO", "minimt")
    for i in range(8):
        (tmp_path / f"{i}.txt").write_text(f"rose{i} is a rose{i}, " * 9)
    config, source = Config(vocab=262, segment=8, cache=900), Source(str(tmp_path))
    corpus.load_corpus(source, config, 0, tmp_path / "cache")
    short = "2 held-out documents too short for memory to matter: 908 tokens or fewer"
    assert short in caplog.messages


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
