"""LSH search: score only the keys in the cells nearest to the query.

Voronoi LSH (Silva et al., SISAP 2014): the hash of a vector is the pivot with which it
has the largest product, the pivots being stored keys drawn at random. Two cells are
parted by a hyperplane. Those between stored keys lie where keys lie; random ones mostly
miss the corner of the sphere in which the keys of a trained model crowd. The paper's
Section 3.3 allows any approximate search; theirs takes one maximum per strided bucket.
"""

import numpy as np

from .search import order, topk


class LSH:
    """`tables` hash tables of 2^`bits` cells, of which a query probes some per table.

    bits = 0 makes one cell: exact search. ValueError for sizes that make no table.
    """

    def __init__(self, D, tables, bits, seed, probes=1):
        if D < 1 or tables < 1 or not 0 <= bits <= 30 or probes < 1:
            raise ValueError(f"no LSH with {D=}, {tables=}, {bits=}, {probes=}")
        self.D, self.tables, self.cells = D, tables, 2**bits
        self.seed, self.probes = seed, probes
        self.scored = None  # (B, H, T): how many keys the last topk scored per query

    def topk(self, q, keys, valid, K):
        """As `search.exact_topk`, among the candidates; exact scores, each key once.

        To be read, not to be fast: the torch twin computes the candidates' scores only.
        """
        if q.shape[-1] != self.D:
            raise ValueError(f"queries of size {q.shape[-1]} for an LSH of {self.D}")
        self.scored, best = np.zeros(q.shape[:3], dtype=np.int64), []
        for b, h in np.ndindex(q.shape[:2]):
            candidate = self.candidates(q[b, h], keys[b, h], valid[b])
            self.scored[b, h] = candidate.sum(axis=-1)
            best.append(topk(np.where(candidate, q[b, h] @ keys[b, h].T, -np.inf), K))
        return tuple(np.reshape(part, (*q.shape[:3], K)) for part in zip(*best))

    def candidates(self, q, keys, valid):
        """True where a query probes the cell of a key in any table: bool (T, M).

        q (T, D), keys (M, D), valid (M,).
        """
        shared = np.zeros((len(q), len(keys)), dtype=bool)
        for chosen in draw_pivots(
            np.flatnonzero(valid), self.tables, self.cells, self.seed
        ):
            pivots = keys[chosen]  # (cells, D)
            cell = (keys @ pivots.T).argmax(axis=-1)  # (M,)
            nearest = order(q @ pivots.T)[:, : self.probes]
            probed = np.zeros((len(q), len(pivots)), dtype=bool)
            np.put_along_axis(probed, nearest, True, axis=-1)
            shared |= probed[:, cell]
        return shared & valid


def draw_pivots(slots, tables, cells, seed):
    """Per table, the slots whose keys are its pivots: all, if there are too few."""
    rng = np.random.default_rng(seed)
    return [rng.permutation(slots)[:cells] for _ in range(tables if len(slots) else 0)]
