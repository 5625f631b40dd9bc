"""A corpus: documents from one source, split, and encoded with their vocabulary."""

import hashlib
import json
import logging
import pathlib
from dataclasses import dataclass, replace

import numpy as np
from tokenizers import Tokenizer

from . import data, texts, tokenizer
from .config import option
from .errors import InputError
from .texts import counted

log = logging.getLogger(__name__)

CORPORA = {"stdlib": texts.standard_library}  # what `--data` may name besides a folder
SHORTEST = 8  # bytes; a token is rarely longer
LONGEST = 64  # characters in a token, and in which to look for the end of a line
OPENING = 1024, 24_576  # tokens of a sampled document, at least and at most


@dataclass(frozen=True)
class Source:
    """Where documents come from. Raises a ValueError that names an invalid field."""

    data: str = option(
        "stdlib", f"folder of text files, one such file, or {' or '.join(CORPORA)}"
    )
    endings: str = option("", "file endings to read, such as .py,.md (if empty, all)")
    held_out: int = option(12, "documents held out for evaluation, at most a quarter")
    held_out_tokens: int = option(120_000, "about how many of their tokens; 0 = all")

    def __post_init__(self):
        if not self.data:
            known = " or ".join(CORPORA)
            raise ValueError(f"data must be a folder, a file or {known}")
        if self.held_out < 1:
            raise ValueError(f"held_out must be at least 1, not {self.held_out}")
        if self.held_out_tokens < 0:
            value = self.held_out_tokens
            raise ValueError(f"held_out_tokens must be 0 or more, not {value}")
        if self.kinds and self.data in CORPORA:
            raise ValueError("endings choose files of a folder: give one as data")

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
    docs = [doc for _, doc in long]
    held = hold_out(held, vocabulary, source.held_out_tokens, seed)
    tell_of_short(len(train) - len(long), held.docs, config)
    return Corpus(digest(documents), hashes(trained), vocabulary, docs, held)


def tell_of_short(left_out, held, config):
    """Log how many documents are too short to train on, or to evaluate memory on."""
    if left_out:
        what = f"{counted(left_out, 'document')} of at most {config.segment} tokens"
        log.info(f"left out of training: {what}")
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


def hold_out(documents, vocabulary, most, seed):
    """Documents and their tokens, to evaluate on: about `most` tokens, 0 = all."""
    if most:
        documents = sample(documents, vocabulary, most, seed)
    names, texts = zip(*documents)
    return HeldOut(names, texts, tokenizer.encode_all(vocabulary, texts))


def sample(documents, vocabulary, most, seed):
    """Documents drawn at random, until they have about `most` tokens, in their order.

    Only the beginning of a very long one is taken, or of the last one drawn.
    """
    chosen, left = {}, most
    for i in np.random.default_rng(seed).permutation(len(documents)):
        name, text = documents[i]
        part = opening(vocabulary, text, max(0, min(left, OPENING[1])))
        size = len(tokenizer.encode(vocabulary, part))
        if not chosen or part == text or size >= OPENING[0]:
            chosen[i] = name, part
            left -= size
    sampled = [chosen[i] for i in sorted(chosen)]
    if sampled != documents:
        parts = f"{len(sampled)} of {counted(len(documents), 'held-out document')}"
        log.info(f"evaluating on {most - left} tokens of {parts}")
    return sampled


def opening(vocabulary, text, tokens):
    """The beginning of a text, of about so many tokens, or all of it if it has less."""
    spans = tokenizer.offsets(vocabulary, text[: tokens * LONGEST])
    if len(spans) <= tokens:
        return text[: tokens * LONGEST]
    return text[: data.cut_after(text, spans[tokens][0], LONGEST)]


def hashes(documents):
    """A short hash of the text of each document."""
    texts = (text.encode() for _, text in documents)
    return tuple(hashlib.sha256(text).hexdigest()[:16] for text in texts)


def digest(documents):
    """A hash of the names and texts of documents."""
    return hashlib.sha256(json.dumps(documents).encode()).hexdigest()
