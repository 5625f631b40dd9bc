"""The relative position bias, where mistakes behind a cache raise no error."""

import numpy as np

from ..case import Call, Output, Step, example, law, same

# With these sizes no bucket begins at a whole number, where rounding would decide.
SIZES = ((32, 128), (10, 50), (5, 11), (16, 1000))


def buckets(distances, *sizes):
    """The call for the buckets of these distances."""
    return Call("relative_position_bucket", (np.array(distances), *sizes))


def bias(table, T, S):
    """The call for the bias of T queries and S keys."""
    return Call("relative_bias", (np.array(table), T, S))


def doubled(rng):
    """Odd distances beyond the exact half, and the same distances doubled."""
    odd = rng.permutation(np.arange(5, 32, 2)).reshape(2, 7)
    return [buckets(odd, 8, 64), buckets(2 * odd, 8, 64)]


def ahead(rng):
    """Distances to keys that are mostly ahead of the query, some of them far."""
    distances = np.append(np.arange(-4, 3), -rng.integers(5, 300, size=7))
    return [buckets(distances.reshape(2, 7))]


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


STEP = Step(
    name="position",
    title="Relative position",
    module="position",
    chapter="02_position",
    todo=("relative_position_bucket", "relative_bias"),
    outputs=dict(relative_position_bucket=BUCKET, relative_bias=BIAS),
    cases=CASES,
)
