"""Documents: from a folder of text to B parallel streams of token segments."""

import hashlib
import pathlib
import sysconfig

import numpy as np
from tokenizers import ByteLevelBPETokenizer, Tokenizer

from .errors import InputError
from .files import replace_file

DOCUMENT = "<document>"  # token 0, first in every document
RUN_FILE = "minimt-run.json"  # in every folder of a run
LEFT_OUT = set(  # folders of tests, tables and other people's packages
    "test tests idle_test encodings pydoc_data idlelib lib2to3 distutils ensurepip "
    "turtledemo site-packages dist-packages __pycache__".split()
)


def standard_library(least_bytes=8192):
    """The Python standard library's source files as [(name, text)], by name.

    Without `_sysconfigdata`, which differs by machine, and without links, which would
    be the same text twice.
    """
    root, documents = pathlib.Path(sysconfig.get_path("stdlib")), []
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root)
        if LEFT_OUT & set(name.parts) or name.name.startswith("_sysconfigdata"):
            continue
        if not path.is_symlink() and path.stat().st_size >= least_bytes:
            documents.append((str(name), read_text(path)))
    return documents


def read_folder(folder, endings=()):
    """Every text file below `folder` with one of the endings (none = all), by name.

    Returns [(name, text)] and the names of files left out: empty ones, binary ones and
    exact copies. Hidden files, and what runs of minimt left there, are passed over.
    InputError when there is no such folder or nothing to read in it.
    """
    root = pathlib.Path(folder)
    if not root.is_dir():
        raise InputError(f"there is no folder {folder}: give a folder of text files")
    runs = {path.parent for path in root.rglob(RUN_FILE)}
    documents, left_out, seen = [], [], set()
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        inside = path.relative_to(root)
        name, hidden = str(inside), any(part.startswith(".") for part in inside.parts)
        if hidden or path.parent in runs:
            continue
        if endings and not name.endswith(tuple(endings)):
            continue
        try:
            text = read_text(path)
        except InputError:
            text = ""
        if text and text not in seen:
            documents.append((name, text))
            seen.add(text)
        else:
            left_out.append(name)
    if not documents:
        kind = f" ending in {' or '.join(endings)}" if endings else ""
        raise InputError(
            f"{folder} has no text file{kind}: give a folder that has some"
        )
    return documents, left_out


def read_text(path):
    """The text of one file. InputError when it is missing, empty or not UTF-8 text."""
    try:
        text = pathlib.Path(path).read_bytes().decode("utf-8")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise InputError(f"{path} is not UTF-8 text: give a text file")
    if not text.strip():
        raise InputError(f"{path} is empty: give a file with text in it")
    return text


def split(documents, held_out=12, seed=0, most_bytes=65_536):
    """Part the documents by a seeded draw: (training, held-out), each sorted by name.

    One is held out, or up to a quarter, and none of over `most_bytes` while there are
    enough others: each must be read from end to end to be evaluated.
    """
    if len(documents) < 2:
        raise InputError("one document cannot be split: give at least two text files")
    order = np.random.default_rng(seed).permutation(len(documents))
    order = sorted(order, key=lambda i: len(documents[i][1].encode()) > most_bytes)
    held = set(order[: max(1, min(held_out, len(documents) // 4))])
    return (
        [document for i, document in enumerate(documents) if i not in held],
        [document for i, document in enumerate(documents) if i in held],
    )


def train_vocabulary(texts, size, folder):
    """A byte-pair vocabulary (Sennrich et al., ACL 2016) of `size` tokens.

    Kept in `folder` under the hash of what it was made from. InputError for a size that
    cannot hold the 256 bytes, or when the texts are too short for so many tokens.
    """
    if size < 258:
        raise InputError(
            f"vocab {size} is too small: 256 bytes, a start and a pair need 258"
        )
    digest = hashlib.sha256(f"{size}".encode())
    for text in texts:
        digest.update(hashlib.sha256(text.encode()).digest())
    path = pathlib.Path(folder, f"vocabulary-{digest.hexdigest()[:16]}.json")
    if path.exists():
        return load_vocabulary(path.read_text(encoding="utf-8"))
    vocabulary = ByteLevelBPETokenizer()
    vocabulary.train_from_iterator(
        texts, vocab_size=size, show_progress=False, special_tokens=[DOCUMENT]
    )
    if vocabulary.get_vocab_size() < size:
        raise InputError(
            f"the texts are too short for a vocabulary of {size}: use --vocab "
            f"{vocabulary.get_vocab_size()} or less, or give more text"
        )
    replace_file(path, vocabulary.to_str().encode())
    return load_vocabulary(vocabulary.to_str())


def load_vocabulary(text):
    """The vocabulary written as JSON. InputError when it is none."""
    try:
        vocabulary = Tokenizer.from_str(text)
    except Exception as error:  # the library raises no narrower class
        raise InputError(f"a vocabulary is damaged, delete it: {error}") from None
    vocabulary.encode_special_tokens = True  # "<document>" in a text is only text
    return vocabulary


def encode(vocabulary, text):
    """The tokens of a document, token 0 (`DOCUMENT`) first: int64 (n,)."""
    return np.array([0, *vocabulary.encode(text).ids], dtype=np.int64)


class DocumentStreams:
    """B readers, each of one document after another, T tokens at a time.

    An iterator of tokens (B, T), targets (B, T) with −1 where nothing is to be
    predicted, and starts (B,). With a seed it goes on for ever, each time through in a
    new order; without, it reads every document once, as they come. `document` and
    `offset` (B,) say which document each stream is in and where it goes on.
    """

    def __init__(self, docs, B, T, seed=None):
        if not docs or min(len(doc) for doc in docs) < 2:
            raise InputError(
                "there must be documents, and each must have two tokens or more"
            )
        self.docs, self.B, self.T, self.seed = docs, B, T, seed
        self.document, self.offset = np.full(B, -1), np.zeros(B, dtype=np.int64)
        self.queue, self.epoch = list(range(len(docs))), 0
        if seed is not None:
            self.shuffle()

    def shuffle(self):
        """Line up all documents in the order of the next epoch."""
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
                piece = doc[at : at + self.T + 1]  # the last one may be short
                tokens[b, : len(piece) - 1], targets[b, : len(piece) - 1] = (
                    piece[:-1],
                    piece[1:],
                )
                self.offset[b] += self.T
        if (self.document < 0).all():
            raise StopIteration
        return tokens, targets, starts

    def turn_page(self, b):
        """Give stream b its next document if one is read; True if it starts."""
        document = self.document[b]
        if document >= 0 and self.offset[b] < len(self.docs[document]) - 1:
            return False
        if not self.queue and self.seed is not None:
            self.shuffle()
        self.document[b] = self.queue.pop(0) if self.queue else -1
        self.offset[b] = 0
        return True

    def state_dict(self):
        """Where the streams stand, in plain numbers."""
        places = dict(document=self.document.tolist(), offset=self.offset.tolist())
        return places | dict(queue=list(self.queue), epoch=self.epoch)

    def load_state_dict(self, state):
        """Go on from where `state_dict` was taken."""
        self.document, self.offset = (
            np.array(state["document"]),
            np.array(state["offset"]),
        )
        self.queue, self.epoch = list(state["queue"]), state["epoch"]
