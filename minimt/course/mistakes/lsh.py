"""Mistakes with LSH search: pivots, cells, candidates and ranking."""

import numpy as np

from ...lsh import LSH, draw_pivots
from ...memory import l2_normalize
from ...search import argsort_descending, topk


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
