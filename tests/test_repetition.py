"""Repeated chunks: what streams read, in which order, and from where they go on."""

import numpy as np
import pytest

from minimt.data import DocumentStreams
from minimt.repetition import SHORTEST, SPAN, Repetition, SideBySide, chunk

# No token occurs twice, so each tells from which document it comes, and from where.
DOCS = [np.arange(100), np.arange(100, 110), np.arange(110, 400)]
B, T = 3, 7


def read(streams, segments):
    """All that the streams read, tokens and targets: (B, segments · T) each."""
    parts = [next(streams) for _ in range(segments)]
    tokens, targets, starts = (list(x) for x in zip(*parts))
    assert not np.any(starts)
    return np.concatenate(tokens, axis=1), np.concatenate(targets, axis=1)


def chunks_of(row, readings):
    """The chunks that a stream reads: a new one begins at the first unseen token."""
    while len(row):
        again = np.flatnonzero(row == row[0])
        n = again[1] if len(again) > 1 else len(row)
        if readings * n > len(row):
            return
        yield row[: readings * n].reshape(readings, n)
        row = row[readings * n :]


@pytest.mark.parametrize("times", [2, 4])
def test_every_chunk_is_a_piece_of_one_document_and_read_several_times(times):
    tokens, _ = read(Repetition(DOCS, B, T, seed=0, readings=times), 900)
    lengths = set()
    for row in tokens:
        for readings in chunks_of(row, times):
            assert (readings == readings[0]).all()
            assert (np.diff(readings[0]) == 1).all()
            owners = [np.isin(readings[0], doc[1:]).all() for doc in DOCS]
            assert sum(owners) == 1  # and the first token, `DOCUMENT`, is not in it
            lengths.add(len(readings[0]))
    assert lengths == {
        9,
        *range(SHORTEST, SPAN // times + 1),
    }  # 9: all of the short one


def test_targets_are_the_tokens_that_follow():
    tokens, targets = read(Repetition(DOCS, B, T, seed=0), 50)
    np.testing.assert_array_equal(targets[:, :-1], tokens[:, 1:])


def test_streams_differ_and_the_seed_decides_what_they_read():
    tokens, _ = read(Repetition(DOCS, B, T, seed=0), 20)
    again, _ = read(Repetition(DOCS, B, T, seed=0), 20)
    other, _ = read(Repetition(DOCS, B, T, seed=1), 20)
    np.testing.assert_array_equal(tokens, again)
    assert len({row.tobytes() for row in [*tokens, *other]}) == 2 * B


def test_the_length_of_segments_does_not_change_what_is_read():
    short, _ = read(Repetition(DOCS, B, 5, seed=0), 14)
    long, _ = read(Repetition(DOCS, B, 35, seed=0), 2)
    np.testing.assert_array_equal(short, long)


@pytest.mark.parametrize("segments", [0, 1, 5, 23])
def test_streams_go_on_from_where_they_were(segments):
    def both():
        documents = DocumentStreams(DOCS, 2, T, seed=0)
        return SideBySide(documents, Repetition(DOCS, B, T, seed=0))

    one, other = both(), both()
    for _ in range(segments):
        next(one)
    other.load_state_dict(one.state_dict())
    for _ in range(30):
        for x, y in zip(next(one), next(other)):
            np.testing.assert_array_equal(x, y)


def test_side_by_side_are_the_rows_of_each():
    parts = [DocumentStreams(DOCS, 2, T, seed=3), Repetition(DOCS, B, T, seed=4)]
    alone = [DocumentStreams(DOCS, 2, T, seed=3), Repetition(DOCS, B, T, seed=4)]
    together = SideBySide(*parts)
    for _ in range(40):
        expected = zip(*(next(source) for source in alone))
        for x, rows in zip(next(together), expected):
            np.testing.assert_array_equal(x, np.concatenate(rows))


def test_a_chunk_is_drawn_from_all_of_a_document():
    rng = np.random.default_rng(0)
    drawn = [chunk(DOCS[1:2], 4, rng) for _ in range(200)]
    assert {x[0] for x in drawn} == set(range(101, 107))
    assert {len(x) for x in drawn} == {4}
