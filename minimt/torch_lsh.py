"""LSH search in PyTorch, in tables that are kept up as memories are written.

The cells of `lsh.py`, each a chain of pages; a query scores whole pages, those whose
cell has the nearest pivot. Pages make the candidates of all queries equally many, and
each is read in one piece.
"""

import numpy as np
import torch
import torch.nn.functional as F

from .lsh import draw_pivots
from .torch_attention import where_not
from .torch_memory import Memory, weighted_rows
from .torch_search import PIECE, largest

PAGE = 64  # keys of a page


class Table:
    """The hash table of one stream's memory, its heads side by side."""

    def __init__(self, H, M, D, cells, dtype=torch.float32, device=None):
        N = 2 * -(-M // PAGE) + min(cells, M)  # pages: half of them for what has gone
        about = dict(dtype=dtype, device=device)
        self.cells = cells
        # A page is PAGE keys, transposed: its D rows, weighted by a query's entries,
        # add up to the scores of all. One more row makes those of gone keys −inf.
        self.rows = torch.zeros(H, N, D + 1, PAGE, **about)
        self.pivot = torch.zeros(H, N, D, **about)  # of the cell that a page is part of
        self.number = torch.empty(H, N, PAGE, dtype=torch.int64, device=device)
        self.start(torch.zeros(H, 1, D, **about))

    def start(self, pivots, drawn=0):
        """Empty cells around pivots (H, cells, D), drawn among so many keys."""
        self.pivots, self.drawn = pivots, drawn
        self.number.fill_(-1)  # which token of the document a key belongs to
        self.last = self.number.new_zeros(pivots.shape[:2])  # page that a cell fills
        self.filled = torch.full_like(self.last, PAGE)  # keys that are in it
        self.pages = self.number.new_zeros(len(pivots))  # pages in use

    def write(self, k, ring, written):
        """Insert k (H, T, D), the newest keys of a ring (H, M, D) holding `written`.

        When the keys have doubled or the pages are used up, pivots are drawn anew and
        all keys inserted anew: as many writes have paid for it.
        """
        T, M = k.shape[1], ring.shape[1]
        stored = min(written, M)
        number = torch.arange(written - stored, written, device=k.device)
        doubled = self.drawn < M and stored >= max(PAGE, 2 * self.drawn)
        if doubled or not self.insert(k[:, -M:], number[-T:]):
            (chosen,) = draw_pivots(np.arange(stored), 1, self.cells, seed=0)
            self.start(ring[:, torch.from_numpy(chosen).to(ring.device)], stored)
            self.insert(ring[:, number % M], number)

    def insert(self, k, number):
        """Append keys k (H, T, D), tokens number (T,), to the pages of their cells.

        False, and nothing is done, where there are too few pages.
        """
        T, head = len(number), torch.arange(len(k), device=k.device)[:, None]
        some = k.split(PIECE, dim=1)
        cell = torch.cat([(x @ self.pivots.mT).argmax(-1) for x in some], 1)
        cell, order = cell.sort(stable=True)  # (H, T)
        ones = torch.ones_like(cell)
        count = torch.zeros_like(self.filled).scatter_add_(1, cell, ones)  # (H, cells)
        earlier = (count.cumsum(1) - count).gather(1, cell)  # keys of the cells before
        rank = (
            torch.arange(T, device=k.device) - earlier
        )  # among the new ones of a cell
        place = self.filled.gather(1, cell) + rank  # from the start of its last page on
        opened = (self.filled + count - 1) // PAGE  # new pages of each cell
        pages = self.pages + opened.sum(1)
        if pages.max() > self.number.shape[1]:
            return False
        first = self.pages[:, None] + opened.cumsum(1) - opened
        page = first.gather(1, cell) + place // PAGE - 1
        page = torch.where(place < PAGE, self.last.gather(1, cell), page)
        self.rows[head, page, :-1, place % PAGE] = k[head, order]
        self.number[head, page, place % PAGE] = number[order]
        self.pivot[head, page] = self.pivots[head, cell]
        self.last = torch.where(opened > 0, first + opened - 1, self.last)
        self.filled = (self.filled + count - 1) % PAGE + 1
        self.pages = pages
        return True

    def nearest_pages(self, q, oldest, probes):
        """The pages (H, T, P) with the nearest pivots, of those not all gone."""
        alive = (self.number >= oldest).any(-1)  # (H, N)
        near = q @ self.pivot.mT + where_not(alive, -torch.inf, q.dtype)[:, None]
        return largest(near, probes, best_first=False)[1]

    def search(self, q, oldest, probes, K):
        """Scores and token numbers (H, T, K) of the best keys, none before `oldest`.

        q (H, T, D); each query scores the keys of `probes` pages.
        """
        (H, _, D), N = q.shape, self.number.shape[1]
        self.rows[:, :, D] = where_not(self.number >= oldest, -torch.inf, q.dtype)
        page = self.nearest_pages(q, oldest, probes)
        page = page + N * torch.arange(H, device=q.device)[:, None, None]
        rows = (D + 1) * page[..., None].int() + torch.arange(D + 1).to(page).int()
        entries = F.pad(q, (0, 1), value=1)[:, :, None].expand(rows.shape)
        table = self.rows.view(-1, PAGE)
        scores = weighted_rows(table, rows.flatten(0, 2), entries)  # (H, T, P, PAGE)
        scores, place = largest(scores.flatten(2), K)
        place = PAGE * page.gather(-1, place // PAGE) + place % PAGE
        return scores, self.number.take(place)


class LSHMemory(Memory):
    """A memory that is searched through a hash table per stream."""

    def __init__(self, B, H, M, D, cells, probes, dtype=torch.float32, device=None):
        super().__init__(B, H, M, D, dtype, device)
        self.tables = [Table(H, M, D, cells, dtype, device) for _ in range(B)]
        self.probes = probes

    def clear(self, starts):
        """Forget everything in the streams where `starts` (B,) is True."""
        super().clear(starts)
        with self._writing():
            for b in starts.nonzero().flatten().tolist():
                self.tables[b].start(self.tables[b].pivots[:, :1] * 0)

    def state_dict(self):
        """What the memory and its tables hold, in tensors and plain values."""
        tables = [
            {name: x.cpu() if torch.is_tensor(x) else x for name, x in vars(t).items()}
            for t in self.settled().tables
        ]
        return super().state_dict() | dict(tables=tables)

    def load_state_dict(self, saved):
        """Hold what `state_dict` was taken from."""
        super().load_state_dict(saved)
        about = dict(device=self._keys.device, copy=True)
        for table, values in zip(self.tables, saved["tables"], strict=True):
            for name, x in values.items():
                setattr(table, name, x.to(**about) if torch.is_tensor(x) else x)

    def _place(self, k, v):
        super()._place(k, v)
        written = self._written.tolist()
        with torch.autocast(k.device.type, enabled=False):  # as precise as the ring
            for table, new, ring, n in zip(self.tables, k, self._keys, written):
                table.write(new.to(ring.dtype), ring, n)

    def search(self, q, K):
        """As `exact_topk`, for the first len(q) streams, in the cells nearest."""
        M, best = self.keys.shape[2], []
        streams = zip(q.to(self.keys.dtype), self.tables, self.written.tolist())
        with self._writing(), torch.autocast(q.device.type, enabled=False):
            for x, table, n in streams:
                scores, number = table.search(x, max(0, n - M), self.probes, K)
                short = (0, K - scores.shape[-1])
                scores = F.pad(scores, short, value=-torch.inf)
                best.append((scores, F.pad(number % M, short)))
        scores, index = (torch.stack(part) for part in zip(*best))
        found = scores > -torch.inf
        return scores, index.masked_fill(~found, 0), found
