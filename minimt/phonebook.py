"""The phone book: names and numbers listed at random, so that only looking up helps."""

import numpy as np

NAMES, NUMBERS = 32, 16
VOCAB = NAMES + NUMBERS  # tokens 0 … 31 are names, 32 … 47 numbers


class PhoneBook:
    """B streams of phone books, for ever: yields what DocumentStreams yields.

    A document draws a number for each name, then lists `entries` names, drawn with
    replacement, each followed by its number. The only targets are numbers of names
    listed before in the document; `gap` (B, T) tells how many tokens before, else 0,
    for the `targets` last returned.
    """

    def __init__(self, B, T, seed, entries=512):
        if T % 2 or 2 * entries % T:
            raise ValueError("a segment must be even and must divide the document")
        self.B, self.T, self.entries = B, T, entries
        self.random = np.random.default_rng(seed)
        self.at = 2 * entries  # the tokens of the present documents that were read
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
        name = self.random.integers(NAMES, size=(self.B, self.entries))
        self.tokens = np.stack([name, book[stream, name]], axis=-1).reshape(self.B, -1)
        same = name[:, :, None] == name[:, None, :]  # (B, entry, earlier entry)
        earlier = np.where(same & (entry < entry[:, None]), entry, -1).max(axis=-1)
        gap = np.where(earlier >= 0, 2 * (entry - earlier), 0)
        self.gaps = np.stack([gap, np.zeros_like(gap)], axis=-1).reshape(self.B, -1)
