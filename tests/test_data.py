"""From documents to streams of segments: nothing lost, nothing mixed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sizes import sizes

from minimt import data
from minimt.errors import InputError


def documents(*lengths):
    """Token arrays without a token twice, so that every one can be told."""
    ends = np.cumsum(lengths)
    return [np.arange(end - n, end) for end, n in zip(ends, lengths)]


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


def test_a_split_holds_out_the_shortest_documents_last():
    sizes = [5, 60, 5, 20, 5, 20, 5, 5, 5, 20, 60, 5]
    all_of_them = [(str(i), "x" * size) for i, size in enumerate(sizes)]
    for n, longest in ((1, 20), (2, 20), (3, 20)):
        _, held = data.split(all_of_them, n, least_bytes=10, most_bytes=50)
        assert len(held) == n and {len(text) for _, text in held} == {longest}


def test_a_split_needs_two_documents():
    assert len(data.split([("a", "x"), ("b", "y")])[1]) == 1
    with pytest.raises(InputError, match="several text files"):
        data.split([("a", "x")])


WORDS = st.lists(st.sampled_from(["a", "rose", " ", "\n", "\n\n"]), max_size=9)


@given(words=WORDS, times=st.integers(1, 9000), least=st.integers(8, 5000))
def test_a_text_is_cut_before_paragraphs_and_nothing_is_lost(words, times, least):
    text = "".join(words) * times
    parts = data.cut([("x", text)], least)
    assert "".join(part for _, part in parts) == text
    size = max(least, min(data.BLOCK, len(text) // 4))
    if len(parts) > 1:
        assert all(0.4 * size < len(part) < 1.8 * size for _, part in parts)
        if "\n\n" in words and 4 * len("".join(words)) < size:
            assert all(part.endswith("\n\n") for _, part in parts[:-1])
    assert len({name for name, _ in parts}) == len(parts)


@pytest.mark.parametrize(
    "sizes, parts",
    [
        ([100], 1),  # parts would be too short
        ([10_000], 4),
        ([2_000_000], 61),
        ([2_000_000, 1000], 62),
        ([10_000] * 3, 3),  # a third each: they stay whole
        ([90_000] * 3, 9),
        ([2_000_000] * 4, 4),  # enough to hold out a whole one
    ],
)
def test_few_long_documents_are_cut(sizes, parts):
    documents = [(f"{i}", "x " * (n // 2)) for i, n in enumerate(sizes)]
    assert len(data.cut(documents, least=1024)) == parts
    assert parts > len(documents) or data.cut(documents, least=1024) == documents


@pytest.mark.parametrize("B, T", [(0, 4), (2, 0), (-1, 4), (2, -3)])
def test_streams_and_segments_have_at_least_one_token(B, T):
    with pytest.raises(ValueError, match="at least 1"):
        data.DocumentStreams(documents(5), B, T)


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
