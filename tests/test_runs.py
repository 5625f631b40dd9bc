"""A run's folder belongs to one command at a time, and its options stay the same."""

import json
import multiprocessing
import os
from contextlib import nullcontext

import pytest

from minimt import runs
from minimt.errors import InputError

OPTIONS = dict(command="train", config=dict(vocab=280, init="random"), minutes=None)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_taken_name_is_numbered(here):
    for name in ("x", "x-2", "x-3"):
        with runs.claimed("x", OPTIONS) as folder:
            assert folder.name == name
            (folder / "result").touch()
    assert names(here) == ["x", "x-2", "x-3"]
    assert names(here / "x-2") == ["minimt-run.json", "result"]


@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_a_name_that_was_asked_for_is_not_changed(here, kind):
    here.mkdir()
    if kind == "folder":
        (here / "x" / "y").mkdir(parents=True)
    elif kind == "file":
        (here / "x").write_text("y")
    else:
        (here / "x").symlink_to("nowhere")
    with pytest.raises(InputError, match="runs/x already exists"):
        runs.claimed("x", OPTIONS, numbered=False).__enter__()
    assert names(here) == ["x"]
    with runs.claimed("x", OPTIONS) as folder:
        assert folder.name == "x-2"


def test_an_empty_folder_may_become_a_run(here):
    (here / "x").mkdir(parents=True)
    with runs.claimed("x", OPTIONS, numbered=False) as folder:
        assert folder == folder.parent / "x"
        assert runs.load_options(folder) == OPTIONS


def claim_many(name, barrier, found):
    """In a process of its own: the folders that it was given, all at the same time."""
    for _ in range(20):
        barrier.wait()
        with runs.claimed(name, OPTIONS) as folder:
            (folder / str(os.getpid())).touch()
            found.put(folder.name)


def test_commands_at_the_same_time_get_folders_of_their_own(here):
    fork = multiprocessing.get_context("fork")
    barrier, found = fork.Barrier(4), fork.Queue()
    several = [
        fork.Process(target=claim_many, args=("x", barrier, found)) for _ in "1234"
    ]
    for process in several:
        process.start()
    given = [found.get(timeout=30) for _ in range(80)]
    for process in several:
        process.join(30)
    assert len(set(given)) == 80 and names(here) == sorted(given)
    assert all(len(names(folder)) == 2 for folder in here.iterdir())


@pytest.mark.parametrize("error", [None, InputError("bad text"), KeyboardInterrupt()])
def test_a_run_that_made_nothing_leaves_nothing(here, error):
    expected = pytest.raises(type(error)) if error else nullcontext()
    with expected, runs.claimed("x", OPTIONS):
        if error:
            raise error
    assert names(here) == []


@pytest.mark.parametrize("moment", ["write_options", "rename"])
def test_a_kill_while_a_folder_is_claimed_leaves_nothing_in_the_way(
    here, monkeypatch, moment
):
    with monkeypatch.context() as patch:
        patch.setattr(runs, moment, lambda *_: os._exit(9))
        process = multiprocessing.get_context("fork").Process(
            target=lambda: runs.claimed("x", OPTIONS).__enter__()
        )
        process.start()
        process.join(30)
    assert process.exitcode == 9
    assert [name.startswith(".") for name in names(here)] == [True]
    with runs.claimed("x", OPTIONS) as folder:
        assert names(here) == ["x"] and runs.load_options(folder) == OPTIONS


def test_a_folder_in_use_is_not_resumed(here):
    with runs.claimed("x", OPTIONS) as folder:
        (folder / "result").touch()
        with pytest.raises(InputError, match="runs/x is in use"):
            runs.resumed(folder).__enter__()
    with runs.resumed(folder) as again:
        assert again == folder
        with pytest.raises(InputError, match="is in use"):
            runs.resumed(folder).__enter__()


CONTENTS = ["", "[]", "null", "1", '"x"', "{}", '{"command": "train"}', "{", "nan"]
CONTENTS += ["\0", '{"checksum": []}', '{"checksum": null}', "[" * 100_000, "\ufeff{}"]


@pytest.mark.parametrize("content", CONTENTS, ids=range(len(CONTENTS)))
def test_a_run_file_with_other_content_is_refused_by_name(tmp_path, content):
    (tmp_path / "minimt-run.json").write_text(content)
    with pytest.raises(InputError, match=r"minimt-run\.json is damaged") as error:
        runs.load_options(tmp_path)
    assert "\n" not in str(error.value)


def edits(x):
    """Every way to change, drop or add one value in nested dicts."""
    for key in x:
        yield {name: value for name, value in x.items() if name != key}
        yield x | {key: 2 if x[key] != 2 else 3} | {}
        if isinstance(x[key], dict):
            yield from (x | {key: inner} for inner in edits(x[key]))
    yield x | dict(more=1)


def test_no_edit_of_a_run_file_goes_unnoticed(tmp_path):
    runs.write_options(tmp_path, OPTIONS)
    path = tmp_path / "minimt-run.json"
    whole = json.loads(path.read_text())
    assert runs.load_options(tmp_path) == OPTIONS
    for edited in edits(whole):
        path.write_text(json.dumps(edited))
        with pytest.raises(InputError, match="changed"):
            runs.load_options(tmp_path)


def test_a_folder_of_another_command_is_not_a_training_run(tmp_path):
    runs.write_options(tmp_path, dict(command="recall"))
    with pytest.raises(InputError, match="has a run of recall"):
        runs.load_options(tmp_path)


def test_a_folder_without_a_run_is_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputError, match="is not the folder of a run"):
            runs.load_options(folder)
