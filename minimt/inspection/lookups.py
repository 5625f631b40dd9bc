"""Lookups: the tokens of a document that gain most from memory, and what they found."""

import unicodedata
from dataclasses import dataclass

import numpy as np
import torch

from ..console.colours import bold
from ..errors import InputError
from ..evaluate import document_losses
from ..progress import progress

HEADS = 6  # as many have a column each; of more, the mean is shown


@dataclass
class Lookup:
    """One token that memory helped to predict.

    position: of its query, which is the token before; without, with_memory: its cost in
    nats; places: for each head, [(position of a memory, weight)], heaviest first.
    """

    position: int
    without: float
    with_memory: float
    places: list


def check(config, doc, name):
    """Raise InputError if no token of the document can look anything up."""
    if not config.memory:
        raise InputError(
            "this model has no memory to explore: train one with --memory 1 or more"
        )
    if len(doc) - 1 <= config.segment:  # the last token is predicted, but never a query
        raise InputError(
            f"{name} has {len(doc) - 1} tokens, which fit into one segment of "
            f"{config.segment}, so nothing is in memory: give a longer file"
        )


def gainers(model, doc, top):
    """The `top` lookups of a document (tokens (n,)) that gain most, best first."""
    with reading(model, doc, times=3) as bar:
        plain = model.changed(memory=0)
        (without,) = document_losses(plain, [doc], on_segment=bar.update)
        (remembered,) = document_losses(model, [doc], on_segment=bar.update)
        best = np.argsort(remembered - without, kind="stable")[:top]
        places = retrieved_places(model, doc, set(best.tolist()), bar.update)
    return [
        Lookup(i, float(without[i]), float(remembered[i]), places[i])
        for i in best.tolist()
    ]


def reading(model, doc, times):
    """Shows how far a document is that is read several times."""
    segments = -(-(len(doc) - 1) // model.config.segment)
    return progress("reading", times * segments, "segment")


def retrieved_places(model, doc, positions, on_segment=lambda n: None):
    """For each query position and each head: [(position, weight)], heaviest first."""
    places = {}
    for age, _, state in segments(model, doc):
        found, weights = weights_of(model, age, state)
        on_segment(1)
        for i in positions & set(range(age, age + found.shape[1])):
            heads = zip(found[:, i - age].tolist(), weights[:, i - age].tolist())
            places[i] = [[x for x in zip(*head) if x[0] >= 0] for head in heads]
    return places


@torch.inference_mode()
def segments(model, doc):
    """Read a document (tokens (n,)): (age, logits (1, T, V), state) per segment."""
    T, state = model.config.segment, None
    for age in range(0, len(doc) - 1, T):
        tokens = torch.from_numpy(doc[None, age : age + T]).to(model.norm.device)
        logits, state = model(tokens, state)
        yield age, logits, state


def weights_of(model, age, state):
    """Positions and weights (H, T, K) of what the queries of a segment found."""
    layer = model.layers[model.config.memory_layer]
    scale = layer.log_scale.detach().exp().cpu().numpy()
    scores, slots, found = (x[0].cpu().numpy() for x in state.retrieved)
    logits = scale[:, None, None] * np.where(found, scores, -np.inf)
    return weigh(logits, slots, age, model.config.memory)


def weigh(logits, slots, age, M):
    """Positions and weights of what queries found, from logits and slots (…, K).

    Both have this shape. A logit of −inf means not found: position −1, weight 0. The
    token last written to slot s before position `age` is the latest n < age with
    n mod M = s.
    """
    found = logits > -np.inf
    lowest = np.finfo(logits.dtype).min  # finite, for queries that found nothing
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True, initial=lowest))
    weights /= np.maximum(1, weights.sum(axis=-1, keepdims=True))
    return np.where(found, age - 1 - (age - 1 - slots) % M, -1), weights


def report(model, vocabulary, doc, lookups, nearest=3, columns=80):
    """The lookups as text for a terminal of so many columns: places × heads."""
    gates = ", ".join(f"{gate:.2f}" for gate in model.gates())
    lines = [f"gate per head: {gates}", ""]
    for rank, lookup in enumerate(lookups, 1):
        i = lookup.position
        saved = bold(f"saves {lookup.without - lookup.with_memory:.2f} nats")
        lines.append(
            f"{rank}. token {i + 1} {saved}: {lookup.without:.2f} "
            f"without memory, {lookup.with_memory:.2f} with it"
        )
        lines.append(f"     {context(vocabulary, doc, i, columns - 5)}")
        weights = by_place(lookup.places)
        heads = range(len(lookup.places)) if len(lookup.places) <= HEADS else []
        names = "".join(f"{head:>5}" for head in heads) or "  all"
        lines.append(f"   head{names[1:]}   tokens back" if weights else "")
        for position in list(weights)[:nearest]:
            shares = [weights[position][head] for head in heads]
            shares = shares or [np.mean(weights[position])]
            cells = "".join(f"{share:5.0%}" for share in shares)
            place = f"      {cells} {i - position:8}  "
            width = columns - len(place)
            lines.append(place + context(vocabulary, doc, position - 1, width))
        lines.append("")
    return "\n".join(lines)


def by_place(places):
    """{position: its weight in each head}, the heaviest over all heads first."""
    found = {}
    for head, of_head in enumerate(places):
        for position, weight in of_head:
            found.setdefault(position, [0.0] * len(places))[head] = weight
    return dict(sorted(found.items(), key=lambda x: (-sum(x[1]), -x[0])))


def context(vocabulary, doc, i, width):
    """The text up to token i and the next token in ⟦brackets⟧, in `width` columns.

    If the next token is a part of a character, the whole character is in brackets. A
    line with letters that are written from right to left is isolated from what precedes
    it, so that a terminal that knows of them puts the end of the text beside the token.
    """
    first, end = whole_characters(vocabulary, doc, i + 1)
    long = doc[max(1, first - 4 * width) : first]  # a character has at most 4 tokens
    before = vocabulary.decode(long.tolist())
    token = one_line(vocabulary.decode(doc[first:end].tolist()))
    before = one_line(before.lstrip("\ufffd"))
    room = width - 2 - columns_of(token)
    line = f"{last_columns(before, room)}⟦{token}⟧"
    rightward = all(unicodedata.bidirectional(c) not in ("R", "AL") for c in line)
    return line if rightward else f"\u2068{line}\u2069"


def whole_characters(vocabulary, doc, t):
    """The fewest tokens around t that spell whole characters: [first, end)."""
    spans = [(t - i, t + 1 + j) for i in range(4) for j in range(4) if t - i >= 1]
    for first, end in sorted(spans, key=lambda span: span[1] - span[0]):
        if "\ufffd" not in vocabulary.decode(doc[first:end].tolist()):
            return first, end
    return t, t + 1


def one_line(text):
    """A text without line ends, and without what a terminal might obey."""
    return "".join(c if c.isprintable() else {"\n": "⏎"}.get(c, " ") for c in text)


def columns_of(text):
    """How many columns a terminal needs for a text: two for a wide character."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    invisible = sum(unicodedata.category(c) in ("Mn", "Me", "Cf") for c in text)
    return len(text) + wide - invisible


def last_columns(text, columns):
    """As much of the end of a text as fits into so many columns."""
    needed = np.cumsum([columns_of(c) for c in reversed(text)])
    return text[len(text) - np.searchsorted(needed, columns, side="right") :]
