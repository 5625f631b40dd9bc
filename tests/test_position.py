"""T5's relative position bias, against its definition in whole numbers."""

import numpy as np
import pytest

from minimt.position import relative_position_bucket

SIZES = [(32, 128), (8, 64), (6, 24), (5, 11), (2, 2), (16, 1000)]


def bucket_by_definition(n, num_buckets, max_distance):
    """Half the buckets are exact. Of the others, `coarse` in number, the j-th begins
    at exact · (max_distance / exact)^(j / coarse); raised to a power, it is exact."""
    exact = num_buckets // 2
    coarse = num_buckets - exact
    if n < exact:
        return n
    begun = [
        exact + j
        for j in range(coarse)
        if n**coarse * exact**j >= max_distance**j * exact**coarse
    ]
    return begun[-1]


def test_eight_buckets_up_to_64_double_in_width():
    distance = np.array([0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 1000])
    expected = [0, 1, 2, 3, 4, 4, 5, 5, 6, 6, 7, 7, 7, 7]
    np.testing.assert_array_equal(relative_position_bucket(distance, 8, 64), expected)


def test_the_default_is_the_one_of_t5():
    distance = np.array([15, 16, 18, 19, 112, 113, 127, 128, 10**6])
    expected = [15, 16, 16, 17, 30, 31, 31, 31, 31]
    np.testing.assert_array_equal(relative_position_bucket(distance), expected)


@pytest.mark.parametrize("num_buckets, max_distance", SIZES)
def test_every_distance_is_in_the_bucket_of_the_definition(num_buckets, max_distance):
    distance = np.arange(2 * max_distance)
    bucket = relative_position_bucket(distance, num_buckets, max_distance)
    for n in distance.tolist():
        assert bucket[n] == bucket_by_definition(n, num_buckets, max_distance)


@pytest.mark.parametrize("num_buckets, max_distance", SIZES)
def test_a_larger_distance_is_never_in_a_smaller_bucket(num_buckets, max_distance):
    distance = np.arange(2 * max_distance)
    bucket = relative_position_bucket(distance, num_buckets, max_distance)
    assert (np.diff(bucket) >= 0).all()


@pytest.mark.parametrize("num_buckets, max_distance", SIZES)
def test_the_first_half_is_exact_and_the_last_takes_all_beyond(
    num_buckets, max_distance
):
    near, far = np.arange(num_buckets // 2), max_distance * np.arange(1, 9)
    bucket = relative_position_bucket(near, num_buckets, max_distance)
    np.testing.assert_array_equal(bucket, near)
    bucket = relative_position_bucket(far, num_buckets, max_distance)
    np.testing.assert_array_equal(bucket, num_buckets - 1)


def test_a_key_ahead_of_the_query_is_in_bucket_0():
    np.testing.assert_array_equal(relative_position_bucket(np.arange(-200, 1)), 0)


def test_buckets_are_integers_in_the_shape_of_the_distances(rng):
    distance = rng.integers(0, 300, size=(2, 3, 4))
    bucket = relative_position_bucket(distance)
    assert bucket.shape == (2, 3, 4)
    assert np.issubdtype(bucket.dtype, np.integer)
    for place in np.ndindex(2, 3, 4):
        assert bucket[place] == bucket_by_definition(int(distance[place]), 32, 128)


@pytest.mark.parametrize("num_buckets, max_distance", [(1, 128), (0, 128), (32, 16)])
def test_buckets_that_cannot_grow_are_an_error(num_buckets, max_distance):
    with pytest.raises(ValueError):
        relative_position_bucket(np.arange(3), num_buckets, max_distance)


@pytest.mark.parametrize("T, S", [(1, 1), (5, 5), (4, 9), (3, 200)])
@pytest.mark.parametrize("num_buckets", [8, 32])
def test_the_bias_is_the_table_at_the_bucket_of_the_distance(
    twin, rng, T, S, num_buckets
):
    H = 3
    table = rng.normal(size=(num_buckets, H))
    bias = twin.relative_bias(table, T, S)
    assert bias.shape == (H, T, S)
    for i, j in np.ndindex(T, S):
        n = max(0, S - T + i - j)
        bucket = bucket_by_definition(n, num_buckets, 128)
        np.testing.assert_array_equal(bias[:, i, j], table[bucket])


def test_behind_a_cache_local_keys_still_have_a_bucket_each(twin):
    T, S = 4, 10
    table = np.arange(32.0)[:, None] * [1, 100]
    bias = twin.relative_bias(table, T, S)
    np.testing.assert_array_equal(bias[0, -1, -T:], [3, 2, 1, 0])
    np.testing.assert_array_equal(bias[1, 0, :7], [600, 500, 400, 300, 200, 100, 0])


def test_the_bias_behind_a_cache_is_the_end_of_the_bias_of_one_segment(twin, rng):
    table = rng.normal(size=(32, 2))
    whole = twin.relative_bias(table, 60, 60)
    np.testing.assert_array_equal(twin.relative_bias(table, 20, 60), whole[:, -20:])


def test_the_bias_has_the_dtype_of_the_table(twin, rng):
    table = rng.normal(size=(32, 2))
    assert twin.relative_bias(table, 3, 5).dtype == np.float64
    assert twin.relative_bias(table.astype(np.float32), 3, 5).dtype == np.float32
