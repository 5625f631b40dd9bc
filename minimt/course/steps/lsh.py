"""LSH search, whose cells belong to stored keys, and to valid ones only."""

import numpy as np

from ...search import exact_topk
from ..case import Call, Output, Result, Step, example, law, same

B, H, T, M, K, D = 3, 2, 4, 17, 6, 5

# Five keys of length 5, one of which is not valid. With four cells, each of the other
# four keys is a pivot, in whatever order they are drawn.
KEYS = np.array([[5, 0], [4, 3], [3, 4], [0, 5], [-3, 4]], dtype=float)
VALID = np.array([True, True, False, True, True])
QUERIES = np.array([[5, 12], [1, 0]], dtype=float)


def made(tables, bits, seed, probes=1, size=D):
    """The call that makes an LSH."""
    return Call("LSH", (size, tables, bits, seed, probes))


def search(*args, lsh=0):
    """The call that searches with the LSH that call number `lsh` made."""
    return Call("topk", args, on=Result(lsh))


def scored(lsh=0):
    """The call that reads how many keys that LSH scored."""
    return Call("scored", on=Result(lsh))


def inputs(rng, dtype=float):
    """Queries and keys of many lengths, and 11 valid slots in each stream."""
    q, keys = rng.normal(size=(B, H, T, D)), rng.normal(size=(B, H, M, D))
    valid = rng.permuted(np.tile(np.arange(M) < 11, (B, 1)), axis=1)
    return q.astype(dtype), keys.astype(dtype), valid


def one_head(rng):
    """Queries, keys and valid slots of one stream and head."""
    q, keys, valid = inputs(rng)
    return q[0, 0], keys[0, 0], valid[0]


def themselves(rng):
    """Queries that equal the stored keys, all of length 1."""
    keys = rng.normal(size=(2, 3, 12, D))
    keys /= np.linalg.norm(keys, axis=-1, keepdims=True)
    return [made(1, 3, 5), search(keys, keys, np.ones((2, 12), bool), 2)]


def refilled(rng):
    """A search, and the same search with other keys in slots that are not valid."""
    q, keys, valid = inputs(rng)
    other = np.where(valid[:, None, :, None], keys, 2 * rng.normal(size=keys.shape))
    return [made(2, 2, 7, 2), search(q, keys, valid, K), search(q, other, valid, K)]


def everywhere(rng):
    """A search that probes all 8 cells of each table."""
    q, keys, valid = inputs(rng)
    return [made(2, 3, 7, 8), search(q, keys, valid, K)]


def partly(rng, dtype=float):
    """Many valid slots in one stream, three in another, and none in the last."""
    q, keys, valid = inputs(rng, dtype)
    valid[1], valid[2] = rng.permutation(M) < 3, False
    return [made(2, 2, 11, 2), search(q, keys, valid, K), scored()]


def equal_pivots(rng):
    """Keys of which many are equal, in whole numbers, so that products are exact."""
    keys = rng.integers(-2, 3, size=(4, D)).astype(float)[rng.integers(4, size=M)]
    q = rng.integers(-9, 10, size=(3 * T, D)).astype(float)
    return [
        made(1, 3, 5),
        Call("candidates", (q, keys, np.ones(M, bool)), on=Result(0)),
        Call("candidates", (keys, keys, np.ones(M, bool)), on=Result(0)),
    ]


def refused(rng):
    """Queries of the wrong size, a search with K = 0, and one that is allowed."""
    q, keys, valid = inputs(rng)
    return [
        made(2, 2, 3, size=D + 1),
        search(q, keys, valid, K),
        made(2, 2, 3),
        search(q, keys, valid, 0, lsh=2),
        search(q, keys, valid, K, lsh=2),
    ]


CANDIDATES = Output("candidate", "query slot", ("not a candidate", "candidate"))
SCORES = Output("score", "stream head query place")
INDEX = Output("index", "stream head query place")
FOUND = Output("found", "stream head query place", ("not found", "found"))
SCORED = Output("scored", "stream head query")

CASES = (
    example(
        "candidates_by_hand",
        1,
        "a query probes the cells of the pivots with the largest products",
        [
            made(1, 2, 0, 2, size=2),
            Call("candidates", (QUERIES, KEYS, VALID), on=Result(0)),
        ],
        np.array([[0, 1, 0, 1, 0], [1, 1, 0, 0, 0]], dtype=bool),
    ),
    example(
        "topk_by_hand",
        1,
        "two candidates are found, the better one first, and the third place stays "
        "empty",
        [
            made(1, 2, 0, 2, size=2),
            search(QUERIES[None, None], KEYS[None, None], VALID[None], 3),
            scored(),
        ],
        (
            np.array([[[[60, 56, -np.inf], [5, 4, -np.inf]]]]),
            np.array([[[[3, 1, 0], [0, 1, 0]]]]),
            np.array([[[[True, True, False], [True, True, False]]]]),
        ),
        np.array([[[2, 2]]]),
    ),
    law(
        "finds_itself",
        1,
        "a query that equals a stored key of length 1 finds that key first",
        themselves,
        lambda results, calls: (
            results[1][1][..., 0],
            np.broadcast_to(np.arange(12), (2, 3, 12)),
        ),
        Output("index", "stream head query"),
    ),
    law(
        "every_cell",
        1,
        "probing every cell gives exact search",
        everywhere,
        lambda results, calls: (results[1], exact_topk(*calls[1].args)),
        (SCORES, INDEX, FOUND),
    ),
    law(
        "invalid_slots",
        1,
        "the contents of slots that are not valid change nothing",
        refilled,
        lambda results, _: (results[2], results[1]),
        (SCORES, INDEX, FOUND),
    ),
    same(
        "one_table",
        1,
        "with one table and one probe, the candidates agree with the reference",
        lambda rng: [
            made(1, 2, 3),
            Call("candidates", one_head(rng), on=Result(0)),
        ],
    ),
    same(
        "tables_and_probes",
        1,
        "a key in a probed cell of any table is a candidate",
        lambda rng: [
            made(3, 3, 4, 2),
            Call("candidates", one_head(rng), on=Result(0)),
        ],
    ),
    same(
        "equal_pivots",
        1,
        "of pivots with equal products the first one counts, for keys and queries",
        equal_pivots,
    ),
    same(
        "topk",
        1,
        "the neighbours agree with the reference for many, few and no valid slots",
        partly,
    ),
    same(
        "single_precision",
        1,
        "float32 in, float32 out",
        lambda rng: partly(rng, np.float32),
    ),
    same(
        "refuses", 1, "ValueError for queries of the wrong size, and for K < 1", refused
    ),
)


STEP = Step(
    name="lsh",
    title="LSH search",
    module="lsh",
    chapter="06_lsh",
    todo=("LSH.topk", "LSH.candidates"),
    given=("LSH", "draw_pivots"),
    outputs=dict(
        candidates=CANDIDATES,
        topk=(SCORES, INDEX, FOUND),
        scored=SCORED,
    ),
    cases=CASES,
)
