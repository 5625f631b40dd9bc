"""Runs: a folder for each, which one command at a time may use, and what it holds."""

import errno
import hashlib
import json
import os
import pathlib
import re
import shlex
import shutil
from contextlib import ExitStack, contextmanager

from .checkpoints import check, load_checkpoint, loading
from .config import Config
from .errors import InputError
from .files import (
    RUN_FILE,
    as_json,
    check_folder,
    in_use,
    locked,
    remove_abandoned,
    write_json,
)
from .tokenizer import load_vocabulary
from .torch_model import MemorizingTransformer

RUNS = pathlib.Path("runs")
# The checkpoints: after repetition, then the models with memory and without.
REPETITION, WITH, WITHOUT = "repetition", "with_memory", "without_memory"
LONGEST = 100  # characters in a name
RESERVED = {"con", "prn", "aux", "nul", "reproduce"}  # by Windows and by our cache
TAKEN = errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR


@contextmanager
def claimed(name, options, numbered=True):
    """A new folder runs/NAME that one command has to itself; gives its path.

    It holds a run file with the options from the moment it exists: two commands at the
    same time get two folders, and one that is killed leaves a run to resume. If NAME is
    taken, NAME-2 and so on follow if `numbered`, and InputError is raised if not. If
    nothing else has been written in the end, the folder is removed.
    """
    if plain(name) != name:
        what = "another one, of at most 100 letters, digits and dashes"
        raise InputError(f"--name {shlex.quote(name)} cannot be used: give {what}")
    check_folder(RUNS)
    RUNS.mkdir(parents=True, exist_ok=True)
    remove_abandoned(RUNS, ".*.tmp")
    folder = RUNS / f".{os.getpid()}.tmp"
    with in_use(folder, pathlib.Path.mkdir):
        try:
            write_options(folder, options)
            folder = rename(folder, name, numbered)
            yield folder
        finally:
            if [path.name for path in folder.iterdir()] == [RUN_FILE]:
                shutil.rmtree(folder)


def plain(name):
    """A name that a folder may have on any system; such names are not changed."""
    name = re.sub(r"[^\w.+ -]+", "-", name)[:LONGEST].strip(" .-")
    return name if name and name.lower() not in RESERVED else f"run-{name}".strip("-")


def rename(folder, name, numbered):
    """Give a folder the first name that is free; its new path."""
    path, number = RUNS / name, 1
    while True:
        try:
            return folder.rename(path)
        except OSError as error:
            if error.errno not in TAKEN:
                raise
        if not numbered:
            resume = f"continue with --resume {shlex.quote(str(path))}"
            what = f"already exists: choose another --name, or {resume}"
            raise InputError(f"{path} {what}")
        number += 1
        path = RUNS / f"{name}-{number}"


@contextmanager
def resumed(folder):
    """The folder of a run that was stopped, for one command at a time; its path."""
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(folder))
        except BlockingIOError:
            what = "is in use by another process: wait until that has ended"
            raise InputError(f"{folder} {what}") from None
        yield folder


def write_options(folder, options):
    """Write the run file of a folder."""
    write_json(folder / RUN_FILE, options | dict(checksum=checksum(options)))


def checksum(options):
    """A hash by which a run file and its checkpoints are known to belong together."""
    return hashlib.sha256(as_json(options).encode()).hexdigest()


def load_options(folder):
    """The options of the training run in `folder`. Raises InputError if it is none."""
    path = pathlib.Path(folder, RUN_FILE)
    try:
        options = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        what = "is not the folder of a run: give one such as runs/NAME"
        raise InputError(f"{folder} {what}") from None
    except (ValueError, RecursionError):
        options = None
    if not isinstance(options, dict) or options.pop("checksum", 0) != checksum(options):
        what = "is damaged, changed, or from another version of minimt"
        raise InputError(f"{path} {what}: restore it, or train again")
    if options["command"] != "train":
        what = f"has a run of {options['command']}: give the folder of a training run"
        raise InputError(f"{folder} {what}")
    return options


def checkpoint(folder, name=WITH):
    """The path of a run's model, WITH memory or WITHOUT."""
    return pathlib.Path(folder, f"{name}.pt")


def origin(options, name):
    """What the checkpoint of this model says of the run that it belongs to."""
    return f"{checksum(options)} {name}"


def reader(model):
    """A trained model as it reads: with half of the neighbours of its training.

    In training, more neighbours teach more; in reading, the nearest of them get more
    weight if there are fewer. A first reading costs about the same, and a second one
    less (tutorial/tuning.md). The paper reads with as many as in training.
    """
    return model.changed(neighbours=max(1, model.config.neighbours // 2))


def load_model(folder, device, name=WITH):
    """The run's model WITH memory or WITHOUT, to read with; vocabulary and checkpoint.

    Raises InputError unless the checkpoint is whole and the run's own.
    """
    options, path = load_options(folder), checkpoint(folder, name)
    saved = load_checkpoint(path)
    check(path, saved, origin=origin(options, name))
    with loading(path):
        model = MemorizingTransformer(Config(**saved["config"]))
        model.load_state_dict(saved["model"])
        vocabulary = load_vocabulary(saved["vocabulary"])
    return reader(model.to(device)), vocabulary, saved
