"""The memory, tested with streams that start documents at different times."""

import numpy as np

from ..case import Call, Output, Result, Step, example, law, same

B, H, M, D = 3, 2, 5, 4


def memory(*sizes):
    """The call that makes a memory in double precision."""
    return Call("Memory", (*(sizes or (B, H, M, D)), "float64"))


def write(k, v):
    """The call that writes keys and values."""
    return Call("write", (k, v), on=Result(0))


def clear(starts):
    """The call that clears the streams in which a document starts."""
    return Call("clear", (np.array(starts, dtype=bool),), on=Result(0))


def read(name):
    """The call that reads an attribute of the memory."""
    return Call(name, on=Result(0))


def pair(rng, T, dtype=float):
    """Keys and values of T tokens, vectors of many lengths."""
    return tuple(rng.normal(size=(2, B, H, T, D)).astype(dtype))


def tokens(*numbers):
    """Keys or values of one stream and head, with one channel."""
    return np.array(numbers, dtype=float).reshape(1, 1, -1, 1)


def four_tokens(name):
    """Four tokens written to three slots, then a look at keys or values."""
    first = write(tokens(1, 2), tokens(10, 20))
    return [memory(1, 1, 3, 1), first, write(tokens(3, 4), tokens(30, 40)), read(name)]


def short(rng):
    """Vectors of length 0, shorter than eps, and longer, for two values of eps."""
    x = np.zeros((2, 3, 4, D))
    x[:, :2] = rng.normal(size=(2, 2, 4, D))
    x[0] *= 1e-8
    x[1, 0] *= 1e-4
    return [Call("l2_normalize", (x,)), Call("l2_normalize", (x, 1e-2))]


def filling(rng):
    """The valid slots before and after each write, until all slots are valid."""
    calls = [memory(), read("valid")]
    for T in (2, 2, 3, 1):
        calls += [write(*pair(rng, T)), read("valid")]
    return calls


def clearing(rng):
    """The valid slots when no stream starts a document, then one, then another."""
    calls = [memory(), write(*pair(rng, 3)), clear([False] * B), read("valid")]
    for b in rng.permutation(B)[:2]:
        calls += [clear(np.arange(B) == b), read("valid")]
        calls += [write(*pair(rng, 1)), read("valid")]
    return calls


def documents(rng):
    """Streams that start documents at different times, and their keys at the end."""
    one, two, three = rng.permutation(np.eye(B, dtype=bool))
    return [
        memory(),
        write(*pair(rng, 3)),
        clear(one),
        write(*pair(rng, 4)),
        clear(two),
        write(*pair(rng, 2)),
        clear(one | three),
        write(*pair(rng, 2)),
        read("valid"),
        read("keys"),
    ]


def in_filled_slots(results, calls):
    """The results, with zeros for keys in empty slots, which no search returns."""
    *others, keys = results
    return [*others, np.where(filled(calls)[:, None, :, None], keys, 0)]


def filled(calls):
    """The slots that hold a token after these calls: (B, M)."""
    written = np.zeros(B, dtype=int)
    for call in calls:
        if call.name == "clear":
            written[call.args[0]] = 0
        if call.name == "write":
            written += call.args[0].shape[2]
    return np.arange(M) < written[:, None]


def in_queues(results, calls):
    """The keys in the filled slots, and the keys that scalar loops put there."""
    keys, written = np.zeros((B, H, M, D)), np.zeros(B, dtype=int)
    for call in calls:
        if call.name == "clear":
            written[call.args[0]] = 0
        if call.name == "write":
            k = call.args[0]
            for b, t in np.ndindex(B, k.shape[2]):
                keys[b, :, written[b] % M] = k[b, :, t]
                written[b] += 1
    keys = np.where(filled(calls)[:, None, :, None], keys, 0)
    return in_filled_slots(results, calls)[-1], keys


def after(*lengths, dtype=float):
    """Calls that read the memory after writes of these lengths, which fill it."""
    made = memory() if dtype is float else Call("Memory", (B, H, M, D))
    return lambda rng: [
        made,
        *(write(*pair(rng, T, dtype)) for T in lengths),
        read("keys"),
        read("values"),
    ]


def wrong_sizes(rng):
    """Too few streams, heads, channels or values, and then a write that is right."""
    k, v = pair(rng, 3)
    return [
        memory(),
        write(k[:1], v[:1]),
        write(k[:, :1], v[:, :1]),
        write(k[..., :1], v[..., :1]),
        write(k, v[:, :1]),
        write(k, v[:, :, :2]),
        read("valid"),
        write(k, v),
        read("valid"),
    ]


def kept_apart(rng):
    """Writes of M and 2 · M tokens from arrays that their owner then changes.

    The arrays are the keys and values of another memory.
    """
    calls = []
    for T in (M, 2 * M):
        first = len(calls)
        mine, k, v = (Result(first + i) for i in (0, 2, 3))
        calls += [memory(), memory(B, H, T, D)]
        calls += [Call(name, on=Result(first + 1)) for name in ("keys", "values")]
        calls += [Call("fill", (x,), on=on) for x, on in ((1.0, k), (2.0, v))]
        calls += [Call("write", (k, v), on=mine)]
        calls += [Call("fill", (x,), on=on) for x, on in ((3.0, k), (4.0, v))]
        calls += [Call(name, on=mine) for name in ("keys", "values")]
    return calls


def single(rng):
    """A float32 memory, and float32 vectors."""
    x = rng.normal(size=(B, H, 2, D)).astype(np.float32)
    return [*after(3, 4, dtype=np.float32)(rng), Call("l2_normalize", (x,))]


NORMALISED = Output("normalised", "stream head token channel")
VALID = Output("valid", "stream slot", ("empty", "filled"))
KEYS = Output("keys", "stream head slot channel")

CASES = (
    example(
        "normalize_by_hand",
        1,
        "(3, 4) becomes (0.6, 0.8), and (0, −2) becomes (0, −1)",
        [Call("l2_normalize", (np.array([[[[3.0, 4.0], [0.0, -2.0]]]]),))],
        np.array([[[[0.6, 0.8], [0.0, -1.0]]]]),
    ),
    law(
        "normalize_lengths",
        1,
        "each vector ends up with length 1, however long it was",
        lambda rng: [Call("l2_normalize", (5 * rng.normal(size=(B, H, 3, D)),))],
        lambda results, _: (np.linalg.norm(results[0], axis=-1), np.ones((B, H, 3))),
        Output("length", "stream head token"),
    ),
    same(
        "normalize_short",
        1,
        "vectors shorter than eps are divided by eps, so zero stays zero",
        short,
    ),
    example(
        "keys_by_hand",
        1,
        "with three slots, the fourth token overwrites the first",
        four_tokens("keys"),
        tokens(4, 2, 3),
    ),
    example(
        "values_by_hand",
        1,
        "values are stored unchanged",
        four_tokens("values"),
        tokens(40, 20, 30),
    ),
    law(
        "documents",
        1,
        "a stream that starts a document fills its slots again from slot 0",
        documents,
        in_queues,
        KEYS,
        in_filled_slots,
    ),
    same("valid", 1, "a slot is valid once a token has been written to it", filling),
    same("clear", 1, "exactly the streams that start a document are emptied", clearing),
    same(
        "ring",
        1,
        "the oldest tokens are overwritten first, in every stream and head",
        after(3, 3, 1, 4, 2),
    ),
    same(
        "more_than_fit",
        1,
        "of more than M tokens the last M remain, token n in slot n mod M",
        after(3, 13, 1, 6),
    ),
    same(
        "write_refuses",
        1,
        "ValueError for keys or values of the wrong size, and nothing is written",
        wrong_sizes,
    ),
    same(
        "write_copies",
        1,
        "whoever changes an array after it was written does not change the memory",
        kept_apart,
    ),
    same("single_precision", 1, "float32 in, float32 out", single),
)


STEP = Step(
    name="memory",
    title="Memory",
    module="memory",
    chapter="04_memory",
    todo=("l2_normalize", "Memory.valid", "Memory.clear", "Memory.write"),
    given=("Memory",),
    outputs=dict(
        l2_normalize=NORMALISED,
        valid=VALID,
        keys=KEYS,
        values=Output("values", KEYS.axes),
    ),
    cases=CASES,
)
