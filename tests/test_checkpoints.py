"""A checkpoint is believed only if it is whole, and the one that was asked for."""

import os

import numpy as np
import pytest
import torch
from trainers import trainer_of

from minimt import checkpoints
from minimt.errors import InputError


@pytest.mark.parametrize(
    "content", [b"", b"not a checkpoint", b"PK\x03\x04" + bytes(99)]
)
def test_a_damaged_checkpoint_is_refused_in_one_line(content, tmp_path):
    (tmp_path / "x.pt").write_bytes(content)
    with pytest.raises(InputError, match="damaged") as error:
        checkpoints.load_checkpoint(tmp_path / "x.pt")
    assert "\n" not in str(error.value)


def test_a_cut_checkpoint_is_refused(tmp_path):
    checkpoints.save_checkpoint(tmp_path / "x.pt", trainer_of().state_dict())
    whole = (tmp_path / "x.pt").read_bytes()
    (tmp_path / "x.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="damaged"):
        checkpoints.load_checkpoint(tmp_path / "x.pt")


def test_a_checkpoint_runs_no_code(tmp_path):
    class Harm:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "harm"),)

    checkpoints.save_checkpoint(tmp_path / "x.pt", {"config": Harm()})
    with pytest.raises(InputError, match="damaged"):
        checkpoints.load_checkpoint(tmp_path / "x.pt")
    assert not (tmp_path / "harm").exists()


def test_a_checkpoint_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    checkpoints.save_checkpoint(tmp_path / "x.pt", trainer_of().state_dict())
    before = (tmp_path / "x.pt").read_bytes()

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError):
        checkpoints.save_checkpoint(tmp_path / "x.pt", {})
    assert (tmp_path / "x.pt").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_no_flipped_bit_is_accepted(tmp_path):
    """Not even one of the flags of a part, by which torch may skip what it holds."""
    trainer, path, rng = trainer_of(), tmp_path / "x.pt", np.random.default_rng(0)
    trainer.step()
    checkpoints.save_checkpoint(path, trainer.state_dict())
    raw = path.read_bytes()
    for at in [*rng.integers(len(raw), size=100), *range(len(raw) - 200, len(raw))]:
        flipped = bytearray(raw)
        flipped[at] ^= 1 << rng.integers(8)
        path.write_bytes(flipped)
        with pytest.raises(InputError, match=r"x\.pt is damaged"):
            checkpoints.load_checkpoint(path)


@pytest.mark.parametrize("name", ["model", "optimizer", "state", "streams"])
def test_a_checkpoint_of_another_shape_is_refused_by_name(name, tmp_path):
    saved = trainer_of().state_dict()
    saved[name] = {"another": torch.zeros(3)}
    with (
        pytest.raises(InputError, match=r"x\.pt is damaged") as error,
        checkpoints.loading(tmp_path / "x.pt"),
    ):
        trainer_of().load_state_dict(saved)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", checkpoints.MISMATCHES)
def test_a_checkpoint_of_another_run_is_refused(name):
    saved = dict(origin="a", documents="b", vocabulary="c")
    checkpoints.check("x.pt", saved, **saved)
    with pytest.raises(InputError, match="run"):
        checkpoints.check("x.pt", saved, **saved | {name: "another"})
    with pytest.raises(InputError, match="run"):
        checkpoints.check("x.pt", {}, **{name: "another"})
