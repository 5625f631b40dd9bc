"""The phone book asks for nothing that was not told, and tells how long ago it was."""

import numpy as np
import pytest

from minimt.phonebook import NAMES, VOCAB, PhoneBook


def test_every_target_is_the_number_last_listed_for_the_name():
    book, told, asked = PhoneBook(B=3, T=8, seed=0, entries=40), {}, 0
    for step in range(30):
        tokens, targets, starts = next(book)
        assert starts.all() == starts.any() == (step % 10 == 0)
        for b in range(3):
            if starts[b]:
                told = {key: value for key, value in told.items() if key[0] != b}
            for t in range(0, 8, 2):
                name, number, place = tokens[b, t], tokens[b, t + 1], 8 * step + t
                assert name < NAMES <= number < VOCAB
                assert targets[b, t + 1] == -1 and book.gap[b, t + 1] == 0
                if (b, name) in told:
                    before, listed = told[b, name]
                    assert targets[b, t] == number == listed
                    assert book.gap[b, t] == place - before
                    asked += 1
                else:
                    assert targets[b, t] == -1 and book.gap[b, t] == 0
                told[b, name] = place, number
    assert asked > 100


def test_books_differ_by_stream_document_and_seed():
    def first_book(seed, skip=0):
        book = PhoneBook(B=2, T=80, seed=seed, entries=40)
        return [next(book)[0] for _ in range(skip + 1)][-1]

    assert (first_book(0) == first_book(0)).all()
    assert (first_book(0) != first_book(1)).any()
    assert (first_book(0) != first_book(0, skip=1)).any()
    assert (first_book(0)[0] != first_book(0)[1]).any()


@pytest.mark.parametrize("T", [7, 12])
def test_a_segment_must_be_even_and_divide_the_document(T):
    with pytest.raises(ValueError, match="segment"):
        PhoneBook(B=1, T=T, seed=0, entries=40)


def test_numbers_cannot_be_guessed_from_names():
    book = PhoneBook(B=512, T=80, seed=0, entries=40)
    _, targets, _ = next(book)
    numbers = targets[targets >= 0] - NAMES
    share = np.bincount(numbers, minlength=16) / len(numbers)
    assert share.max() < 0.1


@pytest.mark.parametrize("sizes", [(0, 4, 8), (2, 0, 8), (2, 4, 0), (-1, 4, 8)])
def test_sizes_below_1_are_an_error(sizes):
    B, T, entries = sizes
    with pytest.raises(ValueError, match="at least 1"):
        PhoneBook(B, T, seed=0, entries=entries)
