"""However a command ends, there is at most one line, and a code that says how."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from commands import PATIENCE, ROOT, SMALL, environment, started, wait_for_file

from minimt import files
from minimt.console.exits import finish
from minimt.console.flags import hyphenated
from minimt.errors import InputError


@pytest.mark.parametrize(
    "error, code, line",
    [
        (InputError("no text"), 2, "no text"),
        (FileNotFoundError(2, "No such file", "x"), 2, "x: No such file"),
        (OSError(28, "No space left on device"), 2, "output: No space left on device"),
        (MemoryError(), 2, "the machine has run out of memory: use a smaller --memory"),
        (RuntimeError("not enough memory: you tried to allocate 9"), 2, "the machine"),
        (RuntimeError("CUDA out of memory."), 2, "the machine has run out of memory"),
        (KeyboardInterrupt(), 130, "stopped"),
        (KeyboardInterrupt("stopped; continue with: x"), 130, "stopped; continue wi"),
        (BrokenPipeError(), 141, ""),
    ],
)
def test_what_stops_a_command_is_told_in_one_line(error, code, line, capsys):
    def run():
        raise error

    assert finish(run) == code
    said = capsys.readouterr().err
    assert said.startswith(f"minimt: {line}" if line else "")
    assert said.count("\n") == bool(line)


def test_a_fault_of_ours_is_not_hidden():
    def run():
        raise RuntimeError("a shape does not fit")

    with pytest.raises(RuntimeError):
        finish(run)


def test_sigterm_is_like_ctrl_c(capsys):
    assert finish(lambda: os.kill(os.getpid(), signal.SIGTERM)) == 130
    assert capsys.readouterr().err == "minimt: stopped\n"


def test_an_interrupt_inside_exec_ends_a_command_once(tmp_path):
    """Imports run such code; Python would end with a second SIGINT, exit code -2."""
    lines = [
        "from minimt.console.exits import finish, leave",
        "def run(): exec('raise KeyboardInterrupt')",
        "leave(finish(run))",
    ]
    (tmp_path / "interrupted.py").write_text("\n".join(lines))
    command = [sys.executable, "-m", "interrupted"]
    done = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True)
    assert (done.returncode, done.stderr) == (130, b"minimt: stopped\n")


def shell(command):
    """The exit code and the error output of a shell command in an empty environment."""
    done = subprocess.run(
        ["bash", "-c", command],
        env=environment(),
        capture_output=True,
        timeout=PATIENCE,
    )
    return done.returncode, done.stdout, done.stderr.decode()


FULL = pathlib.Path("/dev/full")  # a device with no space left on it
MINIMT = f"{sys.executable} -m minimt"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_any_terminal_can_print_the_help(encoding):
    pytest.importorskip("torch")
    code, out, errors = shell(f"PYTHONIOENCODING={encoding} {MINIMT} train --help")
    assert (code, errors) == (0, "") and b"--learning-rate" in out


def test_a_reader_that_has_enough_is_not_a_mistake():
    code, _, errors = shell(
        f"{{ {MINIMT} --help; echo $? >&2; }} | head -c 1; exit $PIPESTATUS"
    )
    assert errors.strip() in ("0", "141") and code == 0  # by how much a pipe holds


@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&-"])
def test_closed_output_does_no_harm(closed, tmp_path):
    code, _, errors = shell(f"cd {tmp_path}; {MINIMT} stubs mine {closed}")
    assert (code, errors) == (0, "") and (tmp_path / "mine").is_dir()


@pytest.mark.skipif(not FULL.is_char_device(), reason="there is no /dev/full")
def test_a_full_disk_for_the_output_is_told_after_the_work(tmp_path):
    code, _, errors = shell(f"cd {tmp_path}; {MINIMT} stubs mine > /dev/full")
    assert code == 2 and errors == "minimt: output: No space left on device\n"
    assert (tmp_path / "mine").is_dir()


def test_ctrl_c_while_modules_are_imported_is_one_line(tmp_path):
    """The module `numpy` of this folder takes for ever, and says when it begins."""
    (tmp_path / "numpy.py").write_text(
        "import time; print('begun', flush=True); time.sleep(99)"
    )
    env = environment() | dict(PYTHONPATH=os.pathsep.join([str(tmp_path), str(ROOT)]))
    command = [sys.executable, "-m", "minimt", "grade"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
    ) as process:
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=10)[1] == "minimt: stopped\n"
    assert process.returncode == 130


@pytest.mark.parametrize(
    "given, meant",
    [
        ("--learning_rate", "--learning-rate"),
        ("--held_out=3", "--held-out=3"),
        ("--only_with_memory", "--only-with-memory"),
        ("--learning-rate", "--learning-rate"),
        ("--data=my_texts", "--data=my_texts"),
        ("my_texts", "my_texts"),
        ("--", "--"),
        ("-1", "-1"),
    ],
)
def test_flags_may_be_written_with_underscores(given, meant):
    assert hyphenated(given) == meant


def test_outputs_that_would_do_harm_are_refused_before_the_work(tmp_path):
    (tmp_path / "with_memory.pt").touch()
    (tmp_path / "minimt-run.json").touch()
    (tmp_path / "text").touch()
    (tmp_path / "link").symlink_to(tmp_path / "text")
    refused = {
        tmp_path: "is a directory",
        tmp_path / "with_memory.pt": "belongs to a run",
        tmp_path / "minimt-run.json": "belongs to a run",
        tmp_path / "text": "is what the command reads",
        tmp_path / "link": "is what the command reads",
        tmp_path / "text" / "x.html": "text is not a directory",
    }
    for path, why in refused.items():
        with pytest.raises(InputError, match=why):
            files.check_output(path, [tmp_path / "text", tmp_path / "missing"])
    for path in (tmp_path / "new" / "x.html", "/dev/null", tmp_path / "link"):
        files.check_output(path)


def test_a_link_stays_a_link_and_a_pipe_a_pipe(tmp_path):
    (tmp_path / "text").write_text("old")
    (tmp_path / "link").symlink_to("text")
    files.replace_file(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "text").read_text() == "new"
    os.mkfifo(tmp_path / "pipe")
    read = subprocess.Popen(["cat", tmp_path / "pipe"], stdout=subprocess.PIPE)
    files.replace_file(tmp_path / "pipe", b"through")
    assert read.communicate(timeout=PATIENCE)[0] == b"through"
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.skipif(not FULL.is_char_device(), reason="there is no /dev/full")
def test_an_error_names_the_file_that_was_asked_for(tmp_path, monkeypatch):
    with pytest.raises(OSError, match="'/dev/full'"):
        files.replace_file("/dev/full", b"x")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        OSError, match=r"No space left on device: '.*/x\.json'"
    ) as error:
        files.replace_file(tmp_path / "x.json", b"x")
    assert ".tmp" not in str(error.value) and not list(tmp_path.iterdir())


def test_sigterm_leaves_no_worker(tmp_path):
    pytest.importorskip("torch")
    command = [sys.executable, "-m", "minimt", "reproduce", "memory", "--quick"]
    with started([*command], tmp_path) as process:
        wait_for_file(process, tmp_path, "runs/reproduce/.*.lock")
        process.terminate()
        errors = process.communicate(timeout=PATIENCE)[1]
        began = time.monotonic()
        find = ["pgrep", "-g", str(process.pid)]
        while subprocess.run(find, capture_output=True).stdout:
            assert time.monotonic() - began < 20, "a worker is left"
            time.sleep(0.1)
    assert process.returncode == 130
    again = "python -m minimt reproduce memory --quick"
    assert errors.splitlines()[-1] == f"minimt: stopped; continue with: {again}"


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["parent", "worker"])
def test_nothing_waits_for_a_process_that_was_killed(tmp_path, victim):
    command = [sys.executable, "-m", "minimt", "reproduce", "memory", "--quick"]
    with started(command, tmp_path) as process:
        wait_for_file(process, tmp_path, "runs/reproduce/.*.lock")
        pattern = ["pgrep", "-g", str(process.pid), "-f", "spawn_main"]
        worker = int(subprocess.run(pattern, capture_output=True).stdout.split()[0])
        os.kill(process.pid if victim == "parent" else worker, signal.SIGKILL)
        errors = process.communicate(timeout=20)[1]
        deadline = time.monotonic() + 5
        while subprocess.run(pattern, capture_output=True).stdout:
            assert time.monotonic() < deadline, "a worker is left"
            time.sleep(0.1)
    if victim == "worker":
        assert process.returncode == 2
        assert errors.splitlines()[-1].startswith("minimt: a worker was killed")
        assert "Traceback" not in errors


@pytest.mark.slow
@pytest.mark.parametrize("command", ["train", "recall"])
def test_ctrl_c_is_answered_at_any_moment(tmp_path, command):
    (tmp_path / "texts").mkdir()
    for i in range(8):
        lines = [f"name{j * (i + 3) % 97} = {j * i % 13}" for j in range(2000)]
        (tmp_path / f"texts/{i}.txt").write_text("\n".join(lines))
    flags = ["--data", "texts", *SMALL] if command == "train" else []
    for seconds in np.random.default_rng(0).uniform(0.2, 6, size=8):
        whole = [sys.executable, "-m", "minimt", command, *flags, "--steps", "99999"]
        with started(whole, tmp_path) as process:
            time.sleep(seconds)
            process.send_signal(signal.SIGINT)
            began = time.monotonic()
            errors = process.communicate(timeout=PATIENCE)[1]
            assert time.monotonic() - began < 3  # a step, a save, a busy machine
        assert process.returncode == 130 and "Traceback" not in errors
        assert errors.splitlines()[-1].startswith("minimt: stopped")
