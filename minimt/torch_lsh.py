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
from .torch_search import PIECE, in_one, largest

PAGE = 64  # keys of a page


class Table:
    """The hash table of one stream's memory, its heads side by side."""

    def __init__(self, H, M, D, cells, dtype=torch.float32, device=None):
        N = 2 * -(-M // PAGE) + min(cells, M)  # pages: half of them for what has gone
        about = dict(dtype=dtype, device=device)
        self.cells = cells
        # A page is PAGE keys, transposed: its D rows, weighted by a query's entries,
        # add up to the scores of all. One more row makes those of gone keys −inf.
        # The last page is nobody's: keys that are gone already lie there.
        self.rows = torch.zeros(H, N + 1, D + 1, PAGE, **about)
        self.pivot = torch.zeros(H, N + 1, D, **about)  # of the cell of each page
        self.slot = torch.zeros(H, N + 1, PAGE, dtype=torch.int64, device=device)
        self.live = self.slot.new_zeros(H, N + 1)  # keys of a page that are not gone
        self.spot = self.slot.new_zeros(H, M)  # where the key of each slot lies
        self.start(torch.zeros(H, 1, D, **about))

    def start(self, pivots, drawn=0):
        """Empty cells around pivots (H, cells, D), drawn among so many keys."""
        self.pivots, self.drawn = pivots, drawn
        self.rows[:, :, -1] = -torch.inf
        self.live.zero_()
        self.spot.fill_(self.slot[0].numel() - 1)
        self.last = self.slot.new_zeros(pivots.shape[:2])  # page that a cell fills
        self.filled = torch.full_like(self.last, PAGE)  # keys that are in it
        self.pages = self.slot.new_zeros(len(pivots))  # pages in use

    def write(self, k, ring, written):
        """Insert k (H, T, D), the newest keys of a ring (H, M, D) holding `written`.

        When the keys have doubled or the pages are used up, pivots are drawn anew and
        all keys inserted anew: as many writes have paid for it.
        """
        T, M = k.shape[1], ring.shape[1]
        stored = min(written, M)
        slot = torch.arange(written - stored, written, device=k.device) % M
        doubled = self.drawn < M and stored >= max(PAGE, 2 * self.drawn)
        if doubled or not self.insert(k[:, -M:], slot[-T:]):
            (chosen,) = draw_pivots(np.arange(stored), 1, self.cells, seed=0)
            self.start(ring[:, torch.from_numpy(chosen).to(ring.device)], stored)
            self.insert(ring[:, slot], slot)

    def insert(self, k, slot):
        """Put keys k (H, T, D) of the ring's slots (T,) in place of those there before.

        They are appended to the pages of their cells. False, and nothing is done,
        where there are too few pages.
        """
        T, head = len(slot), torch.arange(len(k), device=k.device)[:, None]
        some = k.split(PIECE, dim=1)
        cell = torch.cat([(x @ self.pivots.mT).argmax(-1) for x in some], 1)
        cell, order = cell.sort(stable=True)  # (H, T)
        ones = torch.ones_like(cell)
        count = torch.zeros_like(self.filled).scatter_add_(1, cell, ones)  # (H, cells)
        earlier = (count.cumsum(1) - count).gather(1, cell)  # keys of the cells before
        rank = torch.arange(T, device=k.device) - earlier  # in its cell's new ones
        place = self.filled.gather(1, cell) + rank  # from the start of its last page on
        opened = (self.filled + count - 1) // PAGE  # new pages of each cell
        pages = self.pages + opened.sum(1)
        if pages.max() >= self.slot.shape[1]:
            return False
        self.forget(slot)
        first = self.pages[:, None] + opened.cumsum(1) - opened
        page = first.gather(1, cell) + place // PAGE - 1
        page = torch.where(place < PAGE, self.last.gather(1, cell), page)
        self.rows[head, page, :-1, place % PAGE] = k[head, order]
        self.rows[head, page, -1, place % PAGE] = 0
        self.pivot[head, page] = self.pivots[head, cell]
        self.slot[head, page, place % PAGE] = slot[order]
        self.spot[head, slot[order]] = PAGE * page + place % PAGE
        self.live.scatter_add_(1, page, ones)
        self.last = torch.where(opened > 0, first + opened - 1, self.last)
        self.filled = (self.filled + count - 1) % PAGE + 1
        self.pages = pages
        return True

    def forget(self, slot):
        """Let the keys of the ring's slots (T,) be gone."""
        gone = self.spot[:, slot]  # (H, T)
        head = torch.arange(len(gone), device=gone.device)[:, None]
        self.rows[head, gone // PAGE, -1, gone % PAGE] = -torch.inf
        self.live.scatter_add_(1, gone // PAGE, torch.full_like(gone, -1))

    def nearest_pages(self, q, probes):
        """The pages (H, T, P) with the nearest pivots, of those with live keys."""
        empty = where_not(self.live > 0, -torch.inf, q.dtype)  # (H, N)
        near = q @ self.pivot.mT + empty[:, None]
        return largest(near, probes, best_first=False)[1]

    def search(self, q, probes, K):
        """Scores and slots (H, T, K) of the best keys in `probes` pages per query.

        q (H, T, D). Where fewer keys are met, scores are −inf.
        """
        (H, _, D), N = q.shape, self.slot.shape[1]
        page = self.nearest_pages(q, probes)
        page = page + N * torch.arange(H, device=q.device)[:, None, None]
        rows = (D + 1) * page[..., None].int() + torch.arange(D + 1).to(page).int()
        entries = F.pad(q, (0, 1), value=1)[:, :, None].expand(rows.shape)
        table = self.rows.view(-1, PAGE)
        scores = weighted_rows(table, rows.flatten(0, 2), entries)  # (H, T, P, PAGE)
        scores, place = largest(scores.flatten(2), K)
        place = PAGE * page.gather(-1, place // PAGE) + place % PAGE
        return scores, self.slot.take(place)


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

    @torch.no_grad()
    def search(self, q, K):
        """As `exact_topk`, for the first len(q) streams, in the cells nearest."""
        streams = zip(q.to(self.keys.dtype), self.tables)
        with torch.autocast(q.device.type, enabled=False):
            return in_one([t.search(x, self.probes, K) for x, t in streams], K)
