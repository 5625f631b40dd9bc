"""From a folder of files to streams of segments: nothing lost, nothing mixed."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sizes import sizes

from minimt import data
from minimt.errors import InputError


def write(folder, **files):
    for name, content in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        raw = content if isinstance(content, bytes) else content.encode()
        path.with_suffix(".txt").write_bytes(raw)


def documents(*lengths):
    """Token arrays without a token twice, so that every one can be told."""
    ends = np.cumsum(lengths)
    return [np.arange(end - n, end) for end, n in zip(ends, lengths)]


def test_a_folder_is_read_recursively_and_the_files_left_out_are_listed(tmp_path):
    write(tmp_path, b="two", a="one", deep__down="three", again="one")
    write(tmp_path, empty="", blank=" \n", binary=b"\0\1", latin=b"caf\xe9")
    (tmp_path / ".hidden").write_text("no")
    write(tmp_path, run__report="left by a run")
    (tmp_path / "run" / data.RUN_FILE).write_text("{}")
    (tmp_path / "code.py").write_text("pass")
    found, left_out = data.read_folder(tmp_path, [".txt"])
    assert found == [("a.txt", "one"), ("b.txt", "two"), ("deep/down.txt", "three")]
    expected = ["again.txt", "binary.txt", "blank.txt", "empty.txt", "latin.txt"]
    assert left_out == expected
    assert len(data.read_folder(tmp_path)[0]) == 4


def test_a_folder_that_is_missing_or_has_nothing_to_read_is_refused(tmp_path):
    with pytest.raises(InputError, match="is not a directory"):
        data.read_folder(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"no text files ending in \.md"):
        data.read_folder(tmp_path, [".md"])


@pytest.mark.parametrize(
    "name, reason", dict(empty="is empty", binary="not UTF-8", missing="read").items()
)
def test_a_file_that_is_missing_empty_or_binary_is_refused(tmp_path, name, reason):
    write(tmp_path, empty="", binary=b"\0\1")
    with pytest.raises(InputError, match=reason):
        data.read_text(tmp_path / f"{name}.txt")


def test_the_standard_library_is_found_without_its_tests():
    names = [name for name, _ in data.standard_library()]
    assert len(names) > 150 and "argparse.py" in names
    assert names == sorted(names)
    assert not [name for name in names if "test" in name.split("/")]


def test_a_split_depends_on_the_seed_and_loses_no_document():
    all_of_them = [(str(i), "x" * (i + 1)) for i in range(40)]
    train, held = data.split(all_of_them, held_out=5, seed=1)
    assert len(held) == 5 and sorted(train + held) == sorted(all_of_them)
    assert data.split(all_of_them, held_out=5, seed=1) == (train, held)
    assert data.split(all_of_them, held_out=5, seed=2)[1] != held


def test_a_split_holds_out_small_documents_while_there_are_enough():
    sizes = [10, 20, 99, 99, 30, 99, 40, 99]
    all_of_them = [(str(i), "é" * (size // 2)) for i, size in enumerate(sizes)]
    _, held = data.split(all_of_them, held_out=2, seed=0, most_bytes=50)
    assert all(len(text.encode()) <= 50 for _, text in held) and len(held) == 2


def test_a_split_needs_two_documents():
    assert len(data.split([("a", "x"), ("b", "y")])[1]) == 1
    with pytest.raises(InputError, match="at least two"):
        data.split([("a", "x")])


TEXT = "a rose is a rose is a rose; " * 40 + "".join(map(chr, range(32, 127))) * 9


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory):
    return data.train_vocabulary([TEXT], 270, tmp_path_factory.mktemp("vocabulary"))


@given(text=st.text(max_size=80))
@example(text=TEXT)
@example(text="naïve ☃ <document>\n\ttab")
@example(text="<document>")
def test_any_text_survives_encoding_and_decoding(vocabulary, text):
    tokens = data.encode(vocabulary, text)
    assert vocabulary.decode(tokens[1:].tolist()) == text
    assert tokens[0] == 0 and (tokens[1:] > 0).all() and (tokens < 270).all()


def test_a_vocabulary_is_trained_only_once(tmp_path):
    vocabulary = data.train_vocabulary([TEXT], 270, tmp_path)
    (cached,) = tmp_path.iterdir()
    before = cached.stat().st_mtime_ns
    again = data.train_vocabulary([TEXT], 270, tmp_path)
    assert again.to_str() == vocabulary.to_str()
    assert cached.stat().st_mtime_ns == before
    data.train_vocabulary([TEXT + "!"], 270, tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    "size, reason", [(200, "too small"), (5000, "too short for a vocabulary of 5000")]
)
def test_a_vocabulary_of_an_impossible_size_is_refused(tmp_path, size, reason):
    with pytest.raises(InputError, match=reason):
        data.train_vocabulary([TEXT], size, tmp_path)


def test_a_damaged_vocabulary_is_refused():
    with pytest.raises(InputError, match="damaged"):
        data.load_vocabulary("{}")


LENGTHS = st.lists(st.integers(2, 30), min_size=1, max_size=9)  # of documents


@given(lengths=LENGTHS, **sizes("B T", B=9, T=12))
def test_streams_read_each_document_once_whole_and_in_order(lengths, B, T):
    docs = documents(*lengths)
    streams, read = data.DocumentStreams(docs, B, T), {}
    for tokens, targets, starts in streams:
        for b in range(B):
            there = targets[b] >= 0
            if streams.document[b] >= 0:
                pieces = read.setdefault(streams.document[b], [])
                assert starts[b] == (not pieces)
                pieces.append((tokens[b, there], targets[b, there]))
    assert sorted(read) == list(range(len(docs)))
    for i, pieces in read.items():
        inputs, targets = (np.concatenate(part) for part in zip(*pieces))
        np.testing.assert_array_equal(inputs, docs[i][:-1])
        np.testing.assert_array_equal(targets, docs[i][1:])


def test_seeded_streams_never_end_and_shuffle_every_epoch():
    docs = documents(*[6] * 8)
    streams, order = data.DocumentStreams(docs, 1, 5, seed=3), []
    for _ in range(24):
        tokens, _, starts = next(streams)
        assert starts.all()
        order.append(tokens[0, 0] // 6)
    epochs = [order[:8], order[8:16], order[16:]]
    assert all(sorted(epoch) == list(range(8)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


@given(lengths=LENGTHS, steps=st.integers(0, 20), **sizes("B T", T=12))
def test_streams_resume_where_they_stopped(lengths, steps, B, T):
    docs = documents(*lengths)
    streams, other = (data.DocumentStreams(docs, B, T, seed=0) for _ in range(2))
    for _ in range(steps):
        next(streams)
    other.load_state_dict(streams.state_dict())
    for _ in range(30):
        for ours, theirs in zip(next(streams), next(other)):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("docs", [[], [np.arange(1)]])
def test_documents_of_fewer_than_two_tokens_are_refused(docs):
    with pytest.raises(InputError):
        data.DocumentStreams(docs, 1, 4)
