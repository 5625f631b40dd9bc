"""The whole model: all parts in order, and the state that is passed on."""

from types import SimpleNamespace

import numpy as np

from ...config import Config
from ...init import init_params, layer_of
from ..case import Call, Output, Result, Step, example, law, same

B, T = 3, 4
SIZES = dict(vocab=13, layers=3, heads=2, embed=10, segment=T)
SIZES |= dict(cache=7, memory=9, memory_layer=1, neighbours=6)  # T divides neither
STARTS = np.array([[0, 0, 0], [0, 0, 0], [0, 0, 1], [1, 0, 0]], dtype=bool)
AGE = T * np.array([1, 4, 2])  # of each stream after four segments with STARTS
SHARES = np.log([1.0, 2.0, 5.0])  # logits of the probabilities 1/8, 2/8 and 5/8


def config(**changes):
    """The configuration of a small model, as plain values."""
    made = Config(**SIZES | changes)
    return SimpleNamespace(**vars(made), head=made.head)


def weights(rng, config, dtype=float):
    """Weights that are not zero; gates and scales differ from head to head."""
    fresh = init_params(config, seed=int(rng.integers(1000)))
    moved = {name: w + 0.3 * rng.normal(size=w.shape) for name, w in fresh.items()}
    return {name: w.astype(dtype) for name, w in moved.items()}


def text(rng, segments=1):
    """Tokens of all streams: (B, segments · T)."""
    return rng.integers(SIZES["vocab"], size=(B, segments * T))


def vectors(rng, tokens, length=None):
    """Random vectors (B, H, tokens, D), all of one length if it is given."""
    x = rng.normal(size=(B, 2, tokens, 5))
    return length * x / np.linalg.norm(x, axis=-1, keepdims=True) if length else x


def forward(params, config, tokens, after=None, starts=None):
    """The call that reads a segment, with the state from call number `after`."""
    state = None if after is None else Result(after, (1,))
    return Call("forward", (params, config, tokens, state, starts))


def reading(params, config, tokens, starts=STARTS, first=0):
    """The calls that read tokens segment by segment; `first` numbers the first one."""
    parts = np.split(tokens, tokens.shape[1] // T, axis=1)
    return [
        forward(params, config, part, first + i - 1 if i else None, starts[i])
        for i, part in enumerate(parts)
    ]


def in_two(rng):
    """Ten tokens read at once, then as six and four, without a memory."""
    small = config(memory=0, cache=10)
    params, tokens = weights(rng, small), text(rng, 3)[:, :10]
    return [
        forward(params, small, tokens),
        forward(params, small, tokens[:, :6]),
        forward(params, small, tokens[:, 6:], 1),
    ]


def first_segment(rng):
    """The first segment, without a memory and with one."""
    params, tokens = weights(rng, config()), text(rng)
    return [forward(params, config(memory=M), tokens) for M in (0, 9)]


def in_company(rng):
    """Two segments of a stream alone, then beside one that starts a document."""
    params, tokens = weights(rng, config()), text(rng, 2)
    starts = np.array([[0, 0, 0], [1, 0, 0]], dtype=bool)
    alone = reading(params, config(), tokens[1:2], starts[:, 1:2])
    return alone + reading(params, config(), tokens, starts, len(alone))


def in_company_and_alone(results, _):
    """The logits of that stream, beside others and alone."""
    logits = [result[0] for result in results]
    return np.stack([x[1] for x in logits[2:]]), np.stack([x[0] for x in logits[:2]])


def again(rng):
    """A segment read twice from the same state."""
    params, tokens = weights(rng, config()), text(rng, 2)
    later = [forward(params, config(), tokens[:, T:], 0) for _ in range(2)]
    return [forward(params, config(), tokens[:, :T]), *later]


def memory_of(rng, config, first=0):
    """Five calls that make and fill a memory; call number `first` + 1 returns it.

    Its first stream starts a document between the two writes.
    """
    memory = Result(first + 1)
    return [
        Call("first_state", (config, B, "float64")),
        Call("memory", on=Result(first)),
        Call("write", (vectors(rng, 7, 1), vectors(rng, 7)), on=memory),
        Call("clear", (np.array([True, False, False]),), on=memory),
        Call("write", (vectors(rng, T, 1), vectors(rng, T)), on=memory),
    ]


def remembering(rng):
    """Queries to a memory searched exactly, one searched by LSH, and an empty one."""
    q, scale = vectors(rng, T, 1), np.array([3.0, 9.0])
    lsh = config(search="lsh", bits=2, probes=1)
    return [
        *memory_of(rng, config()),
        *memory_of(rng, lsh, 5),
        Call("remember", (Result(1), q, 6, scale)),
        Call("remember", (Result(6), q, 5, scale)),
        Call("clear", (np.ones(B, bool),), on=Result(1)),
        Call("remember", (Result(1), q, 6, scale)),
    ]


def one_layer(rng):
    """The memory layer and the layer above it, with streams of three ages."""
    params, x = weights(rng, config()), rng.normal(size=(B, T, SIZES["embed"]))
    caches = [None, (vectors(rng, 7, 1), vectors(rng, 7)), None]
    age = np.array([4, 11, 7])
    return [
        *memory_of(rng, config()),
        Call("State", (age, caches, Result(1))),
        Call("attention_layer", (layer_of(params, 1), config(), x, Result(5), 1)),
        Call("attention_layer", (layer_of(params, 2), config(), x, Result(5), 2)),
        Call("caches", on=Result(5)),
        Call("retrieved", on=Result(5)),
        *(Call(name, on=Result(1)) for name in ("keys", "values", "valid")),
    ]


def documents(rng):
    """Four segments of three streams, two of which start a document midway."""
    params = weights(rng, config())
    return [
        *reading(params, config(), text(rng, 4)),
        Call("age", on=Result(3, (1,))),
        Call("caches", on=Result(3, (1,))),
    ]


def of_this_document(results, calls):
    """The results, with zeros for the cached tokens that the mask closes."""
    *others, caches = results
    tokens = np.arange(SIZES["cache"]) >= SIZES["cache"] - AGE[:, None]  # (B, C)
    shown = tokens[:, None, :, None]
    return [*others, [tuple(np.where(shown, x, 0) for x in pair) for pair in caches]]


def edges(rng):
    """float32, no cache, a memory smaller than a segment, and invalid tokens."""
    small = config(layers=1, cache=0, memory=3, memory_layer=0)
    params, tokens = weights(rng, small, np.float32), text(rng, 2)
    return [
        forward(params, small, tokens[:, :T]),
        forward(params, small, tokens[:, T:], 0),
        forward(params, small, tokens[0]),
        forward(params, small, tokens - SIZES["vocab"]),
        forward(params, small, tokens + SIZES["vocab"]),
    ]


def together(rng):
    """Three segments, in which a document starts, and the loss of the last one."""
    params, targets = weights(rng, config()), text(rng)
    targets[1, 2:] = -1
    return [
        *reading(params, config(), text(rng, 3)),
        Call("token_losses", (Result(2, (0,)), targets)),
        Call("loss", (Result(2, (0,)), targets)),
    ]


LOGITS = Output("logit", "stream token word")
NATS = Output("nats", "stream token")
ATTENDED = Output("output", "stream token channel")
SCORES = Output("score", "stream head query place")
INDEX = Output("index", "stream head query place")
FOUND = Output("found", "stream head query place", ("not found", "found"))
STORED = "stream head slot channel"

CASES = (
    example(
        "rms_norm_by_hand",
        1,
        "1 and 7 have a mean square of 25; with eps = 11, the root is 6",
        [
            Call(
                "rms_norm",
                (np.array([[1.0, 7.0], [3.0, 1.0]]), np.array([6.0, 12.0]), 11.0),
            ),
            Call("rms_norm", (np.zeros((2, 3)), np.ones(3))),
        ],
        np.array([[1.0, 14.0], [4.5, 3.0]]),
        np.zeros((2, 3)),
    ),
    example(
        "losses_by_hand",
        1,
        "probabilities of 1/4 and 1/8 cost ln 4 and ln 8; a target of −1 costs nothing",
        [
            Call(
                "token_losses",
                (
                    np.array([[SHARES, SHARES + 1000, SHARES]]),
                    np.array([[1, 0, -1]]),
                ),
            ),
            Call("loss", (np.tile(SHARES, (1, 3, 1)), np.array([[1, 0, -1]]))),
            Call("loss", (np.tile(SHARES, (1, 2, 1)), np.array([[-1, -1]]))),
        ],
        np.array([[np.log(4), np.log(8), 0]]),
        np.log(32) / 2,
        0.0,
    ),
    law(
        "in_two_segments",
        1,
        "reading two segments with a cache is the same as reading one long segment",
        in_two,
        lambda results, _: (
            np.concatenate([results[1][0], results[2][0]], axis=1),
            results[0][0],
        ),
        LOGITS,
    ),
    law(
        "first_segment",
        1,
        "the first segment finds nothing, not even itself, as if there were no memory",
        first_segment,
        lambda results, _: (results[1][0], results[0][0]),
        LOGITS,
    ),
    law(
        "in_company",
        1,
        "a stream's logits do not depend on other streams, even if these start a "
        "document",
        in_company,
        in_company_and_alone,
        Output("logit", "segment token word"),
    ),
    law(
        "state_unchanged",
        1,
        "the state that is passed in is not changed",
        again,
        lambda results, _: (results[2][0], results[1][0]),
        LOGITS,
    ),
    same(
        "remember",
        1,
        "each query gets the rows of its own stream and head; an empty memory gives 0",
        remembering,
    ),
    same(
        "attention_layer",
        1,
        "cache and memory are used, and the memory is written after the search",
        one_layer,
    ),
    same(
        "documents",
        1,
        "over four segments, each start clears only the stream whose document starts",
        documents,
        of_this_document,
    ),
    same(
        "edges",
        1,
        "float32 in, float32 out; ValueError for tokens that are not a segment",
        edges,
    ),
    same(
        "together",
        0,
        "your model runs on your own files from the earlier steps",
        together,
        alone=False,
    ),
)


STEP = Step(
    name="model",
    title="The whole model",
    module="model",
    chapter="08_model",
    todo=(
        "rms_norm",
        "remember",
        "attention_layer",
        "forward",
        "token_losses",
        "loss",
    ),
    given=("State", "first_state", "start_documents", "check_tokens", "check_params"),
    outputs=dict(
        rms_norm=Output("normalised", "token channel"),
        remember=(
            Output("remembered", "stream head query channel"),
            (SCORES, INDEX, FOUND),
        ),
        attention_layer=ATTENDED,
        forward=(LOGITS, Output("state")),
        token_losses=NATS,
        loss=Output("loss"),
        age=Output("age", "stream"),
        caches=Output("cached", "stream head token channel"),
        retrieved=(SCORES, INDEX, FOUND),
        keys=Output("stored key", STORED),
        values=Output("stored value", STORED),
        valid=Output("valid", "stream slot", ("empty", "valid")),
    ),
    cases=CASES,
)
