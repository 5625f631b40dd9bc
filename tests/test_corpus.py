"""Sources: a folder of text, or a corpus that `CORPORA` names."""

import pytest

from minimt import corpus, tokenizer
from minimt.config import Config
from minimt.corpus import Source


def poems():
    """A corpus of a test: its documents, as `CORPORA` wants them."""
    return [(f"{i}.txt", f"rose{i} is a rose{i}, " * 60) for i in range(5)]


@pytest.fixture
def told(caplog):
    """A function that returns the lines that were logged."""
    caplog.set_level("INFO", "minimt")
    return lambda: caplog.messages


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
    [
        ("", []),
        (".py, .md", [".py", ".md"]),
        ("PY,.Md ,", [".py", ".md"]),
        ("*.py,*.tar.gz", [".py", ".tar.gz"]),
    ],
)
def test_endings_may_be_written_as_people_write_them(endings, kinds):
    assert Source("texts", endings).kinds == kinds


def test_an_ending_that_no_text_has_is_told_of(tmp_path, told):
    (tmp_path / "a.TXT").write_text("one")
    (tmp_path / "b.rst").write_text("two")
    Source(str(tmp_path), "txt, .mdd").read()
    assert told() == [
        "left out 1 file (not ending in .txt or .mdd): b.rst",
        f"no text in {tmp_path} ends in .mdd",
    ]


def verses(i, n):
    """A text of n paragraphs, unlike that of any other number i."""
    return "\n\n".join(f"rose{i} is a rose{j}, " * 60 for j in range(n))


CONFIG = Config(vocab=262, segment=16)


@pytest.mark.parametrize("place", ["book.txt", "folder"])
def test_a_single_text_is_cut_into_documents_and_says_so(tmp_path, told, place):
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "book.txt", tmp_path / "folder" / "book.txt"):
        path.write_text(verses(0, 12))
    source = Source(str(tmp_path / place), held_out=1)
    found = corpus.load_corpus(source, CONFIG, 0, tmp_path / "cache")
    assert len(found.train) == 3 and len(found.held.docs) == 1
    assert found.held.names[0].startswith("book.txt, part ")
    what = "cut book.txt into 4 documents of about 3.3 kB, some of them to be held out"
    assert told() == [what]
    (whole,) = corpus.hashes(source.read())
    assert whole in found.trained and len(found.trained) == 4


def test_a_part_is_long_enough_for_memory_to_matter(tmp_path):
    (tmp_path / "book.txt").write_text(verses(0, 99))
    source = Source(str(tmp_path), held_out=1)
    for cache in (0, 500, 1000):
        config = Config(vocab=262, segment=16, cache=cache)
        _, train, held = corpus.read_split(source, config, 0)
        assert min(len(text) for _, text in train + held) > 4 * (16 + cache)


def test_two_long_texts_are_cut_and_parts_of_both_are_trained_on(tmp_path, told):
    for i in range(2):
        (tmp_path / f"{i}.txt").write_text(verses(i, 120))
    source = Source(str(tmp_path), held_out=2)
    _, train, held = corpus.read_split(source, CONFIG, 0)
    assert {name[0] for name, _ in train} == {"0", "1"}
    parts = sorted(train + held, key=lambda x: (x[0][0], int(x[0].split()[2])))
    assert "".join(text for _, text in parts) == verses(0, 120) + verses(1, 120)
    assert told() == [
        "cut 2 texts into 8 documents of about 34.4 kB, some of them to be held out"
    ]


def test_copies_with_other_line_ends_are_known_to_be_trained_on(tmp_path):
    for i in range(8):
        (tmp_path / f"{i}.txt").write_text(verses(i, 3))
    source = Source(str(tmp_path), held_out=1)
    found = corpus.load_corpus(source, CONFIG, 0, tmp_path / ".cache")
    for path in tmp_path.glob("*.txt"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    known = corpus.hashes(source.read())
    assert set(found.trained) < set(known) and len(found.trained) == 6 + 1


def test_what_the_split_does_is_told(tmp_path, told):
    for i in range(8):
        (tmp_path / f"{i}.txt").write_text(
            f"rose{i} is a rose{i}, " * (300 if i % 4 else 1)
        )
    (tmp_path / "latin.txt").write_bytes(b"\xe9")
    config = Config(vocab=262, segment=32, cache=0)
    source = Source(str(tmp_path), held_out=6)
    found = corpus.load_corpus(source, config, 0, tmp_path / "cache")
    assert len(found.held.docs) == 2 and min(map(len, found.held.docs)) > 32
    assert len(found.train) == len(found.trained) == 4
    assert told() == [
        "left out 1 file (not UTF-8: convert with iconv): latin.txt at byte 0",
        "held out 2 documents, not 6: at most a quarter of 8",
        "left out of training: 2 documents of at most 32 tokens",
    ]


def test_held_out_documents_that_are_all_short_are_told_of(tmp_path, told):
    for i in range(8):
        (tmp_path / f"{i}.txt").write_text(f"rose{i} is a rose{i}, " * 9)
    config = Config(vocab=262, segment=8, cache=900)
    source = Source(str(tmp_path), held_out=1)
    corpus.load_corpus(source, config, 0, tmp_path / "cache")
    short = "too short for memory to matter: 1 held-out document of at most 908 tokens"
    assert told() == [short]


@pytest.mark.parametrize(
    "given, reason",
    [
        (dict(data=""), "data must be a folder, a file or stdlib"),
        (dict(held_out=0), "held_out must be at least 1, not 0"),
        (dict(endings=".py"), "endings choose files of a folder: give one as data"),
    ],
)
def test_what_cannot_be_read_is_refused(given, reason):
    with pytest.raises(ValueError, match=f"^{reason}"):
        Source(**given)


@pytest.fixture(scope="module")
def plays(tmp_path_factory):
    """Ten texts of unequal length, and a vocabulary for them."""
    texts = [
        (f"{i}", "".join(f"line {j} of text {i * j % 7}\n" for j in range(60 * i)))
        for i in range(1, 11)
    ]
    folder = tmp_path_factory.mktemp("plays")
    return texts, tokenizer.train_vocabulary([x for _, x in texts], 270, folder)


def test_all_held_out_text_is_read_if_it_is_not_too_much(plays):
    texts, vocabulary = plays
    whole = corpus.hold_out(texts, vocabulary, 0, seed=0)
    assert list(zip(whole.names, whole.texts)) == texts
    enough = sum(map(len, whole.docs))
    again = corpus.hold_out(texts, vocabulary, enough, seed=0)
    assert (again.names, again.texts) == (whole.names, whole.texts)


@pytest.mark.parametrize("most", [2000, 9000])
def test_a_sample_of_held_out_text_is_seeded_and_bounded(
    plays, most, monkeypatch, caplog
):
    caplog.set_level("INFO", "minimt")
    monkeypatch.setattr(corpus, "OPENING", (200, 3000))
    texts, vocabulary = plays
    samples = [corpus.hold_out(texts, vocabulary, most, seed) for seed in (0, 0, 1)]
    assert samples[0].texts == samples[1].texts != samples[2].texts
    whole, places = dict(texts), [name for name, _ in texts]
    for found in samples:
        sizes = list(map(len, found.docs))
        assert most - 200 < sum(sizes) < most + 200 and max(sizes) < 3050
        order = list(map(places.index, found.names))
        assert order == sorted(order)
        for name, text in zip(found.names, found.texts):
            assert whole[name].startswith(text)
            assert text == whole[name] or text.endswith("\n")
    assert f"evaluating on {sum(map(len, samples[2].docs))} tokens of" in caplog.text


def test_an_opening_is_cut_where_a_line_ends_or_at_least_somewhere(plays):
    _, vocabulary = plays
    for text in ("a\n" * 500, "word " * 500, "x" * 5000):
        opening = corpus.opening(vocabulary, text, 100)
        assert text.startswith(opening)
        assert 80 < len(tokenizer.encode(vocabulary, opening)) < 200
    assert corpus.opening(vocabulary, "short", 100) == "short"
