"""Generation: one token after another, with a memory filled by what was read before."""

import codecs
import copy

import numpy as np
import torch

from .progress import progress
from .tokenizer import token_bytes

COLDEST = 1e-30  # the lowest temperature by which float32 can be divided


@torch.inference_mode()
def generate(model, tokens, count, temperature=0.8, seed=0):
    """Yield `count` tokens that continue `tokens` (n,), which the model reads first.

    temperature: 0 takes the likeliest token; 1 samples from the model's prediction. For
    each token, the current segment is read again from the state before it. As in
    training, a token then never finds its own segment in memory.
    """
    random, device = torch.Generator().manual_seed(seed), model.norm.device
    state, segment = model.first_state(1), []

    def append(token):
        nonlocal state
        if len(segment) == model.config.segment:
            _, state = model(torch.tensor([segment], device=device), state)
            segment.clear()
        segment.append(token)

    with progress("reading", len(tokens), "token") as bar:
        for token in np.asarray(tokens).tolist():
            append(token)
            bar.update()
    for _ in range(count):
        unread = copy.deepcopy(state)
        logits, _ = model(torch.tensor([segment], device=device), unread)
        token = sample(logits[0, -1].cpu(), temperature, random)
        yield token
        append(token)


def as_text(vocabulary, tokens):
    """Yield the text of tokens in pieces of whole characters, as they come."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for token in tokens:
        yield decoder.decode(token_bytes(vocabulary, token))
    yield decoder.decode(b"", final=True)


def sample(logits, temperature, random):
    """One token, drawn by its logits (V,)."""
    if temperature == 0:
        return int(logits.argmax())
    temperature = max(temperature, COLDEST)
    weights = ((logits - logits.max()) / temperature).softmax(-1)
    return int(torch.multinomial(weights, 1, generator=random))
