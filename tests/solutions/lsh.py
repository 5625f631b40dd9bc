"""Correct solutions of the step on LSH search, in many styles."""

import numpy as np

from minimt.lsh import draw_pivots
from minimt.search import argsort_descending, exact_topk, topk


def candidates__isin(self, q, keys, valid):
    shared = np.zeros((len(q), len(keys)), bool)
    slots = np.flatnonzero(valid)
    for chosen in draw_pivots(slots, self.tables, self.cells, self.seed):
        cell = np.argmax(keys @ keys[chosen].T, axis=1)
        nearest = argsort_descending(q @ keys[chosen].T)[:, : self.probes]
        for t, cells in enumerate(nearest):
            shared[t] |= np.isin(cell, cells)
    return shared & valid[None]


def candidates__loops(self, q, keys, valid):
    out = np.zeros((q.shape[0], keys.shape[0]), dtype=bool)
    tables = draw_pivots(np.where(valid)[0], self.tables, self.cells, self.seed)
    for pivots in (keys[slots] for slots in tables):
        for m in range(len(keys)):
            if not valid[m]:
                continue
            cell = int(np.argmax(pivots @ keys[m]))
            for t in range(len(q)):
                products = list(pivots @ q[t])
                order = sorted(range(len(products)), key=lambda i: -products[i])
                if cell in order[: self.probes]:
                    out[t, m] = True
    return out


def candidates__broadcast(self, q, keys, valid):
    found = [np.zeros((len(q), len(keys)), bool)]
    for s in draw_pivots(np.flatnonzero(valid), self.tables, self.cells, self.seed):
        cell = (keys @ keys[s].T).argmax(-1)
        probed = np.argsort(-(q @ keys[s].T), axis=-1, kind="stable")[:, : self.probes]
        found.append((probed[:, :, None] == cell[None, None]).any(axis=1))
    return np.any(found, axis=0) & valid


def candidates__sets(self, q, keys, valid):
    slots = np.flatnonzero(valid)
    candidate = np.zeros((len(q), len(keys)), bool)
    for drawn in draw_pivots(slots, self.tables, self.cells, self.seed):
        members = {}
        for slot in slots:
            members.setdefault(int((keys[drawn] @ keys[slot]).argmax()), []).append(
                slot
            )
        for t, products in enumerate(q @ keys[drawn].T):
            for cell in np.argsort(-products, kind="stable")[: self.probes]:
                candidate[t, members.get(int(cell), [])] = True
    return candidate


def candidates__ranks(self, q, keys, valid):
    total = np.zeros((len(q), len(keys)), int)
    for s in draw_pivots(np.flatnonzero(valid), self.tables, self.cells, self.seed):
        order = argsort_descending(q @ keys[s].T)
        rank = np.empty_like(order)
        np.put_along_axis(rank, order, np.arange(len(s))[None], axis=1)
        cell = (keys @ keys[s].T).argmax(axis=1)
        total += rank[:, cell] < self.probes
    return (total > 0) & valid


def candidates__no_valid_first(self, q, keys, valid):
    if not np.any(valid):
        return np.zeros((len(q), len(keys)), bool)
    slots = np.arange(len(keys))[valid]
    result = np.zeros((len(q), len(keys)), bool)
    for drawn in draw_pivots(slots, self.tables, self.cells, self.seed):
        pivots = keys[drawn]
        cell = np.einsum("md,pd->mp", keys[slots], pivots).argmax(axis=1)
        left = np.einsum("td,pd->tp", q, pivots)
        for _ in range(min(self.probes, len(pivots))):
            best = left.argmax(axis=1)
            left[np.arange(len(q)), best] = -np.inf
            result[:, slots] |= best[:, None] == cell
    return result


def candidates__one_hot(self, q, keys, valid):
    shared = np.zeros((len(q), len(keys)), dtype=bool)
    for s in draw_pivots(np.flatnonzero(valid), self.tables, self.cells, self.seed):
        owner = np.eye(len(s))[(keys @ keys[s].T).argmax(axis=1)]
        nearest = argsort_descending(q @ keys[s].T)[:, : self.probes]
        probed = np.eye(len(s))[nearest].sum(axis=1)
        shared = shared | (probed @ owner.T > 0)
    shared[:, ~valid] = False
    return shared


def candidates__helper(self, q, keys, valid):
    def cells(x, pivots, n):
        return argsort_descending(x @ pivots.T)[:, :n]

    masks = []
    for s in draw_pivots(np.flatnonzero(valid), self.tables, self.cells, self.seed):
        mine = cells(keys, keys[s], 1)[:, 0]
        theirs = cells(q, keys[s], self.probes)
        masks.append(np.array([[c in row for c in mine] for row in theirs.tolist()]))
    if not masks:
        return np.zeros((len(q), len(keys)), bool)
    return np.logical_or.reduce(masks) & valid


def topk__flat(self, q, keys, valid, K):
    if q.shape[-1] != self.D:
        raise ValueError("D")
    B, H, T, _ = q.shape
    candidate = np.array(
        [
            [self.candidates(q[b, h], keys[b, h], valid[b]) for h in range(H)]
            for b in range(B)
        ]
    )
    self.scored = candidate.sum(axis=-1)
    scores = np.where(candidate, q @ keys.swapaxes(-1, -2), -np.inf)
    best = topk(scores.reshape(B * H * T, -1), K)
    return tuple(x.reshape(B, H, T, K) for x in best)


def topk__loops(self, q, keys, valid, K):
    B, H, T, D = q.shape
    if D != self.D or K < 1:
        raise ValueError("sizes")
    self.scored = np.zeros((B, H, T), dtype=int)
    scores = np.full((B, H, T, K), -np.inf, q.dtype)
    index, found = np.zeros((B, H, T, K), int), np.zeros((B, H, T, K), bool)
    for b in range(B):
        for h in range(H):
            candidate = self.candidates(q[b, h], keys[b, h], valid[b])
            for t in range(T):
                slots = np.flatnonzero(candidate[t])
                self.scored[b, h, t] = len(slots)
                products = keys[b, h][slots] @ q[b, h, t]
                order = np.argsort(-products, kind="stable")[:K]
                n = len(order)
                scores[b, h, t, :n] = products[order]
                index[b, h, t, :n] = slots[order]
                found[b, h, t, :n] = True
    return scores, index, found


def topk__exact_search(self, q, keys, valid, K):
    if q.shape[3] != self.D:
        raise ValueError("queries of another size")
    rows, counts = [], []
    for b, h, t in np.ndindex(q.shape[:3]):
        one = q[b, h, t][None]
        there = self.candidates(one, keys[b, h], valid[b])
        counts.append(int(there.sum()))
        rows.append(exact_topk(one[None, None], keys[b, h][None, None], there, K))
    self.scored = np.array(counts).reshape(q.shape[:3])
    return [np.array(x).reshape(*q.shape[:3], K) for x in zip(*rows)]


def topk__filled(self, q, keys, valid, K):
    if q.shape[-1] != self.D:
        raise ValueError
    parts = [np.empty((*q.shape[:3], max(K, 1)), x) for x in (q.dtype, int, bool)]
    self.scored = np.empty(q.shape[:3], int)
    for b in range(q.shape[0]):
        for h in range(q.shape[1]):
            there = self.candidates(q[b, h], keys[b, h], valid[b])
            self.scored[b, h] = np.count_nonzero(there, axis=1)
            scores = q[b, h] @ keys[b, h].T
            scores[~there] = -np.inf
            for part, best in zip(parts, topk(scores, K)):
                part[b, h] = best
    return tuple(parts)
