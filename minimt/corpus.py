"""A corpus: documents from one source, split, with their vocabulary, as tokens."""

import hashlib
import json
import logging
import pathlib
from dataclasses import dataclass, replace

from tokenizers import Tokenizer

from . import data
from .config import option
from .errors import InputError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """Where documents come from. ValueError for a number that cannot be used."""

    data: str = option("", "folder of text files; none = Python's standard library")
    endings: str = option("", "file endings to read, as .py,.md; none = every file")
    held_out: int = option(12, "documents kept for evaluation, up to a quarter of all")

    def __post_init__(self):
        if self.held_out < 1:
            raise ValueError(f"held_out must be at least 1, not {self.held_out}")

    def absolute(self):
        """The same source, wherever the next command is given."""
        return replace(self, data=self.data and str(pathlib.Path(self.data).resolve()))

    @property
    def name(self):
        """A short name for runs."""
        return pathlib.Path(self.data).resolve().name if self.data else "stdlib"

    def read(self):
        """All documents as [(name, text)]; says what it leaves out."""
        if not self.data:
            return data.standard_library()
        endings = tuple(filter(None, self.endings.split(",")))
        documents, left_out = data.read_folder(self.data, endings)
        if left_out:
            few = ", ".join(left_out[:3]) + (", …" if len(left_out) > 3 else "")
            log.info(f"left out {len(left_out)} empty, binary or repeated files: {few}")
        return documents


@dataclass(frozen=True)
class HeldOut:
    """Documents to evaluate on: their names, texts and tokens."""

    names: tuple
    texts: tuple
    docs: list


@dataclass(frozen=True)
class Corpus:
    """A vocabulary, training documents as tokens, and held-out documents."""

    digest: str  # by which a run knows its documents again
    vocabulary: Tokenizer
    train: list
    held: HeldOut


def load_corpus(source, config, seed, folder):
    """Read, split and encode a source; its vocabulary is cached in `folder`.

    InputError when there are too few documents, or none that fills a segment.
    """
    documents = source.read()
    train, held = data.split(documents, source.held_out, seed)
    texts = [text for _, text in train]
    vocabulary = data.train_vocabulary(texts, config.vocab, folder)
    docs = [data.encode(vocabulary, text) for text in texts]
    long = [doc for doc in docs if len(doc) > config.segment]
    if not long:
        raise InputError(
            f"no document is longer than a segment of {config.segment} tokens: "
            "give longer texts, or a smaller --segment"
        )
    if len(long) < len(docs):
        log.info(f"left out {len(docs) - len(long)} documents that fit in a segment")
    return Corpus(digest(documents), vocabulary, long, hold_out(held, vocabulary))


def hold_out(documents, vocabulary):
    """Documents [(name, text)] with their tokens, to evaluate on."""
    names, texts = zip(*documents)
    return HeldOut(names, texts, [data.encode(vocabulary, text) for text in texts])


def digest(documents):
    """A hash of the names and texts of documents."""
    return hashlib.sha256(json.dumps(documents).encode()).hexdigest()


def check_documents(saved, found):
    """InputError unless a checkpoint was trained on the documents with this digest."""
    if saved["documents"] != found:
        raise InputError(
            "these are not the documents that the run was trained on: bring them back, "
            "train anew, or evaluate on another folder by --data"
        )
