"""What approximate search gives up: recall against cost, and the price in nats."""

from dataclasses import replace

import numpy as np
import torch
from tqdm import tqdm

from . import peers
from .evaluate import document_losses
from .timing import in_turns, spread
from .torch_lsh import LSHMemory
from .torch_memory import Memory
from .torch_model import MemorizingTransformer
from .torch_search import exact_topk, largest

LADDER = (4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256)  # pages to probe


def cells_for(M):
    """A number of cells that suits M keys: about 4 · √M, a power of 2."""
    return 2 ** round(2 + np.log2(M) / 2)


def filled(keys, probes, segment):
    """An LSH memory into which keys (B, H, M, D) were written segment by segment."""
    B, H, M, D = keys.shape
    memory = LSHMemory(B, H, M, D, cells_for(M), probes)
    segments = keys.split(segment, dim=2)
    about = dict(desc=f"insert, M {M}", unit="segment", disable=None, leave=False)
    for some in tqdm(segments, **about):
        memory.write(some, some)
    return memory.settled()


def exact_memory(keys):
    """A memory that holds keys (B, H, M, D), and the same as values."""
    memory = Memory(*keys.shape)
    memory.load_state_dict(
        dict(keys=keys, values=keys, written=torch.full((len(keys),), keys.shape[2]))
    )
    return memory


def recall(found, truth):
    """The share of the true indices (…, K) that are among the found ones (…, any)."""
    hits = (found[..., None, :] == truth[..., None]).any(-1)
    return hits.float().mean().item()


def recall_of(memory, q, K):
    """Recall of a memory's search for queries (B, H, T, D)."""
    _, truth, there = exact_topk(q, memory.keys, memory.valid, K)
    _, index, found = memory.search(q, K)
    return recall(torch.where(found, index, -1), torch.where(there, truth, -2))


def probes_for(memory, q, K, least):
    """Set and return the fewest pages of LADDER that reach a recall of `least`."""
    for memory.probes in LADDER:
        if recall_of(memory, q, K) >= least:
            break
    return memory.probes


def strided_maxima(scores, buckets, K):
    """The authors' approximation: one maximum per strided bucket, then the K best.

    scores (…, M) → indices (…, K) where there are that many buckets.
    """
    maxima, member = scores.unflatten(-1, (-1, buckets)).max(-2)
    best = largest(maxima, K)[1]
    return member.gather(-1, best) * buckets + best


def hyperplane_candidates(q, keys, bits, probes, seed=0):
    """Which keys share one of a query's nearest cells between random hyperplanes.

    q (T, D), keys (M, D) → bool (T, M). The cell of a query comes first, then those
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
    ratio to exact search in the same rounds; those of faiss are of one head.
    """
    exact, lsh = exact_memory(keys), filled(keys, 1, segment)
    truth = exact.search(q, K)[1]
    cases = {("exact", 0): lambda: exact.search(q, K)}
    recalls, shares = {("exact", 0): 1.0}, {("exact", 0): 1.0}
    for probes in LADDER:
        key = "LSH, cells of stored keys", probes
        cases[key] = lambda probes=probes: _probe(lsh, probes, q, K)
        recalls[key] = recall_of(_with(lsh, probes), q, K)
        shares[key] = share_scored(lsh, q)
    for buckets in (64, 256, 1024, 4096):
        key = "one maximum per bucket", buckets
        cases[key] = lambda n=buckets: _maxima(q, keys, n, K)
        recalls[key], shares[key] = recall(_maxima(q, keys, buckets, K), truth), 1.0
    seconds = in_turns(cases, repeats, "recall")
    base = seconds["exact", 0]
    rows = [
        dict(
            method=name,
            setting=setting,
            recall=recalls[name, setting],
            scored=shares[name, setting],
            time=spread([a / b for a, b in zip(seconds[name, setting], base)]),
        )
        for name, setting in cases
    ]
    return rows + _hyperplanes(q, keys, truth) + _faiss(q, keys, truth, K, repeats)


def _with(memory, probes):
    memory.probes = probes
    return memory


def _probe(memory, probes, q, K):
    return _with(memory, probes).search(q, K)


def _maxima(q, keys, buckets, K):
    """Stream by stream, as exact search works."""
    parts = [strided_maxima(x @ k.mT, buckets, K) for x, k in zip(q, keys)]
    return torch.stack(parts)


def share_scored(memory, q):
    """The share of stored keys that a query scores, and the pivots it looks at."""
    counted = []
    for table, x, n in zip(memory.tables, q, memory.written.tolist()):
        oldest = max(0, n - memory.keys.shape[2])
        live = (table.number >= oldest).sum(-1)  # (H, N)
        page = table.nearest_pages(x, oldest, memory.probes)  # (H, T, P)
        scored = live[:, None].expand(-1, x.shape[1], -1).gather(-1, page).sum(-1)
        counted.append((scored + (live > 0).sum(-1, keepdim=True)) / min(n, n - oldest))
    return torch.stack(counted).float().mean().item()


def _hyperplanes(q, keys, truth, bits=10):
    """Recall and share with random hyperplanes, on the first stream, without time."""
    rows = []
    for probes in (8, 32, 128, 512):
        found = [
            hyperplane_candidates(x.numpy(), k.numpy(), bits, probes)
            for x, k in zip(q[0], keys[0])
        ]
        hits = [np.take_along_axis(f, t.numpy(), -1) for f, t in zip(found, truth[0])]
        rows.append(
            dict(
                method="LSH, random hyperplanes",
                setting=probes,
                recall=float(np.mean(hits)),
                scored=float(np.mean(found)),
                time=None,
            )
        )
    return rows


def _faiss(q, keys, truth, K, repeats):
    """faiss's indexes of the first head of the first stream."""
    x, k, rows = q[0, 0].numpy(), keys[0, 0].numpy(), []
    exact = exact_memory(keys[:1, :1])
    for name, setting, search in peers.faiss_indexes(k, K, cells_for(len(k))):
        cases = dict(exact=lambda: exact.search(q[:1, :1], K))
        cases[name] = lambda search=search: search(x)
        seconds = in_turns(cases, repeats, name)
        found, share = search(x)
        rows.append(
            dict(
                method=name,
                setting=setting,
                recall=recall(torch.from_numpy(found), truth[0, 0]),
                scored=None if np.isnan(share) else share,
                time=spread([a / b for a, b in zip(seconds[name], seconds["exact"])]),
            )
        )
    return rows


def losses(model, held, M=8192, ladder=(1, 2, 4, 8, 16, 32)):
    """Held-out nats per token with a memory of M: exact, by LSH, and without."""
    bits = int(np.log2(cells_for(M)))
    about = dict(memory=M, bits=bits)
    settings = [("without memory", None, dict(memory=0))]
    settings += [("LSH", p, about | dict(search="lsh", probes=p)) for p in ladder]
    settings += [("exact", None, dict(memory=M, search="exact"))]
    rows = []
    for name, probes, changes in settings:
        changed = MemorizingTransformer(replace(model.config, **changes))
        changed.to(model.norm.device).load_state_dict(model.state_dict())
        nats = np.concatenate(document_losses(changed, held.docs))
        rows.append(dict(search=name, probes=probes, nats_per_token=float(nats.mean())))
    return rows
