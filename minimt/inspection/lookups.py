"""Lookups: the tokens of a document that gain most from memory, and what they found."""

from dataclasses import dataclass

import numpy as np
import torch

from ..errors import InputError
from ..evaluate import document_losses


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
    without = document_losses(model.changed(memory=0), [doc], streams=1)[0]
    remembered = document_losses(model, [doc], streams=1)[0]
    best = np.argsort(remembered - without, kind="stable")[:top]
    places = retrieved_places(model, doc, set(best.tolist()))
    return [
        Lookup(i, float(without[i]), float(remembered[i]), places[i])
        for i in best.tolist()
    ]


def retrieved_places(model, doc, positions):
    """For each query position and each head: [(position, weight)], heaviest first."""
    places = {}
    for age, found, weights in retrieved(model, doc):
        for i in positions & set(range(age, age + found.shape[1])):
            heads = zip(found[:, i - age].tolist(), weights[:, i - age].tolist())
            places[i] = [[x for x in zip(*head) if x[0] >= 0] for head in heads]
    return places


@torch.inference_mode()
def retrieved(model, doc):
    """For each segment, what its queries found: (age, *positions and weights)."""
    T, M = model.config.segment, model.config.memory
    scale = model.layers[model.config.memory_layer].log_scale.exp().cpu().numpy()
    state = None
    for age in range(0, len(doc) - 1, T):
        tokens = torch.from_numpy(doc[None, age : age + T]).to(model.norm.device)
        _, state = model(tokens, state)
        scores, slots, found = (x[0].cpu().numpy() for x in state.retrieved)
        logits = scale[:, None, None] * np.where(found, scores, -np.inf)
        yield age, *weigh(logits, slots, age, M)


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


def report(model, vocabulary, doc, lookups, nearest=2, width=60):
    """The lookups as text for a terminal."""
    gates = model.gates()
    lines = []
    for rank, lookup in enumerate(lookups, 1):
        i = lookup.position
        saved = lookup.without - lookup.with_memory
        lines.append(
            f"{rank}. token {i + 1} saves {saved:.2f} nats: {lookup.without:.2f} "
            f"without memory, {lookup.with_memory:.2f} with it"
        )
        lines.append(f"     {context(vocabulary, doc, i, width)}")
        for head, places in enumerate(lookup.places):
            lines.append(f"   head {head}, gate {gates[head]:.2f}")
            for position, weight in places[:nearest]:
                lines.append(
                    f"     {weight:4.0%} {i - position:6} tokens back: "
                    f"{context(vocabulary, doc, position - 1, width)}"
                )
        lines.append("")
    return "\n".join(lines)


def context(vocabulary, doc, i, width):
    """The text up to token i and the next token in ⟦brackets⟧, on one line."""
    before = vocabulary.decode(doc[max(1, i - width + 1) : i + 1].tolist())
    after = vocabulary.decode(doc[i + 1 : i + 2].tolist())
    line = f"{before[-width:]}⟦{after}⟧"
    return "".join(c if c.isprintable() else {"\n": "⏎"}.get(c, " ") for c in line)
