"""Documents: from a folder of text to B parallel streams of token segments."""

import hashlib
import pathlib
import sysconfig

import numpy as np
from tokenizers import ByteLevelBPETokenizer, Tokenizer

from .errors import InputError
from .files import replace_file

DOCUMENT = "<document>"  # token 0, which begins every document
RUN_FILE = "minimt-run.json"  # in the folder of every run
LEFT_OUT = set(  # folders of tests, tables and other people's packages
    "test tests idle_test encodings pydoc_data idlelib lib2to3 distutils ensurepip "
    "turtledemo site-packages dist-packages __pycache__".split()
)


def standard_library(least_bytes=8192):
    """The Python standard library's source files as [(name, text)], sorted by name.

    Leaves out small files, `_sysconfigdata`, which differs between machines, and links,
    which would repeat a text.
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
    """All text files in and below `folder` with one of the endings (none = any).

    Returns [(name, text)], sorted by name, and the names of the files left out: those
    that are empty, binary or exact copies. Hidden files and the files of minimt's own
    runs are skipped. Raises InputError for a missing folder, or one without text.
    """
    root = pathlib.Path(folder)
    if not root.is_dir():
        raise InputError(f"{folder} is not a directory: give a folder of text files")
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
            f"{folder} contains no text files{kind}: give a folder that does"
        )
    return documents, left_out


def read_text(path):
    """The text of one file. Raises InputError if it is missing, empty or not UTF-8."""
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
    """Split documents at random: (training, held-out), each in the order given.

    At least one is held out and at most a quarter of them. Documents over `most_bytes`
    are held out last, since evaluation reads each from end to end. Raises InputError
    if there are fewer than two.
    """
    if len(documents) < 2:
        raise InputError("one document cannot be split: give at least two text files")
    drawn = np.random.default_rng(seed).permutation(len(documents))
    order = sorted(drawn, key=lambda i: len(documents[i][1].encode()) > most_bytes)
    held = set(order[: max(1, min(held_out, len(documents) // 4))])
    return (
        [document for i, document in enumerate(documents) if i not in held],
        [document for i, document in enumerate(documents) if i in held],
    )


def train_vocabulary(texts, size, folder):
    """A byte-pair vocabulary (Sennrich et al., ACL 2016) of `size` tokens.

    Cached in `folder` under a hash of the texts and the size. Raises InputError if the
    size is too small for all 256 bytes, or the texts are too short for so many tokens.
    """
    if size < 258:
        raise InputError(
            f"--vocab {size} is too small for all bytes, a start token and a pair: "
            "use at least 258"
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
    """The vocabulary in a JSON text. Raises InputError if it is damaged."""
    try:
        vocabulary = Tokenizer.from_str(text)
    except Exception as error:  # the library raises no narrower class
        raise InputError(f"the vocabulary is damaged, delete it: {error}") from None
    vocabulary.encode_special_tokens = True  # "<document>" in a text is only text
    return vocabulary


def encode(vocabulary, text):
    """The tokens of a document, beginning with token 0 (`DOCUMENT`): int64 (n,)."""
    return np.array([0, *vocabulary.encode(text).ids], dtype=np.int64)


class DocumentStreams:
    """B streams that each read one document after another, T tokens at a time.

    Yields tokens (B, T), targets (B, T), −1 where there is nothing to predict, and
    starts (B,). With a seed it never ends, and each pass over the documents has a new
    order; without one, it reads every document once, in the order given. `document`
    and `offset` (B,) say which document each stream is in and where it reads next.
    Raises InputError unless there are documents of two or more tokens.
    """

    def __init__(self, docs, B, T, seed=None):
        if not docs or min(len(doc) for doc in docs) < 2:
            raise InputError(
                "no documents, or too short a one: give documents of two or more tokens"
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
