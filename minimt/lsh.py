"""LSH search: score only the keys that fall on the query's side of random hyperplanes.

Charikar, STOC 2002. The paper's Section 3.3 allows any approximate search; theirs is
another one (one maximum per strided bucket).
"""

import numpy as np

from .search import rank


class LSH:
    """`tables` hash tables of 2^`bits` buckets each.

    A key is a candidate for a query if they share a bucket in any table. bits = 0 makes
    one bucket: exact search. ValueError for sizes that make no table.
    """

    def __init__(self, D, tables, bits, seed):
        if D < 1 or tables < 1 or not 0 <= bits <= 30:
            raise ValueError(f"no LSH with D={D}, tables={tables}, bits={bits}")
        self.planes = np.random.default_rng(seed).normal(size=(tables, D, bits))
        self.scored = None  # (B, H, T): how many keys the last topk scored per query

    def bucket(self, x):
        """The bucket of each vector in each table: (B, H, N, D) → (tables, B, H, N)."""
        side = np.einsum("bhnd,xdp->xbhnp", x, self.planes.astype(x.dtype)) > 0
        return side @ (1 << np.arange(side.shape[-1]))

    def topk(self, q, keys, valid, K):
        """As `search.exact_topk`, among the candidates; exact scores, each key once."""
        B, H, T, _ = q.shape
        query, slot = self.candidates(q, keys, valid)
        M, D = keys.shape[2:]
        group = query // T  # the (stream, head) that query and key belong to
        scores = np.einsum(
            "nd,nd->n", q.reshape(-1, D)[query], keys.reshape(-1, D)[group * M + slot]
        )
        count = np.bincount(query, minlength=B * H * T)
        self.scored = count.reshape(B, H, T)
        # Ragged lists of candidates become rows, as wide as the longest.
        column = np.arange(len(query)) - np.repeat(np.cumsum(count) - count, count)
        wide = np.full((len(count), count.max(initial=0)), -np.inf, q.dtype)
        wide[query, column] = scores
        index = np.zeros(wide.shape, dtype=np.int64)
        index[query, column] = slot
        return tuple(x.reshape(B, H, T, K) for x in rank(wide, index, K))

    def candidates(self, q, keys, valid):
        """Pairs (query, slot) that share a bucket, sorted, each once: two vectors (N,).

        Queries are numbered through (B, H, T). One sorted list holds the buckets of all
        streams and heads, so a bucket is a run that binary search finds.
        """
        (B, H, T, _), M = q.shape, keys.shape[2]
        group = np.arange(B * H).reshape(B, H, 1) << self.planes.shape[2]
        seen = np.broadcast_to(valid[:, None], (B, H, M)).ravel()
        stored = np.flatnonzero(seen)
        pairs = []
        for key_bucket, query_bucket in zip(self.bucket(keys), self.bucket(q)):
            of_key = (group + key_bucket).ravel()[stored]
            of_query = (group + query_bucket).ravel()
            order = np.argsort(of_key, kind="stable")
            first = np.searchsorted(of_key[order], of_query, side="left")
            count = np.searchsorted(of_key[order], of_query, side="right") - first
            query = np.repeat(np.arange(B * H * T), count)
            place = np.arange(count.sum()) - np.repeat(
                np.cumsum(count) - count - first, count
            )
            pairs.append(query * M + stored[order[place]] % M)
        return np.divmod(np.unique(np.concatenate(pairs)), M)
