"""Exact search, with the ties and empty slots on which searches differ."""

import numpy as np

from ..case import Call, Output, Step, example, law, same

B, H, T, M, K, D = 3, 2, 4, 13, 5, 6
MANY, FEW = 150, 3  # slots and neighbours; so many groups that some are never sorted


def inputs(rng):
    """Queries and keys of many lengths; each stream has its own valid slots."""
    q, keys = rng.normal(size=(B, H, T, D)), rng.normal(size=(B, H, M, D))
    return q, keys, rng.permuted(np.tile(np.arange(M) < 9, (B, 1)), axis=1)


def whole(rng):
    """Queries and keys that are whole numbers in float32, so that sums are exact."""
    q, keys = rng.integers(-9, 10, (B, H, T, D)), rng.integers(-9, 10, (B, H, M, D))
    return q.astype(np.float32), keys.astype(np.float32), rng.random((B, M)) < 0.8


def unfilled(rng):
    """Two, one or no valid keys, all with negative scores, among slots of zeros."""
    q, keys = rng.random(size=(B, H, T, D)), np.zeros((B, H, M, D))
    keys[:, :, 6:8] = -rng.random(size=(B, H, 2, D)) - 0.1
    first = np.array([6, 7, 8])[:, None]
    valid = (first <= np.arange(M)) & (np.arange(M) < 8)
    return q, keys, rng.permutation(valid)


def permuted(rng):
    """A search, and a search of the same streams in another order."""
    q, keys, valid = inputs(rng)
    return [
        Call("exact_topk", (q, keys, valid, K)),
        Call("exact_topk", (q[::-1], keys[::-1], valid[::-1], K)),
    ]


def products(results, calls):
    """The scores, and the products of the queries with the keys at the index."""
    scores, index, found = results[0]
    q, keys, _, _ = calls[0].args
    named = np.take_along_axis(keys[:, :, None], index.clip(0, M - 1)[..., None], 3)
    return scores, np.where(found, (named * q[..., None, :]).sum(axis=-1), -np.inf)


def tied(rng, rows, slots, scores):
    """Scores that are small whole numbers, so that many are equal."""
    return rng.integers(0, scores, size=(rows, slots)).astype(float)


def few(rng):
    """Rows with fewer than K finite scores, and rows with fewer than K slots."""
    finite = rng.permuted(np.arange(6) < np.arange(5)[:, None], axis=1)
    scores = np.where(finite, rng.normal(size=(5, 6)), -np.inf)
    return [Call("topk", (scores, 4)), Call("topk", (scores, 9))]


def many(rng):
    """Rows of many slots: the best score last, few finite scores, and ties."""
    scores = rng.normal(size=(10, MANY))
    scores[:3, -1] = 9
    scores[3, 1:] = -np.inf
    scores[4] = -np.inf
    return [
        Call("topk", (scores, FEW)),
        Call("topk", (tied(rng, 20, MANY, 40), 2 * FEW)),
    ]


def none_wanted(rng):
    """Searches with K = 1, which is allowed, and with K = 0 and K = −1."""
    return [
        Call("exact_topk", (*inputs(rng), 1)),
        Call("topk", (rng.normal(size=(T, M)), 0)),
        Call("exact_topk", (*inputs(rng), 0)),
        Call("exact_topk", (*inputs(rng), -1)),
    ]


def parts(axes):
    """How messages name the scores, the index and what was found."""
    found = Output("found", axes, ("not found", "found"))
    return Output("scores", axes), Output("index", axes), found


SEARCHED = parts("stream head query place")
NONE = -np.inf

CASES = (
    example(
        "order_by_hand",
        1,
        "the best score comes first, and equal scores keep their order",
        [
            Call(
                "argsort_descending",
                (np.array([[3.0, 1.0, 4.0, 1.0], [0.0, 5.0, 2.0, 5.0]]),),
            )
        ],
        np.array([[2, 0, 1, 3], [1, 3, 2, 0]]),
    ),
    same(
        "order_ties",
        1,
        "equal scores keep their order in rows of any length",
        lambda rng: [Call("argsort_descending", (tied(rng, 6, 60, 4),))],
    ),
    example(
        "topk_by_hand",
        1,
        "a row with only two finite scores finds two neighbours of three",
        [Call("topk", (np.array([[3, 1, 4, 1], [NONE, 5, NONE, -5]]), 3))],
        (
            np.array([[4.0, 3.0, 1.0], [5.0, -5.0, NONE]]),
            np.array([[2, 0, 1], [1, 3, 0]]),
            np.array([[True, True, True], [True, True, False]]),
        ),
    ),
    same(
        "topk_ties",
        1,
        "of equal scores, the one in the lower slot comes first",
        lambda rng: [Call("topk", (tied(rng, 6, 40, 9), 4))],
    ),
    same(
        "topk_of_few",
        1,
        "a missing neighbour has score −inf and index 0, and is not found",
        few,
    ),
    same("topk_of_many", 1, "the best 3 or 6 of 150 slots are found", many),
    example(
        "search_by_hand",
        1,
        "the largest product wins, not the nearest key; an empty slot is never found",
        [
            Call(
                "exact_topk",
                (
                    np.array([[[[1.0, 0.0]]]]),
                    np.array([[[[1.0, 0.0], [9.0, 9.0], [20.0, 0.0], [-1.0, 0.0]]]]),
                    np.array([[True, True, False, True]]),
                    4,
                ),
            )
        ],
        (
            np.array([[[[9.0, 1.0, -1.0, NONE]]]]),
            np.array([[[[1, 0, 3, 0]]]]),
            np.array([[[[True, True, True, False]]]]),
        ),
    ),
    law(
        "search_scores",
        1,
        "a score is the product of the query and the key that the index names",
        lambda rng: [Call("exact_topk", (*inputs(rng), 11))],
        products,
        SEARCHED[0],
    ),
    law(
        "search_streams",
        1,
        "reordering the streams reorders the results in the same way",
        permuted,
        lambda results, _: (results[1], tuple(x[::-1] for x in results[0])),
        SEARCHED,
    ),
    same(
        "search",
        1,
        "each query finds its own keys; float32 in, float32 out",
        lambda rng: [
            Call("exact_topk", (*inputs(rng), K)),
            Call("exact_topk", (*whole(rng), K)),
        ],
    ),
    same(
        "search_of_few",
        1,
        "keys with negative scores come before neighbours that are not found",
        lambda rng: [
            Call("exact_topk", (*unfilled(rng), K)),
            Call("exact_topk", (*unfilled(rng), M + 2)),
        ],
    ),
    same("search_refuses", 1, "ValueError if K < 1", none_wanted),
)


STEP = Step(
    name="search",
    title="Exact search",
    module="search",
    chapter="05_search",
    todo=("argsort_descending", "topk", "exact_topk"),
    given=("Search",),
    outputs=dict(
        argsort_descending=Output("order", "row place"),
        topk=parts("query place"),
        exact_topk=SEARCHED,
    ),
    cases=CASES,
)
