"""LSH search; its cells are those of stored keys, and of valid ones only."""

import numpy as np

from ...search import exact_topk
from ..case import Call, Output, Result, Step, example, instead_of, law, same

B, H, T, M, K, D = 3, 2, 4, 17, 6, 5

# Five keys of length 5, one of them not valid: with four cells each of the others is a
# pivot, in whatever order they are drawn.
KEYS = np.array([[5, 0], [4, 3], [3, 4], [0, 5], [-3, 4]], dtype=float)
VALID = np.array([True, True, False, True, True])
QUERIES = np.array([[5, 12], [1, 0]], dtype=float)


def made(tables, bits, seed, probes=1, size=D):
    """The call that makes an LSH."""
    return Call("LSH", (size, tables, bits, seed, probes))


def search(*args, lsh=0):
    """A topk of the LSH that call `lsh` made."""
    return Call("topk", args, on=Result(lsh))


def scored(lsh=0):
    """How many keys that LSH scored."""
    return Call("scored", on=Result(lsh))


def inputs(rng, dtype=float):
    """Queries and keys of many lengths, and slots of which 11 are valid."""
    q, keys = rng.normal(size=(B, H, T, D)), rng.normal(size=(B, H, M, D))
    valid = rng.permuted(np.tile(np.arange(M) < 11, (B, 1)), axis=1)
    return q.astype(dtype), keys.astype(dtype), valid


def one_head(rng):
    """Queries, keys and valid slots of one stream and head."""
    q, keys, valid = inputs(rng)
    return q[0, 0], keys[0, 0], valid[0]


def themselves(rng):
    """Queries that are the stored keys, all of length 1."""
    keys = rng.normal(size=(2, 3, 12, D))
    keys /= np.linalg.norm(keys, axis=-1, keepdims=True)
    return [made(1, 3, 5), search(keys, keys, np.ones((2, 12), bool), 2)]


def refilled(rng):
    """A search, and the same one with other keys in the slots that are not valid."""
    q, keys, valid = inputs(rng)
    other = np.where(valid[:, None, :, None], keys, 2 * rng.normal(size=keys.shape))
    return [made(2, 2, 7, 2), search(q, keys, valid, K), search(q, other, valid, K)]


def everywhere(rng):
    """A search that probes all 8 cells of its tables."""
    q, keys, valid = inputs(rng)
    return [made(2, 3, 7, 8), search(q, keys, valid, K)]


def partly(rng, dtype=float):
    """Many valid slots in a stream, three in another, none in the last."""
    q, keys, valid = inputs(rng, dtype)
    valid[1], valid[2] = rng.permutation(M) < 3, False
    return [made(2, 2, 11, 2), search(q, keys, valid, K), scored()]


def refused(rng):
    """Queries of another size than the LSH was made for, and no neighbours."""
    q, keys, valid = inputs(rng)
    return [
        made(2, 2, 3, size=D + 1),
        search(q, keys, valid, K),
        made(2, 2, 3),
        search(q, keys, valid, 0, lsh=2),
        search(q, keys, valid, K, lsh=2),
    ]


CANDIDATES = Output("candidate", "query slot", ("no candidate", "candidate"))
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
        "of two candidates two are found, the better one first",
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
        "a query that is a stored key of length 1 finds that key first",
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
        "a search that probes every cell is exact search",
        everywhere,
        lambda results, calls: (results[1], exact_topk(*calls[1].args)),
        (SCORES, INDEX, FOUND),
    ),
    law(
        "invalid_slots",
        1,
        "what lies in slots that are not valid changes nothing",
        refilled,
        lambda results, _: (results[2], results[1]),
        (SCORES, INDEX, FOUND),
    ),
    same(
        "one_table",
        1,
        "one table, one cell: the candidates are the reference's",
        lambda rng: [
            made(1, 2, 3),
            Call("candidates", one_head(rng), on=Result(0)),
        ],
    ),
    same(
        "tables_and_probes",
        1,
        "a key of a probed cell of any table is a candidate",
        lambda rng: [
            made(3, 3, 4, 2),
            Call("candidates", one_head(rng), on=Result(0)),
        ],
    ),
    same("topk", 1, "as the reference, with few valid slots and with none", partly),
    same(
        "single_precision",
        1,
        "float32 in, float32 out",
        lambda rng: partly(rng, np.float32),
    ),
    same("refuses", 1, "ValueError for queries of another size, and K < 1", refused),
)

MISTAKES = (
    *instead_of(
        "np.flatnonzero(valid), self.tables, self.cells, self.seed",
        (
            "pivots_of_all_slots",
            "np.arange(len(valid)), self.tables, self.cells, self.seed",
            "pivots are drawn among all slots: only valid ones hold keys of this "
            "document, the others hold zeros or keys of an earlier one.",
        ),
        (
            "pivots_of_the_first_slots",
            "np.arange(valid.sum()), self.tables, self.cells, self.seed",
            "the valid slots are taken to be the first ones: draw pivots among those"
            " where valid is True.",
        ),
        (
            "one_table_only",
            "np.flatnonzero(valid), 1, self.cells, self.seed",
            "only the cells of one table are looked into: every table has pivots of "
            "its own.",
        ),
    ),
    *instead_of(
        "pivots = keys[chosen]  # (cells, D)",
        (
            "random_directions",
            "pivots = np.random.default_rng(self.seed).normal(\n"
            "                size=(len(chosen), keys.shape[-1])\n            )",
            "the pivots are random directions: they are stored keys, at the slots "
            "that draw_pivots returns.",
        ),
    ),
    *instead_of(
        "cell = (keys @ pivots.T).argmax(axis=-1)  # (M,)",
        (
            "keys_in_the_farthest_cell",
            "cell = (keys @ pivots.T).argmin(axis=-1)",
            "a key is put in the cell of the pivot with the smallest product: it "
            "belongs to the one with the largest.",
        ),
    ),
    *instead_of(
        "cell = (keys @ pivots.T).argmax(axis=-1)  # (M,)\n"
        "            nearest = argsort_descending(q @ pivots.T)[:, : self.probes]",
        (
            "distance_for_product",
            "far = [((x[:, None] - pivots) ** 2).sum(axis=-1) for x in (keys, q)]\n"
            "            cell = far[0].argmin(axis=-1)\n"
            "            nearest = argsort_descending(-far[1])[:, : self.probes]",
            "cells are chosen by distance: it is the largest product that counts, "
            "and only for vectors of length 1 is that the same.",
        ),
    ),
    *instead_of(
        "nearest = argsort_descending(q @ pivots.T)[:, : self.probes]",
        (
            "one_probe_only",
            "nearest = argsort_descending(q @ pivots.T)[:, :1]",
            "each query looks into its nearest cell alone: it probes `probes` cells"
            " per table.",
        ),
        (
            "farthest_cells_probed",
            "nearest = argsort_descending(-(q @ pivots.T))[:, : self.probes]",
            "the cells with the smallest products are probed: take those with the "
            "largest.",
        ),
        (
            "other_pivots_for_queries",
            "nearest = argsort_descending(q @ keys[draw_pivots(\n"
            "                np.flatnonzero(valid), 1, self.cells, self.seed + 1\n"
            "            )[0]].T)[:, : self.probes]",
            "queries and keys are hashed with different pivots: cells mean the same"
            " only if their pivots are the same.",
        ),
    ),
    *instead_of(
        "shared |= probed[:, cell]",
        (
            "last_table_only",
            "shared = probed[:, cell]",
            "each table replaces what the tables before it found: a candidate of any"
            " table is one.",
        ),
        (
            "met_twice_is_lost",
            "shared ^= probed[:, cell]",
            "a key that is met in two tables drops out: once met, it is a candidate.",
        ),
    ),
    *instead_of(
        "shared |= probed[:, cell]\n        return shared & valid",
        (
            "in_every_table",
            "shared |= ~probed[:, cell]\n        return ~shared & valid",
            "a key has to be met in every table: in any one of them is enough.",
        ),
        (
            "invalid_candidates",
            "shared |= probed[:, cell]\n        return shared",
            "slots that are not valid are candidates: every slot falls in some cell,"
            " written or not.",
        ),
    ),
    *instead_of(
        "if q.shape[-1] != self.D:",
        (
            "size_not_checked",
            "if False:",
            "queries of another size than the LSH was made for must raise ValueError.",
        ),
    ),
    *instead_of(
        "candidate = self.candidates(q[b, h], keys[b, h], valid[b])",
        (
            "valid_of_the_first_stream",
            "candidate = self.candidates(q[b, h], keys[b, h], valid[0])",
            "every stream uses the valid slots of stream 0: each has its own.",
        ),
        (
            "cells_of_the_first_head",
            "candidate = self.candidates(q[b, h], keys[b, 0], valid[b])",
            "every head uses the cells of head 0: each has keys and cells of its own.",
        ),
    ),
    *instead_of(
        "self.scored[b, h] = candidate.sum(axis=-1)",
        (
            "scored_not_counted",
            "pass",
            "scored stays 0: it is to tell how many candidates each query had.",
        ),
        (
            "scored_is_what_was_found",
            "self.scored[b, h] = np.minimum(K, candidate.sum(axis=-1))",
            "scored counts what was returned: count all candidates, each had to be "
            "scored.",
        ),
        (
            "scored_with_pivots",
            "self.scored[b, h] = candidate.sum(axis=-1) + min(\n"
            "                self.cells, valid[b].sum()\n            ) * self.tables",
            "scored counts the pivots too: it is the number of candidates alone.",
        ),
    ),
    *instead_of(
        "best.append(topk(np.where(candidate, q[b, h] @ keys[b, h].T, -np.inf), K))",
        (
            "all_keys_searched",
            "best.append(topk(np.where(valid[b], q[b, h] @ keys[b, h].T, -np.inf), K))",
            "this is exact search: only candidates are to be found.",
        ),
        (
            "others_score_0",
            "best.append(topk(candidate * (q[b, h] @ keys[b, h].T), K))",
            "what is no candidate has score 0, which beats negative products and "
            "counts as found: its score is −inf.",
        ),
        (
            "all_counted_as_found",
            "best.append(\n"
            "                topk(np.where(candidate, q[b, h] @ keys[b, h].T, -1e9), K)"
            "\n            )",
            "a score of −1e9 is still found: what is no candidate scores −inf, and is"
            " not found.",
        ),
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
    mistakes=MISTAKES,
)
