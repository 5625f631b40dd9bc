"""The relative position bias, where mistakes behind a cache raise no error."""

import numpy as np

from ..case import Call, Output, Step, example, instead_of, law, same

# With these sizes no bucket begins at a whole number, where rounding would decide.
SIZES = ((32, 128), (10, 50), (5, 11), (16, 1000))


def buckets(distance, *sizes):
    """The call for the buckets of these distances."""
    return Call("relative_position_bucket", (np.array(distance), *sizes))


def bias(table, T, S):
    """The call for the bias of T queries and S keys."""
    return Call("relative_bias", (np.array(table), T, S))


def doubled(rng):
    """Odd distances beyond the exact half, and the same distances doubled."""
    distance = rng.permutation(np.arange(5, 32, 2)).reshape(2, 7)
    return [buckets(distance, 8, 64), buckets(2 * distance, 8, 64)]


def ahead(rng):
    """Distances to keys that are mostly ahead of the query, some of them far."""
    distance = np.append(np.arange(-4, 3), -rng.integers(5, 300, size=7))
    return [buckets(distance.reshape(2, 7))]


def sizes(rng):
    """Distances up to twice the largest distance, for several sizes."""
    return [buckets(rng.integers(0, 2 * most, (4, 9)), n, most) for n, most in SIZES]


def tables(rng):
    """A short table, and one of 32 buckets with keys beyond its exact half."""
    return [bias(rng.normal(size=(12, 3)), 4, 9), bias(rng.normal(size=(32, 2)), 3, 40)]


def behind_a_cache(rng):
    """The bias of one long segment, and of its last tokens behind a cache."""
    table = rng.normal(size=(32, 3))
    return [bias(table, 30, 30), bias(table, 4, 30)]


BUCKET = Output("bucket", "query key")
BIAS = Output("bias", "head query key")

CASES = (
    example(
        "bucket_by_hand",
        1,
        "of 8 buckets up to 64, four hold one distance each, and the others double in "
        "width",
        [buckets([[0, 1, 2, 3, 4, 5, 7], [9, 15, 17, 31, 33, 63, 1000]], 8, 64)],
        np.array([[0, 1, 2, 3, 4, 4, 4], [5, 5, 6, 6, 7, 7, 7]]),
    ),
    example(
        "bucket_of_t5",
        1,
        "by default there are 32 buckets, up to distance 128",
        [buckets([[15, 16, 18, 19], [112, 113, 128, 1000000]])],
        np.array([[15, 16, 16, 17], [30, 31, 31, 31]]),
    ),
    law(
        "bucket_of_the_double",
        1,
        "with 8 buckets up to 64, doubling a distance moves it one bucket further",
        doubled,
        lambda results, _: (results[1], results[0] + 1),
        BUCKET,
    ),
    same("bucket_ahead", 1, "keys ahead of the query fall in bucket 0", ahead),
    same(
        "bucket_sizes",
        1,
        "any number of buckets and any largest distance will do",
        sizes,
    ),
    same(
        "bucket_refuses",
        1,
        "ValueError for sizes with which the buckets cannot grow",
        lambda rng: [
            buckets([[3, 4]], 1, 128),
            buckets([[3, 4]], 32, 16),
            buckets([[3, 4]], 32, 17),
        ],
    ),
    example(
        "bias_by_hand",
        1,
        "two queries behind two cached keys read the table at their distances",
        [bias([[0.0, 10.0], [1.0, 20.0], [2.0, 30.0], [3.0, 40.0]], 2, 4)],
        np.array(
            [
                [[2.0, 1.0, 0.0, 0.0], [2.0, 2.0, 1.0, 0.0]],
                [[30.0, 20.0, 10.0, 10.0], [30.0, 30.0, 20.0, 10.0]],
            ]
        ),
    ),
    law(
        "bias_behind_a_cache",
        1,
        "a query behind a cache gets the same bias as in one long segment",
        behind_a_cache,
        lambda results, _: (results[1], results[0][:, -4:]),
        BIAS,
    ),
    same("bias", 1, "each head has its own column of the table", tables),
    same(
        "bias_single_precision",
        1,
        "a float32 table gives a float32 bias",
        lambda rng: [bias(rng.normal(size=(32, 3)).astype(np.float32), 4, 9)],
    ),
)

MISTAKES = (
    *instead_of(
        "distance = np.maximum(distance, 0)",
        (
            "negative_distances_go_through",
            "distance = np.asarray(distance)",
            "keys ahead get a negative bucket, which counts from the end of the "
            "table: put them in bucket 0.",
        ),
        (
            "ahead_as_far_as_behind",
            "distance = np.abs(distance)",
            "keys ahead share the buckets of keys equally far behind: put them all in "
            "bucket 0.",
        ),
        (
            "counted_from_one",
            "distance = np.maximum(distance, 0) + 1",
            "distances are counted from 1: the token itself is at distance 0, in "
            "bucket 0.",
        ),
    ),
    *instead_of(
        "exact = num_buckets // 2",
        (
            "half_for_keys_ahead",
            "exact, num_buckets = num_buckets // 4, num_buckets // 2",
            "half of the buckets are spent on keys ahead, which the mask removes: in "
            "the causal variant all buckets are for keys behind.",
        ),
        (
            "one_distance_per_bucket",
            "exact = num_buckets - 1",
            "each bucket holds one distance: only those of the first half should, and "
            "the others should grow wider and wider.",
        ),
    ),
    *instead_of(
        "if not 0 < exact < max_distance:",
        (
            "sizes_not_checked",
            "if False:",
            "sizes for which the buckets cannot grow are accepted: raise ValueError "
            "for them.",
        ),
    ),
    *instead_of(
        "octave = np.log(np.maximum(distance, exact) / exact) / np.log("
        "max_distance / exact)",
        (
            "logarithm_not_divided",
            "octave = np.log(np.maximum(distance, exact) / exact)",
            "the last bucket begins too early: scale the logarithm so that it reaches "
            "1 at `max_distance`.",
        ),
        (
            "two_bases",
            "octave = np.log2(np.maximum(distance, exact) / exact) / np.log("
            "max_distance / exact)",
            "the two logarithms have different bases: any base will do, but use the "
            "same for both.",
        ),
        (
            "linear_growth",
            "octave = (np.maximum(distance, exact) - exact) / (max_distance - exact)",
            "the wide buckets are all equally wide: each must be wider than the one "
            "before it, by a constant factor.",
        ),
        (
            "logarithm_counted_from_one",
            "octave = np.log(np.maximum(distance, exact)) / np.log(max_distance)",
            "the logarithm is 0 at distance 1: it must be 0 where the exact half ends.",
        ),
        (
            "largest_distance_fixed",
            "octave = np.log(np.maximum(distance, exact) / exact) / np.log("
            "128 / exact)",
            "the largest distance is always 128: use `max_distance`, which is 128 "
            "only by default.",
        ),
    ),
    *instead_of(
        "coarse = exact + (octave * (num_buckets - exact)).astype(int)",
        (
            "rounded",
            "coarse = exact + np.rint(octave * (num_buckets - exact)).astype(int)",
            "the bucket is rounded to the nearest whole number: round it down.",
        ),
        (
            "buckets_are_floats",
            "coarse = exact + np.floor(octave * (num_buckets - exact))",
            "the buckets are floats: return whole numbers, since they index a table.",
        ),
        (
            "exact_half_used_twice",
            "coarse = (octave * (num_buckets - exact)).astype(int)",
            "far keys share the buckets of near ones: the wide buckets come after the "
            "exact half.",
        ),
        (
            "exact_half_off_by_one",
            "coarse = exact - 1 + (octave * (num_buckets - exact)).astype(int)",
            "the wide buckets begin one too low: the first of them comes right after "
            "the exact half.",
        ),
        (
            "too_many_wide_buckets",
            "coarse = exact + (octave * num_buckets).astype(int)",
            "there are too many wide buckets: only the buckets after the exact half "
            "are wide.",
        ),
    ),
    *instead_of(
        "np.minimum(coarse, num_buckets - 1)",
        (
            "no_last_bucket",
            "coarse",
            "far distances get buckets beyond the end of the table: put them all in "
            "the last bucket.",
        ),
        (
            "last_bucket_off_by_one",
            "np.minimum(coarse, num_buckets)",
            "the last bucket is one too high: buckets are numbered from 0.",
        ),
    ),
    *instead_of(
        "bucket = relative_position_bucket(distance(T, S), len(table))  # (T, S)",
        (
            "no_query_offset",
            "bucket = relative_position_bucket(np.arange(T)[:, None] - np.arange(S), "
            "len(table))",
            "the queries are aligned with the first keys: behind a cache, query i "
            "stands at key S − T + i.",
        ),
        (
            "key_minus_query",
            "bucket = relative_position_bucket(-distance(T, S), len(table))",
            "the distance is reversed, so all keys behind the query fall in bucket 0: "
            "it must be query − key.",
        ),
        (
            "always_32_buckets",
            "bucket = relative_position_bucket(distance(T, S))",
            "there are always 32 buckets: take their number from the table.",
        ),
        (
            "distance_in_place_of_bucket",
            "bucket = np.clip(distance(T, S), 0, len(table) - 1)",
            "the table is read at the distance: read it at the bucket of the distance.",
        ),
    ),
    *instead_of(
        "return np.moveaxis(table[bucket], -1, 0)",
        (
            "heads_last",
            "return table[bucket]",
            "the heads are the last axis, in (T, S, H): move them to the front, to "
            "(H, T, S).",
        ),
        (
            "reshaped",
            "return table[bucket].reshape(-1, T, S)",
            "the reshape gives the right shape but mixes heads with keys: move the "
            "head axis to the front instead.",
        ),
        (
            "transposed",
            "return table[bucket].T",
            "the transpose reverses all three axes: queries must come before keys.",
        ),
        (
            "bias_in_double_precision",
            "return np.moveaxis(table[bucket], -1, 0).astype(float)",
            "a float32 table gives a float64 bias: keep the dtype of the table.",
        ),
    ),
)

STEP = Step(
    name="position",
    title="Relative position",
    module="position",
    chapter="02_position",
    todo=("relative_position_bucket", "relative_bias"),
    outputs=dict(relative_position_bucket=BUCKET, relative_bias=BIAS),
    cases=CASES,
    mistakes=MISTAKES,
)
