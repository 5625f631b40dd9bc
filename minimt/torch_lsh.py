"""LSH search in PyTorch, with tables that are updated as memories are written.

Each cell of `lsh.py` is a chain of pages. A query scores whole pages: those whose cells
have the nearest pivots. With pages, all queries have equally many candidates, and each
page is read in one piece. N pages in a table · P pages probed by a query.
"""

from functools import partial
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .lsh import draw_pivots
from .shapes import expect
from .torch_attention import where_not
from .torch_memory import weighted_rows
from .torch_search import PIECE, Neighbours, Search, in_one, largest

PAGE = 64  # keys in a page


class Plan(NamedTuple):
    """Where new keys will go, sorted by their cells; nothing has been changed yet."""

    order: Tensor  # (H, T): the index of each among the new keys
    cell: Tensor  # (H, T)
    page: Tensor  # (H, T)
    place: Tensor  # (H, T): within the page
    last: Tensor  # (H, cells): the page that each cell will then be filling
    filled: Tensor  # (H, cells): how many keys that page will then hold
    pages: Tensor  # (H,): how many pages will then be in use


class Table:
    """One hash table for one stream's memory, with all heads side by side."""

    def __init__(self, keys: Tensor, cells: int) -> None:
        """keys: the stream's ring (H, M, D), which is still empty."""
        H, M, D = keys.shape
        N = 2 * -(-M // PAGE) + min(cells, M) + 1  # twice, as keys are evicted; a spare
        self.cells = cells
        # A page holds PAGE keys, transposed: its D rows, weighted by a query's entries,
        # add up to the scores of its keys. One more row makes those of evicted keys
        # −inf. The last page is spare: slots whose key is not in the table point to it.
        self.rows = keys.new_empty(H, N, D + 1, PAGE)
        self.pivot = keys.new_zeros(H, N, D)  # of the cell that each page is in
        self.slot = torch.zeros(H, N, PAGE, dtype=torch.int64, device=keys.device)
        self.live = self.slot.new_zeros(H, N)  # keys in a page that are not evicted
        self.spot = self.slot.new_zeros(H, M)  # where the key of each slot lies
        self.reset(keys.new_zeros(H, 1, D))

    def reset(self, pivots: Tensor, drawn: int = 0) -> None:
        """Make empty cells around pivots (H, cells, D), drawn from `drawn` keys."""
        self.pivots, self.drawn = pivots, drawn
        self.rows.zero_()
        self.rows[:, :, -1] = -torch.inf
        self.live.zero_()
        self.spot.fill_(self.slot[0].numel() - 1)
        self.last = self.slot.new_zeros(pivots.shape[:2])  # page that a cell is filling
        self.filled = torch.full_like(self.last, PAGE)  # keys in that page
        self.pages = self.slot.new_zeros(len(pivots))  # pages in use

    def write(self, k: Tensor, ring: Tensor, written: int, draw) -> None:
        """Insert k (H, T, D), the newest of the `written` keys in a ring (H, M, D).

        When the number of keys has doubled or the pages are used up, draw(slots) draws
        the slots of new pivots, and all keys are inserted again. This comes only after
        about as many writes, so it costs little per write.
        """
        T, M = k.shape[1], ring.shape[1]
        stored = min(written, M)
        slot = torch.arange(written - stored, written, device=k.device) % M
        if self.drawn == M or stored < max(PAGE, 2 * self.drawn):
            plan = self.plan(k[:, -M:])
            if plan.pages.max() < self.slot.shape[1]:
                self.commit(plan, k[:, -M:], slot[-T:])
                return
        self.build(ring, slot, draw(np.arange(stored)))

    def build(self, ring: Tensor, slot: Tensor, chosen: np.ndarray) -> None:
        """Insert the keys of some slots (n,) of a ring (H, M, D) into an empty table.

        The pivots are the keys in the chosen slots (cells,).
        """
        self.reset(ring[:, torch.from_numpy(chosen).to(ring.device)], len(slot))
        self.commit(self.plan(ring[:, slot]), ring[:, slot], slot)

    def plan(self, k: Tensor) -> Plan:
        """Where keys k (H, T, D) would go: at the ends of their cells."""
        some = k.split(PIECE, dim=1)
        cell = torch.cat([(x @ self.pivots.mT).argmax(-1) for x in some], 1)  # (H, T)
        cell, order = cell.sort(stable=True)  # (H, T)
        count = torch.zeros_like(self.filled)  # (H, cells): new keys in each
        count.scatter_add_(1, cell, torch.ones_like(cell))
        # (H, T): how many new keys are in earlier cells; the rank of each in its cell;
        # its place, counted from the start of the cell's last page.
        earlier = (count.cumsum(1) - count).gather(1, cell)  # (H, T)
        rank = torch.arange(k.shape[1], device=k.device) - earlier  # (H, T)
        place = self.filled.gather(1, cell) + rank  # (H, T)
        opened = (self.filled + count - 1) // PAGE  # (H, cells): new pages for each
        first = self.pages[:, None] + opened.cumsum(1) - opened  # (H, cells)
        page = first.gather(1, cell) + place // PAGE - 1  # (H, T)
        page = torch.where(place < PAGE, self.last.gather(1, cell), page)
        last = torch.where(opened > 0, first + opened - 1, self.last)  # (H, cells)
        filled = (self.filled + count - 1) % PAGE + 1  # (H, cells)
        pages = self.pages + opened.sum(1)  # (H,)
        return Plan(order, cell, page, place % PAGE, last, filled, pages)

    def commit(self, plan: Plan, k: Tensor, slot: Tensor) -> None:
        """Put keys k (H, T, D), in the ring's slots (T,), into the planned pages.

        They replace the keys that were in these slots before.
        """
        self.evict(slot)
        head = torch.arange(len(k), device=k.device)[:, None]  # (H, 1)
        self.rows[head, plan.page, :-1, plan.place] = k[head, plan.order]  # (H, T, D)
        self.rows[head, plan.page, -1, plan.place] = 0
        self.pivot[head, plan.page] = self.pivots[head, plan.cell]  # (H, T, D)
        self.slot[head, plan.page, plan.place] = slot[plan.order]  # (H, T)
        self.spot[head, slot[plan.order]] = PAGE * plan.page + plan.place  # (H, T)
        self.live.scatter_add_(1, plan.page, torch.ones_like(plan.page))
        self.last, self.filled, self.pages = plan.last, plan.filled, plan.pages

    def evict(self, slot: Tensor) -> None:
        """Take the keys of the ring's slots (T,) out of the table."""
        spot = self.spot[:, slot]  # (H, T)
        head = torch.arange(len(spot), device=spot.device)[:, None]  # (H, 1)
        self.rows[head, spot // PAGE, -1, spot % PAGE] = -torch.inf
        self.live.scatter_add_(1, spot // PAGE, torch.full_like(spot, -1))

    def nearest_pages(self, q: Tensor, probes: int) -> Tensor:
        """The pages (H, T, P) with the nearest pivots, among those with live keys."""
        empty = where_not(self.live > 0, -torch.inf, q.dtype)  # (H, N)
        near = q @ self.pivot.mT + empty[:, None]  # (H, T, N)
        return largest(near, probes, best_first=False)[1]  # (H, T, P)

    def search(self, q: Tensor, probes: int, K: int) -> tuple[Tensor, Tensor]:
        """Scores and slots (H, T, K) of the best keys in `probes` pages per query.

        q (H, T, D). Where a query meets fewer than K keys, the other scores are −inf.
        """
        (H, _, D), N = q.shape, self.slot.shape[1]
        page = self.nearest_pages(q, probes)  # (H, T, P)
        page = page + N * torch.arange(H, device=q.device)[:, None, None]
        row = torch.arange(D + 1, device=q.device).int()
        rows = (D + 1) * page[..., None].int() + row  # (H, T, P, D + 1)
        entries = F.pad(q, (0, 1), value=1)[:, :, None].expand(rows.shape)
        table = self.rows.view(-1, PAGE)  # (H · N · (D + 1), PAGE)
        scores = weighted_rows(table, rows.flatten(0, 2), entries)  # (H, T, P, PAGE)
        scores, place = largest(scores.flatten(2), K)  # (H, T, K)
        spot = PAGE * page.gather(-1, place // PAGE) + place % PAGE  # (H, T, K)
        return scores, self.slot.take(spot)

    def state_dict(self) -> dict:
        """The whole table, as tensors and plain values."""
        return {x: y.cpu() if torch.is_tensor(y) else y for x, y in vars(self).items()}

    def load_state_dict(self, saved: dict) -> None:
        """Restore what `state_dict` returned."""
        device = self.rows.device
        for name, x in saved.items():
            setattr(self, name, x.to(device, copy=True) if torch.is_tensor(x) else x)


class LSH(Search):
    """Like `lsh.LSH`, with tables for each stream's memory; queries probe pages."""

    def __init__(
        self, D: int, tables: int, bits: int, seed: int, probes: int = 1
    ) -> None:
        if D < 1 or tables < 1 or not 0 <= bits <= 30 or probes < 1:
            needed = "D, tables and probes must be at least 1, and bits from 0 to 30"
            raise ValueError(f"{needed}, not {D=}, {tables=}, {bits=}, {probes=}")
        self.D, self.tables, self.cells, self.seed = D, tables, 2**bits, seed
        self.probes = probes  # pages; may be changed between searches
        self.index: list[list[Table]] = []  # the tables of each stream

    def begin(self, keys: Tensor) -> None:
        """Make empty tables for an empty ring of keys (B, H, M, D)."""
        tables = range(self.tables)
        self.index = [[Table(ring, self.cells) for _ in tables] for ring in keys]

    def insert(self, k: Tensor, keys: Tensor, written: Tensor) -> None:
        """Put k (B, H, T, D), just written to the ring, into every table."""
        with torch.autocast(k.device.type, enabled=False):  # as precise as the ring
            for tables, new, ring, n in zip(self.index, k, keys, written.tolist()):
                for number, table in enumerate(tables):
                    draw = partial(self.draw, number)
                    table.write(new.to(ring.dtype), ring, n, draw)

    def draw(self, number: int, slots: np.ndarray) -> np.ndarray:
        """The slots of one table's pivots (cells,), drawn from those of stored keys."""
        return draw_pivots(slots, self.tables, self.cells, self.seed)[number]

    def clear(self, starts: Tensor) -> None:
        """Empty the tables of the streams where `starts` (B,) is True."""
        for b in starts.nonzero().flatten().tolist():
            for table in self.index[b]:
                table.reset(table.pivots[:, :1] * 0)

    @torch.no_grad()
    def topk(self, q: Tensor, keys: Tensor, valid: Tensor, K: int) -> Neighbours:
        """Like `exact_topk`, but in the nearest pages; q may hold fewer streams.

        Without a memory that fills the tables, they are built from the valid keys.
        """
        expect("q", q, *q.shape[:3], self.D)
        index = self.index or self._built(keys, valid)
        streams = zip(q.to(keys.dtype), index)
        with torch.autocast(q.device.type, enabled=False):
            return in_one([self._of_stream(x, tables, K) for x, tables in streams], K)

    def _built(self, keys, valid):
        """The tables of each stream, with the valid keys of a ring in them."""
        index = [[Table(ring, self.cells) for _ in range(self.tables)] for ring in keys]
        for tables, ring, mask in zip(index, keys, valid):
            slot = mask.nonzero().flatten()
            for number, table in enumerate(tables if len(slot) else []):
                table.build(ring, slot, self.draw(number, slot.cpu().numpy()))
        return index

    def _of_stream(self, q, tables, K):
        """Scores and slots (H, T, ≤ K) of the best keys in any of a stream's tables."""
        found = [table.search(q, self.probes, K) for table in tables]
        scores, slot = (torch.cat(part, -1) for part in zip(*found))  # tables · K
        if len(found) == 1:
            return scores, slot
        # Count each key once: of the entries for one slot, only the best remains.
        scores, order = scores.sort(-1, descending=True)
        slot, place = slot.gather(-1, order).sort(stable=True)
        again = F.pad(slot[..., 1:] == slot[..., :-1], (1, 0))
        scores = scores.gather(-1, place).masked_fill(again, -torch.inf)
        scores, place = largest(scores, K)
        return scores, slot.gather(-1, place)

    def state_dict(self) -> dict:
        """The tables of each stream, as tensors and plain values."""
        return dict(tables=[[t.state_dict() for t in stream] for stream in self.index])

    def load_state_dict(self, saved: dict) -> None:
        """Restore what `state_dict` returned."""
        for tables, values in zip(self.index, saved["tables"], strict=True):
            for table, value in zip(tables, values, strict=True):
                table.load_state_dict(value)
