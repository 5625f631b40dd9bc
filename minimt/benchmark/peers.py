"""Other people's searches and models, measured beside ours if they are installed."""

import contextlib
import importlib
import importlib.metadata
import tempfile

import numpy as np
import torch

NAMES = ("faiss-cpu", "scikit-learn", "memorizing-transformers-pytorch")


def installed():
    """The versions of the peers that are installed: {name: version}."""
    found = {}
    for name in NAMES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def available(name):
    """The module, or None if it cannot be imported."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def flat_searches(keys, K):
    """Exact searches of one head's keys (M, D): {name: function of queries (T, D)}.

    Each returns the indices (T, K).
    """
    searches, faiss = {}, available("faiss")
    if faiss:
        index = faiss.IndexFlatIP(keys.shape[1])
        index.add(keys)
        searches["faiss flat"] = lambda q: index.search(q, K)[1]
    neighbors = available("sklearn.neighbors")
    if neighbors and len(keys) >= K:
        tree = neighbors.NearestNeighbors(n_neighbors=K, algorithm="brute").fit(keys)
        searches["scikit-learn"] = lambda q: tree.kneighbors(q, return_distance=False)
    return searches


def faiss_indexes(keys, K, cells):
    """faiss's approximate indexes of keys (M, D): yields (name, setting, search).

    search(q) returns the indices (T, K) and the share of keys it scored, NaN if faiss
    does not count them. Yields nothing if faiss is not installed.
    """
    faiss = available("faiss")
    if not faiss:
        return
    M, D = keys.shape
    coarse = faiss.IndexFlatIP(D)
    index = faiss.IndexIVFFlat(coarse, D, cells, faiss.METRIC_INNER_PRODUCT)
    index.train(keys)
    index.add(keys)
    for probes in (4, 8, 16, 32, 64):
        index.nprobe = probes
        stats = faiss.cvar.indexIVF_stats
        yield "faiss IVF", probes, _counted(index, K, M, stats, also=cells)
    index = faiss.IndexHNSWFlat(D, 16, faiss.METRIC_INNER_PRODUCT)
    index.add(keys)
    for breadth in (32, 64, 128, 256):
        index.hnsw.efSearch = breadth
        yield "faiss HNSW", breadth, _counted(index, K, M, faiss.cvar.hnsw_stats)
    for bits in (64, 256, 512):
        index = faiss.IndexLSH(D, bits)
        index.add(keys)
        yield "faiss LSH", bits, lambda q, index=index: (index.search(q, K)[1], np.nan)


def _counted(index, K, M, stats, also=0):
    """A search that also returns the share scored: the count of faiss, plus `also`."""

    def search(q):
        stats.reset()
        found = index.search(q, K)[1]
        return found, (stats.ndis / len(q) + also) / M

    return search


class TheirModel:
    """memorizing-transformers-pytorch with a configuration's sizes and a filled memory.

    It has one memory per stream, shared by all heads: with 4 heads, a quarter of ours.
    Since it is emptied as soon as it is full, the last `spare` tokens are left free.
    """

    def __init__(self, config, streams, spare):
        theirs = importlib.import_module("memorizing_transformers_pytorch")
        self.folder = tempfile.TemporaryDirectory()
        self.model = theirs.MemorizingTransformer(
            num_tokens=config.vocab,
            dim=config.embed,
            depth=config.layers,
            dim_head=config.head,
            heads=config.heads,
            memorizing_layers=(config.memory_layer + 1,),
            max_knn_memories=config.memory,
            num_retrieved_memories=config.neighbours,
            xl_max_memories=config.cache,
            knn_memories_directory=f"{self.folder.name}/memories",
        )
        self.memories = self.model.create_knn_memories(batch_size=streams)
        rng, n = np.random.default_rng(0), config.memory - spare
        keys = rng.normal(size=(streams, n, 2, config.head)).astype(np.float32)
        keys /= np.linalg.norm(keys, axis=-1, keepdims=True)
        for memory in self.memories:
            memory.add(torch.from_numpy(keys))
        self.past = None
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-3, fused=True)

    def step(self, tokens, targets):
        """One step of training on tokens and targets (B, T)."""
        given = dict(knn_memories=self.memories, xl_memories=self.past, labels=targets)
        loss, *past = self.model(tokens, **given)
        self.past = past[0] if past else None
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
