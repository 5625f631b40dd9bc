"""The memory, tested with streams that start documents at different times."""

import numpy as np

from ..case import Call, Output, Result, Step, example, instead_of, law, same

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
        after(2, 12, 1, 6),
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

MISTAKES = (
    *instead_of(
        "return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), eps)",
        (
            "length_of_everything",
            "return x / np.maximum(np.linalg.norm(x), eps)",
            "all vectors are divided by one length: divide each by its own, taken "
            "along the last axis.",
        ),
        (
            "normalised_over_tokens",
            "return x / np.maximum(np.linalg.norm(x, axis=-2, keepdims=True), eps)",
            "the length is taken over the tokens: take it over the channels, the last "
            "axis.",
        ),
        (
            "square_of_the_length",
            "return x / np.maximum((x * x).sum(axis=-1, keepdims=True), eps)",
            "the vectors are divided by the square of their length: take the root "
            "first.",
        ),
        (
            "sum_of_absolute_values",
            "return x / np.maximum(np.abs(x).sum(axis=-1, keepdims=True), eps)",
            "the vectors are divided by the sum of their absolute values: the length "
            "is the root of the sum of squares.",
        ),
        (
            "mean_square",
            "return x / np.maximum(np.sqrt((x * x).mean(axis=-1, keepdims=True)), eps)",
            "the vectors are divided by the root of their mean square, as in an RMS "
            "norm: use the sum of squares, not the mean.",
        ),
        (
            "eps_added",
            "return x / (np.linalg.norm(x, axis=-1, keepdims=True) + eps)",
            "eps is added to the length, so every vector becomes slightly too short: "
            "use eps as a lower bound.",
        ),
        (
            "eps_under_the_root",
            "return x / np.sqrt((x * x).sum(axis=-1, keepdims=True) + eps)",
            "eps is added under the root: use it as a lower bound for the length.",
        ),
        (
            "divided_by_zero",
            "return x / np.linalg.norm(x, axis=-1, keepdims=True)",
            "a vector of zeros gives 0 / 0: never divide by less than eps.",
        ),
        (
            "eps_fixed",
            "return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-6)",
            "the argument `eps` has no effect: 1e-6 is only its default.",
        ),
        (
            "normalised_in_double_precision",
            "length = np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), eps)\n"
            "    return x / length.astype(float)",
            "float32 input gives float64 output: keep every array on the way in the "
            "dtype of x.",
        ),
    ),
    *instead_of(
        "return np.arange(self.keys.shape[2]) < self.written[:, None]",
        (
            "all_slots_valid",
            "return np.ones((len(self.keys), self.keys.shape[2]), bool)",
            "slots that were never written are valid, so their zeros can be found as "
            "memories: only slots that hold a token are valid.",
        ),
        (
            "all_valid_after_a_write",
            "return np.repeat(self.written[:, None] > 0, self.keys.shape[2], axis=1)",
            "one token makes all slots valid: each slot becomes valid when it is "
            "written.",
        ),
        (
            "valid_off_by_one",
            "return np.arange(self.keys.shape[2]) <= self.written[:, None]",
            "one slot too many is valid: after n tokens, slots 0 to n − 1 are valid.",
        ),
        (
            "valid_begins_anew",
            "M = self.keys.shape[2]\n"
            "        return np.arange(M) < self.written[:, None] % M",
            "slots stop being valid when the ring starts over: once full, all slots "
            "stay valid until a clear.",
        ),
        (
            "valid_guessed_from_keys",
            "return (self.keys != 0).any(axis=(1, 3))",
            "valid slots are recognised by their keys, but old keys stay there after "
            "a clear: use the number of tokens written.",
        ),
        (
            "valid_of_one_stream_for_all",
            "return np.repeat(np.arange(self.keys.shape[2])[None] < self.written[0], "
            "len(self.keys), axis=0)",
            "all streams have the valid slots of stream 0: each stream has its own "
            "number of tokens.",
        ),
    ),
    *instead_of(
        "self.written[np.asarray(starts, dtype=bool)] = 0",
        (
            "all_streams_cleared",
            "self.written[:] = self.written * (not np.any(starts))",
            "one start clears all streams: the other streams must keep their tokens.",
        ),
        (
            "always_cleared",
            "self.written[:] = 0",
            "clear always empties all streams: empty only those in which a document "
            "starts.",
        ),
        (
            "starts_as_numbers",
            "self.written[np.asarray(starts, dtype=int)] = 0",
            "False and True are used as the indices 0 and 1, so streams 0 and 1 are "
            "cleared: use `starts` as a mask.",
        ),
        (
            "other_streams_cleared",
            "self.written[~np.asarray(starts, dtype=bool)] = 0",
            "clear empties the streams in which no document starts: empty the others "
            "instead.",
        ),
        (
            "zeroed_but_valid",
            "self.keys[np.asarray(starts, dtype=bool)] = 0\n"
            "        self.values[np.asarray(starts, dtype=bool)] = 0",
            "the slots are set to zero but stay valid: reset the number of tokens "
            "written.",
        ),
        (
            "never_cleared",
            "pass",
            "clear has no effect: a stream that starts a document must have no valid "
            "slots.",
        ),
    ),
    *instead_of(
        "if k.shape != (B, H, T, D) or v.shape != k.shape:",
        (
            "sizes_not_checked",
            "if False:",
            "NumPy silently broadcasts one head's keys to all heads: raise ValueError "
            "for keys of other sizes.",
        ),
        (
            "values_not_checked",
            "if k.shape != (B, H, T, D):",
            "only the sizes of the keys are checked: check those of the values too.",
        ),
    ),
    *instead_of(
        "last = np.arange(max(0, T - M), T)",
        (
            "first_tokens_kept",
            "last = np.arange(min(T, M))",
            "of more than M tokens the first M are kept: keep the last M.",
        ),
    ),
    *instead_of(
        "stream, slot = np.arange(B)[:, None], (self.written[:, None] + last) % M",
        (
            "always_from_slot_0",
            "stream, slot = np.arange(B)[:, None], last % M",
            "each write begins at slot 0: continue where the last write ended.",
        ),
        (
            "no_ring",
            "stream, slot = np.arange(B)[:, None], self.written[:, None] + last",
            "the slot numbers run past the last slot: after slot M − 1 comes slot 0.",
        ),
        (
            "stops_at_the_last_slot",
            "stream, slot = np.arange(B)[:, None], np.minimum(self.written[:, None] + "
            "last, M - 1)",
            "once the memory is full, every token goes to the last slot: start over "
            "at slot 0 instead.",
        ),
        (
            "skipped_tokens_not_counted",
            "stream, slot = np.arange(B)[:, None], (self.written[:, None] + np.arange("
            "len(last))) % M",
            "when more than M tokens are written, the skipped ones are not counted: "
            "token n of the document belongs in slot n mod M.",
        ),
        (
            "one_place_for_all_streams",
            "stream, slot = np.arange(B)[:, None], (self.written[0] + last) % M",
            "all streams are written at the next slot of stream 0: each stream has "
            "its own next slot.",
        ),
        (
            "place_not_reset",
            "self.place = getattr(self, 'place', 0) + T\n"
            "        stream, slot = np.arange(B)[:, None], (self.place - T + last) % M",
            "clear resets which slots are valid but not where the next token goes: a "
            "new document begins at slot 0.",
        ),
    ),
    *instead_of(
        """        self.keys[stream, :, slot] = k[:, :, last].swapaxes(1, 2)
        self.values[stream, :, slot] = v[:, :, last].swapaxes(1, 2)
""",
        (
            "axes_not_swapped",
            """        self.keys[stream, :, slot] = k[:, :, last]
        self.values[stream, :, slot] = v[:, :, last]
""",
            "a slice between two index arrays puts their axes first: what you assign "
            "must have the shape (B, T, H, D).",
        ),
        (
            "reshaped",
            """        rows = B, len(last), H, D
        self.keys[stream, :, slot] = k[:, :, last].reshape(rows)
        self.values[stream, :, slot] = v[:, :, last].reshape(rows)
""",
            "the reshape mixes heads and tokens: swap the two axes instead.",
        ),
        (
            "values_normalised",
            """        self.keys[stream, :, slot] = k[:, :, last].swapaxes(1, 2)
        self.values[stream, :, slot] = l2_normalize(v[:, :, last].swapaxes(1, 2))
""",
            "the values are normalised: only queries and keys are, and values keep "
            "their lengths.",
        ),
        (
            "keys_as_values",
            """        self.keys[stream, :, slot] = k[:, :, last].swapaxes(1, 2)
        self.values[stream, :, slot] = k[:, :, last].swapaxes(1, 2)
""",
            "the keys are stored as values too: store the values that were passed in.",
        ),
        (
            "values_not_written",
            """        self.keys[stream, :, slot] = k[:, :, last].swapaxes(1, 2)
""",
            "only the keys are written: write the values too.",
        ),
        (
            "shifted_along",
            """        self.keys = np.concatenate([self.keys, k], axis=2)[:, :, -M:]
        self.values = np.concatenate([self.values, v], axis=2)[:, :, -M:]
""",
            "all pairs are shifted to make room at the end: in a ring nothing moves, "
            "and token n stays in slot n mod M.",
        ),
    ),
    *instead_of(
        "self.written += T",
        (
            "writes_counted",
            "self.written += 1",
            "`written` counts the writes: it must count the tokens.",
        ),
        (
            "not_counted",
            "pass",
            "write does not add its tokens to `written`, so the memory stays empty: "
            "count them.",
        ),
        (
            "counted_up_to_M",
            "self.written = np.minimum(self.written + T, M)",
            "`written` stops at M, so every later write begins at slot 0: keep "
            "counting.",
        ),
        (
            "only_kept_tokens_counted",
            "self.written += len(last)",
            "when more than M tokens are written, only M are counted: count all of "
            "them, or the next token goes to the wrong slot.",
        ),
    ),
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
    mistakes=MISTAKES,
)
