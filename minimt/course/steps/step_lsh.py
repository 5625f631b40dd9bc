"""LSH search, whose cells belong to stored keys, and to valid ones only."""

import numpy as np

from ...lsh import LSH, draw_pivots
from ...memory import l2_normalize
from ...search import argsort_descending, exact_topk, topk
from ..case import Call, Output, Result, Step, example, law, mistakes, same

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


class Searcher(LSH):
    """An LSH whose methods are those of the step's parts."""

    def __init__(self, parts, *sizes):
        super().__init__(*sizes)
        self.parts = parts

    def topk(self, q, keys, valid, K):
        return self.parts.topk(self, q, keys, valid, K)

    def candidates(self, q, keys, valid):
        return self.parts.candidates(self, q, keys, valid)


class Parts:
    """The step done right; each subclass is a mistake, its docstring the hint."""

    def LSH(self, *sizes):
        return Searcher(self, *sizes)

    def candidates(self, lsh, q, keys, valid):
        shared = [np.zeros((len(q), len(keys)), bool)]
        for number, chosen in enumerate(self.drawn(lsh, valid)):
            pivots = self.pivots(keys, chosen, lsh)
            cell = self.cells(keys, pivots)
            products = self.products(q, pivots, number, keys, valid, lsh)
            nearest = self.nearest(products, lsh.probes)
            shared.append((cell[None, :, None] == nearest[:, None]).any(axis=-1))
        return self.allowed(self.joined(shared), valid)

    def drawn(self, lsh, valid):
        return draw_pivots(self.slots(valid), lsh.tables, lsh.cells, lsh.seed)

    def slots(self, valid):
        return np.flatnonzero(valid)

    def pivots(self, keys, chosen, lsh):
        return keys[chosen]

    def cells(self, keys, pivots):
        return (keys @ pivots.T).argmax(axis=-1)

    def products(self, q, pivots, number, keys, valid, lsh):
        return q @ pivots.T

    def nearest(self, products, probes):
        return argsort_descending(products)[:, :probes]

    def joined(self, shared):
        return np.any(shared, axis=0)

    def allowed(self, shared, valid):
        return shared & valid

    def topk(self, lsh, q, keys, valid, K):
        self.check(lsh, q, K)
        lsh.scored, best = np.zeros(q.shape[:3], int), []
        for b, h in np.ndindex(q.shape[:2]):
            candidate = self.chosen(lsh, q, keys, valid, b, h)
            lsh.scored[b, h] = self.counted(lsh, candidate, valid[b], K)
            products = q[b, h] @ keys[b, self.head(h)].T
            best.append(topk(self.hidden(products, candidate, valid[b]), max(K, 1)))
        return tuple(np.reshape(x, (*q.shape[:3], -1)) for x in zip(*best))

    def check(self, lsh, q, K):
        if q.shape[-1] != lsh.D or K < 1:
            raise ValueError

    def chosen(self, lsh, q, keys, valid, b, h):
        return self.candidates(lsh, q[b, h], keys[b, h], valid[b])

    def head(self, h):
        return h

    def counted(self, lsh, candidate, valid, K):
        return candidate.sum(axis=-1)

    def hidden(self, products, candidate, valid):
        return np.where(candidate, products, -np.inf)


class PivotsOfAllSlots(Parts):
    """pivots are drawn from all slots: draw them from the valid ones, since the others
    hold zeros or keys of an earlier document."""

    def slots(self, valid):
        return np.arange(len(valid))


class PivotsOfTheFirstSlots(Parts):
    """the first slots are taken to be the valid ones: draw pivots from the slots where
    `valid` is True."""

    def slots(self, valid):
        return np.arange(valid.sum())


class OneTableOnly(Parts):
    """only one table is used: use all `tables` of them, each with its own pivots."""

    def drawn(self, lsh, valid):
        return super().drawn(lsh, valid)[:1]


class SamePivotsInAllTables(OneTableOnly):
    def drawn(self, lsh, valid):
        return super().drawn(lsh, valid) * lsh.tables


class OneSeedPerTable(Parts):
    """each table draws its pivots with a seed of its own: call `draw_pivots` once for
    all tables."""

    def drawn(self, lsh, valid):
        slots = self.slots(valid)
        one = (
            draw_pivots(slots, 1, lsh.cells, lsh.seed + i) for i in range(lsh.tables)
        )
        return [chosen for drawn in one for chosen in drawn]


class FirstKeysAsPivots(Parts):
    """the pivots are the first keys: draw them at random, with `draw_pivots`."""

    def drawn(self, lsh, valid):
        slots = self.slots(valid)
        return [slots[: lsh.cells]] * lsh.tables if len(slots) else []


class RandomDirections(Parts):
    """the pivots are random directions: use the stored keys in the slots that
    draw_pivots returns."""

    def pivots(self, keys, chosen, lsh):
        rng = np.random.default_rng(lsh.seed)
        return rng.normal(size=(len(chosen), keys.shape[-1]))


class PivotsNormalised(Parts):
    """the pivots are normalised: use the stored keys as they are."""

    def pivots(self, keys, chosen, lsh):
        return l2_normalize(keys[chosen])


class KeysInTheFarthestCell(Parts):
    """each key is put in the cell of the pivot with the smallest product: put it in
    that of the largest."""

    def cells(self, keys, pivots):
        return (keys @ pivots.T).argmin(axis=-1)


class KeysInTheLastOfEqualCells(Parts):
    """of pivots with equal products, keys and queries take different ones: both must
    take the first."""

    def cells(self, keys, pivots):
        products = keys @ pivots.T
        return products.shape[1] - 1 - products[:, ::-1].argmax(axis=-1)


class QueriesInTheLastOfEqualCells(KeysInTheLastOfEqualCells):
    def cells(self, keys, pivots):
        return Parts.cells(self, keys, pivots)

    def nearest(self, products, probes):
        return np.argsort(products, axis=-1, kind="stable")[:, ::-1][:, :probes]


class DistanceForProduct(Parts):
    """cells are chosen by distance: choose them by the largest product, which is the
    same only for vectors of length 1."""

    def cells(self, keys, pivots):
        return ((keys[:, None] - pivots) ** 2).sum(axis=-1).argmin(axis=-1)

    def products(self, q, pivots, number, keys, valid, lsh):
        return -((q[:, None] - pivots) ** 2).sum(axis=-1)


class OneProbeOnly(Parts):
    """each query probes only its nearest cell: it must probe `probes` cells in each
    table."""

    def nearest(self, products, probes):
        return super().nearest(products, 1)


class AllCellsProbed(Parts):
    """every cell is probed: a query probes only the `probes` cells with the largest
    products."""

    def nearest(self, products, probes):
        return super().nearest(products, None)


class OneProbeTooMany(Parts):
    """one cell too many is probed: a query probes `probes` of them."""

    def nearest(self, products, probes):
        return super().nearest(products, probes + 1)


class FarthestCellsProbed(Parts):
    """queries probe the cells with the smallest products: probe those with the
    largest."""

    def nearest(self, products, probes):
        return super().nearest(-products, probes)


class FarthestCellsProbedFromTheEnd(FarthestCellsProbed):
    def nearest(self, products, probes):
        return argsort_descending(products)[:, -probes:]


class OtherPivotsForQueries(Parts):
    """queries and keys are hashed with different pivots: use the same pivots for
    both."""

    def products(self, q, pivots, number, keys, valid, lsh):
        slots = np.flatnonzero(valid)
        drawn = draw_pivots(slots, lsh.tables, lsh.cells, lsh.seed + 1)
        return q @ keys[drawn[number]].T


class PivotsOfTheNextTable(OtherPivotsForQueries):
    def products(self, q, pivots, number, keys, valid, lsh):
        drawn = self.drawn(lsh, valid)
        return q @ keys[drawn[(number + 1) % len(drawn)]].T


class OtherPivotsDrawnAlone(OtherPivotsForQueries):
    def products(self, q, pivots, number, keys, valid, lsh):
        return q @ keys[draw_pivots(self.slots(valid), 1, lsh.cells, lsh.seed + 1)[0]].T


class PivotsByTheirPlace(OtherPivotsForQueries):
    def products(self, q, pivots, number, keys, valid, lsh):
        return q @ keys[: len(pivots)].T


class LastTableOnly(Parts):
    """each table replaces the candidates of the tables before it: keep the candidates
    of all tables."""

    def joined(self, shared):
        return shared[-1]


class MetTwiceIsLost(Parts):
    """a key found in two tables is dropped again: once found, it stays a candidate."""

    def joined(self, shared):
        return np.sum(shared, axis=0) % 2 == 1


class InEveryTable(Parts):
    """a key must be found in every table to be a candidate: any one table is
    enough."""

    def joined(self, shared):
        return np.all(shared[1:] or shared, axis=0)


class InvalidCandidates(Parts):
    """slots that are not valid are candidates: leave them out, although each of them
    falls in some cell."""

    def allowed(self, shared, valid):
        return shared


class SizeNotChecked(Parts):
    """queries of the wrong size are accepted: raise ValueError for them."""

    def check(self, lsh, q, K):
        if K < 1:
            raise ValueError


class AnyKTaken(Parts):
    """K < 1 is accepted: raise ValueError for it."""

    def check(self, lsh, q, K):
        if q.shape[-1] != lsh.D:
            raise ValueError


class ValidOfTheFirstStream(Parts):
    """all streams use the valid slots of stream 0: use each stream's own."""

    def chosen(self, lsh, q, keys, valid, b, h):
        return self.candidates(lsh, q[b, h], keys[b, h], valid[0])


class CellsOfTheFirstHead(Parts):
    """all heads use the cells of head 0: each head has its own keys and cells."""

    def chosen(self, lsh, q, keys, valid, b, h):
        return self.candidates(lsh, q[b, h], keys[b, 0], valid[b])


class AllOfTheFirstHead(CellsOfTheFirstHead):
    def chosen(self, lsh, q, keys, valid, b, h):
        return self.candidates(lsh, q[b, 0], keys[b, 0], valid[b])


class KeysOfTheFirstHead(Parts):
    """all heads search the keys of head 0: each head has its own memory."""

    def chosen(self, lsh, q, keys, valid, b, h):
        return self.candidates(lsh, q[b, h], keys[b, 0], valid[b])

    def head(self, h):
        return 0


class ScoredNotCounted(Parts):
    """`scored` stays 0: it must hold the number of candidates of each query."""

    def counted(self, lsh, candidate, valid, K):
        return 0


class ScoredIsWhatWasFound(Parts):
    """`scored` counts the neighbours that are returned: count all candidates, since
    each was scored."""

    def counted(self, lsh, candidate, valid, K):
        return np.minimum(K, candidate.sum(axis=-1))


class ScoredIsAllValid(Parts):
    """`scored` counts all valid keys: count only the candidates."""

    def counted(self, lsh, candidate, valid, K):
        return valid.sum()


class ScoredWithPivots(Parts):
    """`scored` counts the pivots too: count only the candidates."""

    def counted(self, lsh, candidate, valid, K):
        pivots = min(lsh.cells, valid.sum()) * lsh.tables
        return candidate.sum(axis=-1) + pivots


class AllKeysSearched(Parts):
    """all valid keys are searched, as in exact search: search only the candidates."""

    def hidden(self, products, candidate, valid):
        return np.where(valid, products, -np.inf)


class OthersScore0(Parts):
    """keys that are not candidates have score 0, which beats negative scores and counts
    as found: use −inf."""

    def hidden(self, products, candidate, valid):
        return np.where(candidate, products, 0)


class OthersScoreLow(Parts):
    """keys that are not candidates have a large negative score, which counts as found:
    use −inf."""

    def hidden(self, products, candidate, valid):
        return np.where(candidate, products, -1e9)


class CountedOncePerTable(Parts):
    """a key that several tables find is returned as often: it must count once."""

    def topk(self, lsh, q, keys, valid, K):
        self.check(lsh, q, K)
        lsh.scored, best = np.zeros(q.shape[:3], int), []
        for b, h, t in np.ndindex(q.shape[:3]):
            slots = np.concatenate(self.slots_of(lsh, q[b, h, t], keys[b, h], valid[b]))
            products = q[b, h, t] @ keys[b, h, slots].T
            score, place, found = topk(products[None], K)
            index = np.where(found, np.append(slots, 0)[place], 0)
            lsh.scored[b, h, t] = self.how_many(slots)
            best.append((score, index, found))
        return tuple(np.reshape(x, (*q.shape[:3], K)) for x in zip(*best))

    def slots_of(self, lsh, q, keys, valid):
        found = [np.zeros(0, int)]
        for chosen in self.drawn(lsh, valid):
            cell = self.cells(keys, keys[chosen])
            nearest = self.nearest(q[None] @ keys[chosen].T, lsh.probes)
            found.append(np.flatnonzero(np.isin(cell, nearest) & valid))
        return found

    def how_many(self, slots):
        return len(slots)


class ScoredOnceButReturnedTwice(CountedOncePerTable):
    def how_many(self, slots):
        return len(set(slots))


class ScoredOncePerTable(Parts):
    """`scored` counts a key once for each table that finds it: count it once."""

    def topk(self, lsh, q, keys, valid, K):
        result = super().topk(lsh, q, keys, valid, K)
        CountedOncePerTable().topk(lsh, q, keys, valid, K)
        return result


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
    mistakes=mistakes(Parts),
)
