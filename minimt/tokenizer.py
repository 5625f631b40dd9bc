"""The tokenizer: a vocabulary of byte pairs, and texts as its tokens."""

import hashlib
import pathlib

import numpy as np
from tokenizers import ByteLevelBPETokenizer, Tokenizer

from .errors import InputError
from .files import replace_file

DOCUMENT = "<document>"  # token 0, which begins every document


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
