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
from .texts import counted

log = logging.getLogger(__name__)

CORPORA = {"stdlib": texts.standard_library}  # what `--data` may name besides a folder
SHORTEST = 8  # bytes; a token is rarely longer


@dataclass(frozen=True)
class Source:
    """Where documents come from. Raises a ValueError that names an invalid field."""

    data: str = option(
        "stdlib", f"folder of text files, one such file, or {' or '.join(CORPORA)}"
    )
    endings: str = option("", "file endings to read, such as .py,.md; none = all files")
    held_out: int = option(12, "documents held out for evaluation, at most a quarter")

    def __post_init__(self):
        if not self.data:
            raise ValueError(f"data must be a folder, or one of {', '.join(CORPORA)}")
        if self.held_out < 1:
            raise ValueError(f"held_out must be at least 1, not {self.held_out}")
        if self.kinds and self.data in CORPORA:
            raise ValueError("endings choose files of a folder: give data, too")

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
        """All documents as [(name, text)]; logs which files it leaves out.

        Raises InputError if there is none.
        """
        if self.data in CORPORA:
            return CORPORA[self.data]()
        documents, left_out = texts.read(self.data, self.kinds)
        for line in texts.described(left_out):
            log.info(f"left out {line}")
        for ending in self.kinds:
            if not any(name.lower().endswith(ending) for name, _ in documents):
                log.info(f"no text in {self.data} ends in {ending}")
        return documents

    @property
    def kinds(self):
        """The endings as a list: ".py, MD, *.txt" gives .py, .md and .txt."""
        parts = (part.strip().lower() for part in self.endings.split(","))
        return ["." + part.lstrip("*.") for part in parts if part]


@dataclass(frozen=True)
class HeldOut:
    """Documents to evaluate on: their names, texts and tokens."""

    names: tuple
    texts: tuple
    docs: list


@dataclass(frozen=True)
class Corpus:
    """A vocabulary, training documents as tokens, and held-out documents.

    digest: by which a run recognises all its documents; trained: a short hash of each
    text that is trained on, whole or in parts.
    """

    digest: str
    trained: tuple
    vocabulary: Tokenizer
    train: list
    held: HeldOut


def load_corpus(source, config, seed, folder):
    """Read, split and encode a source; its vocabulary is cached in `folder`.

    Raises InputError if there are too few documents, or none longer than a segment.
    """
    documents, train, held = read_split(source, config, seed)
    vocabulary = tokenizer.train_vocabulary([x for _, x in train], config.vocab, folder)
    docs = tokenizer.encode_all(vocabulary, [text for _, text in train])
    long = [(x, doc) for x, doc in zip(train, docs) if len(doc) > config.segment]
    if not long:
        raise InputError(
            f"no document is longer than a segment of {config.segment} tokens: "
            "give longer texts or a smaller --segment"
        )
    cut = set(documents) - {*train, *held}  # some of their parts are trained on
    trained = [*(x for x in documents if x in cut), *(x for x, _ in long)]
    docs, held = [doc for _, doc in long], hold_out(held, vocabulary)
    tell_of_short(len(train) - len(long), held.docs, config)
    return Corpus(digest(documents), hashes(trained), vocabulary, docs, held)


def tell_of_short(left_out, held, config):
    """Log how many documents are too short to train on, or to evaluate memory on."""
    if left_out:
        what = f"{counted(left_out, 'document')} of at most {config.segment} tokens"
        log.info(f"left out {what}, a single segment")
    reach = config.segment + config.cache
    if n := sum(len(doc) <= reach for doc in held):
        what = f"{counted(n, 'held-out document')} of at most {reach} tokens"
        log.info(f"too short for memory to matter: {what}")


def read_split(source, config, seed):
    """A source's documents: all of them, those to train on, and those held out.

    If there are few, they are cut, and some of their parts are held out. Documents so
    short that memory could hardly matter in them are held out last.
    """
    documents, least = source.read(), SHORTEST * (config.segment + config.cache)
    parts = data.cut(documents, least)
    if len(parts) > len(documents):
        what = documents[0][0] if len(documents) == 1 else f"{len(documents)} texts"
        size = sum(len(text.encode()) for _, text in parts) / len(parts)
        into = f"{len(parts)} documents of about {size / 1000:.1f} kB"
        log.info(f"cut {what} into {into}, some of them to be held out")
    train, held = data.split(parts, source.held_out, seed, least)
    if len(held) < source.held_out:
        found = f"{counted(len(held), 'document')}, not {source.held_out}"
        log.info(f"held out {found}: at most a quarter of {len(parts)}")
    return documents, train, held


def hold_out(documents, vocabulary):
    """Documents [(name, text)] with their tokens, to evaluate on."""
    names, texts = zip(*documents)
    return HeldOut(names, texts, tokenizer.encode_all(vocabulary, texts))


def hashes(documents):
    """A short hash of the text of each document."""
    texts = (text.encode() for _, text in documents)
    return tuple(hashlib.sha256(text).hexdigest()[:16] for text in texts)


def digest(documents):
    """A hash of the names and texts of documents."""
    return hashlib.sha256(json.dumps(documents).encode()).hexdigest()
