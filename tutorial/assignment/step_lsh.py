"""LSH search (11 points).

Read tutorial/06_lsh.md first.
To write: LSH.topk, LSH.candidates.
B streams, T tokens in a segment, S keys, H heads, D head size, E = H·D, C cached
tokens, M memory slots, K neighbours, V vocabulary.
Return NumPy arrays: masks are bool, indices are int, and floats keep the dtype of the
input. (np.sqrt(2) makes a float32 array float64, math.sqrt(2) leaves it as it is.)
Do not change an argument in place: work on a copy.
Check your work: python -m minimt grade mine --step lsh
"""

import numpy as np
from numpy import ndarray as Array

from step_search import argsort_descending, topk

Neighbours = tuple[Array, Array, Array]  # scores, index, found, each (…, K)


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
        raise NotImplementedError("step_lsh: LSH.topk")

    def candidates(self, q: Array, keys: Array, valid: Array) -> Array:
        """True where, in any table, a query probes the cell of a valid key.

        q (T, D), keys (M, D), valid (M,) → bool (T, M). If several pivots have equal
        products, the first one counts, for keys and queries alike.
        """
        # cell: (M,)
        raise NotImplementedError("step_lsh: LSH.candidates")


def draw_pivots(slots: Array, tables: int, cells: int, seed: int) -> list[Array]:
    """Slots of each table's pivots: `cells` drawn from slots (n,), or all of them."""
    rng = np.random.default_rng(seed)
    return [rng.permutation(slots)[:cells] for _ in range(tables if len(slots) else 0)]
