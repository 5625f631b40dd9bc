"""Documents: cut if few, split for evaluation, and read as B streams of segments."""

import numpy as np

from .errors import InputError

FEWEST = 4  # documents of which a quarter can be held out
BLOCK = 32_768  # characters in each document that a long text is cut into, about


def cut(documents, least):
    """Few long documents as more of them; each is (name, text).

    Fewer than FEWEST are cut into parts of about BLOCK characters or, if that is less,
    of a quarter of the text, but of about `least` characters if they are still shorter.
    A part begins with a paragraph where possible, or else with a line or a word.
    """
    if len(documents) >= FEWEST:
        return documents
    size = max(least, min(BLOCK, sum(len(text) for _, text in documents) // FEWEST))
    return [part for document in documents for part in parts(*document, size)]


def parts(name, text, size):
    """A document as several [(name, text)] of about `size` characters."""
    n = max(1, round(len(text) / size))
    if n == 1:
        return [(name, text)]
    ends = [cut_after(text, i * len(text) // n, size // 4) for i in range(1, n)]
    pieces = [text[i:j] for i, j in zip([0, *ends], [*ends, len(text)])]
    return [(f"{name}, part {i} of {n}", piece) for i, piece in enumerate(pieces, 1)]


def cut_after(text, place, room):
    """Where a paragraph begins soon after a place; or else a line, or a word."""
    window = text[place : place + room]
    for end in ("\n\n", "\n", " "):
        found = window.find(end)
        if found >= 0:
            return place + found + len(end)
    return place


def split(documents, held_out=12, seed=0, least_bytes=0, most_bytes=65_536):
    """Split documents at random: (training, held-out), each in the order given.

    At most a quarter of them is held out, but at least one. Documents over `most_bytes`
    are held out only if there are no others, since evaluation reads each from end to
    end, and those under `least_bytes` last of all. Raises InputError if there are fewer
    than two.
    """
    if len(documents) < 2:
        raise InputError(
            "a split needs two documents: give several text files, or a longer one"
        )
    drawn = np.random.default_rng(seed).permutation(len(documents))
    sizes = [len(text.encode()) for _, text in documents]
    order = sorted(drawn, key=lambda i: (sizes[i] < least_bytes, sizes[i] > most_bytes))
    held = set(order[: max(1, min(held_out, len(documents) // 4))])
    return (
        [document for i, document in enumerate(documents) if i not in held],
        [document for i, document in enumerate(documents) if i in held],
    )


class DocumentStreams:
    """B streams that each read one document after another, T tokens at a time.

    Yields tokens (B, T), targets (B, T), −1 where there is nothing to predict, and
    starts (B,). With a seed it never ends, and each pass over the documents has a new
    order; without one, it reads every document once, in the order given. `document`
    and `offset` (B,) say which document each stream is in and where it reads next.
    Raises InputError if there is no document, or one of fewer than two tokens.
    """

    def __init__(self, docs, B, T, seed=None):
        if min(B, T) < 1:
            raise ValueError(f"B and T must be at least 1, not {B} and {T}")
        if not docs or min(len(doc) for doc in docs) < 2:
            raise InputError(
                "no documents, or one is too short: each needs two tokens or more"
            )
        self.docs, self.B, self.T, self.seed = docs, B, T, seed
        self.document, self.offset = np.full(B, -1), np.zeros(B, dtype=np.int64)
        self.queue, self.epoch = list(range(len(docs))), 0
        if seed is not None:
            self.shuffle()

    def shuffle(self):
        """Queue all documents in the order of the next epoch."""
        order = np.random.default_rng([self.seed, self.epoch]).permutation(
            len(self.docs)
        )
        self.queue, self.epoch = order.tolist(), self.epoch + 1

    def __iter__(self):
        return self

    def __next__(self):
        tokens = np.zeros((self.B, self.T), dtype=np.int64)
        targets, starts = np.full_like(tokens, -1), np.zeros(self.B, dtype=bool)
        for b in range(self.B):
            starts[b] = self.turn_page(b)
            if self.document[b] >= 0:
                doc, at = self.docs[self.document[b]], self.offset[b]
                piece = doc[at : at + self.T + 1]  # the last piece may be short
                tokens[b, : len(piece) - 1], targets[b, : len(piece) - 1] = (
                    piece[:-1],
                    piece[1:],
                )
                self.offset[b] += self.T
        if (self.document < 0).all():
            raise StopIteration
        return tokens, targets, starts

    def turn_page(self, b):
        """Move stream b to its next document if it has finished one; True if it did."""
        document = self.document[b]
        if document >= 0 and self.offset[b] < len(self.docs[document]) - 1:
            return False
        if not self.queue and self.seed is not None:
            self.shuffle()
        self.document[b] = self.queue.pop(0) if self.queue else -1
        self.offset[b] = 0
        return True

    def state_dict(self):
        """How far the streams have read, as plain numbers."""
        places = dict(document=self.document.tolist(), offset=self.offset.tolist())
        return places | dict(queue=list(self.queue), epoch=self.epoch)

    def load_state_dict(self, state):
        """Restore what `state_dict` returned."""
        self.document, self.offset = (
            np.array(state["document"]),
            np.array(state["offset"]),
        )
        self.queue, self.epoch = list(state["queue"]), state["epoch"]
