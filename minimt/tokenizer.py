"""The tokenizer: a vocabulary of byte pairs, and texts as its tokens."""

import hashlib
import json
import logging
import pathlib
import re
import threading
from importlib import metadata
from itertools import chain
from queue import SimpleQueue

import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from .errors import InputError
from .files import write_json
from .progress import progress

log = logging.getLogger(__name__)

DOCUMENT = "<document>"  # token 0, which begins every document
LEAST = 258  # tokens: all 256 bytes, DOCUMENT, and a pair
LONGEST = 256  # bytes in a word; without spaces, time would grow with its square
SAMPLE = 2**24  # characters that a vocabulary is trained on, at most
PIECE = 2**18  # characters to encode at a time; each takes some 150 bytes of memory
BETWEEN_WORDS = re.compile(r"(?<=[\w!-~])(?=[ \n])")  # no token lies across


def train_vocabulary(texts, size, folder):
    """A byte-pair vocabulary (Sennrich et al., ACL 2016) of `size` tokens.

    It is trained on the texts or, if they are long, on a sample of them, and cached in
    `folder` under a hash of all that decides it. Raises InputError if the size is too
    small for all 256 bytes, or the texts are too short for so many tokens.
    """
    if size < LEAST:
        raise InputError(
            f"--vocab {size} is too small for all bytes, a start token and a pair: "
            f"use at least {LEAST}"
        )
    decides = [size, LONGEST, SAMPLE, PIECE, metadata.version("tokenizers")]
    digest = hashlib.sha256(json.dumps(decides).encode())
    for text in texts:
        digest.update(hashlib.sha256(text.encode()).digest())
    path = pathlib.Path(folder, f"vocabulary-{digest.hexdigest()[:16]}.json")
    found = cached(path)
    if not found:
        found = learn(texts, size)
        write_json(path, dict(sha256=checksum(path, found), vocabulary=found))
    return load_vocabulary(found)


def cached(path):
    """The vocabulary in a file, as JSON; None if the file is missing or damaged.

    A file that was written under another name counts as damaged.
    """
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["sha256"] == checksum(path, content["vocabulary"]):
            return content["vocabulary"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    log.info(f"{path} is damaged: training the vocabulary again")
    return None


def checksum(path, vocabulary):
    """A hash by which a vocabulary is known to be whole, and that of its file name."""
    return hashlib.sha256((path.name + vocabulary).encode()).hexdigest()


def learn(texts, size):
    """Train a vocabulary; returns it as JSON. Ctrl-C ends it at once."""
    vocabulary, sample, done = Tokenizer(models.BPE()), draw(texts), SimpleQueue()
    words = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bounded = pre_tokenizers.Split(Regex(f".{{1,{LONGEST}}}"), "isolated")
    vocabulary.pre_tokenizer = pre_tokenizers.Sequence([words, bounded])
    vocabulary.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=2,
        show_progress=False,
        special_tokens=[DOCUMENT],
        initial_alphabet=words.alphabet(),
    )

    def train():
        try:
            done.put(vocabulary.train_from_iterator(read(), trainer))
        except BaseException as error:  # the library has one that is no Exception
            done.put(error)

    def read():
        for piece in chain.from_iterable(map(pieces, sample)):
            yield piece
            done.put(len(piece))

    # In a thread, since the library answers no Ctrl-C.
    threading.Thread(target=train, daemon=True).start()
    with progress("making a vocabulary", sum(map(len, sample)), "character") as bar:
        while isinstance(news := done.get(), int):
            bar.update(news)
    if news:  # an error; None when the training has ended well
        raise news
    most = vocabulary.get_vocab_size()
    if most < size:
        advice = f"use --vocab {most} or less, or give" if most >= LEAST else "give"
        raise InputError(
            f"the texts are too short for a vocabulary of {size}: {advice} more text"
        )
    return vocabulary.to_str()


def draw(texts, seed=0):
    """The texts or, if they are too long, pieces of them drawn at random."""
    total = sum(map(len, texts))
    if total <= SAMPLE:
        return texts
    log.info(f"training the vocabulary on {SAMPLE / total:.0%} of the text")
    parts = [piece for text in texts for piece in pieces(text)]
    order = np.random.default_rng(seed).permutation(len(parts))
    ends = np.cumsum([len(parts[i]) for i in order])
    return [parts[i] for i in order[: np.searchsorted(ends, SAMPLE) + 1]]


def load_vocabulary(text):
    """The vocabulary in a JSON text. Raises InputError if it is damaged."""
    try:
        vocabulary = Tokenizer.from_str(text)
    except Exception as error:  # the library raises no narrower class
        advice = "delete the folder .vocabularies among the runs"
        raise InputError(f"a vocabulary is damaged: {advice} ({error})") from None
    vocabulary.encode_special_tokens = True  # "<document>" in a text is only text
    return vocabulary


def pieces(text):
    """Parts of a text, which have the same tokens as the whole, unless it has no words.

    Each has PIECE characters or, up to the end of a word, a few more.
    """
    begin = 0
    while len(text) - begin > PIECE:
        least = begin + PIECE
        end = BETWEEN_WORDS.search(text, least, least + PIECE)
        yield text[begin : (begin := end.start() if end else least)]
    yield text[begin:]


def letters():
    """The letter that stands for each byte of a token, as in GPT-2: {letter: byte}.

    Bytes that Latin-1 prints stand for themselves.
    """
    printed = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printed]
    moved = {chr(256 + i): byte for i, byte in enumerate(others)}
    return {chr(byte): byte for byte in printed} | moved


LETTERS = letters()


def token_bytes(vocabulary, token):
    """The bytes that a token spells; none for `DOCUMENT`."""
    spelled = vocabulary.id_to_token(token) if token else ""
    return bytes(LETTERS[letter] for letter in spelled)


def encode(vocabulary, text, on_piece=None):
    """The tokens of a document, beginning with token 0 (`DOCUMENT`): int64 (n,).

    on_piece(n) is called after each piece, of n characters.
    """
    tokens = [np.zeros(1, dtype=np.int64)]
    for piece in pieces(text):
        tokens.append(np.array(vocabulary.encode(piece).ids, dtype=np.int64))
        if on_piece:
            on_piece(len(piece))
    return np.concatenate(tokens)


def encode_all(vocabulary, texts):
    """The tokens of several documents, as from `encode`; shows progress."""
    with progress("encoding text", sum(map(len, texts)), "character") as bar:
        return [encode(vocabulary, text, bar.update) for text in texts]


def offsets(vocabulary, text):
    """Where each token but the first begins and ends in the text: int64 (n − 1, 2)."""
    found, begin = [np.zeros((0, 2), dtype=np.int64)], 0
    for piece in pieces(text):
        spans = np.array(vocabulary.encode(piece).offsets, dtype=np.int64)
        found.append(begin + spans.reshape(-1, 2))
        begin += len(piece)
    return np.concatenate(found)
