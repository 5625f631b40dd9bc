"""The Transformer-XL cache, and the mask for its keys of another document."""

import numpy as np

from ..case import Call, Output, Result, Step, example, law, same

B, H, D = 2, 4, 3


def tokens(*numbers):
    """Keys or values of one stream and head, with one channel."""
    return np.array(numbers, dtype=float).reshape(1, 1, -1, 1)


def pair(rng, T, dtype=float):
    """Keys and values of T tokens."""
    return tuple(rng.normal(size=(2, B, H, T, D)).astype(dtype))


def extend(cache, pair, C):
    """The call that appends a pair to a cache."""
    return Call("extend_cache", (cache, *pair, C))


def mask(age, T, S):
    """The call for the mask of streams with these ages."""
    return Call("document_mask", (np.array(age), T, S))


def at_once_and_one_by_one(rng):
    """Five tokens appended at once, and the same tokens appended one by one."""
    k, v = pair(rng, 5)
    calls, cache = [extend(None, (k, v), 3)], None
    for t in range(5):
        calls.append(extend(cache, (k[:, :, t : t + 1], v[:, :, t : t + 1]), 3))
        cache = Result(t + 1)
    return calls


def lengths(rng):
    """Caches and segments that are shorter and longer than C."""
    return [
        extend(None, pair(rng, 2), 5),
        extend(Result(0), pair(rng, 1), 5),
        extend(Result(1), pair(rng, 4), 5),
        extend(Result(2), pair(rng, 7), 5),
        extend(pair(rng, 3), pair(rng, 4), 3 + 4),
    ]


def nothing(rng):
    """A cache of no tokens, and what a segment behind it attends to and keeps."""
    return [
        extend(None, pair(rng, 3), 0),
        extend(Result(0), pair(rng, 3), 3),
        extend(Result(0), pair(rng, 3), 0),
    ]


def together_and_alone(rng):
    """The mask of five streams together, and of each stream alone."""
    age = rng.permutation(5)
    return [mask(age, 3, 7), *(mask([a], 3, 7) for a in age)]


def ages(rng):
    """Every age at which the mask may change and a very large one, in any order."""
    return [
        mask(rng.permutation(np.append(np.arange(S - T + 2), 1000)), T, S)
        for T, S in ((3, 8), (4, 6), (1, 5), (4, 4))
    ]


AXES = "stream head token channel"
CACHE = Output("keys", AXES), Output("values", AXES)
MASK = Output("mask", "stream head query key", ("blocked", "open"))

CASES = (
    example(
        "cache_by_hand",
        1,
        "of two cached tokens and two new ones, the last three are kept",
        [extend((tokens(1, 2), tokens(-1, -2)), (tokens(3, 4), tokens(-3, -4)), 3)],
        (tokens(2, 3, 4), tokens(-2, -3, -4)),
    ),
    law(
        "cache_token_by_token",
        1,
        "appending tokens one by one leaves the same cache as appending them at once",
        at_once_and_one_by_one,
        lambda results, _: (results[-1], results[0]),
        CACHE,
    ),
    same(
        "cache_lengths",
        1,
        "the last C tokens are kept, or all of them if there are fewer",
        lengths,
    ),
    same("cache_of_nothing", 1, "C = 0 keeps no tokens and raises no error", nothing),
    same(
        "cache_single_precision",
        1,
        "float32 in, float32 out",
        lambda rng: [extend(pair(rng, 3, np.float32), pair(rng, 2, np.float32), 4)],
    ),
    example(
        "mask_by_hand",
        1,
        "of three cached tokens, one belongs to this document and two to another",
        [mask([1], 2, 5)],
        np.array([[[[0, 0, 1, 1, 0], [0, 0, 1, 1, 1]]]], dtype=bool),
    ),
    law(
        "mask_alone",
        1,
        "a stream's mask does not depend on the other streams",
        together_and_alone,
        lambda results, _: (results[0], np.concatenate(results[1:])),
        MASK,
    ),
    same(
        "mask_at_a_start",
        1,
        "at a document's start only its segment is open, long after it the whole cache",
        lambda rng: [mask([0, 1000, 0], 3, 7)],
    ),
    same(
        "mask",
        2,
        "keys are open from the document's first token up to the query itself",
        ages,
    ),
)


STEP = Step(
    name="cache",
    title="Transformer-XL cache",
    module="cache",
    chapter="03_cache",
    todo=("extend_cache", "document_mask"),
    outputs=dict(extend_cache=CACHE, document_mask=MASK),
    cases=CASES,
)
