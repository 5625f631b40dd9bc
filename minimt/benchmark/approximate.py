"""What approximate search gives up: recall against cost, and the price in nats."""

import numpy as np
import torch

from ..evaluate import document_losses
from ..progress import progress
from ..torch_lsh import LSH
from ..torch_memory import Memory
from ..torch_search import exact_topk
from . import peers
from .buckets import strided_maxima
from .timing import in_turns, ratio

LADDER = (4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256)  # pages to probe


def cells_for(M):
    """A number of cells that suits M keys: about 4 · √M, a power of 2."""
    return 2 ** round(2 + np.log2(M) / 2)


def filled(keys, probes, segment):
    """An LSH memory that holds keys (B, H, M, D), written segment by segment.

    The first half of them is written twice. So the ring has gone round, and half of the
    entries in the tables are evicted, as at the worst moment of a long document.
    """
    M, D = keys.shape[2:]
    lsh = LSH(D, tables=1, bits=int(np.log2(cells_for(M))), seed=0, probes=probes)
    memory = Memory(*keys.shape, keys.dtype, lsh, keys.device)
    segments = [*keys.split(segment, dim=2), *keys[:, :, : M // 2].split(segment, 2)]
    with progress(f"filling a memory of {M}", len(segments), "segment") as bar:
        for some in segments:
            memory.write(some, some)
            bar.update()
    return memory


def exact_memory(keys):
    """A memory that holds keys (B, H, M, D), and the same as values."""
    memory = Memory(*keys.shape, keys.dtype, device=keys.device)
    memory.write(keys, keys)
    return memory


def recall(found, truth):
    """The share of the true indices (…, K) that are among the found ones (…, any)."""
    hits = (found[..., None, :] == truth[..., None]).any(-1)
    return hits.float().mean().item()


def recall_of(memory, q, K, first=0):
    """Recall of a memory's search, for queries (b, H, T, D) from stream `first` on."""
    b = len(q)
    _, truth, there = exact_topk(q, memory.keys[:b], memory.valid[:b], K)
    truth = torch.where(there, truth, -2)
    return recall(indices(memory, q, K)[first:], truth[first:])


def indices(memory, q, K):
    """The slots that a memory's search finds for queries, or −1 where it finds none."""
    _, index, found = memory.search(q, K)
    return torch.where(found, index, -1)


def probes_for(memory, q, K, least):
    """Set and return the fewest pages of LADDER that reach a recall of `least`."""
    for probes in LADDER:
        if recall_of(_with(memory, probes), q, K) >= least:
            break
    return probes


def hyperplane_candidates(q, keys, bits, probes, seed=0):
    """Which keys are in the cells, between random hyperplanes, nearest to a query.

    q (T, D), keys (M, D) → bool (T, M). The query's own cell comes first, then those
    that it misses by the smallest margins.
    """
    planes = np.random.default_rng(seed).normal(size=(q.shape[1], bits))
    cell = (keys @ planes > 0) @ (1 << np.arange(bits))  # (M,)
    sides = (np.arange(2**bits)[:, None] >> np.arange(bits) & 1) * 2 - 1
    nearest = np.argsort(-(q @ planes) @ sides.T, axis=-1)[:, :probes]
    probed = np.zeros((len(q), 2**bits), bool)
    np.put_along_axis(probed, nearest, True, axis=-1)
    return probed[:, cell]


def curve(q, keys, K, segment, repeats):
    """Recall, share of keys scored and time of searches: rows (method, setting, …).

    q (B, H, T, D), keys (B, H, M, D) of a trained model. Times are per query, as a
    ratio to exact search in the same rounds; faiss is timed on a single head.
    """
    exact, lsh = exact_memory(keys), filled(keys, 1, segment)
    truth = exact.search(q, K)[1]
    cases = {("exact", 0): lambda: exact.search(q, K)}
    recalls, shares = {("exact", 0): 1.0}, {("exact", 0): 1.0}
    for probes in LADDER:
        key = "LSH, cells of stored keys", probes
        cases[key] = lambda probes=probes: _with(lsh, probes).search(q, K)
        recalls[key] = recall(indices(_with(lsh, probes), q, K), truth)
        shares[key] = share_scored(lsh, q)
    space = keys.new_empty(*q.shape[1:3], keys.shape[2])
    for buckets in (n for n in (64, 256, 1024, 4096) if n <= keys.shape[2]):
        key = "one maximum per bucket", buckets
        cases[key] = lambda n=buckets: _maxima(q, keys, n, K, space)
        recalls[key] = recall(_maxima(q, keys, buckets, K, space), truth)
        shares[key] = 1.0
    seconds = in_turns(cases, repeats, "timing searches")
    rows = [
        dict(
            method=name,
            setting=setting,
            recall=recalls[name, setting],
            scored=shares[name, setting],
            time=ratio(seconds, (name, setting), ("exact", 0)),
        )
        for name, setting in cases
    ]
    q, keys, truth = (x.cpu() for x in (q, keys, truth))
    return rows + _hyperplanes(q, keys, truth) + _faiss(q, keys, truth, K, repeats)


def _with(memory, probes):
    memory.searcher.probes = probes
    return memory


def _maxima(q, keys, buckets, K, space):
    """`strided_maxima` stream by stream into one space, as in exact search."""
    scores = (torch.bmm(x, k.mT, out=space) for x, k in zip(q, keys))
    return torch.stack([strided_maxima(x, buckets, K) for x in scores])


def share_scored(memory, q):
    """How many products a query takes, with keys and pivots, as a share of all keys."""
    M, counted = memory.keys.shape[2], []
    lsh = memory.searcher
    for (table,), x, n in zip(lsh.index, q, memory.written.tolist()):
        page = table.nearest_pages(x, lsh.probes)  # (H, T, P)
        live = table.live.clamp(min=0)[:, None].expand(-1, x.shape[1], -1)
        scored = live.gather(-1, page).sum(-1) + table.live.shape[1]
        counted.append(scored / min(n, M))
    return torch.stack(counted).mean().item()


def _hyperplanes(q, keys, truth, bits=10):
    """Recall and share with random hyperplanes, for the first stream; not timed.

    They go through the origin, or through the mean of the keys: q · (key − mean) ranks
    keys as q · key does.
    """
    rows = []
    for where in ("origin", "mean"):
        for probes in (8, 32, 128, 512):
            found = []
            for x, k in zip(q[0].numpy(), keys[0].numpy()):
                mean = k.mean(axis=0) if where == "mean" else 0
                found.append(hyperplane_candidates(x - mean, k - mean, bits, probes))
            true = truth[0].numpy()
            hits = [np.take_along_axis(f, t, -1) for f, t in zip(found, true)]
            row = dict(method=f"LSH, hyperplanes through the {where}", setting=probes)
            row |= dict(recall=float(np.mean(hits)), scored=float(np.mean(found)))
            rows.append(row | dict(time=None))
    return rows


def _faiss(q, keys, truth, K, repeats):
    """Recall, share and time of faiss's indexes, for the first stream's first head."""
    x, k, rows = q[0, 0].numpy(), keys[0, 0].numpy(), []
    exact = exact_memory(keys[:1, :1])
    for name, setting, search in peers.faiss_indexes(k, K, cells_for(len(k))):
        cases = dict(exact=lambda: exact.search(q[:1, :1], K))
        cases[name] = lambda search=search: search(x)
        seconds = in_turns(cases, repeats, f"timing {name}")
        found, share = search(x)
        rows.append(
            dict(
                method=name,
                setting=setting,
                recall=recall(torch.from_numpy(found), truth[0, 0]),
                scored=None if np.isnan(share) else share,
                time=ratio(seconds, name, "exact"),
            )
        )
    return rows


def losses(model, held, M=8192, ladder=(1, 2, 4, 8, 16, 32)):
    """Held-out nats per token without memory, and with M tokens by LSH and exactly."""
    lsh = dict(memory=M, search="lsh", bits=int(np.log2(cells_for(M))))
    settings = [("without memory", None, dict(memory=0))]
    settings += [("LSH", p, lsh | dict(probes=p)) for p in ladder]
    settings += [("exact", None, dict(memory=M, search="exact"))]
    rows = []
    for name, probes, changes in settings:
        nats = np.concatenate(document_losses(model.changed(**changes), held.docs))
        rows.append(dict(search=name, probes=probes, nats_per_token=float(nats.mean())))
    return rows
