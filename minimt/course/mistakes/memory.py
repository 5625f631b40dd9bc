"""Mistakes with the memory: lengths, slots, and streams that start a document."""

import numpy as np

from ...memory import Memory, l2_normalize


class Ring(Memory):
    """A memory whose methods are those of the step's parts."""

    def __init__(self, parts, *sizes):
        super().__init__(*sizes)
        self.parts = parts

    @property
    def valid(self):
        return self.parts.valid(self.written[:, None], self)

    def clear(self, starts):
        self.parts.clear(self, starts)

    def write(self, k, v):
        self.parts.write(self, k, v)


class Parts:
    """The step done right; each subclass is a mistake, its docstring the hint."""

    def Memory(self, *sizes):
        return Ring(self, *sizes)

    def l2_normalize(self, x, eps=1e-6):
        return x / self.bounded(self.length(x), eps)

    def length(self, x):
        return np.linalg.norm(x, axis=-1, keepdims=True)

    def bounded(self, length, eps):
        return np.maximum(length, eps)

    def valid(self, written, memory):
        return np.arange(memory.keys.shape[2]) < written

    def clear(self, memory, starts):
        memory.written[starts] = 0

    def write(self, memory, k, v):
        T, M = k.shape[2], memory.keys.shape[2]
        self.check(memory.keys.shape, k.shape, v.shape)
        kept = self.kept(T, M)
        slot = self.slot(memory.written[:, None], kept, M, memory)
        self.store(memory.keys, slot, k[:, :, kept])
        self.store(memory.values, slot, self.stored_values(k, v)[:, :, kept])
        self.count(memory, T, M)

    def check(self, shape, keys, values):
        if keys != (*shape[:2], keys[2], shape[3]) or values != keys:
            raise ValueError

    def kept(self, T, M):
        return np.arange(max(0, T - M), T)

    def slot(self, written, kept, M, memory):
        return (written + kept) % M

    def store(self, array, slot, x):
        array[np.arange(len(array))[:, None], :, slot] = x.swapaxes(1, 2)

    def stored_values(self, k, v):
        return v

    def count(self, memory, T, M):
        memory.written += T


class LengthOfEverything(Parts):
    """all vectors are divided by one length: divide each by its own, taken along the
    last axis."""

    def length(self, x):
        return np.linalg.norm(x)


class NormalisedOverTokens(Parts):
    """the length is taken over the tokens: take it over the channels, the last
    axis."""

    def length(self, x):
        return np.linalg.norm(x, axis=-2, keepdims=True)


class NormalisedOverHeads(Parts):
    """the length is taken over the heads: take it over the channels, the last axis."""

    def length(self, x):
        return np.linalg.norm(x, axis=1, keepdims=True)


class SquareOfTheLength(Parts):
    """the vectors are divided by the square of their length: take the root first."""

    def length(self, x):
        return (x * x).sum(axis=-1, keepdims=True)


class SumOfAbsoluteValues(Parts):
    """the vectors are divided by the sum of their absolute values: the length is the
    root of the sum of squares."""

    def length(self, x):
        return np.abs(x).sum(axis=-1, keepdims=True)


class LargestAbsoluteValue(Parts):
    """the vectors are divided by their largest absolute value: the length is the root
    of the sum of squares."""

    def length(self, x):
        return np.abs(x).max(axis=-1, keepdims=True)


class MeanSquare(Parts):
    """the vectors are divided by the root of their mean square, as in an RMS norm: use
    the sum of squares, not the mean."""

    def length(self, x):
        return np.sqrt((x * x).mean(axis=-1, keepdims=True))


class EpsAdded(Parts):
    """eps is added to the length, so every vector becomes slightly too short: use eps
    as a lower bound."""

    def bounded(self, length, eps):
        return length + eps


class EpsUnderTheRoot(Parts):
    """eps is added under the root: use it as a lower bound for the length."""

    def bounded(self, length, eps):
        return np.sqrt(length * length + eps)


class SquareOfEpsUnderTheRoot(Parts):
    """the square of eps is added under the root: use eps as a lower bound for the
    length."""

    def bounded(self, length, eps):
        return np.sqrt(length * length + eps * eps)


class EpsBoundsTheSquare(Parts):
    """eps is a lower bound for the square of the length: it must be one for the length
    itself."""

    def bounded(self, length, eps):
        return np.sqrt(np.maximum(length * length, eps))


class DividedByZero(Parts):
    """a vector of zeros gives 0 / 0: never divide by less than eps."""

    def bounded(self, length, eps):
        return length


class ZeroAlone(Parts):
    """only vectors of length 0 are spared: all that are shorter than eps must be
    divided by eps."""

    def bounded(self, length, eps):
        return np.where(length == 0, 1, length)


class ShortVectorsLeft(Parts):
    """vectors shorter than eps are left as they are: divide them by eps."""

    def bounded(self, length, eps):
        return np.where(length < eps, 1, length)


class ShortVectorsZeroed(Parts):
    """vectors shorter than eps become 0: divide them by eps."""

    def bounded(self, length, eps):
        return np.where(length < eps, np.inf, length)


class EpsFixed(Parts):
    """the argument `eps` has no effect: 1e-6 is only its default."""

    def bounded(self, length, eps):
        return np.maximum(length, 1e-6)


class AllSlotsValid(Parts):
    """slots that were never written are valid, so their zeros can be found as memories:
    only slots that hold a token are valid."""

    def valid(self, written, memory):
        return np.ones((len(written), memory.keys.shape[2]), bool)


class AllValidAfterAWrite(Parts):
    """one token makes all slots valid: each slot becomes valid when it is written."""

    def valid(self, written, memory):
        return np.repeat(written > 0, memory.keys.shape[2], axis=1)


class ValidOffByOne(Parts):
    """one slot too many is valid: after n tokens, slots 0 to n − 1 are valid."""

    def valid(self, written, memory):
        return super().valid(written + 1, memory)


class ValidOneTooFew(Parts):
    """one slot too few is valid: after n tokens, slots 0 to n − 1 are valid."""

    def valid(self, written, memory):
        return super().valid(written - 1, memory)


class ValidBeginsAnew(Parts):
    """slots stop being valid when the ring starts over: once full, all slots stay valid
    until a clear."""

    def valid(self, written, memory):
        return super().valid(written % memory.keys.shape[2], memory)


class ValidGuessedFromKeys(Parts):
    """valid slots are recognised by their keys, but old keys stay there after a clear:
    use the number of tokens written."""

    def valid(self, written, memory):
        return (memory.keys != 0).any(axis=(1, 3))


class ValidOfTheFirstStream(Parts):
    """all streams have the valid slots of stream 0: each stream has its own number of
    tokens."""

    def valid(self, written, memory):
        return super().valid(np.full_like(written, written[0, 0]), memory)


class ValidReversed(Parts):
    """the slots that hold nothing are valid, and the others are not: True means that
    the slot holds a token."""

    def valid(self, written, memory):
        return ~super().valid(written, memory)


class LastSlotsValid(Parts):
    """the slots are taken to fill up from the end: token n goes into slot n mod M."""

    def valid(self, written, memory):
        return super().valid(written, memory)[:, ::-1]


class AllStreamsCleared(Parts):
    """one start clears all streams: the other streams must keep their tokens."""

    def clear(self, memory, starts):
        memory.written[:] *= not np.any(starts)


class AlwaysCleared(Parts):
    """clear always empties all streams: empty only those in which a document starts."""

    def clear(self, memory, starts):
        memory.written[:] = 0


class StartsAsNumbers(Parts):
    """False and True are used as the indices 0 and 1, so streams 0 and 1 are cleared:
    use `starts` as a mask."""

    def clear(self, memory, starts):
        memory.written[starts.astype(int)] = 0


class OtherStreamsCleared(Parts):
    """clear empties the streams in which no document starts: empty the others
    instead."""

    def clear(self, memory, starts):
        memory.written[~starts] = 0


class ZeroedButValid(Parts):
    """the slots are set to zero but stay valid: reset the number of tokens written."""

    def clear(self, memory, starts):
        memory.keys[starts] = memory.values[starts] = 0


class NeverCleared(Parts):
    """clear has no effect: a stream that starts a document must have no valid
    slots."""

    def clear(self, memory, starts):
        pass


class SizesNotChecked(Parts):
    """NumPy silently broadcasts one head's keys to all heads: raise ValueError for keys
    of other sizes."""

    def check(self, shape, keys, values):
        pass


class HeadsNotChecked(SizesNotChecked):
    def check(self, shape, keys, values):
        if keys[0] != shape[0] or keys[3] != shape[3] or values != keys:
            raise ValueError


class StreamsNotChecked(SizesNotChecked):
    def check(self, shape, keys, values):
        if keys[1] != shape[1] or keys[3] != shape[3] or values != keys:
            raise ValueError


class ChannelsNotChecked(SizesNotChecked):
    def check(self, shape, keys, values):
        if keys[:2] != shape[:2] or values != keys:
            raise ValueError


class OnlyValuesChecked(SizesNotChecked):
    def check(self, shape, keys, values):
        if values != keys:
            raise ValueError


class ValuesNotChecked(Parts):
    """only the sizes of the keys are checked: check those of the values too."""

    def check(self, shape, keys, values):
        super().check(shape, keys, keys)


class CheckedTooLate(Parts):
    """keys or values of other sizes are counted although they are refused: check the
    sizes first."""

    def write(self, memory, k, v):
        memory.written += k.shape[2]
        self.check(memory.keys.shape, k.shape, v.shape)
        memory.written -= k.shape[2]
        super().write(memory, k, v)


class FirstTokensKept(Parts):
    """of more than M tokens the first M are kept: keep the last M."""

    def kept(self, T, M):
        return np.arange(min(T, M))


class AlwaysFromSlot0(Parts):
    """each write begins at slot 0: continue where the last write ended."""

    def slot(self, written, kept, M, memory):
        return 0 * written + kept % M


class NoRing(Parts):
    """the slot numbers run past the last slot: after slot M − 1 comes slot 0."""

    def slot(self, written, kept, M, memory):
        return written + kept


class StopsAtTheLastSlot(Parts):
    """once the memory is full, every token goes to the last slot: start over at slot 0
    instead."""

    def slot(self, written, kept, M, memory):
        return np.minimum(written + kept, M - 1)


class WrappedTokensDropped(Parts):
    """what does not fit before the last slot is dropped: it goes to slot 0 and the
    slots after it."""

    def write(self, memory, k, v):
        self.check(memory.keys.shape, k.shape, v.shape)
        T, M = k.shape[2], memory.keys.shape[2]
        for b in range(len(k)):
            first = memory.written[b] % M
            for array, x in ((memory.keys, k), (memory.values, v)):
                room = array[b, :, first : first + T].shape[1]
                array[b, :, first : first + T] = x[b, :, :room]
        memory.written += T


class LastOfWrappedTokensKept(WrappedTokensDropped):
    def write(self, memory, k, v):
        M = memory.keys.shape[2]
        super().write(memory, k[:, :, -M:], v[:, :, -M:])
        memory.written += max(0, k.shape[2] - M)


class FullTakesNothing(Parts):
    """a full memory takes nothing more: overwrite its oldest tokens."""

    def write(self, memory, k, v):
        self.check(memory.keys.shape, k.shape, v.shape)
        M = memory.keys.shape[2]
        for b, t in np.ndindex(len(k), k.shape[2]):
            n = memory.written[b] + t
            if n < M:
                memory.keys[b, :, n], memory.values[b, :, n] = k[b, :, t], v[b, :, t]
        memory.written += k.shape[2]


class FullTakesNothingNorCounts(FullTakesNothing):
    def write(self, memory, k, v):
        super().write(memory, k, v)
        memory.written[:] = np.minimum(memory.written, memory.keys.shape[2])


class SkippedTokensNotCounted(Parts):
    """when more than M tokens are written, the skipped ones are not counted: token n of
    the document belongs in slot n mod M."""

    def slot(self, written, kept, M, memory):
        return (written + np.arange(len(kept))) % M


class FirstPlaceForAllStreams(Parts):
    """all streams are written at the next slot of stream 0: each stream has its own
    next slot."""

    def slot(self, written, kept, M, memory):
        return (np.full_like(written, written[0, 0]) + kept) % M


class LastPlaceForAllStreams(Parts):
    """all streams are written at the same slot: each stream has its own next slot."""

    def slot(self, written, kept, M, memory):
        return (np.full_like(written, written.max()) + kept) % M


class PlaceNotReset(Parts):
    """clear resets which slots are valid but not where the next token goes: a new
    document begins at slot 0."""

    def slot(self, written, kept, M, memory):
        return (0 * written + getattr(memory, "place", 0) + kept) % M

    def count(self, memory, T, M):
        memory.written += T
        memory.place = getattr(memory, "place", 0) + T


class OneSlotLate(Parts):
    """every token is one slot too far on: token n goes into slot n mod M."""

    def slot(self, written, kept, M, memory):
        return (written + kept + 1) % M


class NewestOverwritten(Parts):
    """tokens are written from the last slot down: token n goes into slot n mod M."""

    def slot(self, written, kept, M, memory):
        return M - 1 - (written + kept) % M


class AxesNotSwapped(Parts):
    """a slice between two index arrays puts their axes first: what you assign must have
    the shape (B, T, H, D)."""

    def store(self, array, slot, x):
        array[np.arange(len(array))[:, None], :, slot] = x


class HeadsReshaped(Parts):
    """the reshape mixes heads and tokens: swap the two axes instead."""

    def store(self, array, slot, x):
        B, H, T, D = x.shape
        super().store(array, slot, x.reshape(B, T, H, D).swapaxes(1, 2))


class FirstHeadForAll(Parts):
    """all heads get the tokens of head 0: each head has its own keys and values."""

    def store(self, array, slot, x):
        super().store(array, slot, np.repeat(x[:, :1], x.shape[1], axis=1))


class ValuesNormalised(Parts):
    """the values are normalised: only queries and keys are, and values keep their
    lengths."""

    def stored_values(self, k, v):
        return l2_normalize(v)


class KeysNormalised(Parts):
    """write normalises the keys: whoever calls it has done so, and write stores what it
    is given."""

    def write(self, memory, k, v):
        super().write(memory, l2_normalize(k), v)


class KeysAndValuesNormalised(KeysNormalised):
    def stored_values(self, k, v):
        return l2_normalize(v)


class KeysAsValues(Parts):
    """the keys are stored as values too: store the values that were passed in."""

    def stored_values(self, k, v):
        return k


class KeysAndValuesExchanged(Parts):
    """keys and values are exchanged: store the first argument as keys."""

    def write(self, memory, k, v):
        super().write(memory, v, k)


class ValuesNotWritten(Parts):
    """only the keys are written: write the values too."""

    def stored_values(self, k, v):
        return np.zeros_like(v)


class ShiftedAlong(Parts):
    """all pairs are shifted to make room at the end: in a ring nothing moves, and token
    n stays in slot n mod M."""

    def write(self, memory, k, v):
        self.check(memory.keys.shape, k.shape, v.shape)
        M = memory.keys.shape[2]
        memory.keys = np.concatenate([memory.keys, k], axis=2)[:, :, -M:]
        memory.values = np.concatenate([memory.values, v], axis=2)[:, :, -M:]
        memory.written += k.shape[2]


class ArraysKept(Parts):
    """the memory keeps the arrays it was given, so that whoever changes them changes
    it: copy them into the slots."""

    def write(self, memory, k, v):
        M, empty = memory.keys.shape[2], not memory.written.any()
        super().write(memory, k, v)
        if empty and self.kept_whole(k.shape[2], M):
            memory.keys, memory.values = k[:, :, -M:], v[:, :, -M:]

    def kept_whole(self, T, M):
        return T >= M


class ArraysOfThatSizeKept(ArraysKept):
    def kept_whole(self, T, M):
        return T == M


class WritesCounted(Parts):
    """`written` counts the writes: it must count the tokens."""

    def count(self, memory, T, M):
        memory.written += 1


class NotCounted(Parts):
    """write does not add its tokens to `written`, so the memory stays empty: count
    them."""

    def count(self, memory, T, M):
        pass


class CountedUpToM(Parts):
    """`written` stops at M, so every later write begins at slot 0: keep counting."""

    def count(self, memory, T, M):
        memory.written[:] = np.minimum(memory.written + T, M)


class OnlyKeptTokensCounted(Parts):
    """when more than M tokens are written, only M are counted: count all of them, or
    the next token goes to the wrong slot."""

    def count(self, memory, T, M):
        memory.written += min(T, M)
