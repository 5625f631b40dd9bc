"""Repetition: chunks of documents that are read several times in a row.

Each token of a later reading can be predicted exactly, by a model that looks up what
followed the same tokens before. Plain text rarely offers so much for a lookup, which is
why a lookup forms here within a hundred steps, and there only in thousands.
"""

import numpy as np

READINGS = 4  # of each chunk, until a lookup has formed
SHORTEST, SPAN = 8, 96  # tokens in a chunk; in all readings of one, at most


class Repetition:
    """B endless streams of repeated chunks; yields what `DocumentStreams` yields.

    Each chunk is drawn from one of the documents and read as many times as `readings`
    says; the more often, the shorter it is. No stream ever starts a document.
    """

    def __init__(self, docs, B, T, seed, readings=READINGS):
        self.docs, self.B, self.T, self.seed = docs, B, T, seed
        self.readings, self.longest = readings, SPAN // readings
        self.chunks, self.ahead = [0] * B, [[] for _ in range(B)]

    def __iter__(self):
        return self

    def __next__(self):
        window = np.stack([self.read(b) for b in range(self.B)])
        return window[:, :-1], window[:, 1:], np.zeros(self.B, dtype=bool)

    def read(self, b):
        """The next T tokens of a stream, and the one after them: (T + 1,)."""
        ahead = self.ahead[b]
        while len(ahead) <= self.T:
            rng = np.random.default_rng([self.seed, b, self.chunks[b]])
            n = rng.integers(SHORTEST, self.longest + 1)
            ahead += chunk(self.docs, n, rng).tolist() * self.readings
            self.chunks[b] += 1
        self.ahead[b] = ahead[self.T :]
        return np.array(ahead[: self.T + 1])

    def state_dict(self):
        """How far the streams have read, as plain numbers."""
        return dict(chunks=list(self.chunks), ahead=[list(x) for x in self.ahead])

    def load_state_dict(self, state):
        """Restore what `state_dict` returned."""
        self.chunks = list(state["chunks"])
        self.ahead = [list(x) for x in state["ahead"]]


def chunk(docs, n, rng):
    """n tokens of a random document, or all but the first if it has no more: (n,)."""
    doc = docs[rng.integers(len(docs))]
    n = min(n, len(doc) - 1)
    at = rng.integers(1, len(doc) - n + 1)
    return doc[at : at + n]


class SideBySide:
    """Several sources of streams, read as one: the rows of each below one another."""

    def __init__(self, *sources):
        self.sources = sources

    def __iter__(self):
        return self

    def __next__(self):
        parts = [next(source) for source in self.sources]
        return tuple(np.concatenate(rows) for rows in zip(*parts))

    def state_dict(self):
        """How far all of them have read."""
        return dict(sources=[source.state_dict() for source in self.sources])

    def load_state_dict(self, state):
        """Restore what `state_dict` returned."""
        for source, saved in zip(self.sources, state["sources"]):
            source.load_state_dict(saved)
