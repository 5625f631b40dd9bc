"""The weights a run starts from: ordinary ones, or ones that already look things up.

The lookup start writes an induction circuit (Olsson et al., 2022, arXiv 2209.11895)
into two layers; the architecture stays the paper's. The residual stream is parted into
rooms: the token itself, and one code for each of the `BACK` tokens before it.

- The layer below the memory copies. Head h looks 1 + (h mod BACK) tokens back and
  writes a random projection of the token there, its code, into that distance's room.
- The memory layer compares. A query is made of the codes of this token and those just
  before it, a key of the codes of the tokens before its own; so a query finds the
  places *after* an earlier occurrence of the same tokens. The values hold the tokens
  there, which tied embeddings then predict.

All other output projections are zero, so a layer begins as the identity.
"""

import numpy as np

BACK = 3  # tokens of context that a lookup compares
NEWEST_FIRST = 0.7  # weight of each code in a match relative to the one after it
SCALE = 12.0  # of l2-normalised logits
BUCKETS = 32  # of the relative position bias
FOCUS = 8.0  # bias that fixes a head on one distance
VOICE = 3.0  # size of what a lookup adds to the stream


def init_params(config, seed=0):
    """Fresh weights as {name: float32 array}.

    Embeddings have standard deviation 1. With start "lookup" they are zero outside the
    token's room and the circuit is written in, where there is a layer below the
    memory's and the embedding is wide enough for all rooms; else all is ordinary.
    """
    rng, params = np.random.default_rng(seed), {}
    params["embedding"] = rng.normal(size=(config.vocab, config.embed))
    for layer in range(config.layers):
        for name, weights in ordinary_layer(rng, config, layer).items():
            params[f"layers.{layer}.{name}"] = weights
    params["norm"] = np.ones(config.embed)
    room = config.embed >= 2 * BACK
    if config.start == "lookup" and config.memory_layer > 0 and room:
        write_lookup(rng, config, params)
    return {name: weights.astype(np.float32) for name, weights in params.items()}


def ordinary_layer(rng, config, layer):
    """The weights of one layer; matrices (inputs, outputs) act on rows, as in x @ W."""
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
    if layer == config.memory_layer:  # kept at any memory size, so that it can change
        weights["gate"] = np.zeros(H)
    return weights


def dense(rng, inputs, outputs):
    """A random matrix that keeps the size of what it multiplies."""
    return rng.normal(size=(inputs, outputs)) / np.sqrt(inputs)


def orthogonal(rng, inputs, outputs):
    """A random matrix with orthonormal columns; needs outputs ≤ inputs."""
    return np.linalg.qr(rng.normal(size=(inputs, outputs)))[0]


def write_lookup(rng, config, params):
    """Write the lookup circuit into the memory layer and the one below it, in place."""
    E, H, D = config.embed, config.heads, config.head
    back = min(BACK, H)
    token, code = E // 2, E // 2 // back  # sizes of the token's room, of a code's
    rooms = [slice(token + n * code, token + (n + 1) * code) for n in range(back)]
    encode = orthogonal(rng, token, code) * np.sqrt(token / code)  # token → code
    below, memory = (f"layers.{config.memory_layer - i}." for i in (1, 0))
    for name in ("value", "output"):
        params[below + name] = np.zeros((E, E))
    for name in ("query", "key", "value"):
        params[memory + name] = np.zeros((E, E))
    params["embedding"][:, token:] = 0
    for n, room in enumerate(rooms):
        heads = range(n, H, back)  # these look n + 1 tokens back
        params[below + "bias"][n + 1, heads] += FOCUS
        channels = np.concatenate([np.arange(D) + h * D for h in heads])
        carry = orthogonal(rng, len(channels), code)
        params[below + "value"][:token, channels] = encode @ carry.T
        params[below + "output"][channels, room] = carry
        compare = NEWEST_FIRST**n * dense(rng, code, E)
        params[memory + "key"][room] = compare
        if n == 0:
            params[memory + "query"][:token] = encode @ compare
        else:
            params[memory + "query"][rooms[n - 1]] = compare
    copy = orthogonal(rng, E, token).T  # (token, E)
    params[memory + "value"][:token] = copy
    params[memory + "output"][:, :token] = VOICE * copy.T
