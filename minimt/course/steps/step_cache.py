"""The Transformer-XL cache, and the mask for its keys of another document."""

import numpy as np

from ..case import Call, Output, Result, Step, example, instead_of, law, same

B, H, D = 2, 3, 4


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

MISTAKES = (
    *instead_of(
        "oldest = max(0, k.shape[2] - C)",
        (
            "minus_nothing",
            "oldest = -C",
            "C = 0 keeps every token, because −0 is the same as 0: count the oldest "
            "token to keep from the front.",
        ),
        (
            "shorter_than_C",
            "oldest = k.shape[2] - C",
            "with fewer than C tokens the oldest one to keep gets a negative number, "
            "which counts from the end: keep all tokens then.",
        ),
        (
            "never_cut",
            "oldest = 0",
            "no token is ever dropped: keep only the last C.",
        ),
        (
            "one_too_many",
            "oldest = max(0, k.shape[2] - C - 1)",
            "one token too many is kept: keep C of them, not C + 1.",
        ),
    ),
    *instead_of(
        "return k[:, :, oldest:], v[:, :, oldest:]",
        (
            "first_tokens_kept",
            "return k[:, :, :C], v[:, :, :C]",
            "the first C tokens are kept: keep the last C, which are the nearest.",
        ),
        (
            "values_never_cut",
            "return k[:, :, oldest:], v",
            "the values are not cut: keep the same tokens as for the keys.",
        ),
        (
            "heads_cut",
            "return k[:, oldest:], v[:, oldest:]",
            "the heads are cut: cut the tokens, which are axis 2.",
        ),
        (
            "values_first",
            "return v[:, :, oldest:], k[:, :, oldest:]",
            "keys and values are exchanged: a cache is the pair (keys, values).",
        ),
    ),
    *instead_of(
        """        k = np.concatenate([cache[0], k], axis=2)
        v = np.concatenate([cache[1], v], axis=2)
""",
        (
            "new_before_old",
            """        k = np.concatenate([k, cache[0]], axis=2)
        v = np.concatenate([v, cache[1]], axis=2)
""",
            "the new tokens come before the cached ones: keep them in reading order.",
        ),
        (
            "cache_replaced",
            "        pass\n",
            "the new tokens replace the cache: append them to it.",
        ),
        (
            "heads_appended",
            """        k = np.concatenate([cache[0], k], axis=1)
        v = np.concatenate([cache[1], v], axis=1)
""",
            "the tokens are appended as extra heads: append them along the token axis.",
        ),
        (
            "cache_cut_first",
            """        k = np.concatenate([cache[0][:, :, -C:], k], axis=2)
        v = np.concatenate([cache[1][:, :, -C:], v], axis=2)
        C = C + k.shape[2]
""",
            "the old cache is cut to C tokens before the new ones are appended: "
            "append first, then cut.",
        ),
        (
            "keys_among_the_values",
            """        k = np.concatenate([cache[0], k], axis=2)
        v = np.concatenate([cache[0], v], axis=2)
""",
            "cached keys are put before the new values: put the cached values there.",
        ),
    ),
    *instead_of(
        "first = S - T - age[:, None, None, None]",
        (
            "open_from_the_second_segment",
            "first = np.where(age == 0, S - T, 0)[:, None, None, None]",
            "the whole cache is open from a document's second segment on: its older "
            "tokens may still belong to another document.",
        ),
        (
            "age_without_the_segment",
            "first = S - age[:, None, None, None]",
            "the age is counted back from the end of the segment: count it back from "
            "the segment's first key, S − T.",
        ),
        (
            "age_with_the_segment",
            "first = S - T - (age[:, None, None, None] + T)",
            "T tokens of another document are open: the age counts only the tokens "
            "read before this segment.",
        ),
        (
            "age_as_a_key_position",
            "first = age[:, None, None, None]",
            "the age is counted forward from key 0: count it back from the segment's "
            "first key, S − T.",
        ),
        (
            "no_head_axis",
            "first = S - T - age[:, None, None]",
            "the mask has no head axis: its shape must be (B, 1, T, S), one mask for "
            "all heads.",
        ),
        (
            "youngest_for_all",
            "first = S - T - np.full_like(age, age.min())[:, None, None, None]",
            "one stream that starts a document closes the cache of all streams: use "
            "each stream's own age.",
        ),
        (
            "document_off_by_one",
            "first = S - T - age[:, None, None, None] - 1",
            "the last token of the other document is open: the document begins one "
            "key later.",
        ),
    ),
    *instead_of(
        "return causal_mask(T, S) & (np.arange(S) >= first)",
        (
            "age_without_effect",
            "return np.broadcast_to(causal_mask(T, S), (len(age), 1, T, S))",
            "only keys ahead of the query are blocked: block cached keys of another "
            "document too.",
        ),
        (
            "future_open",
            "return np.ones((T, 1), bool) & (np.arange(S) >= first)",
            "only keys of another document are blocked: block the keys ahead of the "
            "query too.",
        ),
        (
            "first_token_blocked",
            "return causal_mask(T, S) & (np.arange(S) > first)",
            "the document's first token is blocked: open it, or its own query can "
            "attend to nothing.",
        ),
        (
            "mask_turned_round",
            "return ~(causal_mask(T, S) & (np.arange(S) >= first))",
            "the mask is reversed: True means that the query may attend to the key.",
        ),
        (
            "either_of_the_two",
            "return causal_mask(T, S) | (np.arange(S) >= first)",
            "a key is open if it obeys one of the two rules: it must obey both.",
        ),
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
    mistakes=MISTAKES,
)
