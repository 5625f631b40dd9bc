"""One maximum per bucket, against loops over the buckets and against exact search."""

import pytest
import torch

from minimt.benchmark.buckets import BucketSearch, strided_maxima
from minimt.torch_search import exact_topk

B, H, T, M, D = 2, 2, 5, 24, 6


@pytest.fixture
def example(rng):
    """Queries, keys, and which slots are valid: some in the second stream."""
    q, keys = rng.normal(size=(B, H, T, D)), rng.normal(size=(B, H, M, D))
    valid = torch.ones(B, M, dtype=torch.bool)
    valid[1, 9:] = False
    return torch.from_numpy(q), torch.from_numpy(keys), valid


def test_strided_maxima_are_the_best_of_each_bucket(rng):
    scores = rng.permutation(48).astype(float).reshape(2, 24)
    found = strided_maxima(torch.from_numpy(scores), 6, 4)
    for row, mine in zip(scores, found.tolist()):
        best = [max(range(b, 24, 6), key=lambda i: row[i]) for b in range(6)]
        assert mine == sorted(best, key=lambda i: -row[i])[:4]


@pytest.mark.parametrize("N, K", [(6, 4), (4, 4), (3, 4), (12, 5)])
def test_a_search_finds_the_best_valid_key_of_each_bucket(example, N, K):
    q, keys, valid = example
    scores, index, found = BucketSearch(N).topk(q, keys, valid, K)
    assert scores.shape == index.shape == found.shape == (B, H, T, K)
    for b, h, t in torch.cartesian_prod(*map(torch.arange, (B, H, T))).tolist():
        every = (keys[b, h] @ q[b, h, t]).tolist()
        slots = [m for m in range(M) if valid[b, m]]
        best = {}
        for m in sorted(slots, key=lambda m: every[m]):
            best[m % N] = m  # the last one written is the largest
        expected = sorted(best.values(), key=lambda m: -every[m])[:K]
        there = found[b, h, t]
        assert index[b, h, t][there].tolist() == expected
        assert scores[b, h, t][there].tolist() == pytest.approx(
            [every[m] for m in expected]
        )
        assert there.tolist() == [i < len(expected) for i in range(K)]


def test_with_a_bucket_for_each_slot_the_search_is_exact(example):
    for mine, exact in zip(BucketSearch(M).topk(*example, 4), exact_topk(*example, 4)):
        torch.testing.assert_close(mine, exact)


def test_the_two_best_keys_of_one_bucket_are_not_both_found():
    q, valid = torch.ones(1, 1, 1, 1), torch.ones(1, 4, dtype=torch.bool)
    keys = torch.tensor([0.9, 0.1, 0.8, 0.7]).view(1, 1, 4, 1)
    assert BucketSearch(2).topk(q, keys, valid, 2)[1].tolist() == [[[[0, 3]]]]
    assert exact_topk(q, keys, valid, 2)[1].tolist() == [[[[0, 2]]]]
