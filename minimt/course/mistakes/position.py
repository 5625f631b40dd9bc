"""Mistakes with the relative bias: buckets, and the table."""

import numpy as np

from ...attention import distance


class Parts:
    """The step done right; each subclass is a mistake, its docstring the hint."""

    def relative_position_bucket(self, distance, num_buckets=32, max_distance=128):
        exact = num_buckets // 2
        self.check(exact, max_distance)
        n = self.behind(distance)
        octave = self.octave(np.maximum(n, exact), exact, max_distance)
        coarse = self.coarse(octave, exact, num_buckets)
        return np.where(n < exact, n, self.last(coarse, num_buckets))

    def check(self, exact, max_distance):
        if not 0 < exact < max_distance:
            raise ValueError

    def behind(self, distance):
        return np.maximum(distance, 0)

    def octave(self, n, exact, max_distance):
        return np.log(n / exact) / np.log(max_distance / exact)

    def coarse(self, octave, exact, num_buckets):
        return exact + (octave * (num_buckets - exact)).astype(int)

    def last(self, coarse, num_buckets):
        return np.minimum(coarse, num_buckets - 1)

    def relative_bias(self, table, T, S):
        return self.arranged(table[self.bucket(table, T, S)], T, S)

    def bucket(self, table, T, S):
        return self.relative_position_bucket(self.distance(T, S), len(table))

    def distance(self, T, S):
        return distance(T, S)

    def arranged(self, rows, T, S):
        return np.moveaxis(rows, -1, 0)


class NegativeDistancesGoThrough(Parts):
    """keys ahead get a negative bucket, which counts from the end of the table: put
    them in bucket 0."""

    def behind(self, distance):
        return np.asarray(distance)


class AheadAsFarAsBehind(Parts):
    """keys ahead share the buckets of keys equally far behind: put them all in bucket
    0."""

    def behind(self, distance):
        return np.abs(distance)


class CountedFromOne(Parts):
    """distances are counted from 1: the token itself is at distance 0, in bucket 0."""

    def behind(self, distance):
        return np.maximum(distance, 0) + 1


class HalfForKeysAhead(Parts):
    """half of the buckets are spent on keys ahead, which the mask removes: in the
    causal variant all buckets are for keys behind."""

    def relative_position_bucket(self, distance, num_buckets=32, max_distance=128):
        self.check(num_buckets // 2, max_distance)
        n, half = self.behind(distance), num_buckets // 2
        return super().relative_position_bucket(n, half, max_distance)


class BothHalvesOfT5(HalfForKeysAhead):
    def relative_position_bucket(self, distance, num_buckets=32, max_distance=128):
        near = super().relative_position_bucket(distance, num_buckets, max_distance)
        return near + (np.asarray(distance) < 0) * (num_buckets // 2)

    def behind(self, distance):
        return np.abs(distance)


class BothHalvesOfT5Reversed(BothHalvesOfT5):
    def relative_position_bucket(self, distance, num_buckets=32, max_distance=128):
        return super().relative_position_bucket(
            -np.asarray(distance), num_buckets, max_distance
        )


class OneDistancePerBucket(Parts):
    """each bucket holds one distance: only those of the first half should, and the
    others should grow wider and wider."""

    def relative_position_bucket(self, distance, num_buckets=32, max_distance=128):
        self.check(num_buckets // 2, max_distance)
        return self.last(self.behind(distance), num_buckets)


class NoExactHalf(Parts):
    """all buckets grow logarithmically: each of the first half must hold one
    distance."""

    def relative_position_bucket(self, distance, num_buckets=32, max_distance=128):
        self.check(num_buckets // 2, max_distance)
        octave = np.log1p(self.behind(distance)) / np.log1p(max_distance)
        return self.last((octave * num_buckets).astype(int), num_buckets)


class SizesNotChecked(Parts):
    """sizes for which the buckets cannot grow are accepted: raise ValueError for
    them."""

    def check(self, exact, max_distance):
        pass


class OneBucketAllowed(SizesNotChecked):
    def check(self, exact, max_distance):
        if exact >= max_distance:
            raise ValueError


class NoRoomAllowed(SizesNotChecked):
    def check(self, exact, max_distance):
        if exact < 1:
            raise ValueError


class SmallestDistanceAllowed(SizesNotChecked):
    def check(self, exact, max_distance):
        if not 0 < exact <= max_distance:
            raise ValueError


class LogarithmNotDivided(Parts):
    """the last bucket begins too early: scale the logarithm so that it reaches 1 at
    `max_distance`."""

    def octave(self, n, exact, max_distance):
        return np.log(n / exact)


class TwoBases(Parts):
    """the two logarithms have different bases: any base will do, but use the same for
    both."""

    def octave(self, n, exact, max_distance):
        return np.log2(n / exact) / np.log(max_distance / exact)


class LinearGrowth(Parts):
    """the wide buckets are all equally wide: each must be wider than the one before it,
    by a constant factor."""

    def octave(self, n, exact, max_distance):
        return (n - exact) / (max_distance - exact)


class LogarithmFromOne(Parts):
    """the logarithm is 0 at distance 1: it must be 0 where the exact half ends."""

    def octave(self, n, exact, max_distance):
        return np.log(n) / np.log(max_distance)


class LogarithmFromOneBelow(LogarithmFromOne):
    def octave(self, n, exact, max_distance):
        return np.log(n) / np.log(max_distance / exact)


class LargestDistanceFixed(Parts):
    """the largest distance is always 128: use `max_distance`, which is 128 only by
    default."""

    def octave(self, n, exact, max_distance):
        return super().octave(n, exact, 128)


class NumberOfBucketsFixed(Parts):
    """there are always 32 buckets: use `num_buckets`, which is 32 only by default."""

    def relative_position_bucket(self, distance, num_buckets=32, max_distance=128):
        self.check(num_buckets // 2, max_distance)
        return super().relative_position_bucket(distance, 32, max_distance)

    def bucket(self, table, T, S):
        return super().relative_position_bucket(self.distance(T, S), len(table))


class Rounded(Parts):
    """the bucket is rounded to the nearest whole number: round it down."""

    def coarse(self, octave, exact, num_buckets):
        return exact + np.rint(octave * (num_buckets - exact)).astype(int)


class RoundedUp(Parts):
    """the bucket is rounded up: round it down."""

    def coarse(self, octave, exact, num_buckets):
        return exact + np.ceil(octave * (num_buckets - exact)).astype(int)


class BucketsAreFloats(Parts):
    """the buckets are floats: return whole numbers, since they index a table."""

    def relative_position_bucket(self, distance, num_buckets=32, max_distance=128):
        return 1.0 * super().relative_position_bucket(
            distance, num_buckets, max_distance
        )

    def bucket(self, table, T, S):
        return super().bucket(table, T, S).astype(int)


class ExactHalfUsedTwice(Parts):
    """far keys share the buckets of near ones: the wide buckets come after the exact
    half."""

    def coarse(self, octave, exact, num_buckets):
        return (octave * (num_buckets - exact)).astype(int)


class ExactHalfUsedTwiceByAll(ExactHalfUsedTwice):
    def coarse(self, octave, exact, num_buckets):
        return (octave * num_buckets).astype(int)


class ExactHalfOffByOne(Parts):
    """the wide buckets begin one too low: the first of them comes right after the exact
    half."""

    def coarse(self, octave, exact, num_buckets):
        return super().coarse(octave, exact, num_buckets) - 1


class WideBucketsOneTooHigh(Parts):
    """the wide buckets begin one too high: the first of them comes right after the
    exact half."""

    def coarse(self, octave, exact, num_buckets):
        return super().coarse(octave, exact, num_buckets) + 1


class TooManyWideBuckets(Parts):
    """there are too many wide buckets: only the buckets after the exact half are
    wide."""

    def coarse(self, octave, exact, num_buckets):
        return exact + (octave * num_buckets).astype(int)


class OneWideBucketTooFew(Parts):
    """there is one wide bucket too few: all buckets after the exact half are wide."""

    def coarse(self, octave, exact, num_buckets):
        return exact + (octave * (num_buckets - exact - 1)).astype(int)


class NoLastBucket(Parts):
    """far distances get buckets beyond the end of the table: put them all in the last
    bucket."""

    def last(self, coarse, num_buckets):
        return coarse


class LastBucketOffByOne(Parts):
    """the last bucket is one too high: buckets are numbered from 0."""

    def last(self, coarse, num_buckets):
        return np.minimum(coarse, num_buckets)


class NoQueryOffset(Parts):
    """the queries are aligned with the first keys: behind a cache, query i stands at
    key S − T + i."""

    def distance(self, T, S):
        return np.arange(T)[:, None] - np.arange(S)


class KeyMinusQuery(Parts):
    """the distance is reversed, so all keys behind the query fall in bucket 0: it must
    be query − key."""

    def distance(self, T, S):
        return -distance(T, S)


class DistanceWithoutSign(Parts):
    """keys ahead share the buckets of keys equally far behind: put them all in bucket
    0, and leave the sign of the distance."""

    def distance(self, T, S):
        return np.abs(distance(T, S))


class Always32Buckets(Parts):
    """there are always 32 buckets: take their number from the table."""

    def bucket(self, table, T, S):
        return self.relative_position_bucket(self.distance(T, S))


class BucketsFromTheHeads(Parts):
    """the number of buckets is taken from the last axis of the table, the heads: it is
    the length of the first."""

    def bucket(self, table, T, S):
        return self.relative_position_bucket(self.distance(T, S), table.shape[1])


class DistanceForBucket(Parts):
    """the table is read at the distance: read it at the bucket of the distance."""

    def bucket(self, table, T, S):
        return np.clip(self.distance(T, S), 0, len(table) - 1)


class DistanceForBucketUncut(DistanceForBucket):
    def bucket(self, table, T, S):
        return self.distance(T, S)


class HeadsLast(Parts):
    """the heads are the last axis, in (T, S, H): move them to the front, to (H, T,
    S)."""

    def arranged(self, rows, T, S):
        return rows


class Reshaped(Parts):
    """the reshape gives the right shape but mixes heads with keys: move the head axis
    to the front instead."""

    def arranged(self, rows, T, S):
        return rows.reshape(-1, T, S)


class Transposed(Parts):
    """the transpose reverses all three axes: queries must come before keys."""

    def arranged(self, rows, T, S):
        return rows.T


class FirstColumn(Parts):
    """all heads get the first column of the table: each head has a column of its
    own."""

    def arranged(self, rows, T, S):
        return np.broadcast_to(rows[..., 0], (rows.shape[-1], T, S))


class MeanColumn(Parts):
    """all heads get the mean of the columns of the table: each head has a column of its
    own."""

    def arranged(self, rows, T, S):
        return np.broadcast_to(rows.mean(axis=-1), (rows.shape[-1], T, S))


class OneColumnWithoutHeads(Parts):
    """the bias has no head axis: each head has a column of the table, so the shape is
    (H, T, S)."""

    def arranged(self, rows, T, S):
        return rows[..., 0]


class KeysAheadWithoutBias(Parts):
    """keys ahead of the query get no bias: they have that of bucket 0, and the mask
    removes them."""

    def arranged(self, rows, T, S):
        return np.where(distance(T, S) >= 0, np.moveaxis(rows, -1, 0), 0)


class KeysAheadMasked(Parts):
    """keys ahead of the query get a bias of −inf: they have that of bucket 0, and the
    mask removes them."""

    def arranged(self, rows, T, S):
        return np.where(distance(T, S) >= 0, np.moveaxis(rows, -1, 0), -np.inf)
