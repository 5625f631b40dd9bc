"""The bench: every part measured, at sizes that take a moment."""

import numpy as np
import pytest

from minimt.benchmark import bench, charts
from minimt.console import report
from minimt.errors import InputError


@pytest.fixture(scope="module")
def result():
    return bench.bench(None, "cpu", sizes=(256, 512), steps=(512,), repeats=1)


def test_every_search_is_measured_beside_the_bare_product(result):
    for row, M in zip(result["search"], (256, 512)):
        assert row["memory"] == M and row["streams"] == 16
        names = {"product", "product in place", "exact", "LSH", "LSH with insertion"}
        assert names | {"full attention", "exact, NumPy"} <= row["to_product"].keys()
        assert row["to_product"]["product"] == dict(median=1, low=1, high=1)
        ours = row["microseconds"]["exact"]["median"]
        product = row["microseconds"]["product"]["median"]
        np.testing.assert_allclose(row["to_product"]["exact"]["median"], ours / product)
        assert row["recall"] >= bench.RECALL


def test_a_training_step_is_measured_with_memory_and_without(result):
    steps = {row["model"]: row for row in result["step"]}
    assert {"without memory", "exact, M 512"} <= steps.keys()
    probes = result["search"][-1]["probes"]
    assert f"LSH of {probes} pages, M 512" in steps
    assert steps["without memory"]["to_no_memory"]["median"] == 1
    for row in result["step"]:
        speed = 16 * 128 / row["milliseconds"]["median"] * 1e3
        np.testing.assert_allclose(row["tokens_per_second"]["median"], speed)


def test_all_of_it_is_told_written_and_drawn(result, tmp_path, monkeypatch):
    rows = [
        dict(
            method=m, setting=s, recall=r, scored=c, time=dict(median=t, low=t, high=t)
        )
        for m, s, r, c, t in [
            ("exact", 0, 1.0, 1.0, 1.0),
            ("LSH, cells of stored keys", 8, 0.95, 0.1, 0.5),
            ("faiss LSH", 64, 0.5, None, 0.5),
        ]
    ]
    losses = [("without memory", None, 3.0), ("LSH", 1, 2.5), ("exact", None, 2.0)]
    names = "search", "probes", "nats_per_token"
    whole = result | dict(
        recall=dict(memory=65_536, rows=rows),
        losses=dict(memory=8192, rows=[dict(zip(names, row)) for row in losses]),
    )
    bench.save(tmp_path, whole)
    written = {path.name for path in tmp_path.iterdir()}
    pictures = {"search_cost.png", "recall_cost.png", "lsh_losses.png"}
    assert written == pictures | {"bench.json"}
    monkeypatch.setenv("COLUMNS", "80")
    text = report.bench(whole)
    assert max(map(len, text.splitlines())) <= 80
    for word in ("product in place", "M 512", "tokens/s", "0.950", "without memory"):
        assert word in text


def test_the_titles_say_what_was_measured(result):
    rows = [
        dict(
            memory=M,
            recall=recall,
            microseconds=dict(exact=dict(median=1)),
            to_exact={"LSH with insertion": dict(median=r)},
        )
        for M, r, recall in ((512, 2.0, 1), (1024, 0.9, 0.8), (2048, 0.9, 0.9))
    ]
    assert "at M = 2,048" in charts.search_costs(rows).get_suptitle()
    assert "never" in charts.search_costs(rows[:1]).get_suptitle()


def test_a_trained_run_adds_recall_and_losses(run, place):
    folder = place / run[0]
    whole = bench.bench(folder, "cpu", sizes=(512,), steps=(512,), repeats=1)
    assert whole["recall"]["memory"] == 512
    assert whole["recall"]["rows"][0]["recall"] == 1
    searches = [row["search"] for row in whole["losses"]["rows"]]
    assert searches[0] == "without memory" and searches[-1] == "exact"
    with pytest.raises(InputError, match="too few for a memory of 100000"):
        bench.bench(folder, "cpu", sizes=(512, 100_000), repeats=1)
