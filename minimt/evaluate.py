"""Evaluation: what each token of a held-out document costs, and what memory saves."""

import itertools
import math
import re

import numpy as np
import torch

from .data import DocumentStreams
from .errors import InputError
from .tokenizer import offsets
from .torch_model import token_losses

NAME = re.compile(r"\b[^\W\d]\w{2,}")  # an identifier or word of three letters or more


@torch.inference_mode()
def document_losses(model, docs, streams=8, on_segment=None):
    """Read whole documents: the nats of each token but the first, [(n − 1,)].

    docs: token arrays (n,). Long documents come first, so that the streams end at about
    the same time. on_segment(n) is called when n streams have read a segment. Raises
    InputError if a loss is not finite.
    """
    streams = min(streams, len(docs))
    order = sorted(range(len(docs)), key=lambda i: -len(docs[i]))
    reader = DocumentStreams([docs[i] for i in order], streams, model.config.segment)
    nats = [np.empty(len(doc) - 1, dtype=np.float32) for doc in docs]
    state, device = None, model.embedding.device
    for segment in reader:
        tokens, targets, starts = (torch.from_numpy(x).to(device) for x in segment)
        logits, state = model(tokens, state, starts)
        found = token_losses(logits, targets).cpu().numpy()  # (B, T)
        for b in np.flatnonzero(reader.document >= 0):
            at, n = reader.offset[b] - reader.T, (segment[1][b] >= 0).sum()
            nats[order[reader.document[b]]][at : at + n] = found[b, :n]
        if on_segment:
            on_segment(int((reader.document >= 0).sum()))
    expect_finite(nats)
    return nats


def expect_finite(nats):
    """Raise InputError if a loss in some arrays is not finite."""
    if not all(np.isfinite(x).all() for x in nats):
        raise InputError(
            "the model's losses are not finite: train it again with a lower "
            "--learning-rate"
        )


def summary(nats, texts):
    """Mean nats per token, perplexity and bits per byte of some documents."""
    total, tokens = sum(float(x.sum()) for x in nats), sum(len(x) for x in nats)
    size = sum(len(text.encode()) for text in texts)
    mean = total / tokens
    return dict(
        nats_per_token=mean,
        perplexity=math.exp(mean) if mean < 700 else math.inf,  # beyond a float
        bits_per_byte=total / math.log(2) / size,
        tokens=tokens,
        documents=len(nats),
    )


def read_twice(model, docs, on_segment=None):
    """What a second reading saves: mean nats of both readings, and their difference.

    Each document that fits into the memory is read twice in a row, as one document. If
    none fits, the beginning of each is read that does.
    """
    M = model.config.memory
    docs = [doc for doc in docs if len(doc) <= M] or [doc[:M] for doc in docs]
    twice = [np.concatenate([doc, doc[1:]]) for doc in docs]
    nats = document_losses(model, twice, on_segment=on_segment)
    first, second = (
        float(np.concatenate([x.reshape(2, -1)[reading] for x in nats]).mean())
        for reading in (0, 1)
    )
    return dict(first=first, second=second, saved=first - second, documents=len(docs))


def name_distances(vocabulary, text):
    """How many tokens ago a token's name last began, before this time: int64 (n − 1,).

    One number for each of the n tokens but the first (`DOCUMENT`): 0 if the name was
    not seen before, −1 if the token is not part of a name.
    """
    starts = offsets(vocabulary, text)[:, 0]
    distance, last = np.full(len(starts), -1), {}
    for match in NAME.finditer(text):
        # A token may include a leading space, so it begins at or before the name.
        first = np.searchsorted(starts, match.start(), side="right") - 1
        end = np.searchsorted(starts, match.end(), side="left")
        distance[first:end] = first - last.get(match[0], first)
        last[match[0]] = first
    return distance


def gain_by_distance(gains, distances, memory):
    """Mean nats saved per token, by how many tokens ago its name was last seen.

    gains and distances: arrays (n,) per document. memory: its size, at which a group
    ends. Returns rows of distance (a label), seen (whether the name was seen before),
    nearest (the least distance), gain, its standard error, and tokens.
    """
    gain, distance = np.concatenate(gains), np.concatenate(distances)
    groups = [("first seen here", None, distance == 0)]
    for low, high in itertools.pairwise([*edges(memory), np.inf]):
        label = f"{low:,}–{high - 1:,}" if high < np.inf else f"≥ {low:,}"
        groups.append((label, low, (distance >= low) & (distance < high)))
    groups.append(("not in a name", None, distance < 0))
    return [
        dict(
            distance=label,
            seen=nearest is not None,
            nearest=nearest,
            gain=float(gain[chosen].mean()),
            error=float(gain[chosen].std() / math.sqrt(chosen.sum())),
            tokens=int(chosen.sum()),
        )
        for label, nearest, chosen in groups
        if chosen.any()
    ]


def edges(memory):
    """Where groups of distances begin: powers of 4, a memory's end, twice that."""
    powers = [n for n in (1, 64, 256, 1024, 4096) if n < memory]
    return sorted({1, *powers, memory, 2 * memory} - {0})
