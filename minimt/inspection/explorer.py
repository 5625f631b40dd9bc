"""The memory explorer: an HTML page that shows what every token looked up, and gained.

The page loads nothing: its text, numbers, style and script are all in one file.
"""

import base64
import hashlib
import html
import json
import pathlib
import re

import numpy as np

from ..files import replace_file
from ..tokenizer import encode_all, offsets
from .lookups import both_losses, check, reading, retrieved

TEMPLATE = pathlib.Path(__file__).with_name("explorer.html")
PLACES = 4  # memories shown for each token and head
WHOLE = 65535  # stands for a weight of 1


def write(path, model, vocabulary, text, name):
    """Write the page of a document to a file. Raises InputError like `page`."""
    replace_file(path, page(model, vocabulary, text, name).encode())


def page(model, vocabulary, text, name):
    """The HTML page, a str, of a document `text` that is called `name`.

    Raises InputError if there is no memory, or never anything in it.
    """
    config, (doc,) = model.config, encode_all(vocabulary, [text])
    check(config, doc, name)
    with reading(model, doc, times=3) as bar:
        without, remembered = both_losses(model, doc, bar.update)
        back, weight = heaviest(model, doc, PLACES, bar.update)
    content = dict(
        text=text,
        gate=model.gates(),
        places=back.shape[2],
        whole=WHOLE,
        lengths=pack(lengths(vocabulary, text)),
        without=pack(without),
        remembered=pack(remembered),
        back=pack(back),
        weight=pack(np.rint(weight * WHOLE).astype(np.int64)),
    )
    return fill(name, config, content)


def heaviest(model, doc, keep, on_segment):
    """Where each query of a document (tokens (n,)) found its heaviest memories.

    Returns how many tokens back from the query they are, int64, 0 where fewer were
    found, and their weights among all found: both (n − 1, H, keep), heaviest first.
    """
    back, weight = [], []
    for age, places, weights in retrieved(model, doc):
        query = age + np.arange(places.shape[1])[:, None]  # (T, 1)
        distance = np.where(places < 0, 0, query - places)  # (H, T, K)
        back.append(distance[..., :keep].swapaxes(0, 1))
        weight.append(weights[..., :keep].swapaxes(0, 1))
        on_segment(1)
    # The last segment may read the last token too, but nothing follows it.
    return tuple(np.concatenate(x)[: len(doc) - 1] for x in (back, weight))


def lengths(vocabulary, text):
    """How much of the text each token adds, in UTF-16 units as JavaScript counts them.

    A character that several tokens spell belongs to the first; the others add 0.
    """
    ends = offsets(vocabulary, text)[:, 1]
    points = np.frombuffer(text.encode("utf-32-le"), "<u4")
    units = np.concatenate([[0], np.cumsum(1 + (points > 0xFFFF))])
    return np.diff(units[ends], prepend=0)


def pack(array):
    """An array for JavaScript: its kind, and its bytes in base64.

    Integers (≥ 0) take as few bytes as the largest needs; anything else is float32.
    """
    kind = np.dtype(np.float32)
    if array.dtype.kind == "i":
        kind = np.min_scalar_type(array.max(initial=0))
    raw = array.astype(kind.newbyteorder("<")).tobytes()
    return dict(
        kind=f"{kind.name.capitalize()}Array", base64=base64.b64encode(raw).decode()
    )


def fill(name, config, content):
    """The template with a document in it, no part of which can be taken for HTML."""
    template = TEMPLATE.read_text(encoding="utf-8")
    name = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name)
    parts = dict(
        name=html.escape(name),
        memory=f"{config.memory:,}",
        data=json.dumps(content, separators=(",", ":")).replace("<", r"\u003c"),
    )
    for tag in ("style", "script"):  # the browser accepts only what has these hashes
        inside = re.search(f"<{tag}>(.*?)</{tag}>", template, re.DOTALL)[1]
        digest = hashlib.sha256(inside.encode()).digest()
        parts[tag] = f"'sha256-{base64.b64encode(digest).decode()}'"
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], template)
