"""LSH search: score only the keys in the cells nearest to the query.

Voronoi LSH (Silva et al., SISAP 2014): the pivots are stored keys drawn at random, and
a vector belongs to the cell of the pivot with the largest dot product. Hyperplanes
separate the cells. Trained keys fill only a small part of the sphere: hyperplanes
between stored keys cut through that part, while random ones mostly miss it. The paper
used a search with a recall of about 90% and does not name it (Section 3.3). The
authors' released code takes the maximum of each strided bucket.
"""

import numpy as np
from numpy import ndarray as Array

from .search import Neighbours, argsort_descending, topk


class LSH:
    """`tables` hash tables of 2^`bits` cells; a query probes `probes` cells in each.

    bits = 0 makes a single cell: exact search. Raises ValueError for impossible sizes.
    """

    def __init__(self, D: int, tables: int, bits: int, seed: int, probes: int = 1):
        if D < 1 or tables < 1 or not 0 <= bits <= 30 or probes < 1:
            needed = "D, tables and probes must be at least 1, and bits from 0 to 30"
            raise ValueError(f"{needed}, not {D=}, {tables=}, {bits=}, {probes=}")
        self.D, self.tables, self.cells = D, tables, 2**bits
        self.seed, self.probes = seed, probes
        self.scored = np.zeros(0, int)  # (B, H, T): keys scored by the last topk

    def topk(self, q: Array, keys: Array, valid: Array, K: int) -> Neighbours:
        """Like `search.exact_topk`, but among the candidates; each key counts once.

        Written for clarity, not speed: only the torch twin skips the other keys'
        scores. Raises ValueError if K < 1, or if the queries are not of size D.
        """
        if q.shape[-1] != self.D:
            raise ValueError(f"queries must have size {self.D}, not {q.shape[-1]}")
        self.scored, best = np.zeros(q.shape[:3], dtype=np.int64), []
        for b, h in np.ndindex(q.shape[:2]):
            candidate = self.candidates(q[b, h], keys[b, h], valid[b])
            self.scored[b, h] = candidate.sum(axis=-1)
            best.append(topk(np.where(candidate, q[b, h] @ keys[b, h].T, -np.inf), K))
        scores, index, found = (np.reshape(x, (*q.shape[:3], K)) for x in zip(*best))
        return scores, index, found

    def candidates(self, q: Array, keys: Array, valid: Array) -> Array:
        """True where, in any table, a query probes the cell of a valid key.

        q (T, D), keys (M, D), valid (M,) → bool (T, M). If several pivots have equal
        products, the first one counts, for keys and queries alike.
        """
        shared = np.zeros((len(q), len(keys)), dtype=bool)
        for chosen in draw_pivots(
            np.flatnonzero(valid), self.tables, self.cells, self.seed
        ):
            pivots = keys[chosen]  # (cells, D)
            cell = (keys @ pivots.T).argmax(axis=-1)  # (M,)
            nearest = argsort_descending(q @ pivots.T)[:, : self.probes]
            probed = np.zeros((len(q), len(pivots)), dtype=bool)
            np.put_along_axis(probed, nearest, True, axis=-1)
            shared |= probed[:, cell]
        return shared & valid


def draw_pivots(slots: Array, tables: int, cells: int, seed: int) -> list[Array]:
    """Slots of each table's pivots: `cells` drawn from slots (n,), or all of them."""
    rng = np.random.default_rng(seed)
    return [rng.permutation(slots)[:cells] for _ in range(tables if len(slots) else 0)]
