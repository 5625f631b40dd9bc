"""A memory that documents share, against one search through the keys of all of them."""

import numpy as np
import pytest
import torch
from models import CONFIG

from minimt.reproduce.claims.distraction import SharedMemory, choose, stored
from minimt.torch_attention import attend_to_memory
from minimt.torch_memory import Memory
from minimt.torch_search import exact_topk

B, H, M, D, N, K = 2, 2, 6, 4, 5, 3
SCALE = torch.tensor([1.5, 4.0], dtype=torch.float64)


def normal(rng, *shape):
    return torch.from_numpy(rng.normal(size=shape))


@pytest.fixture
def memory(rng):
    """A shared memory whose own part has gone round; streams start apart."""
    others = normal(rng, H, N, D), normal(rng, H, N, D)
    memory = SharedMemory(B, H, M, D, dtype=torch.float64, others=others, attention=[])
    memory.write(normal(rng, B, H, 5, D), normal(rng, B, H, 5, D))
    memory.clear(torch.tensor([False, True]))
    memory.write(normal(rng, B, H, 4, D), normal(rng, B, H, 4, D))
    return memory


def test_a_lookup_searches_all_others_and_the_own_document(memory, rng):
    q, others = normal(rng, B, H, 3, D), memory.all.keys[:, :, :N]
    for b, own in enumerate([M, 4]):  # keys that the stream's document stored
        keys = torch.cat([others[b], memory.keys[b, :, :own]], 1)[None]
        every = torch.ones(1, N + own, dtype=torch.bool)
        expected = exact_topk(q[b : b + 1], keys, every, K)
        for mine, wanted in zip(memory.search(q, K), expected):
            torch.testing.assert_close(mine[b : b + 1], wanted)


def test_what_is_read_is_attention_over_what_was_found(memory, rng):
    q = normal(rng, B, H, 3, D)
    found = memory.search(q, K)
    slot = found[1][..., None].expand(-1, -1, -1, -1, D).flatten(2, 3)
    k, v = (
        ring.gather(2, slot).unflatten(2, (3, K))
        for ring in (memory.all.keys, memory.all.values)
    )
    expected = attend_to_memory(q, k, v, found[2], SCALE)
    torch.testing.assert_close(memory.attend(q, found, SCALE), expected)


def test_others_neither_change_nor_take_the_place_of_own_keys(rng):
    others = normal(rng, H, N, D), normal(rng, H, N, D)
    shared = SharedMemory(B, H, M, D, dtype=torch.float64, others=others, attention=[])
    alone = Memory(B, H, M, D, dtype=torch.float64)
    for n in (4, 3, 9):
        k, v = normal(rng, 2, B, H, n, D)
        shared.write(k, v)
        alone.write(k, v)
    assert torch.equal(shared.keys, alone.keys)
    assert torch.equal(shared.values, alone.values)
    assert torch.equal(shared.valid, alone.valid)
    for ring, some in zip((shared.all.keys, shared.all.values), others):
        assert torch.equal(ring[:, :, :N], some.expand(B, -1, -1, -1))


def test_attention_to_own_keys_is_counted():
    """Products of 1 and 0 at a scale of log 3 have weights of 3/4 and 1/4."""
    others, attention = torch.tensor([[[0.0, 1.0]]]), []
    shared = SharedMemory(1, 1, 2, 2, others=(others, others), attention=attention)
    own = torch.tensor([[[[1.0, 0.0]]]])
    shared.write(own, own)
    for q in (own, own.flip(-1)):
        shared.attend(q, shared.search(q, 2), torch.tensor([np.log(3)]))
    np.testing.assert_allclose(attention, [(3 / 4, 1), (1 / 4, 1)], rtol=1e-6)


def test_what_a_document_stores_is_its_first_tokens(small_model, rng):
    docs = [rng.integers(1, CONFIG.vocab, n) for n in (40, 7)]
    keys, values = stored(small_model, docs)
    assert keys.shape == values.shape == (2, CONFIG.memory + 7, CONFIG.embed // 2)
    state = None
    with torch.no_grad():
        for at in (0, 5, 10):  # segments of 5, in a memory of 13
            some = torch.from_numpy(docs[0][None, at : min(at + 5, CONFIG.memory)])
            _, state = small_model(some, state)
    assert torch.equal(keys[:, : CONFIG.memory], state.memory.keys[0])
    assert torch.equal(values[:, : CONFIG.memory], state.memory.values[0])
    assert stored(small_model, [])[0].shape == (2, 0, CONFIG.embed // 2)


def test_short_documents_are_chosen_last():
    docs = [np.zeros(n) for n in (3, 9, 4, 8, 7)]
    for seed in range(5):
        chosen = [len(doc) for doc in choose(docs, 4, 7, seed)]
        assert set(chosen[:3]) == {7, 8, 9} and chosen[3] in (3, 4)
    assert len({tuple(map(len, choose(docs, 3, 7, seed))) for seed in range(9)}) > 1
