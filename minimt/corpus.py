"""A corpus: documents from one source, split, and encoded with their vocabulary."""

import hashlib
import json
import logging
import pathlib
from dataclasses import dataclass, replace

from tokenizers import Tokenizer

from . import data, texts, tokenizer
from .config import option
from .errors import InputError

log = logging.getLogger(__name__)

CORPORA = {"stdlib": texts.standard_library}  # what `--data` may name besides a folder


@dataclass(frozen=True)
class Source:
    """Where documents come from. Raises a ValueError that names an invalid field."""

    data: str = option("stdlib", f"folder of text files, or {' or '.join(CORPORA)}")
    endings: str = option("", "file endings to read, such as .py,.md; none = all files")
    held_out: int = option(12, "documents held out for evaluation, at most a quarter")

    def __post_init__(self):
        if not self.data:
            raise ValueError(f"data must be a folder, or one of {', '.join(CORPORA)}")
        if self.held_out < 1:
            raise ValueError(f"held_out must be at least 1, not {self.held_out}")

    def absolute(self):
        """The same source with an absolute path, for commands run elsewhere."""
        known = self.data in CORPORA
        return self if known else replace(self, data=str(self.folder))

    @property
    def folder(self):
        """The folder of text files."""
        return pathlib.Path(self.data).resolve()

    @property
    def name(self):
        """A short name, for the folder of a run."""
        return self.data if self.data in CORPORA else self.folder.name

    def read(self):
        """All documents as [(name, text)]; logs which files it leaves out."""
        if self.data in CORPORA:
            return CORPORA[self.data]()
        endings = tuple(filter(None, self.endings.split(",")))
        documents, left_out = texts.read_folder(self.data, endings)
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

    digest: str  # by which a run recognises its documents
    vocabulary: Tokenizer
    train: list
    held: HeldOut


def load_corpus(source, config, seed, folder):
    """Read, split and encode a source; its vocabulary is cached in `folder`.

    Raises InputError if there are too few documents, or none longer than a segment.
    """
    documents = source.read()
    train, held = data.split(documents, source.held_out, seed)
    texts = [text for _, text in train]
    vocabulary = tokenizer.train_vocabulary(texts, config.vocab, folder)
    docs = [tokenizer.encode(vocabulary, text) for text in texts]
    long = [doc for doc in docs if len(doc) > config.segment]
    if not long:
        raise InputError(
            f"no document is longer than a segment of {config.segment} tokens: "
            "give longer texts or a smaller --segment"
        )
    if len(long) < len(docs):
        log.info(f"left out {len(docs) - len(long)} documents no longer than a segment")
    return Corpus(digest(documents), vocabulary, long, hold_out(held, vocabulary))


def hold_out(documents, vocabulary):
    """Documents [(name, text)] with their tokens, to evaluate on."""
    names, texts = zip(*documents)
    return HeldOut(names, texts, [tokenizer.encode(vocabulary, text) for text in texts])


def digest(documents):
    """A hash of the names and texts of documents."""
    return hashlib.sha256(json.dumps(documents).encode()).hexdigest()
