"""LSH in torch: tables that grow with the memory and forget with it."""

import numpy as np
import pytest
import torch

from minimt import torch_lsh
from minimt.lsh import LSH
from minimt.memory import l2_normalize
from minimt.torch_lsh import LSH as TorchLSH
from minimt.torch_memory import Memory
from minimt.torch_search import exact_topk

B, H, D, T, K = 3, 2, 6, 7, 5


def tensor(x):
    return torch.from_numpy(x)


def memory_of(M, cells, probes, streams=B, heads=H, size=D, tables=1):
    lsh = TorchLSH(size, tables, int(np.log2(cells)), seed=0, probes=probes)
    return Memory(streams, heads, M, size, torch.float64, lsh)


def read(rng, memory, segments, starts=0.1):
    """Segments of unit keys, after each of which the memory is yielded with queries."""
    for _ in range(segments):
        memory.clear(tensor(rng.random(B) < starts))
        k, v, q = (l2_normalize(rng.normal(size=(B, H, T, D))) for _ in range(3))
        memory.write(tensor(k), tensor(v))
        yield memory, tensor(q)


@pytest.fixture(params=[4, 64])
def page(request, monkeypatch):
    monkeypatch.setattr(torch_lsh, "PAGE", request.param)
    return request.param


@pytest.mark.parametrize("M", [3, 50, 130])
@pytest.mark.parametrize("cells, tables", [(1, 1), (8, 1), (8, 3), (64, 1)])
def test_probing_every_page_is_exact_search(rng, page, M, cells, tables):
    """Through starts in mid batch, rings that go around, and pivots drawn anew."""
    for memory, q in read(rng, memory_of(M, cells, 1000, tables=tables), 40):
        expected = exact_topk(q, memory.keys, memory.valid, K)
        for mine, exact in zip(memory.search(q, K), expected):
            np.testing.assert_allclose(mine, exact, atol=1e-12)


@pytest.mark.parametrize("M, cells", [(50, 8), (130, 16)])
def test_tables_hold_each_token_of_the_memory_once_and_in_its_place(
    rng, page, M, cells
):
    for memory, _ in read(rng, memory_of(M, cells, 1), 40):
        for b, n in enumerate(memory.written.tolist()):
            (table,) = memory.searcher.index[b]
            for h in range(H):
                live = np.argwhere(table.rows[h, :, -1].numpy() == 0)
                slots = [int(table.slot[h, i, j]) for i, j in live]
                assert sorted(slots) == list(range(min(n, M)))
                for (i, j), slot in zip(live, slots):
                    key = memory.keys[b, h, slot]
                    np.testing.assert_array_equal(table.rows[h, i, :D, j], key)
                    nearest = (table.pivots[h] @ key).argmax()
                    np.testing.assert_array_equal(
                        table.pivot[h, i], table.pivots[h, nearest]
                    )
                pages = np.bincount(live[:, 0], minlength=len(table.live[h]))
                assert table.live[h, :-1].tolist() == pages[:-1].tolist()


@pytest.mark.parametrize("tables", [1, 3])
def test_what_is_found_is_stored_and_scored_exactly(rng, page, tables):
    for memory, q in read(rng, memory_of(130, 16, 3, tables=tables), 40):
        scores, index, found = memory.search(q, K)
        stream, head, _, _ = found.nonzero(as_tuple=True)
        assert memory.valid[stream, index[found]].all()
        key = memory.keys[stream, head, index[found]]
        query = q[:, :, :, None].expand(B, H, T, K, D)[found]
        np.testing.assert_allclose(scores[found], (query * key).sum(-1), atol=1e-12)
        assert (scores[..., :-1] >= scores[..., 1:]).all()
        assert (scores[~found] == -torch.inf).all() and (index[~found] == 0).all()
        for row, there in zip(index.flatten(0, 2), found.flatten(0, 2)):
            assert len(set(row[there].tolist())) == there.sum()


@pytest.mark.parametrize("tables", [1, 3])
@pytest.mark.parametrize("probes", [1, 3])
def test_when_cells_are_pages_it_is_the_numpy_search(rng, monkeypatch, probes, tables):
    """Right after the pivots were drawn, which then are those of NumPy."""
    monkeypatch.setattr(torch_lsh, "PAGE", 200)
    compared = 0
    for memory, q in read(rng, memory_of(400, 8, probes, tables=tables), 45, starts=0):
        drawn = [
            table.drawn == int(n)
            for tables_of_stream, n in zip(memory.searcher.index, memory.written)
            for table in tables_of_stream
        ]
        if all(drawn):
            keys, valid = memory.keys.numpy(), memory.valid.numpy()
            lsh = LSH(D, tables, 3, seed=0, probes=probes)
            expected = lsh.topk(q.numpy(), keys, valid, K)
            assert lsh.scored.mean() < 0.9 * valid.sum(axis=1).mean()
            for mine, numpy in zip(memory.search(q, K), expected):
                np.testing.assert_allclose(mine, numpy, atol=1e-12)
            compared += 1
    assert compared == 1


def test_few_pages_find_most_neighbours_in_a_crowd(rng):
    """Keys in 200 clumps: 8 of over 90 pages hold most of a query's neighbours."""
    centres = l2_normalize(rng.normal(size=(200, 16)))
    memory = memory_of(4000, 64, 8, streams=1, heads=1, size=16)
    for _ in range(60):
        k = centres[rng.integers(200, size=100)] + 0.05 * rng.normal(size=(100, 16))
        memory.write(tensor(k[None, None]), tensor(k[None, None]))
    q = tensor(centres[None, None])
    exact, near = exact_topk(q, memory.keys, memory.valid, 8), memory.search(q, 8)
    met = [np.isin(a, b).mean() for a, b in zip(exact[1][0, 0], near[1][0, 0])]
    assert np.mean(met) > 0.9
    memory.searcher.probes = 1
    alone = memory.search(q, 8)
    fewer = [np.isin(a, b).mean() for a, b in zip(exact[1][0, 0], alone[1][0, 0])]
    assert np.mean(fewer) < np.mean(met) - 0.1


def test_what_was_begun_in_inference_mode_goes_on_outside(rng):
    with torch.inference_mode():
        begun = memory_of(130, 8, probes=1000)
        list(read(rng, begun, 12))
    for memory, q in read(rng, begun, 12):
        expected = exact_topk(q, memory.keys, memory.valid, K)
        for mine, exact in zip(memory.search(q, K), expected):
            np.testing.assert_allclose(mine, exact, atol=1e-12)


def test_a_loaded_memory_goes_on_alike_and_shares_nothing(rng, page):
    saved, loaded = memory_of(130, 8, probes=2), memory_of(130, 8, probes=2)
    list(read(rng, saved, 30, starts=0))
    loaded.load_state_dict(saved.state_dict())
    for (ours,), (theirs,) in zip(saved.searcher.index, loaded.searcher.index):
        assert theirs.pivots.shape[1] == 8
        assert ours.rows.data_ptr() != theirs.rows.data_ptr()
    for memory, q in read(rng, saved, 10, starts=0):
        latest = (memory.written[0] - T + torch.arange(T)) % 130
        loaded.write(memory.keys[:, :, latest], memory.values[:, :, latest])
        for mine, theirs in zip(memory.search(q, K), loaded.search(q, K)):
            assert torch.equal(mine, theirs)


def test_a_stream_is_searched_as_if_it_were_alone(rng):
    alone = memory_of(50, 8, 2, streams=1)
    for memory, q in read(rng, memory_of(50, 8, 2), 20, starts=0):
        slots = (memory.written[1] - T + torch.arange(T)) % 50
        alone.write(memory.keys[1:2, :, slots], memory.values[1:2, :, slots])
        for together, apart in zip(memory.search(q, K), alone.search(q[1:2], K)):
            np.testing.assert_array_equal(together[1], apart[0])


def test_more_tables_find_more(rng):
    recalls = []
    for tables in (1, 4):
        *_, (memory, q) = read(rng, memory_of(400, 32, 2, tables=tables), 60, starts=0)
        exact = exact_topk(q, memory.keys, memory.valid, K)[1]
        mine = memory.search(q, K)[1]
        recalls.append((mine[..., None, :] == exact[..., None]).any(-1).double().mean())
    assert recalls[1] > recalls[0] + 0.05


def test_the_seed_draws_the_cells(rng):
    keys, pivots = tensor(l2_normalize(rng.normal(size=(B, H, 130, D)))), []
    for seed in (0, 0, 1):
        lsh = TorchLSH(D, 1, 3, seed)
        Memory(B, H, 130, D, torch.float64, lsh).write(keys, keys)
        pivots.append(lsh.index[0][0].pivots)
    assert torch.equal(pivots[0], pivots[1])
    assert not torch.equal(pivots[0], pivots[2])


@pytest.mark.parametrize("sizes", [(0, 1, 1), (4, 0, 1), (4, 1, -1), (4, 1, 31)])
def test_sizes_that_make_no_table_are_refused(sizes):
    with pytest.raises(ValueError, match="and bits from 0 to 30, not"):
        TorchLSH(*sizes, seed=0)


def test_fewer_than_one_neighbour_is_refused(rng):
    memory, q = next(iter(read(rng, memory_of(50, 8, 2), 1)))
    with pytest.raises(ValueError, match="K must be at least 1"):
        memory.search(q, 0)


@pytest.mark.parametrize("tables, bits, probes", [(1, 0, 1), (1, 3, 2), (3, 2, 1)])
def test_without_a_memory_it_is_the_numpy_search(
    rng, monkeypatch, tables, bits, probes
):
    """Of any valid keys, if a page holds a whole cell; nothing where none is valid."""
    monkeypatch.setattr(torch_lsh, "PAGE", 50)
    q, keys = rng.normal(size=(B, H, T, D)), rng.normal(size=(B, H, 40, D))
    valid = rng.random((B, 40)) < 0.6
    valid[1] = False
    expected = LSH(D, tables, bits, 5, probes).topk(q, keys, valid, K)
    lsh = TorchLSH(D, tables, bits, 5, probes)
    found = lsh.topk(tensor(q), tensor(keys), tensor(valid), K)
    for mine, numpy in zip(found, expected):
        np.testing.assert_allclose(mine, numpy, atol=1e-12)
    assert lsh.index == []  # the next call may bring other keys


def test_queries_of_another_size_are_refused():
    keys, valid = torch.zeros(1, 1, 9, D), torch.ones(1, 9, dtype=torch.bool)
    with pytest.raises(ValueError, match="q must have shape"):
        TorchLSH(D, 1, 2, 0).topk(torch.zeros(1, 1, 2, 5), keys, valid, K)
