"""The phone book: names with random numbers, which can only be looked up."""

import numpy as np

NAMES, NUMBERS = 32, 16
VOCAB = NAMES + NUMBERS  # tokens 0 … 31 are names, 32 … 47 numbers
SHARES = 1 / np.arange(1, NAMES + 1)  # of the listings: most of the first, and so on
SHARES /= SHARES.sum()


class PhoneBook:
    """B endless streams of phone books; yields what `DocumentStreams` yields.

    Each document draws a number for every name, then lists `entries` names, each
    followed by its number. As words in a text do (Zipf's law), a few names come often
    and most of them rarely, so that gaps are short and long. The only targets are the
    numbers of names that the document has listed before. For the `targets` last
    returned, `gap` (B, T) says how many tokens ago that was, else 0. Raises ValueError
    if T is odd or does not divide the length of a document.
    """

    def __init__(self, B, T, seed, entries=512):
        if min(B, T, entries) < 1:
            raise ValueError("B, T and entries must be at least 1")
        if T % 2 or 2 * entries % T:
            raise ValueError(
                f"a segment must be even and divide {2 * entries}, not {T} tokens"
            )
        self.B, self.T, self.entries = B, T, entries
        self.random = np.random.default_rng(seed)
        self.at = 2 * entries  # tokens read of the current documents
        self.gap = self.targets = None

    def __iter__(self):
        return self

    def __next__(self):
        starts = np.full(self.B, self.at == 2 * self.entries)
        if starts.all():
            self.write_books()
            self.at = 0
        window = slice(self.at, self.at + self.T)
        self.at += self.T
        self.gap = self.gaps[:, window]
        tokens = self.tokens[:, window]
        self.targets = np.where(self.gap > 0, np.roll(tokens, -1, axis=1), -1)
        return tokens, self.targets, starts

    def write_books(self):
        """Draw the next B documents."""
        stream, entry = np.arange(self.B)[:, None], np.arange(self.entries)
        book = self.random.integers(NUMBERS, size=(self.B, NAMES)) + NAMES
        rank = self.random.choice(NAMES, size=(self.B, self.entries), p=SHARES)
        name = self.random.permuted(np.tile(np.arange(NAMES), (self.B, 1)), axis=1)
        name = name[stream, rank]
        self.tokens = np.stack([name, book[stream, name]], axis=-1).reshape(self.B, -1)
        same = name[:, :, None] == name[:, None, :]  # (B, entry, earlier entry)
        earlier = np.where(same & (entry < entry[:, None]), entry, -1).max(axis=-1)
        gap = np.where(earlier >= 0, 2 * (entry - earlier), 0)
        self.gaps = np.stack([gap, np.zeros_like(gap)], axis=-1).reshape(self.B, -1)
