"""Step 6: LSH search (10 points).

Read tutorial/06_lsh.md first.
To write: LSH.topk, LSH.candidates.
B streams, T tokens of a segment, S keys, H heads, D head size, E = H·D, C cached
tokens, M memory slots, K neighbours, V vocabulary.
Check: python -m minimt grade mine --step 6
"""

import numpy as np

from step5_search import order, topk


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
        raise NotImplementedError("step6_lsh: LSH.topk")

    def candidates(self, q, keys, valid):
        """True where a query probes the cell of a key in any table: bool (T, M).

        q (T, D), keys (M, D), valid (M,).
        """
        # cell: (M,)
        raise NotImplementedError("step6_lsh: LSH.candidates")


def draw_pivots(slots, tables, cells, seed):
    """Per table, the slots whose keys are its pivots: all, if there are too few."""
    rng = np.random.default_rng(seed)
    return [rng.permutation(slots)[:cells] for _ in range(tables if len(slots) else 0)]
