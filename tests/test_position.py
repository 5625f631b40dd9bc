"""T5's relative position bias, against its definition in whole numbers."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sizes import rngs, sizes

from minimt.position import relative_position_bucket

SIZES = [(32, 128), (8, 64), (6, 24), (5, 11), (2, 2), (16, 1000)]


@st.composite
def bucket_sizes(draw):
    """num_buckets, max_distance as they may be chosen."""
    num_buckets = draw(st.integers(2, 40))
    return num_buckets, draw(st.integers(num_buckets // 2 + 1, 300))


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


def begins_exactly(n, num_buckets, max_distance):
    """A bucket begins at n and not between n − 1 and n."""
    exact = num_buckets // 2
    coarse = num_buckets - exact
    return n >= exact and any(
        n**coarse * exact**j == max_distance**j * exact**coarse for j in range(coarse)
    )


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


@given(chosen=bucket_sizes())
@example(chosen=(9, 128))
def test_rounding_moves_only_a_distance_at_which_a_bucket_begins(chosen):
    """Logarithms are not exact: of 9 buckets up to 128 the fifth should begin at 8."""
    bucket = relative_position_bucket(np.arange(2 * chosen[1]), *chosen)
    for n in range(2 * chosen[1]):
        expected = bucket_by_definition(n, *chosen)
        rounded = bucket[n] == expected - 1 and begins_exactly(n, *chosen)
        assert bucket[n] == expected or rounded


@given(chosen=bucket_sizes())
def test_a_larger_distance_is_never_in_a_smaller_bucket(chosen):
    bucket = relative_position_bucket(np.arange(2 * chosen[1]), *chosen)
    assert (np.diff(bucket) >= 0).all()


@given(chosen=bucket_sizes())
def test_the_first_half_is_exact_and_the_last_takes_all_beyond(chosen):
    num_buckets, max_distance = chosen
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


@given(
    rng=rngs,
    C=st.integers(0, 200),
    num_buckets=st.sampled_from([8, 32]),
    **sizes("T H"),
)
def test_the_bias_is_the_table_at_the_bucket_of_the_distance(
    twin, rng, T, C, H, num_buckets
):
    S = C + T
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


@given(rng=rngs, C=st.integers(0, 70), **sizes("T H", T=70))
def test_the_bias_behind_a_cache_is_the_end_of_the_bias_of_one_segment(
    twin, rng, T, C, H
):
    table = rng.normal(size=(32, H))
    whole = twin.relative_bias(table, C + T, C + T)
    np.testing.assert_array_equal(twin.relative_bias(table, T, C + T), whole[:, C:])


def test_the_bias_has_the_dtype_of_the_table(twin, rng):
    table = rng.normal(size=(32, 2))
    assert twin.relative_bias(table, 3, 5).dtype == np.float64
    assert twin.relative_bias(table.astype(np.float32), 3, 5).dtype == np.float32
