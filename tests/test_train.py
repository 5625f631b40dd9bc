"""Training learns, and goes on after any stop as if there had been none."""

from dataclasses import fields, replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from models import CONFIG
from trainers import TRAINING, finish, trainer_of

from minimt import checkpoints, optimizer, torch_lsh, train
from minimt.errors import InputError
from minimt.formation import Formation
from minimt.optimizer import Training
from minimt.torch_model import MemorizingTransformer

MATRICES = "query", "key", "value", "output", "up", "down"


def test_training_learns():
    losses = finish(trainer_of(training=replace(TRAINING, steps=150)))
    assert np.mean(losses[-5:]) < 0.5 * np.log(CONFIG.vocab)  # half of a blind guess


def test_same_seed_same_losses_other_seed_others():
    assert finish(trainer_of()) == finish(trainer_of())
    assert finish(trainer_of()) != finish(
        trainer_of(training=replace(TRAINING, seed=1))
    )


@pytest.mark.parametrize(
    "share, streams, repeated",
    [(0, 8, 0), (0.125, 8, 1), (0.125, 4, 1), (0.5, 4, 2), (0.9, 4, 3), (0.5, 1, 0)],
)
def test_a_share_of_the_streams_repeats_and_at_least_one(share, streams, repeated):
    docs = [np.arange(200) + 1000 * i for i in range(20)]  # no token in two places
    training = replace(TRAINING, streams=streams, repetition_share=share)
    source, read = train.text_streams(docs, training, T=10), []
    for _ in range(15):
        read.append(next(source)[0])
    read = np.concatenate(read, axis=1)  # (streams, 150)
    assert sum(len(set(row)) < len(row) for row in read.tolist()) == repeated


@pytest.mark.parametrize(
    "config",
    [
        CONFIG,
        replace(CONFIG, memory=0, cache=0),
        replace(CONFIG, search="lsh", bits=1, probes=2),
    ],
)
@pytest.mark.parametrize("steps", [0, 1, 13, 30])
def test_a_checkpoint_goes_on_to_the_last_bit(config, steps, tmp_path, monkeypatch):
    monkeypatch.setattr(torch_lsh, "PAGE", 2)  # so that few tokens fill many pages
    whole, stopped = trainer_of(config), trainer_of(config)
    for _ in range(steps):
        stopped.step()
    checkpoints.save_checkpoint(tmp_path / "x.pt", stopped.state_dict())
    resumed = trainer_of(config)
    resumed.load_state_dict(checkpoints.load_checkpoint(tmp_path / "x.pt"))
    assert finish(resumed) == finish(whole)
    for name, weights in whole.model.state_dict().items():
        assert torch.equal(weights, resumed.model.state_dict()[name])


def test_learning_rate_warms_up_and_decays():
    rates = [optimizer.learning_rate(step, TRAINING) for step in range(31)]
    assert rates[4] == max(rates) == pytest.approx(1e-2)
    assert np.all(np.diff(rates[:5]) > 0) and np.all(np.diff(rates[5:]) < 0)
    assert rates[30] == pytest.approx(2e-4)


def test_minutes_become_steps():
    trainer = trainer_of()
    trainer.plan(minutes=1e-9)
    assert trainer.done and len(trainer.losses) == train.PROBE
    longer = trainer_of()
    longer.plan(minutes=10)
    assert longer.training.steps > 100


def test_matrices_decay_and_nothing_else():
    trainer = trainer_of()
    decay = by_weight(trainer, "weight_decay")
    assert len(decay) == len(list(trainer.model.parameters()))
    for name, x in decay.items():
        matrix = name.rpartition(".")[2] in (*MATRICES, "embedding")
        assert x == (TRAINING.weight_decay if matrix else 0), name


def by_weight(trainer, what):
    """What the optimiser's groups say of each weight: {name: value}."""
    groups = trainer.optimizer.param_groups
    found = {id(p): group[what] for group in groups for p in group["params"]}
    return {name: found[id(p)] for name, p in trainer.model.named_parameters()}


@pytest.mark.parametrize("memory", [0, CONFIG.memory])
@pytest.mark.parametrize("repeated", [0, 5])
def test_what_repetition_taught_learns_slowly_on_text(memory, repeated):
    """Also in the model without memory, so that both are trained alike."""
    config, docs = replace(CONFIG, memory=memory), [np.arange(60) % 23] * 4
    training = replace(TRAINING, repetition_steps=repeated, lookup_rate=0.25)
    model = MemorizingTransformer(config)
    trainer = train.text_trainer(model, training, docs)
    trainer.step()
    peak = optimizer.learning_rate(0, training)
    for name, rate in by_weight(trainer, "lr").items():
        kind, layer, *_ = *name.split("."), -1
        low = repeated and kind == "layers" and int(layer) <= config.memory_layer
        assert rate == pytest.approx(peak * (0.25 if low else 1)), name


def test_repetition_has_a_rate_of_its_own_for_all_weights():
    docs = [np.arange(60) % 23] * 4
    training = replace(TRAINING, repetition_steps=9, repetition_rate=0.5)
    trainer = Formation(MemorizingTransformer(CONFIG), training, docs)
    trainer.step()
    peak = optimizer.learning_rate(0, trainer.training)
    assert peak == optimizer.learning_rate(0, training) / 2
    assert set(by_weight(trainer, "lr").values()) == {peak}


def test_weights_that_are_not_finite_are_not_saved():
    """Not even those of the last update, after which no loss is computed."""
    trainer = trainer_of()
    trainer.step()
    trainer.state_dict()
    trainer.model.layers[0]["log_scale"].data[1] = np.inf
    with pytest.raises(InputError, match="lower --learning-rate"):
        trainer.state_dict()


@pytest.mark.parametrize(
    "field",
    [field.name for field in fields(Training) if field.name != "repetition_share"],
)
def test_training_options_that_cannot_be_used_are_named(field):
    for value in (-1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=field):
            Training(**{field: value})


@pytest.mark.parametrize("value", [1.5, True, "3", None, 0])
def test_steps_are_a_whole_number(value):
    with pytest.raises(ValueError, match="steps must be a whole number"):
        Training(steps=value)


def test_bfloat16_stays_near_float32_and_out_of_the_memory():
    """The context that a GPU trains in, on the CPU, with weights that barely move.

    A number of bfloat16 is off by up to 2⁻⁹ of itself, and so is the last product, a
    logit; as much again for all before it. A loss is off by at most twice as much.
    """
    training = replace(TRAINING, learning_rate=1e-9)
    learned = trainer_of()
    finish(learned)
    exact, rough = (trainer_of(training=training) for _ in range(2))
    for trainer in (exact, rough):
        trainer.model.load_state_dict(learned.model.state_dict())
    rough.autocast = torch.autocast("cpu", torch.bfloat16)
    for _ in range(10):
        largest = exact.step().abs().max().item()
        assert rough.step().dtype == torch.float32
        difference = abs(rough.losses[-1] - exact.losses[-1])
        assert 0 < difference < 2 * 2 * 2**-9 * largest
    memory = rough.state.memory
    assert memory.keys.dtype == memory.values.dtype == torch.float32
    lengths = memory.keys.movedim(1, 2)[memory.valid].norm(dim=-1)
    assert torch.allclose(lengths, torch.ones(()), atol=1e-6)  # normalised in float32
    weights = list(rough.model.parameters())
    averages = [x for p in weights for x in rough.optimizer.state[p].values()]
    assert {x.dtype for x in weights + averages} == {torch.float32}


@pytest.mark.parametrize(
    "name, label",
    [
        ("with_memory", "training with memory"),
        ("without_memory", "training without memory"),
        ("repetition", "training by repetition"),
    ],
)
def test_a_bar_says_what_is_trained(tmp_path, monkeypatch, name, label):
    """Each checkpoint's training is named in English."""
    labels = []
    monkeypatch.setattr(train, "fit", lambda *args: labels.append(args[2]))
    vocabulary = SimpleNamespace(to_str=lambda: "")
    corpus = SimpleNamespace(train=[], digest="", vocabulary=vocabulary)
    train.run_trainer(tmp_path / f"{name}.pt", "", lambda docs: trainer_of(), corpus)
    assert labels == [label]
