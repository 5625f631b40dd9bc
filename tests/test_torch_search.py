"""Exact search in torch: in pieces and groups, and still exact."""

import numpy as np
import pytest
import torch

from minimt import search, torch_search
from minimt.torch_search import exact_topk, largest


@pytest.mark.parametrize(
    "M, K", [(64, 3), (128, 5), (256, 32), (100, 9), (7, 12), (1000, 250)]
)
@pytest.mark.parametrize("piece", [8, 60, 8192])
def test_search_in_pieces_and_groups_is_exact(monkeypatch, rng, M, K, piece):
    monkeypatch.setattr(torch_search, "PIECE", piece)
    q, keys = rng.normal(size=(2, 2, 3, 6)), rng.normal(size=(2, 2, M, 6))
    valid = rng.random((2, M)) < [[0.9], [0.05]]
    expected = search.exact_topk(q, keys, valid, K)
    result = exact_topk(*(torch.from_numpy(x) for x in (q, keys, valid)), K)
    for found, oracle in zip(result, expected):
        np.testing.assert_allclose(found, oracle, atol=1e-12)


@pytest.mark.parametrize("M, K", [(512, 1), (512, 31), (4096, 7), (96, 200), (50, 50)])
def test_the_largest_are_those_of_a_sort(rng, M, K):
    scores = rng.permutation(6 * M).reshape(2, 3, M).astype(float)
    values, places = largest(torch.from_numpy(scores), K)
    expected = -np.sort(-scores)[..., :K]
    np.testing.assert_array_equal(values, expected)
    np.testing.assert_array_equal(
        np.take_along_axis(scores, places.numpy(), -1), expected
    )


def test_the_largest_may_all_lie_in_one_group(rng):
    """Then the other groups that are looked into add nothing, and nothing is missed."""
    scores = rng.random((1, 64))
    scores[0, 5::16] += 1  # group 5 of 16
    values, _ = largest(torch.from_numpy(scores), 4)
    np.testing.assert_array_equal(values, -np.sort(-scores)[:, :4])


def test_equal_scores_fill_all_places_with_different_keys():
    values, places = largest(torch.ones(2, 256), 16)
    assert (values == 1).all()
    assert all(len(set(row)) == 16 for row in places.tolist())
