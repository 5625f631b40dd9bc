"""Two processes learn what one would; started by torchrun, this file is one of them."""

import os
import pathlib
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from unittest import mock

import numpy as np
import pytest
import torch
import trainers
from commands import PATIENCE, SMALL, environment, script, started, wait_for_line
from models import CONFIG
from trainers import TRAINING, finish, trainer_of

from minimt import checkpoints, distributed, runs, train
from minimt.config import Config
from minimt.console.cli import main
from minimt.console.exits import leave
from minimt.corpus import Source
from minimt.errors import InputError
from minimt.optimizer import Training
from minimt.torch_model import MemorizingTransformer

CONFIGS = dict(
    memory=CONFIG,
    without_memory=replace(CONFIG, memory=0, cache=0),
    # All pages probed: which of two equally near ones is taken hangs on the last bit.
    lsh=replace(CONFIG, search="lsh", bits=1, probes=1000),
)
FOUR = replace(TRAINING, streams=4, steps=20)
STOP = 7  # steps until the checkpoint: the memory has begun to overwrite
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
TORCHRUN += ["--nproc-per-node", "2"]


def double(config, seed):
    return MemorizingTransformer(config, seed).double()


@mock.patch("minimt.torch_lsh.PAGE", 2)  # so that few tokens fill many pages
def learn(config, folder):
    """Train, stop by the way, go on from the checkpoint: what there is to compare."""
    whole, stopped, resumed = (trainer_of(config, FOUR) for _ in range(3))
    for _ in range(STOP):
        stopped.step()
    saved = stopped.state_dict()
    if distributed.leader():
        checkpoints.save_checkpoint(folder / "stopped.pt", saved)
    distributed.barrier()
    resumed.load_state_dict(checkpoints.load_checkpoint(folder / "stopped.pt"))
    distributed.barrier()  # the next configuration writes the same file
    result = dict(losses=finish(whole), resumed=finish(resumed), state=saved["state"])
    return result | dict(weights=whole.model.state_dict())


def agree():
    """What processes must decide alike, though each sees something else."""
    trainer = trainer_of(training=FOUR)
    trainer.seconds = 100.0 * distributed.rank()
    trainer.plan(minutes=1)

    class Late:
        """Ctrl-C that reaches only the last process, and between steps."""

        def __bool__(self):
            last = distributed.rank() == distributed.size() - 1
            return last and len(stopped.losses) >= 5

    stopped, saves = trainer_of(training=replace(FOUR, steps=99)), []
    train.fit(stopped, lambda: saves.append(len(stopped.losses)), "", Late())
    rank = distributed.rank()
    flags = distributed.anywhere(rank == 0, rank == 1, False)
    return dict(steps=trainer.training.steps, saves=saves, flags=flags)


def one_of_two(folder):
    """The work of one process; its results go to a file of its own."""
    trainers.MemorizingTransformer = double
    with distributed.group("cpu"):
        results = {name: learn(config, folder) for name, config in CONFIGS.items()}
        results["agree"] = agree()
    torch.save(results, folder / f"{distributed.rank()}.pt")


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """The results of two processes, by rank."""
    folder = tmp_path_factory.mktemp("two")
    command = [*TORCHRUN, __file__, str(folder)]
    done = subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr
    return [torch.load(folder / f"{rank}.pt") for rank in (0, 1)]


def close(one, other):
    """Assert that nested results are the same to 1e-9."""
    if isinstance(one, dict):
        one, other = list(one.values()), list(other.values())
    if isinstance(one, (list, tuple)) and not isinstance(one[0], float):
        assert len(one) == len(other)
        for a, b in zip(one, other):
            close(a, b)
    elif one is not None:
        np.testing.assert_allclose(other, one, rtol=0, atol=1e-9)


def test_shares_have_unequal_numbers_of_targets():
    """Or the weights of the shares would not matter below."""
    streams = trainer_of(training=FOUR).streams
    counts = [(next(streams)[1] >= 0).reshape(2, -1).sum(1) for _ in range(20)]
    assert any(a != b for a, b in counts)


@pytest.mark.parametrize("name", CONFIGS)
def test_two_processes_learn_what_one_does(name, two, tmp_path, monkeypatch):
    """Losses, weights and, in the checkpoint, the state of all streams."""
    monkeypatch.setattr(trainers, "MemorizingTransformer", double)
    one, leader = learn(CONFIGS[name], tmp_path), two[0][name]
    for part in ("losses", "weights", "state"):
        close(one[part], leader[part])
    assert leader["losses"] == two[1][name]["losses"]
    for weights, again in zip(*(x[name]["weights"].values() for x in two)):
        assert torch.equal(weights, again)


@pytest.mark.parametrize("name", CONFIGS)
def test_two_processes_go_on_to_the_last_bit(name, two):
    for rank in (0, 1):
        assert two[rank][name]["resumed"] == two[rank][name]["losses"]


def test_all_processes_stop_and_plan_alike(two):
    assert two[0]["agree"] == two[1]["agree"]
    assert two[0]["agree"]["saves"] == [5]
    assert two[0]["agree"]["flags"] == [True, True, False]


def test_ctrl_c_stops_all_processes_with_one_checkpoint(place):
    """Here it comes while chunks are repeated; in test_cli, while text is read."""
    flags = [*SMALL, "--repetition-steps", "1000000", "--name", "two"]
    command = [*TORCHRUN, script("announced_steps.py")[-1], "train", "--data", "texts"]
    folder = place / "runs" / "two"
    with started([*command, *flags], place) as process:
        wait_for_line(process, "steps taken: 3")
        began = time.perf_counter()
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=PATIENCE)[1]
    assert time.perf_counter() - began < 20  # torchrun would kill after 30 seconds
    again = "torchrun --nproc-per-node 2 -m minimt train --resume runs/two"
    assert said.count(again) == 1
    saved = checkpoints.load_checkpoint(folder / "repetition.pt")
    assert len(saved["losses"]) >= 3 and len(saved["state"]["age"]) == 2
    assert {path.name for path in folder.iterdir()} == {
        "repetition.pt",
        "minimt-run.json",
    }


def begun(folder, **changes):
    """A run of two processes that has just begun."""
    options = dict(config=asdict(Config()), training=asdict(Training()))
    options |= dict(
        source=asdict(Source()), minutes=None, without_memory=True, processes=2
    )
    options |= dict(command="train", device="cpu")
    runs.write_options(folder, options | changes)
    return str(folder)


@pytest.mark.parametrize(
    "processes, args, advice",
    [
        (1, ["train", "--resume", "RUN"], "it began with, 2, not 1"),
        (3, ["train", "--resume", "RUN"], "resume it with torchrun --nproc-per-node 2"),
        (2, ["train", "--streams", "5"], "--streams 5 cannot be shared by 2"),
        (2, ["recall"], "only train"),
        (2, ["evaluate", "RUN"], "only train"),
    ],
)
def test_mistakes_with_processes(
    processes, args, advice, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("WORLD_SIZE", str(processes))
    run = begun(tmp_path)
    assert main([run if arg == "RUN" else arg for arg in args]) == 2
    said = capsys.readouterr().err
    assert advice in said and len(said.strip().splitlines()) == 1


def test_more_processes_than_devices_are_a_mistake(monkeypatch):
    for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"):
        monkeypatch.setenv(name, "99")
    monkeypatch.setenv("LOCAL_RANK", "0")
    for device in ("cuda", "mps"):
        refused = pytest.raises(InputError, match="99 processes cannot share")
        with refused, distributed.group(device):
            pass


def test_the_leader_speaks_first(monkeypatch, capsys):
    waits = []
    monkeypatch.setattr(time, "sleep", waits.append)
    for rank in "01":
        monkeypatch.setenv("RANK", rank)
        assert main(["evaluate", "nowhere"]) == 2
    assert waits == [distributed.GRACE]
    assert (
        capsys.readouterr().err.count("is not the folder of a run") == 2
    )  # if it is still there


@pytest.mark.slow
def test_a_mistake_of_all_processes_is_told_once(place):
    command = [
        *TORCHRUN,
        "-m",
        "minimt",
        "train",
        "--data",
        "nowhere",
        "--device",
        "cpu",
    ]
    done = subprocess.run(
        command,
        cwd=place,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.stderr.count("nowhere: No such file") == 1
    assert "InputError" not in done.stderr and not (place / "runs" / "nowhere").exists()


@pytest.mark.slow
def test_many_pairs_of_processes_all_end():
    """None waits for ever, as did some that ended with a gradient under way."""
    done = subprocess.run(
        [*script("pairs.py"), "25"], env=environment(), capture_output=True, timeout=550
    )
    assert done.stdout.decode().splitlines() == ["[0, 0]"] * 25, done.stderr


def test_alone_nothing_is_shared():
    assert "WORLD_SIZE" not in os.environ
    x = torch.arange(3)
    assert torch.equal(distributed.share(x), x) and distributed.gather(x) is x
    assert distributed.total(x) is not x and torch.equal(distributed.total(x), x)
    assert distributed.anywhere(True, []) == [True, False]
    with distributed.group("cpu") as device, distributed.leader_first():
        assert device == "cpu" and not torch.distributed.is_initialized()


if __name__ == "__main__":
    one_of_two(pathlib.Path(sys.argv[1]))
    leave(0)
