"""Mistakes with exact search: order, ties, and what was not found."""

import numpy as np

from ...memory import l2_normalize
from ...search import argsort_descending


class Parts:
    """The step done right; each subclass is a mistake, its docstring the hint."""

    def argsort_descending(self, scores):
        return argsort_descending(scores)

    def topk(self, scores, K):
        self.check(K)
        rows = np.arange(len(scores))[:, None]
        full = self.filled(scores, K)
        index = self.best(full, K)
        best = self.returned(full[rows, index], full, index)
        return self.marked(best, index, self.found(best))

    def check(self, K):
        if K < 1:
            raise ValueError

    def filled(self, scores, K):
        more = np.full((len(scores), K), -np.inf, scores.dtype)
        return np.concatenate([scores, more], axis=1)

    def best(self, scores, K):
        return self.argsort_descending(scores)[:, :K]

    def returned(self, best, scores, index):
        return best

    def found(self, scores):
        return scores > -np.inf

    def marked(self, scores, index, found):
        return scores, np.where(found, index, 0), found

    def exact_topk(self, q, keys, valid, K):
        scores = self.scores(q, keys)
        B, H, T, M = scores.shape
        scores = self.hidden(
            scores, valid, np.broadcast_to(valid[:, None, None], scores.shape)
        )
        found = self.topk(scores.reshape(-1, M), K)
        return tuple(np.reshape(x, (B, H, T, -1)) for x in found)

    def scores(self, q, keys):
        return q @ keys.swapaxes(-1, -2)

    def hidden(self, scores, valid, there):
        return np.where(there, scores, -np.inf)


class WorstFirst(Parts):
    """the smallest score comes first: put the largest first."""

    def argsort_descending(self, scores):
        return np.argsort(scores, axis=-1, kind="stable")


class TiesReversed(Parts):
    """equal scores come in the reverse order: the first of them must come first."""

    def argsort_descending(self, scores):
        return np.argsort(scores, axis=-1, kind="stable")[..., ::-1]


class SortNotStable(Parts):
    """NumPy's default sort may change the order of equal scores: ask for a stable
    one."""

    def argsort_descending(self, scores):
        return np.argsort(-scores, axis=-1)


class SortNotStableReversed(SortNotStable):
    def argsort_descending(self, scores):
        return np.argsort(scores, axis=-1)[..., ::-1]


class SortNotStableFlipped(SortNotStable):
    def argsort_descending(self, scores):
        return np.flip(np.argsort(np.flip(scores, -1)), -1)


class RanksForPlaces(Parts):
    """these are the ranks of the places: return the places in the order of their
    ranks."""

    def argsort_descending(self, scores):
        return np.argsort(argsort_descending(scores), axis=-1)


class ScoresForPlaces(Parts):
    """these are the sorted scores: return their places."""

    def argsort_descending(self, scores):
        return -np.sort(-scores, axis=-1)


class SortedDownTheColumns(Parts):
    """the columns are sorted: sort each row by itself."""

    def argsort_descending(self, scores):
        return np.argsort(-scores, axis=0, kind="stable")


class InOrderOfSlots(Parts):
    """the K best are in the order of their slots: put the best first."""

    def best(self, scores, K):
        return np.sort(super().best(scores, K), axis=-1)


class PartitionNotSorted(Parts):
    """the K best are not ranked: argpartition, for one, leaves them in any order, so
    sort them."""

    def best(self, scores, K):
        return np.argpartition(-scores, K - 1)[:, :K]


class PartitionFromTheEnd(PartitionNotSorted):
    def best(self, scores, K):
        return np.argpartition(scores, -K)[:, -K:]


class BestLast(Parts):
    """the best comes last: reverse the order of the K best."""

    def best(self, scores, K):
        return super().best(scores, K)[:, ::-1]


class SmallestFound(Parts):
    """the K smallest scores are returned: find the K largest."""

    def best(self, scores, K):
        return np.argsort(scores, axis=-1, kind="stable")[:, :K]

    def filled(self, scores, K):
        return scores


class SmallestLast(SmallestFound):
    def best(self, scores, K):
        return self.argsort_descending(scores)[:, -K:]


class SmallestOfTheFound(SmallestFound):
    def best(self, scores, K):
        scores = np.where(scores > -np.inf, scores, np.inf)
        return np.argsort(scores, axis=-1, kind="stable")[:, :K]

    def filled(self, scores, K):
        return Parts.filled(self, scores, K)


class SmallestWithoutTheMissing(SmallestFound):
    def best(self, scores, K):
        order, rows = super().best(scores, K), np.arange(len(scores))[:, None]
        last = np.argsort(np.isneginf(scores[rows, order]), axis=-1, kind="stable")
        return order[rows, last]

    def topk(self, scores, K):
        M = scores.shape[1]
        more = [(0, 0), (0, max(0, K - M))]
        best, index, found = super().topk(scores, min(K, M) if K > 0 else K)
        best = np.pad(best, more, constant_values=-np.inf)
        return best, np.pad(index, more), np.pad(found, more)


class NoMoreThanM(Parts):
    """with K > M there are only M columns: fill up to K with neighbours that are not
    found."""

    def filled(self, scores, K):
        return scores


class OneMaximumPerBucket(Parts):
    """only the maximum of each of K buckets is returned: two of the K best may lie in
    the same bucket."""

    def best(self, scores, K):
        best = [j + K * scores[:, j::K].argmax(axis=1) for j in range(K)]
        best, rows = np.stack(best, axis=1), np.arange(len(scores))[:, None]
        return best[rows, argsort_descending(scores[rows, best])]


class EverythingFound(Parts):
    """slots with score −inf count as found: such slots are not valid, or do not
    exist."""

    def found(self, scores):
        return np.ones(scores.shape, bool)


class NegativeNotFound(Parts):
    """negative scores count as not found: only −inf does."""

    def found(self, scores):
        return scores > 0


class FoundReversed(Parts):
    """`found` is reversed: it is True where a neighbour was found."""

    def marked(self, scores, index, found):
        return scores, np.where(found, index, 0), ~found


class IndexOfTheMissingLeft(Parts):
    """a neighbour that was not found still has the index of an empty slot: its index
    must be 0."""

    def filled(self, scores, K):
        return scores

    def topk(self, scores, K):
        M = scores.shape[1]
        got, index, found = super().topk(scores, min(K, M))
        more = [(0, 0), (0, max(0, K - M))]
        got = np.pad(got, more, constant_values=-np.inf)
        return got, np.pad(index, more), np.pad(found, more)

    def marked(self, scores, index, found):
        return scores, index, found


class IndexBeyondTheSlots(IndexOfTheMissingLeft):
    def filled(self, scores, K):
        return Parts.filled(self, scores, K)

    def topk(self, scores, K):
        return Parts.topk(self, scores, K)


class IndexOfTheMissingMinusOne(Parts):
    """a neighbour that was not found has index −1, which would read the last slot: its
    index must be 0."""

    def marked(self, scores, index, found):
        return scores, np.where(found, index, -1), found


class ScoreOfTheMissingZero(Parts):
    """a neighbour that was not found has score 0, which would beat negative scores: its
    score must be −inf."""

    def marked(self, scores, index, found):
        return np.where(found, scores, 0), np.where(found, index, 0), found


class ScoreOfTheMissingLow(Parts):
    """a neighbour that was not found has a large negative score: it must be −inf."""

    def marked(self, scores, index, found):
        return np.where(found, scores, -1e9), np.where(found, index, 0), found


class AnyKTaken(Parts):
    """K < 1 is accepted: raise ValueError for it."""

    def check(self, K):
        pass


class ZeroTaken(AnyKTaken):
    def check(self, K):
        if K < 0:
            raise ValueError


class OneRefused(Parts):
    """K = 1 is refused: only K < 1 is not allowed."""

    def check(self, K):
        if K <= 1:
            raise ValueError


class FilledWithZeros(Parts):
    """the rows are padded with zeros, which are found like any other score: pad with
    −inf."""

    def filled(self, scores, K):
        more = np.zeros((len(scores), K), scores.dtype)
        return np.concatenate([scores, more], axis=1)


class FilledUpToGroups(FilledWithZeros):
    def filled(self, scores, K):
        more = max(-scores.shape[1] % 16, K - scores.shape[1])
        return np.pad(scores, [(0, 0), (0, more)])


class Grouped(Parts):
    """the slots after the last full group are never searched: search them too."""

    def best(self, scores, K):
        T, scores = len(scores), self.padded(scores)
        groups = scores.reshape(T, -1, 16)
        if groups.shape[1] <= K:
            return super().best(scores, K)
        chosen = self.chosen(self.judged(groups), K)
        index = (16 * chosen[..., None] + np.arange(16)).reshape(T, -1)
        rows = np.arange(T)[:, None]
        return self.named(index, super().best(scores[rows, index], K))

    def padded(self, scores):
        return scores[:, : scores.shape[1] // 16 * 16]

    def judged(self, groups):
        return groups.max(axis=-1)

    def chosen(self, judged, K):
        return np.sort(argsort_descending(judged)[:, :K], axis=-1)

    def named(self, index, best):
        return index[np.arange(len(index))[:, None], best]

    def topk(self, scores, K):
        if scores.shape[1] <= 16 * K:
            return Parts().topk(scores, K)
        return super().topk(scores, K)

    def filled(self, scores, K):
        return scores


class WholeGroups(Grouped):
    """the groups are chosen by their mean, but one of the K best may lie among poor
    scores: choose them by their maximum."""

    def padded(self, scores):
        more = -scores.shape[1] % 16
        return np.pad(scores, [(0, 0), (0, more)], constant_values=-np.inf)

    def returned(self, best, scores, index):
        full = self.padded(scores)
        return full[np.arange(len(full))[:, None], index]

    def topk(self, scores, K):
        return super().topk(self.padded(scores), K)

    def judged(self, groups):
        return groups.mean(axis=-1)


class TooFewGroups(WholeGroups):
    """fewer than K groups are searched: each of the K best may lie in a different
    group."""

    def judged(self, groups):
        return groups.max(axis=-1)

    def chosen(self, judged, K):
        return super().chosen(judged, max(1, K // 2))


class GroupsByTheirMaximum(WholeGroups):
    """the chosen groups are in the order of their maxima, and so are equal scores: put
    the groups back in slot order first."""

    def judged(self, groups):
        return groups.max(axis=-1)

    def chosen(self, judged, K):
        return argsort_descending(judged)[:, :K]


class PlaceAmongCandidates(WholeGroups):
    """the index counts the slots of the chosen groups only: it must name the slot
    itself."""

    def judged(self, groups):
        return groups.max(axis=-1)

    def topk(self, scores, K):
        self.place = None
        best, index, found = super().topk(scores, K)
        return best, index if self.place is None else self.place, found

    def named(self, index, best):
        self.place = best
        return super().named(index, best)


class EmptySlotsSearched(Parts):
    """`valid` has no effect: slots that are not valid must never be found."""

    def hidden(self, scores, valid, there):
        return scores


class EmptySlotsScoreZero(Parts):
    """slots that are not valid have score 0, which beats every negative score: use
    −inf."""

    def hidden(self, scores, valid, there):
        return np.where(there, scores, 0)


class EmptySlotsScoreLow(Parts):
    """slots that are not valid have a large negative score, which counts as found: use
    −inf."""

    def hidden(self, scores, valid, there):
        return np.where(there, scores, -1e9)


class ValidReversed(Parts):
    """only slots that are not valid are searched: True means that a slot may be
    found."""

    def hidden(self, scores, valid, there):
        return np.where(there, -np.inf, scores)


class ValidOverTheQueries(Parts):
    """`valid` (B, M) is aligned with the queries or heads: its first axis is the
    streams."""

    def hidden(self, scores, valid, there):
        return np.where(valid, scores, -np.inf)


class ValidOfTheFirstStream(Parts):
    """all streams use the valid slots of stream 0: use each stream's own."""

    def hidden(self, scores, valid, there):
        return np.where(valid[0], scores, -np.inf)


class ValidOfAnyStream(Parts):
    """a slot that is valid in one stream is found in all: use each stream's own."""

    def hidden(self, scores, valid, there):
        return np.where(valid.any(axis=0), scores, -np.inf)


class OneHeadForAll(Parts):
    """all heads search the keys of head 0: each head has its own memory."""

    def scores(self, q, keys):
        return super().scores(q, keys[:, :1])


class QueriesOfTheFirstHead(Parts):
    """all heads search with the queries of head 0: each head has its own."""

    def scores(self, q, keys):
        return super().scores(q[:, :1], keys)


class OneStreamForAll(Parts):
    """all streams search the keys of stream 0: each stream has its own memory."""

    def scores(self, q, keys):
        return super().scores(q, keys[:1])


class SumOverHeads(Parts):
    """the scores are added over the heads: each head searches by itself."""

    def scores(self, q, keys):
        scores = super().scores(q, keys)
        return np.broadcast_to(scores.sum(axis=1, keepdims=True), scores.shape)


class OneSetForAllQueries(Parts):
    """all queries find the same keys: search for each query separately."""

    def scores(self, q, keys):
        scores = super().scores(q, keys)
        return np.broadcast_to(scores.mean(axis=2, keepdims=True), scores.shape)


class SumForAllQueries(OneSetForAllQueries):
    def scores(self, q, keys):
        scores = super().scores(q, keys)
        return np.broadcast_to(scores.sum(axis=2, keepdims=True), scores.shape)


class KeysNormalised(Parts):
    """the search normalises the keys: a score is the product with the key as it is
    stored."""

    def scores(self, q, keys):
        return super().scores(q, l2_normalize(keys))


class QueriesNormalised(Parts):
    """the search normalises the queries: a score is the product with the query as it
    is."""

    def scores(self, q, keys):
        return super().scores(l2_normalize(q), keys)


class BothNormalised(Parts):
    """the search normalises queries and keys: a score is the product of the two as they
    are."""

    def scores(self, q, keys):
        return super().scores(l2_normalize(q), l2_normalize(keys))


class NearestKey(Parts):
    """the nearest keys are found: find those with the largest product."""

    def scores(self, q, keys):
        return -np.linalg.norm(q[..., None, :] - keys[:, :, None], axis=-1)


class NearestKeySquared(NearestKey):
    def scores(self, q, keys):
        return -(super().scores(q, keys) ** 2)


class NearestKeyWithProduct(NearestKey):
    def exact_topk(self, q, keys, valid, K):
        _, index, found = super().exact_topk(q, keys, valid, K)
        scores = np.take_along_axis(q @ keys.swapaxes(-1, -2), index, axis=-1)
        return np.where(found, scores, -np.inf), index, found


class DividedByRootD(Parts):
    """the scores are divided by √D: return the products themselves."""

    def scores(self, q, keys):
        return super().scores(q, keys) / q.shape[-1] ** 0.5
