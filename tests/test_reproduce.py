"""Claims: trainings that are shared, variants, and what is made of the numbers."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from commands import PATIENCE, ROOT, minimt, script, started, wait_for_file
from models import BASE

from minimt import torch_model
from minimt.console import report
from minimt.corpus import Source
from minimt.errors import InputError
from minimt.gate import gate_value
from minimt.init import init_params
from minimt.reproduce import results, trained
from minimt.reproduce.claims import (
    CLAIMS,
    approximate,
    distraction,
    finetune,
    memory,
    retrofit,
    scale,
    staleness,
)
from minimt.reproduce.plan import CODE, TRAINING, Plan, full
from minimt.reproduce.study import Study
from minimt.reproduce.trained import TrainedModels, stored
from minimt.reproduce.variants import INGREDIENTS, VARIANTS
from minimt.torch_model import MemorizingTransformer
from minimt.train import Trainer

pytestmark = pytest.mark.usefixtures("one_thread")


class Here(Study):
    """A study that runs its tasks in this process, one by one."""

    def map(self, function, arguments, label, unit="case", sizes=None):
        return [function(*x) for x in arguments]


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """Two kinds of text, of eight programs each."""
    folder = tmp_path_factory.mktemp("texts")
    for kind in ("one", "two"):
        (folder / kind).mkdir()
        for i in range(8):
            lines = [
                f"def {kind}_{j * (i + 3) % 17}(x):\n    return {kind}_{j * i % 5}(x)\n"
                for j in range(12)
            ]
            (folder / kind / f"{i}.py").write_text("\n".join(lines))
    return folder


@pytest.fixture(scope="module")
def tiny(texts):
    """A plan of two seeds and a few steps."""
    kinds = {CODE: texts / "one", "hol_light": texts / "two"}
    sources = {name: Source(str(x), held_out=2) for name, x in kinds.items()}
    return Plan(True, (0, 1), 5, sources, BASE, replace(TRAINING, repetition_steps=4))


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    with Here(tmp_path_factory.mktemp("kept")) as study:
        yield study


def test_a_case_is_trained_once(tiny, tmp_path, monkeypatch):
    study, case = Here(tmp_path), tiny.case(0)
    study.train([case, case])
    before = study.trained.weights(case).stat().st_mtime_ns
    monkeypatch.setattr(Trainer, "step", None)  # a training would fail
    study.train([case])
    assert study.trained.weights(case).stat().st_mtime_ns == before
    assert len(study.used[case]["losses"]) == tiny.steps
    with pytest.raises(TypeError):
        study.train([tiny.case(1)])


def test_all_that_decides_a_training_names_it(tiny, tmp_path, monkeypatch):
    at = TrainedModels(tmp_path)
    cases = [
        tiny.case(0),
        tiny.case(1),
        tiny.case(0, "hol_light"),
        tiny.case(0, memory=0),
    ]
    cases += [tiny.case(0, steps=9), tiny.case(0, variant="gate 0.9")]
    cases += [tiny.case(0, before=cases[0]), tiny.case(0, learning_rate=1e-3)]
    paths = [at.weights(case) for case in cases]
    paths += [TrainedModels(tmp_path, "cuda").weights(cases[0])]
    monkeypatch.setattr(trained, "versions", lambda: dict(torch="another"))
    paths.append(at.weights(cases[0]))
    assert len(set(paths)) == len(paths)
    assert at.weights(tiny.case(0)) == paths[-1]


def test_models_that_differ_in_what_they_see_begin_with_the_same_lookup(tiny):
    sights = [dict(memory=64), dict(segment=32, streams=4), dict(cache=0)]
    sights += [dict(neighbours=3, search="lsh")]
    assert {tiny.case(0, **x).before for x in sights} == {tiny.case(0).before}
    for x in (dict(embed=64), dict(learning_rate=1e-3), dict(memory_layer=0)):
        assert tiny.case(0, **x).before != tiny.case(0).before


DECIDING = """attention position cache memory search lsh gate config init model
torch_attention torch_search torch_memory torch_lsh torch_model data corpus train
repetition formation optimizer evaluate distributed checkpoints benchmark/buckets
reproduce/variants
reproduce/trained
""".split()
IDLE = "figures console/report inspection/explorer experiments/compare gradient".split()


@pytest.fixture
def copied(tmp_path):
    """A copy of the package, to be changed."""
    shutil.copytree(trained.PACKAGE, tmp_path / "minimt")
    return tmp_path


@pytest.mark.parametrize("name", [*DECIDING, *IDLE])
def test_weights_are_kept_under_all_source_that_decides_them(name, copied):
    before = trained.code_digest.__wrapped__(copied)
    assert before == trained.code_digest()
    with open(copied / f"minimt/{name}.py", "a") as file:
        file.write("# changed\n")
    assert (trained.code_digest.__wrapped__(copied) != before) == (name in DECIDING)


def test_weights_are_kept_under_the_texts_as_they_are(tiny, tmp_path):
    source = Source(str(tmp_path / "texts"), held_out=1)
    (tmp_path / "texts").mkdir()
    names = set()
    for text in ("one", "another"):
        (tmp_path / "texts/a.txt").write_text(text)
        trained.documents.cache_clear()
        names.add(trained.key("a case", source))
    assert len(names) == 2


def test_a_second_stage_goes_on_from_the_first_with_the_same_held_out(tiny, study):
    first = tiny.case(1)
    second = tiny.case(1, before=first, steps=1, memory=512, learning_rate=1e-9)
    study.train([second])
    old, new = study.trained.model(first), study.trained.model(second)
    assert new.config.memory == 512
    for a, b in zip(old.parameters(), new.parameters()):
        np.testing.assert_allclose(a.detach(), b.detach(), atol=1e-7)
    names = [study.trained.corpus(case).held.names for case in (first, second)]
    assert names[0] == names[1] != study.trained.corpus(tiny.case(0)).held.names
    assert second.training.seed != first.training.seed  # another order of documents


def test_pieces_are_the_document(rng, monkeypatch):
    monkeypatch.setattr(trained, "PIECE", 10)
    for n in (2, 9, 10, 11, 20, 35):
        doc = np.concatenate([[0], rng.integers(1, 50, n - 1)])
        parts = trained.pieces(doc)
        assert (np.concatenate([x[1:] for x in parts]) == doc[1:]).all()
        assert all(x[0] == 0 and 2 <= len(x) <= 10 + 1 for x in parts)
        assert (len(parts) == 1) == (n <= 10)


def test_readings_are_kept_and_made_anew_when_damaged(tiny, study):
    case = tiny.case(0)
    study.train([case])
    first = study.read([(case, dict(memory=64))])[0]
    path = study.trained.path([asdict(case), dict(memory=64)], case, ".npz")
    assert path.exists()
    path.write_bytes(b"no archive")
    for a, b in zip(first, study.read([(case, dict(memory=64))])[0]):
        assert (a == b).all()
    other = study.read([(case, dict(memory=0))])[0]
    assert any((a != b).any() for a, b in zip(first, other))


def test_no_flipped_bit_changes_a_reading(tmp_path, rng):
    """Bits that mean nothing may flip; with any other, the reading is made anew."""
    nats, path = [np.arange(30.0), np.ones(5)], tmp_path / "x.npz"
    np.savez(path, nats=np.concatenate(nats), lengths=[30, 5])
    raw, anew = path.read_bytes(), 0
    for at in range(len(raw)):
        flipped = bytearray(raw)
        flipped[at] ^= 1 << rng.integers(8)
        path.write_bytes(flipped)
        found = stored(path)
        anew += found is None
        if found is not None:
            assert all(np.array_equal(a, b) for a, b in zip(found, nats, strict=True))
    assert anew > len(raw) / 2


def test_damaged_weights_are_told_of(tiny, tmp_path):
    study, case = Here(tmp_path), tiny.case(0)
    study.train([case])
    study.trained.weights(case).write_bytes(b"nothing")
    with pytest.raises(InputError, match="delete it"):
        study.train([case])


def twice(x):
    """A task, by its name, for other processes."""
    return 2 * x, torch.get_num_threads()


def test_a_worker_that_has_just_ended_hides_no_error(tmp_path, monkeypatch):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    monkeypatch.setattr("minimt.reproduce.study.active_children", lambda: [ended])
    with pytest.raises(InputError, match="too short"), Study(tmp_path):
        raise InputError("too short")


def test_a_pool_does_tasks_in_order_on_one_core_each(tmp_path):
    with Study(tmp_path) as study:
        found = study.map(twice, [(i,) for i in range(5)], "test")
    assert found == [(2 * i, 1) for i in range(5)]


@pytest.mark.parametrize("name", INGREDIENTS)
def test_without_an_ingredient_only_that_is_random(name):
    below, names = INGREDIENTS[name]
    where = [f"layers.{BASE.memory_layer - below}.{x}" for x in names]
    whole, random = (
        init_params(replace(BASE, init=x), 3) for x in ("primed", "random")
    )
    found = VARIANTS[f"without {name}"].weights(BASE, 3)
    for x in whole:
        assert (found[x] == (random if x in where else whole)[x]).all()
        assert x not in where or (found[x] != whole[x]).any()


def test_the_ingredients_are_all_of_the_primed_initialisation():
    whole, random = (
        init_params(replace(BASE, init=x), 3) for x in ("primed", "random")
    )
    differ = {name for name in whole if (whole[name] != random[name]).any()}
    ingredients = {
        f"layers.{BASE.memory_layer - below}.{name}"
        for below, names in INGREDIENTS.values()
        for name in names
    }
    assert ingredients == differ


def test_gates_begin_where_they_should():
    gate = VARIANTS["gate 0.9"].weights(BASE, 0)[f"layers.{BASE.memory_layer}.gate"]
    np.testing.assert_allclose(gate_value(gate), 0.9, rtol=1e-6)


def test_without_normalisation_attention_is_the_usual(rng):
    config = replace(BASE, layers=1, memory_layer=0, memory=0, cache=0, init="random")
    x = torch.from_numpy(rng.normal(size=(2, 5, 32)).astype(np.float32))
    model = MemorizingTransformer(config)
    model.load_numpy(VARIANTS["no normalisation"].weights(config, 0))
    p = model.layers[0]
    with torch.no_grad():
        p["output"].copy_(torch.eye(32))
    parts = VARIANTS["no normalisation"].parts
    with torch.no_grad():
        state = model.first_state(2)
        found = torch_model.attention_layer(p, config, x, state, 0, parts)
    q, k, v = ((x @ p[n]).view(2, 5, 4, 8) for n in ("query", "key", "value"))
    usual = torch.empty(2, 5, 4, 8)
    for b in range(2):
        for i in range(5):
            for h in range(4):
                logits = k[b, : i + 1, h] @ q[b, i, h] / 8**0.5
                logits = logits + p["bias"][:16, h][torch.arange(i, -1, -1)]
                usual[b, i, h] = logits.softmax(0) @ v[b, : i + 1, h]
    np.testing.assert_allclose(found, usual.flatten(2).detach(), atol=1e-5)


def test_values_may_be_stored_normalised(rng):
    k, v = torch.from_numpy(rng.normal(size=(2, 2, 4, 5, 8)))
    memory = VARIANTS["values normalised too"].parts.memory(2, 4, 6, 8, torch.float64)
    memory.write(k, v)
    assert torch.equal(memory.keys[:, :, :5], k)
    lengths = memory.values[:, :, :5].norm(dim=-1)
    np.testing.assert_allclose(lengths, 8**0.5)
    cosine = torch.cosine_similarity(memory.values[:, :, :5], v, dim=-1)
    np.testing.assert_allclose(cosine, 1)


def test_perplexities_belong_to_their_seeds(tiny, study):
    ways = {M: lambda seed, M=M: (tiny.case(seed), dict(memory=M)) for M in (64, 0)}
    found = results.perplexities(study, tiny, ways)
    for M in (64, 0):
        for seed in (0, 1):
            nats = study.trained.read(tiny.case(seed), dict(memory=M))
            total, n = sum(float(x.sum()) for x in nats), sum(map(len, nats))
            assert found[M][seed] == pytest.approx(np.exp(total / n), rel=1e-5)


def test_a_range_of_one_number_is_that_number():
    assert results.between([0.2, 0.1, 0.15], ".0%") == "10% to 20%"
    assert results.between([0.104, 0.1], ".0%") == "10%"


def test_the_crossing_lies_between_the_sizes_around_it():
    sizes, perplexities = (1e6, 2e6, 4e6), (100.0, 50.0, 25.0)
    of = partial(scale.crossing, sizes, perplexities)
    assert of(50.0) == pytest.approx(2e6)
    assert of(100 / 2**0.5) == pytest.approx(2e6 / 2**0.5)
    assert of(20.0) is None and of(101.0) is None


def test_what_a_memory_is_worth_is_counted_from_its_own_model():
    def of(i, goal):
        models = zip((1e6, 2e6, 4e6), (100.0, 50.0, 25.0))
        found = [dict(parameters=n, without=[p], ratio=[0.5]) for n, p in models]
        found[i] |= {"with": [goal], "ratio": [goal / found[i]["without"][0]]}
        return scale.worth_of(found, i)

    assert of(0, 50.0) == "2.0 times" and of(1, 25.0) == "2.0 times"
    assert of(0, 20.0) == "more than 4.0 times" and of(1, 20.0) == "more than 2.0 times"
    assert of(0, 100.0) == of(2, 26.0) == "nothing" and of(2, 24.0) == "–"


def test_a_longer_segment_sees_as_much_as_a_usual_one_with_memory(tiny):
    small, longer = memory.SAME_SIGHT
    assert small[0] + small[2] == longer[0] == 256 and small[1] == longer[1] == 0
    read = []

    class Stop(Exception):
        """Nothing is trained."""

    def train(cases):
        read.extend(cases)
        raise Stop

    with pytest.raises(Stop):
        memory.measure(SimpleNamespace(train=train), tiny)
    assert {x.training.streams * x.config.segment for x in read} == {1024}
    assert {x.config.segment for x in read} == {64, 256}


def test_finetuning_has_a_control_and_a_rival_of_the_same_time(
    tiny, study, monkeypatch
):
    monkeypatch.setattr(finetune, "LARGE", (64,))
    monkeypatch.setattr(finetune, "step_times", lambda *_: {512: 1.0, 64: 2.0})
    first, *others = finetune.measure(study, tiny)["rows"]
    found = {x["training"]: x for x in others}
    assert first["ratio"] == [1, 1] and first["time"] == 1
    case = tiny.case(1, steps=15, memory=512)
    nats = np.concatenate(study.trained.read(case, dict(memory=64)))
    assert found[finetune.READ]["perplexity"][1] == np.exp(nats.mean())
    for control, tuned, more in zip(finetune.CONTROL, finetune.TUNED, (1, 2)):
        control, tuned = found[control], found[tuned]
        assert control["steps"] == tuned["steps"] == 15 + more
        times = pytest.approx([(15 + more) / 15, (15 + 2 * more) / 15])
        assert [control["time"], tuned["time"]] == times
    rival, tuned = found[finetune.SAME_TIME], found[finetune.TUNED[0]]
    assert rival["steps"] == 8 and abs(rival["time"] - tuned["time"]) * 15 <= 2 / 2
    assert (found[finetune.SCRATCH]["steps"], found[finetune.SCRATCH]["time"]) == (
        15,
        2,
    )


def test_more_steps_go_on_from_the_training_with_the_first_memory(tiny):
    before = tiny.case(1, memory=512, steps=15)
    assert finetune.Stages(512, 15, 64).case(tiny, 1) == (before, dict(memory=64))
    for second in (512, 64):
        case, changes = finetune.Stages(512, 15, 64, second, 2).case(tiny, 1)
        assert case.before == before and changes == dict(memory=64)
        assert (case.config.memory, case.training.steps) == (second, 2)
        assert case.training.learning_rate == finetune.RATE


def test_a_step_s_time_is_a_median_and_its_noise_is_rounded_away(tiny):
    def times(seconds):
        whole = {M: finetune.Stages(M, 5, M) for M in (512, 64)}
        cases = [tiny.case(seed, memory=M) for M in whole for seed in (0, 1, 2)]
        used = {case: dict(seconds=x) for case, x in zip(cases, seconds)}
        here = SimpleNamespace(used=used, train=lambda cases: None)
        return finetune.step_times(here, replace(tiny, seeds=(0, 1, 2)), whole)

    assert times([5, 1, 90, 11, 12, 1]) == {512: 1, 64: 2.2}
    assert times([5, 1, 90, 11.1, 12, 1]) == {512: 1, 64: 2.2}


def test_searches_are_compared_in_training_and_in_reading(tiny, study):
    one = replace(tiny, seeds=(0,))
    found = approximate.measure(study, one)["rows"]
    row = {(x["trained"], x["search"], x["setting"]): x for x in found}
    EXACT, MAXIMA = approximate.EXACT, approximate.MAXIMA
    assert row[EXACT, EXACT, 0]["ratio"] == [1] and row[EXACT, EXACT, 0]["recall"] == [
        1
    ]
    assert row[MAXIMA, EXACT, 0]["recall"] == [1]
    assert row[MAXIMA, EXACT, 0]["perplexity"] != row[EXACT, EXACT, 0]["perplexity"]
    own = row[MAXIMA, MAXIMA, BASE.neighbours]
    case = replace(one.case(0, memory=approximate.MEMORY), variant=MAXIMA)
    nats = np.concatenate(study.trained.read(case, {}))  # with the search of training
    assert own["perplexity"] == pytest.approx([np.exp(nats.mean())], rel=1e-5)
    assert 0 < own["recall"][0] < 1


def test_a_memory_for_one_document_is_the_usual_one(tiny, study):
    """And only with it does all attention fall on a document's own keys."""
    found = {
        (x["text"], x["documents"]): x for x in distraction.measure(study, tiny)["rows"]
    }
    for text in tiny.texts:
        alone, shared = found[text, distraction.ALONE], found[text, 4]
        nats = study.trained.read(tiny.case(1, text), {})
        usual = np.exp(np.concatenate(nats).mean())
        assert alone["perplexity"][1] == pytest.approx(usual, rel=1e-5)
        assert alone["gain"] == [1, 1] and alone["own"] == pytest.approx([1, 1])
        assert found[text, distraction.NONE]["gain"] == [0, 0]
        assert all(0 < x < 1 for x in shared["own"]) and min(shared["others"]) > 100
        assert shared["perplexity"] != alone["perplexity"]


def test_retrofit_closes_none_of_the_gap_at_first_and_all_at_last(tiny, study):
    found = retrofit.measure(study, tiny)["rows"]
    assert found[0]["closed"] == [0, 0]
    np.testing.assert_allclose(found[-1]["closed"], 1)
    for i, x in enumerate(found[1]["perplexity"]):
        a, c = found[0]["perplexity"][i], found[-1]["perplexity"][i]
        assert found[1]["closed"][i] == pytest.approx((a - x) / (a - c))


def test_fresh_keys_have_not_gone_stale(tiny, study):
    """Weights that stand still make the same keys again, whatever their age."""
    case = tiny.case(0, memory=2048, learning_rate=1e-12)
    case = replace(case, training=replace(case.training, steps=20, weight_decay=0.0))
    study.train([case.before])
    found = staleness.stale(study.trained, case)["ages"]
    assert set(found) == {1, 2, 4, 8}
    np.testing.assert_allclose(list(found.values()), 1, atol=1e-4)
    moved = replace(case, training=replace(case.training, learning_rate=0.05))
    cosines = [x[0] for x in staleness.stale(study.trained, moved)["ages"].values()]
    assert cosines[-1] < cosines[0] < 0.9999


def test_what_is_not_a_folder_of_text_is_told_of(texts, tmp_path, caplog):
    caplog.set_level("INFO", "minimt")
    shutil.copytree(texts, tmp_path, dirs_exist_ok=True)
    (tmp_path / ".git").mkdir()
    (tmp_path / "book.txt").touch()
    assert list(full(tmp_path).texts) == [CODE, "one", "two"]
    assert caplog.messages == ["left out .git, book.txt: give each text its own folder"]


FULL = "finetune", "lookups"  # whose full plan does more than repeat the quick one


@pytest.mark.parametrize("name", CLAIMS)
def test_a_claim_gives_a_table_a_figure_and_a_page(
    name, tiny, study, tmp_path, monkeypatch
):
    small = (4, 32, 4), (4, 40, 4), (4, 64, 4)
    monkeypatch.setattr(scale, "SIZES", small)
    monkeypatch.setattr(finetune, "LARGE", (64, 128))
    monkeypatch.setattr(memory, "SIZES", (0, 64))
    seeds = tiny.seeds if name in ("memory", "lookups") else (0,)
    some = replace(tiny, seeds=seeds, quick=name not in FULL)
    command = f"python -m minimt reproduce {name}"
    study.used.clear()
    result = results.reproduce(name, some, study, command)
    results.write(tmp_path, result)
    assert json.loads((tmp_path / f"{name}.json").read_text()) == result
    assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    page, claim = (tmp_path / f"{name}.md").read_text(), results.module(name)
    for row in claim.rows(result):
        assert "| " + " | ".join(map(str, row)) + " |" in page
    verdict = claim.verdict(result)
    told = " ".join(report.claim(result).split())
    assert verdict in page and told.startswith(verdict)
    said = claim.draw(result).get_suptitle()
    assert said.replace("\n", " ") == verdict
    assert result["seeds"] == list(seeds) and result["initialisations"]
    assert result["seconds"]["training"] > 0 and CODE in result["texts"]


@pytest.mark.parametrize("name", ["memory", "staleness"])
def test_same_seeds_same_numbers(name, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "SIZES", (0, 64))
    some = replace(tiny, seeds=(0,), texts={CODE: tiny.texts[CODE]})
    found = [results.module(name).measure(Here(tmp_path / x), some) for x in "ab"]
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "path", [ROOT / f"results/{name}.json" for name in CLAIMS], ids=lambda x: x.stem
)
def test_what_is_committed_is_what_its_numbers_say(path):
    result = json.loads(path.read_text())
    assert result["claim"] == path.stem and not result["quick"]
    assert path.with_suffix(".md").read_text() == results.page(result)
    assert path.with_suffix(".png").stat().st_size < 80_000
    assert "/tmp" not in path.read_text() and "/home" not in path.read_text()
    assert len(result["seeds"]) >= 3
    hours = result["seconds"]["training"] / result["machine"]["cores"] / 3600
    assert hours < 3  # a reader can repeat it overnight


def test_ctrl_c_stops_all_trainings_and_loses_none(texts, tiny, tmp_path):
    kept = tmp_path / "kept"
    with started([*script("interrupted_study.py"), texts / "one", kept]) as job:
        wait_for_file(job, kept, "*.unfinished")
        os.killpg(job.pid, signal.SIGINT)  # as a terminal does
        errors = job.communicate(timeout=PATIENCE)[1]
    assert "KeyboardInterrupt" in errors and job.returncode
    assert not list(kept.glob("*.pt"))
    study, alone = Here(kept), Here(tmp_path / "alone")
    source = Source(str(texts / "one"), held_out=2)
    training = replace(TRAINING, repetition_steps=60)
    plan = Plan(True, (0,), 60, {CODE: source}, BASE, training)
    case = plan.repetition(0)
    begun = [
        x
        for x in (study, alone)
        if x.trained.weights(case).with_suffix(".unfinished").exists()
    ]
    assert begun == [study]
    for x in (study, alone):
        x.train([case])
    for a, b in zip(
        study.trained.model(case).parameters(), alone.trained.model(case).parameters()
    ):
        assert torch.equal(a, b)


@pytest.mark.parametrize(
    "flags, word",
    [
        (["nothing"], "invalid choice"),
        (["memory", "--texts", "nowhere"], "nowhere is not a directory"),
        (["memory", "--texts", "empty"], "has no folders in it"),
        (["memory", "--quick", "--texts", "empty"], "leave out --texts"),
        (["memory", "--device", "abacus"], "--device abacus is not available"),
        (["memory", "--out", "file"], "file"),
    ],
)
def test_mistakes_are_one_line(flags, word, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    code, out, said = minimt(tmp_path, "reproduce", *flags)
    assert (code, out) == (2, "") and word in said and said.count("\n") == 1
    assert not (tmp_path / "results").exists()
