"""Mistakes with the cache: what is kept, and what is masked."""

import numpy as np

from ...attention import causal_mask


class Parts:
    """The step done right; each subclass is a mistake, its docstring the hint."""

    def extend_cache(self, cache, k, v, C):
        if cache is not None:
            k, v = self.joined(cache, k, v, C)
        return self.last(k, C), self.last_values(v, C)

    def joined(self, cache, k, v, C):
        return tuple(np.concatenate(x, axis=2) for x in zip(cache, (k, v)))

    def last(self, x, C):
        return x[:, :, max(0, x.shape[2] - C) :]

    def last_values(self, x, C):
        return self.last(x, C)

    def document_mask(self, age, T, S):
        first = self.first(age, T, S)[:, None, None, None]
        return self.combined(causal_mask(T, S), np.arange(S) >= first)

    def first(self, age, T, S):
        return S - T - age

    def combined(self, behind, inside):
        return behind & inside


class MinusNothing(Parts):
    """C = 0 keeps every token, because −0 is the same as 0: count the oldest token to
    keep from the front."""

    def last(self, x, C):
        return x[:, :, -C:]


class ShorterThanC(Parts):
    """with fewer than C tokens the oldest one to keep gets a negative number, which
    counts from the end: keep all tokens then."""

    def last(self, x, C):
        return x[:, :, x.shape[2] - C :]


class NeverCut(Parts):
    """no token is ever dropped: keep only the last C."""

    def last(self, x, C):
        return x


class OneTooMany(Parts):
    """one token too many is kept: keep C of them, not C + 1."""

    def last(self, x, C):
        return super().last(x, C + 1)


class OneTooFew(Parts):
    """one token too few is kept: keep C of them, not C − 1."""

    def last(self, x, C):
        return super().last(x, max(0, C - 1))


class FirstTokensKept(Parts):
    """the first C tokens are kept: keep the last C, which are the nearest."""

    def last(self, x, C):
        return x[:, :, :C]


class ValuesNeverCut(Parts):
    """the values are not cut: keep the same tokens as for the keys."""

    def last_values(self, x, C):
        return x


class KeysNeverCut(Parts):
    """the keys are not cut: keep the same tokens as for the values."""

    def last(self, x, C):
        return x

    def last_values(self, x, C):
        return super().last(x, C)


class HeadsCut(Parts):
    """the heads are cut: cut the tokens, which are axis 2."""

    def last(self, x, C):
        return x[:, max(0, x.shape[2] - C) :]


class HeadsCutByTheirNumber(HeadsCut):
    def last(self, x, C):
        return x[:, -C:]


class HeadsCutUnlessNoneIsKept(HeadsCut):
    def last(self, x, C):
        return x[:, -C:] if C else x[:, :, :0]


class ValuesFirst(Parts):
    """keys and values are exchanged: a cache is the pair (keys, values)."""

    def extend_cache(self, cache, k, v, C):
        return super().extend_cache(cache, k, v, C)[::-1]


class KeysTwice(Parts):
    """the keys take the place of the values: return the values too."""

    def extend_cache(self, cache, k, v, C):
        return super().extend_cache(cache, k, v, C)[:1] * 2


class ValuesTwice(Parts):
    """the values take the place of the keys: return the keys too."""

    def extend_cache(self, cache, k, v, C):
        return super().extend_cache(cache, k, v, C)[1:] * 2


class NewBeforeOld(Parts):
    """the new tokens come before the cached ones: keep them in reading order."""

    def joined(self, cache, k, v, C):
        return super().joined((k, v), *cache, C)


class NewKeysBeforeOld(NewBeforeOld):
    def joined(self, cache, k, v, C):
        right = Parts.joined(self, cache, k, v, C)
        return super().joined(cache, k, v, C)[0], right[1]


class CacheReplaced(Parts):
    """the new tokens replace the cache: append them to it."""

    def joined(self, cache, k, v, C):
        return k, v


class HeadsAppended(Parts):
    """the tokens are appended as extra heads: append them along the token axis."""

    def joined(self, cache, k, v, C):
        return tuple(np.concatenate(x, axis=1) for x in zip(cache, (k, v)))


class CacheCutFirst(Parts):
    """the old cache is cut to C tokens before the new ones are appended: append first,
    then cut."""

    def extend_cache(self, cache, k, v, C):
        if cache is None:
            return k, v
        return self.joined([x[:, :, max(0, x.shape[2] - C) :] for x in cache], k, v, C)


class CacheCutFirstButNotNew(CacheCutFirst):
    def extend_cache(self, cache, k, v, C):
        if cache is None:
            return Parts.extend_cache(self, cache, k, v, C)
        return super().extend_cache(cache, k, v, C)


class CacheCutByMinusC(CacheCutFirst):
    def extend_cache(self, cache, k, v, C):
        if cache is None:
            return k, v
        return self.joined([x[:, :, -C:] for x in cache], k, v, C)


class FirstSegmentNotCut(Parts):
    """without a cache the tokens are not cut: keep the last C of them then, too."""

    def extend_cache(self, cache, k, v, C):
        return (k, v) if cache is None else super().extend_cache(cache, k, v, C)


class KeysAmongTheValues(Parts):
    """cached keys are put before the new values: put the cached values there."""

    def joined(self, cache, k, v, C):
        return super().joined((cache[0], cache[0]), k, v, C)


class OpenFromTheSecondSegment(Parts):
    """the whole cache is open from a document's second segment on: its older tokens may
    still belong to another document."""

    def first(self, age, T, S):
        return np.where(age == 0, S - T, 0)


class AgeWithoutTheSegment(Parts):
    """the age is counted back from the end of the segment: count it back from the
    segment's first key, S − T."""

    def first(self, age, T, S):
        return S - age


class AgeWithTheSegment(Parts):
    """T tokens of another document are open: the age counts only the tokens read before
    this segment."""

    def first(self, age, T, S):
        return S - T - (age + T)


class AgeAsAKeyPosition(Parts):
    """the age is counted forward from key 0: count it back from the segment's first
    key, S − T."""

    def first(self, age, T, S):
        return age


class AgePlusTheCache(Parts):
    """the age is added to the cache's length: subtract it, since an older document
    reaches further back."""

    def first(self, age, T, S):
        return S - T + age


class NoHeadAxis(Parts):
    """the mask has no head axis: its shape must be (B, 1, T, S), one mask for all
    heads."""

    def document_mask(self, age, T, S):
        return super().document_mask(age, T, S)[:, 0]


class NoHeadAndQueryAxis(NoHeadAxis):
    def document_mask(self, age, T, S):
        return super().document_mask(age, T, S)[:, -1:]


class YoungestForAll(Parts):
    """one stream that starts a document closes the cache of all streams: use each
    stream's own age."""

    def first(self, age, T, S):
        return S - T - np.full_like(age, age.min())


class OldestForAll(Parts):
    """all streams have the age of the oldest one: use each stream's own age."""

    def first(self, age, T, S):
        return S - T - np.full_like(age, age.max())


class FirstAgeForAll(Parts):
    """all streams have the age of stream 0: use each stream's own age."""

    def first(self, age, T, S):
        return S - T - np.full_like(age, age[0])


class DocumentOneTooEarly(Parts):
    """the last token of the other document is open: the document begins one key
    later."""

    def first(self, age, T, S):
        return S - T - age - 1


class AgeWithoutEffect(Parts):
    """only keys ahead of the query are blocked: block cached keys of another document
    too."""

    def combined(self, behind, inside):
        return behind | (inside & False)


class FutureOpen(Parts):
    """only keys of another document are blocked: block the keys ahead of the query
    too."""

    def combined(self, behind, inside):
        return inside | (behind & False)


class FirstTokenBlocked(Parts):
    """the document's first token is blocked: open it, or its own query can attend to
    nothing."""

    def first(self, age, T, S):
        return S - T - age + 1


class TrueMeansBlocked(Parts):
    """the mask is reversed: True means that the query may attend to the key."""

    def combined(self, behind, inside):
        return ~(behind & inside)


class EitherOfTheTwo(Parts):
    """a key is open if it obeys one of the two rules: it must obey both."""

    def combined(self, behind, inside):
        return behind | inside


class CacheClosedForAllButOldStreams(Parts):
    """a stream sees nothing of its cache until its document fills it: open the cached
    tokens of this document."""

    def first(self, age, T, S):
        return np.where(age >= S - T, 0, S - T)


class CacheAlwaysClosed(Parts):
    """no cached key is open: open those of this document."""

    def first(self, age, T, S):
        return np.full_like(age, S - T)


class AlignedAtTheFirstKey(Parts):
    """queries are aligned with the first keys: query i stands at key S − T + i."""

    def document_mask(self, age, T, S):
        first = self.first(age, T, S)[:, None, None, None]
        return self.combined(np.tri(T, S, dtype=bool), np.arange(S) >= first)
