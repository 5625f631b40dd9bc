"""Correct solutions of the step on exact search, in many styles."""

import heapq

import numpy as np

from minimt.search import topk


def argsort_descending__mergesort(scores):
    return np.argsort(-scores, axis=-1, kind="mergesort")


def argsort_descending__flipped(scores):
    M = scores.shape[-1]
    back = np.argsort(scores[..., ::-1], axis=-1, kind="stable")
    return (M - 1 - back)[..., ::-1]


def argsort_descending__lexsort(scores):
    place = np.broadcast_to(np.arange(scores.shape[-1]), scores.shape)
    return np.lexsort((place, -scores), axis=-1)


def argsort_descending__lists(scores):
    out = np.zeros(scores.shape, int)
    for row in np.ndindex(scores.shape[:-1]):
        values = list(scores[row])
        out[row] = sorted(range(len(values)), key=lambda i: (-values[i], i))
    return out


def argsort_descending__sorted_in_reverse(scores):
    def order(row):
        return sorted(range(len(row)), key=row.__getitem__, reverse=True)

    return np.apply_along_axis(lambda row: np.array(order(row.tolist())), -1, scores)


def missing(scores, index):
    found = np.isfinite(scores)
    return scores, np.where(found, index, 0), found


def topk__sort_everything(scores, K):
    if K < 1:
        raise ValueError("K")
    T, M = scores.shape
    order = np.argsort(-scores, axis=1, kind="stable")[:, :K]
    best = np.full((T, K), -np.inf, dtype=scores.dtype)
    index = np.zeros((T, K), dtype=int)
    best[:, : min(K, M)] = np.take_along_axis(scores, order, axis=1)
    index[:, : min(K, M)] = order
    return missing(best, index)


def topk__argmax(scores, K):
    if K <= 0:
        raise ValueError("K must be positive")
    left = scores.copy()
    rows = np.arange(len(left))
    best, index = [], []
    for _ in range(K):
        place = left.argmax(axis=1)
        best.append(left[rows, place])
        index.append(place)
        left[rows, place] = -np.inf
    return missing(np.stack(best, axis=1), np.stack(index, axis=1))


def topk__partition(scores, K):
    if K < 1:
        raise ValueError
    T, M = scores.shape
    if M < K:
        scores = np.pad(scores, ((0, 0), (0, K - M)), constant_values=-np.inf)
    least = -np.partition(-scores, K - 1, axis=1)[:, K - 1 : K]
    best, index = np.zeros((T, K), scores.dtype), np.zeros((T, K), int)
    for t in range(T):
        chosen = np.flatnonzero(scores[t] >= least[t])
        chosen = chosen[np.argsort(-scores[t, chosen], kind="stable")][:K]
        best[t], index[t] = scores[t, chosen], chosen
    return missing(best, index)


def topk__heap(scores, K):
    if K < 1:
        raise ValueError(K)
    best = np.full((len(scores), K), -np.inf, scores.dtype)
    index, found = np.zeros(best.shape, int), np.zeros(best.shape, bool)
    for t, row in enumerate(scores.tolist()):
        pairs = [(x, -m) for m, x in enumerate(row) if x != -np.inf]
        for i, (x, m) in enumerate(heapq.nlargest(K, pairs)):
            best[t, i], index[t, i], found[t, i] = x, -m, True
    return best, index, found


def topk__lists(scores, K):
    if K < 1:
        raise ValueError("no neighbours wanted")
    rows = []
    for row in scores:
        order = sorted(range(len(row)), key=lambda m: -row[m])[:K]
        order = [m for m in order if row[m] > -np.inf]
        gap = K - len(order)
        rows.append(
            (
                [row[m] for m in order] + [-np.inf] * gap,
                order + [0] * gap,
                [True] * len(order) + [False] * gap,
            )
        )
    best, index, found = zip(*rows)
    return np.array(best, scores.dtype), np.array(index, int), np.array(found)


def topk__ranks(scores, K):
    if not K >= 1:
        raise ValueError("K")
    T, M = scores.shape
    ahead = scores[:, None, :] > scores[:, :, None]
    tie = scores[:, None, :] == scores[:, :, None]
    before = np.arange(M)[None, :] < np.arange(M)[:, None]
    rank = (ahead | tie & before).sum(axis=2)
    best, index = np.full((T, K), -np.inf, scores.dtype), np.zeros((T, K), int)
    for t, m in np.argwhere(rank < K):
        best[t, rank[t, m]], index[t, rank[t, m]] = scores[t, m], m
    return missing(best, index)


def topk__own_padding(scores, K):
    if K < 1:
        raise ValueError("K < 1")
    more = np.full((scores.shape[0], K), -np.inf, scores.dtype)
    wide = np.hstack([scores, more])
    order = np.argsort(wide * -1, axis=-1, kind="stable")[:, :K]
    return missing(np.take_along_axis(wide, order, -1), order)


def topk__insertion(scores, K):
    if K < 1:
        raise ValueError
    best = np.full((len(scores), K), -np.inf, scores.dtype)
    index = np.zeros((len(scores), K), dtype=np.int32)
    for t, row in enumerate(scores):
        for m, x in enumerate(row):
            place = K
            while place > 0 and x > best[t, place - 1]:
                place -= 1
            if place < K:
                best[t, place + 1 :] = best[t, place:-1].copy()
                index[t, place + 1 :] = index[t, place:-1].copy()
                best[t, place], index[t, place] = x, m
    return missing(best, index)


def exact_topk__flat(q, keys, valid, K):
    B, H, T, _ = q.shape
    scores = np.einsum("bhtd,bhmd->bhtm", q, keys)
    scores = np.where(valid[:, None, None, :], scores, -np.inf)
    best = topk(scores.reshape(B * H * T, -1), K)
    return tuple(x.reshape(B, H, T, K) for x in best)


def exact_topk__in_place(q, keys, valid, K):
    scores = q @ np.swapaxes(keys, -1, -2)
    scores[np.broadcast_to(~valid[:, None, None], scores.shape)] = -np.inf
    shape = scores.shape[:3]
    scores, index, found = topk(scores.reshape(-1, scores.shape[-1]), K)
    return scores.reshape(*shape, K), index.reshape(*shape, K), found.reshape(*shape, K)


def exact_topk__loops(q, keys, valid, K):
    if K < 1:
        raise ValueError
    B, H, T, _ = q.shape
    scores = np.empty((B, H, T, K), q.dtype)
    index, found = np.empty((B, H, T, K), int), np.empty((B, H, T, K), bool)
    for b in range(B):
        for h in range(H):
            for t in range(T):
                products = np.where(valid[b], keys[b, h] @ q[b, h, t], -np.inf)
                one = topk(products[None], K)
                scores[b, h, t], index[b, h, t], found[b, h, t] = (x[0] for x in one)
    return scores, index, found


def exact_topk__valid_only(q, keys, valid, K):
    if K < 1:
        raise ValueError
    B, H, T, _ = q.shape
    scores = np.full((B, H, T, K), -np.inf, q.dtype)
    index, found = np.zeros((B, H, T, K), int), np.zeros((B, H, T, K), bool)
    for b, h, t in np.ndindex(B, H, T):
        slots = np.flatnonzero(valid[b])
        products = keys[b, h, slots] @ q[b, h, t]
        order = np.argsort(-products, kind="stable")[:K]
        n = len(order)
        scores[b, h, t, :n], index[b, h, t, :n] = products[order], slots[order]
        found[b, h, t, :n] = True
    return scores, index, found


def exact_topk__by_stream(q, keys, valid, K):
    rows = []
    for b in range(len(q)):
        heads = []
        for h in range(q.shape[1]):
            scores = q[b, h].dot(keys[b, h].T)
            scores[:, ~valid[b]] = -np.inf
            heads.append(topk(scores, K))
        rows.append([np.stack(x) for x in zip(*heads)])
    return [np.stack(x) for x in zip(*rows)]


def exact_topk__added(q, keys, valid, K):
    wall = np.zeros(valid.shape, q.dtype)
    wall[~valid] = -np.inf
    scores = np.matmul(q, keys.transpose(0, 1, 3, 2)) + wall[:, None, None]
    found = topk(scores.reshape(-1, keys.shape[2]), K)
    return tuple(np.reshape(x, (*q.shape[:3], K)) for x in found)
