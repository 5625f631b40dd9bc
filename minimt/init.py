"""The initial weights: random, primed for lookup, or a circuit that looks things up.

In all three, embeddings have standard deviation 1 (in `induction`, half of their
channels are 0), and every layer whose output projections are zero starts as the
identity.

`primed` prepares two layers in ways that other models are known to learn by themselves.
It prepares no lookup: queries and keys are random, so the model must learn what to
compare and what to copy.

- In the layer below the memory, each head attends to the token a fixed number of places
  back. What it writes about that token is random.
- The memory layer writes values to the output unchanged: its output projection is a
  multiple of the transposed value projection (cf. mimetic initialisation, Trockman &
  Kolter, 2023).

`induction` writes an induction circuit (Olsson et al., 2022, arXiv 2209.11895) into the
same two layers. It divides the residual stream into subspaces: one for the token
itself, and one each for a code of the token 1, 2, …, `BACK` places before it.

- `look_back`: a head in the layer below the memory attends to the token a fixed number
  of places back and writes a random projection of that token, its code.
- `match`: in the memory layer, a query consists of the codes of its own token and of
  those just before it; a key consists of the codes of the tokens just before its own.
  So a query finds the places *after* an earlier occurrence of the same tokens.
- `copy_out`: the values hold the tokens there, which the tied embeddings then predict.
"""

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

BACK = 3  # tokens of context that a lookup compares
DECAY = 0.7  # weight of each code in a match relative to the one after it
SCALE = 12.0  # of the logits, since queries and keys have length 1
BUCKETS = 32  # of the relative position bias
LOOK_BACK_BIAS = 8.0  # makes a head attend to one distance alone
OUTPUT_SCALE = 3.0  # of what a lookup adds to the residual stream

Weights = dict[str, Array]


class Subspaces(NamedTuple):
    """Channels of the residual stream: of the token, and of each earlier one's code."""

    token: slice  # E // 2 channels
    codes: list[slice]  # as many channels together


def init_params(config, seed: int = 0) -> Weights:
    """Fresh weights as {name: float32 array}.

    The heads of the layer below the memory look back by 1 to `BACK` tokens in turn, and
    the induction circuit compares as many. Without a layer below the memory, or if the
    model is too narrow for the circuit's subspaces, the weights are random.
    """
    rng, params = np.random.default_rng(seed), {}
    params["embedding"] = rng.normal(size=(config.vocab, config.embed))
    for layer in range(config.layers):
        for name, weights in random_layer(rng, config, layer).items():
            params[f"layers.{layer}.{name}"] = weights
    params["norm"] = np.ones(config.embed)
    if config.memory_layer > 0:
        below, memory = (layer_of(params, config.memory_layer - i) for i in (1, 0))
        if config.init == "primed":
            prime(rng, below, memory)
        if config.init == "induction" and config.embed >= 2 * BACK:
            write_induction(rng, params, below, memory, min(BACK, config.heads))
    return {name: weights.astype(np.float32) for name, weights in params.items()}


def random_layer(rng, config, layer: int) -> Weights:
    """The weights of one layer; matrices (inputs, outputs) multiply rows: x @ W."""
    E, H = config.embed, config.heads
    weights = {name: dense(rng, E, E) for name in ("query", "key", "value")}
    weights |= dict(
        attention_norm=np.ones(E),
        output=np.zeros((E, E)),
        log_scale=np.full(H, np.log(SCALE)),
        bias=rng.normal(size=(BUCKETS, H)) * 0.2,
        mlp_norm=np.ones(E),
        up=dense(rng, E, 4 * E),
        down=np.zeros((4 * E, E)),
    )
    if layer == config.memory_layer:  # even if memory = 0, which may change later
        weights["gate"] = np.zeros(H)
    return weights


def dense(rng, inputs: int, outputs: int) -> Array:
    """A random matrix (inputs, outputs) that preserves the scale of its input."""
    return rng.normal(size=(inputs, outputs)) / np.sqrt(inputs)


def orthogonal(rng, inputs: int, outputs: int) -> Array:
    """A random matrix (inputs, outputs) with orthonormal columns; outputs ≤ inputs."""
    return np.linalg.qr(rng.normal(size=(inputs, outputs)))[0]


def prime(rng, below: Weights, memory: Weights) -> None:
    """Let the heads below look back, and the memory layer write values unchanged."""
    E, H = len(memory["value"]), len(memory["log_scale"])
    for h in range(H):
        below["bias"][1 + h % BACK, h] += LOOK_BACK_BIAS
    below["output"][:] = dense(rng, E, E)
    memory["value"][:] = orthogonal(rng, E, E)
    memory["output"][:] = OUTPUT_SCALE * memory["value"].T


def write_induction(rng, params: Weights, below, memory, back: int) -> None:
    """Write the circuit into the memory layer and the one below it, in place."""
    token = len(memory["value"]) // 2  # channels of each subspace
    code = token // back
    codes = [slice(token + n * code, token + (n + 1) * code) for n in range(back)]
    space = Subspaces(slice(0, token), codes)
    encode = orthogonal(rng, token, code) * np.sqrt(token / code)  # token → code
    for weights in (below["value"], *(memory[x] for x in ("query", "key", "value"))):
        weights[:] = 0
    params["embedding"][:, token:] = 0
    for n in range(back):
        look_back(rng, below, space, encode, n)
        match(rng, memory, space, encode, n)
    copy_out(rng, memory, space)


def layer_of(params: Weights, layer: int) -> Weights:
    """The weights of one layer, by their names within the layer."""
    prefix = f"layers.{layer}."
    names = (name for name in params if name.startswith(prefix))
    return {name.removeprefix(prefix): params[name] for name in names}


def look_back(rng, layer: Weights, space: Subspaces, encode: Array, n: int) -> None:
    """Let some heads write the code of the token n + 1 places back.

    They are head n and, from there on, every `len(space.codes)`-th. layer: the one
    below the memory layer; encode (token, code).
    """
    (E, _), H = layer["value"].shape, layer["bias"].shape[1]
    heads, D = range(n, H, len(space.codes)), E // H
    layer["bias"][n + 1, heads] += LOOK_BACK_BIAS
    channels = np.concatenate([np.arange(D) + h * D for h in heads])
    carry = orthogonal(rng, len(channels), encode.shape[1])  # (channels, code)
    layer["value"][space.token, channels] = encode @ carry.T
    layer["output"][channels, space.codes[n]] = carry


def match(rng, layer: Weights, space: Subspaces, encode: Array, n: int) -> None:
    """Compare the token n before a query with the token n + 1 before a key.

    layer: the memory layer; encode (token, code) makes the query's own code (n = 0).
    """
    compare = DECAY**n * dense(rng, encode.shape[1], len(layer["query"]))  # (code, E)
    layer["key"][space.codes[n]] = compare
    if n == 0:
        layer["query"][space.token] = encode @ compare
    else:
        layer["query"][space.codes[n - 1]] = compare


def copy_out(rng, layer: Weights, space: Subspaces) -> None:
    """Read the token that a query finds, and add it to the residual stream."""
    copy = orthogonal(rng, len(layer["value"]), space.token.stop).T  # (token, E)
    layer["value"][space.token] = copy
    layer["output"][:, space.token] = OUTPUT_SCALE * copy.T
