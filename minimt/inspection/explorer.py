"""The memory explorer: an HTML page that shows what every token looked up, and gained.

The page loads nothing: its text, numbers, style and script are all in one file, put
together from the parts in the folder page/.
"""

import base64
import hashlib
import html
import json
import pathlib
import re
import zlib

import numpy as np

from ..evaluate import expect_finite
from ..files import replace_file
from ..tokenizer import encode_all, offsets
from .definitions import hol_light, python
from .lookups import check, reading, segments, weights_of

PARTS = pathlib.Path(__file__).with_name("page")
TEMPLATE = PARTS / "page.html"
SCRIPTS = "data words text strip names panel tour search move start".split()
PLACES = 4  # memories shown for each token and head
GUESSES = 5  # tokens shown that the model finds likeliest
NAT = 1000  # stands for one nat
WHOLE = 250  # stands for a weight of 1


def write(path, model, vocabulary, text, name):
    """Write the page of a document to a file. Raises InputError like `page`."""
    replace_file(path, page(model, vocabulary, text, name).encode())


def page(model, vocabulary, text, name):
    """The HTML page, a str, of a document `text` that is called `name`.

    Raises InputError if there is no memory, or if nothing is ever stored in it.
    """
    return fill(measure(model, vocabulary, text, name))


def measure(model, vocabulary, text, name):
    """All that a page shows, as a dict for JSON. Raises InputError like `page`."""
    config, (doc,) = model.config, encode_all(vocabulary, [text])
    check(config, doc, name)
    with reading(model, doc, times=2) as bar:
        plain = read(model.changed(memory=0), doc, bar.update)
        full = read(model, doc, bar.update)
    used = np.unique([*doc, *plain["guess"].flat, *full["guess"].flat])
    arrays = dict(
        lengths=lengths(vocabulary, text),
        tokens=np.searchsorted(used, doc[1:]),
        without=in_parts(plain["nats"]),
        remembered=in_parts(full["nats"]),
        guess=np.searchsorted(used, full["guess"]),
        cost=in_parts(full["cost"]),
        plain_guess=np.searchsorted(used, plain["guess"]),
        plain_cost=in_parts(plain["cost"]),
        back=full["back"],
        weight=full["weight"],
        defined=defined(text),
    )
    about = dict(
        name=name,
        text=text,
        memory=config.memory,
        segment=config.segment,
        gate=[round(gate, 4) for gate in model.gates()],
        places=full["back"].shape[2],
        nat=NAT,
        whole=WHOLE,
        pieces=[vocabulary.decode([token]) for token in used.tolist()],
    )
    return about | {name: pack(array) for name, array in arrays.items()}


def in_parts(x, parts=NAT):
    """A float array (≥ 0) as whole numbers, in units of 1/parts."""
    return np.rint(parts * np.maximum(x, 0)).astype(np.int64)


def read(model, doc, on_segment):
    """What a model makes of each token but the first of a document (tokens (n,)).

    Returns arrays of n − 1 rows: nats, what the token costs; guess (…, GUESSES), the
    likeliest tokens, and what they would cost; with a memory also what `heaviest` does.
    """
    rows = []
    for age, logits, state in segments(model, doc):
        targets = doc[age + 1 : age + 1 + model.config.segment]
        row = predictions(logits[0, : len(targets)], targets)
        if state.memory:
            row |= heaviest(*weights_of(model, age, state), age, len(targets))
        rows.append(row)
        on_segment(1)
    found = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    expect_finite([found["nats"]])
    return found


def predictions(logits, targets):
    """The nats of the targets (T,), from logits (T, V), and the likeliest tokens."""
    costs = -logits.log_softmax(dim=-1)
    cost, guess = costs.topk(GUESSES, largest=False)
    nats = costs.cpu().numpy()[np.arange(len(targets)), targets]
    return dict(nats=nats, guess=guess.cpu().numpy(), cost=cost.cpu().numpy())


def heaviest(places, weights, age, queries):
    """Where the first queries of a segment found their heaviest memories.

    places, weights: (H, T, K), heaviest first. Returns how many tokens back from the
    query they are, and their weights in units of 1 / WHOLE: both (T, H, PLACES). Where
    fewer were found, or their weight is nearly 0, both are 0.
    """
    query = age + np.arange(places.shape[1])[:, None]  # (T, 1)
    weight = in_parts(weights, WHOLE)  # (H, T, K)
    back = np.where(weight > 0, query - places, 0)
    back, weight = (x[:, :queries, :PLACES].swapaxes(0, 1) for x in (back, weight))
    return dict(back=back, weight=weight)


def utf16(text):
    """The position of each character, and of the end, as JavaScript counts them."""
    points = np.frombuffer(text.encode("utf-32-le"), "<u4")
    return np.concatenate([[0], np.cumsum(1 + (points > 0xFFFF))]).astype(np.int64)


def lengths(vocabulary, text):
    """How much of the text each token adds, in UTF-16 units.

    A character that several tokens spell belongs to the first; the others add 0.
    """
    ends = offsets(vocabulary, text)[:, 1]
    return np.diff(utf16(text)[ends], prepend=0)


def defined(text):
    """Where names are defined in a text, in UTF-16 units: none if it is no program."""
    places = python(text)
    places = hol_light(text) if places is None else places
    starts = [place.start for place in places if place.defines]
    return utf16(text)[np.array(starts, dtype=np.int64)]


def pack(array):
    """An array (≥ 0) for JavaScript: its kind, and its bytes, compressed, in base64.

    The numbers take as few bytes as the largest needs.
    """
    kind = np.min_scalar_type(array.max(initial=0))
    raw = zlib.compress(array.astype(kind.newbyteorder("<")).tobytes(), level=9)
    return dict(
        kind=f"{kind.name.capitalize()}Array", base64=base64.b64encode(raw).decode()
    )


def fill(content):
    """The template with a document in it, no part of which can be taken for HTML."""
    style = (PARTS / "style.css").read_text(encoding="utf-8")
    files = [PARTS / f"{name}.js" for name in SCRIPTS]
    script = "'use strict';\n" + "\n".join(x.read_text(encoding="utf-8") for x in files)
    name = "".join(
        c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in content["name"]
    )
    parts = dict(
        name=html.escape(name),
        memory=f"{content['memory']:,}",
        data=json.dumps(content, separators=(",", ":")).replace("<", r"\u003c"),
        style=style,
        script=script,
        style_hash=digest(style),  # the browser accepts only what has these hashes
        script_hash=digest(script),
    )
    template = TEMPLATE.read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], template)


def digest(text):
    """The hash of a style or script, as a page's security policy names it."""
    sha256 = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(sha256).decode()}'"
