"""The commands as a person types them, mistakes included: one line and exit code 2."""

import json
import re
import shutil
import signal
import subprocess
import sys

import pytest
from commands import (
    PATIENCE,
    SMALL,
    environment,
    minimt,
    script,
    started,
    wait_for_line,
)

from minimt import __main__ as everything
from minimt import console, course, runs
from minimt.checkpoints import load_checkpoint
from minimt.console import cli, report
from minimt.console.cli import main
from minimt.course import cli as course_cli

COMMANDS = ("train", "recall", "bench", "evaluate", "generate", "inspect")

pytestmark = pytest.mark.usefixtures("one_thread")


def test_train_writes_checkpoints_metrics_and_figures(run):
    folder, printed = run
    assert sorted(path.name for path in folder.iterdir()) == [
        "formation.png",
        "gain_by_distance.png",
        "gates.png",
        "loss_curves.png",
        "memory_sizes.png",
        "metrics.json",
        "minimt-run.json",
        "repetition.pt",
        "with_memory.pt",
        "without_memory.pt",
    ]
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics == printed
    assert [row["memory"] for row in metrics["by_memory"]] == [0, 64, 512, 2048, 8192]
    assert metrics["training"]["seed"] == 0 and metrics["versions"]["torch"]
    assert metrics["machine"]["cores"] and metrics["seconds"]["with_memory"] > 0
    saved = metrics["without_memory"]["nats_per_token"]
    saved -= metrics["with_memory"]["nats_per_token"]
    assert metrics["gain"] == pytest.approx(saved)
    assert metrics["read_twice"]["documents"] == 1
    curve, first_use = (metrics["repetition"][x] for x in ("curve", "first_use"))
    assert [x["step"] for x in curve] == [0] and len(curve[0]["attention"]) == 2
    assert first_use["saved"] == pytest.approx(first_use["first"] - first_use["second"])
    assert all(path.stat().st_size < 80_000 for path in folder.glob("*.png"))


def test_evaluate_reports_the_losses_that_train_reported(place, run):
    folder, metrics = run
    code, out, _ = minimt(place, "evaluate", folder, "--json", "--device", "cpu")
    again = json.loads(out)
    assert code == 0 and again["by_memory"] == metrics["by_memory"]
    assert again["without_memory"] == metrics["without_memory"]


def test_a_run_reads_with_half_of_the_neighbours_of_its_training(place, run):
    folder, metrics = run
    model, _, saved = runs.load_model(folder, "cpu")
    assert saved["config"]["neighbours"] == metrics["config"]["neighbours"] == 4
    assert model.config.neighbours == metrics["neighbours"] == 2
    one = model.changed(neighbours=1)
    assert runs.reader(one).config == one.config


def test_evaluate_says_what_it_was_trained_on(place, run):
    code, out, errors = minimt(place, "evaluate", run[0], "--data", "texts")
    assert code == 0, errors
    counts = re.match(r"(\d+) documents, (\d+) trained on ", out)
    held = len(run[1]["corpus"]["held_out_documents"])
    assert int(counts[1]) - int(counts[2]) == held > 0


@pytest.mark.parametrize("held_out", [True, False])
def test_evaluate_knows_a_single_file_that_it_was_trained_on(place, run, held_out):
    held = run[1]["corpus"]["held_out_documents"]
    names = (path.name for path in sorted((place / "texts").iterdir()))
    name = next(name for name in names if (name in held) == held_out)
    code, out, _ = minimt(place, "evaluate", run[0], "--data", f"texts/{name}")
    known = "none" if held_out else "1"
    assert code == 0 and out.startswith(f"1 document, {known} trained on ")


def test_evaluate_reads_another_folder(place, run):
    code, out, _ = minimt(place, "evaluate", run[0], "--data", "texts")
    assert code == 0 and "second reading" in out and "without memory" in out


def test_generate_continues_the_prompt(place, run):
    args = ("generate", run[0], "--prompt", "name1 =", "--tokens", 9)
    code, out, _ = minimt(place, *args, "--read", "texts/1.txt")
    assert code == 0 and out.startswith("name1 =") and len(out) > len("name1 =\n")
    assert minimt(place, *args, "--read", "texts/1.txt")[1] == out


def test_inspect_shows_what_memory_found(place, run):
    code, out, _ = minimt(place, "inspect", run[0], "texts/1.txt", "--top", 3)
    assert code == 0 and out.count("saves") == 3 and "tokens back" in out
    code, out, _ = minimt(place, "inspect", run[0], "texts/1.txt", "--json")
    assert len(json.loads(out)) == 10


def test_a_killed_run_resumes_as_if_it_had_never_stopped(place, run):
    """Killed between steps, without a chance to save anything."""
    flags = ["train", "--data", "texts", *SMALL, "--name", "killed"]
    with started([*script("killed_after_four_steps.py"), *flags], place) as process:
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGKILL, errors
    assert not (place / "runs" / "killed" / "metrics.json").exists()
    code, out, errors = minimt(place, "train", "--resume", "runs/killed", "--json")
    assert code == 0, errors
    parts = "by_memory", "without_memory", "gates", "read_twice", "gain_by_distance"
    resumed, whole = (
        {part: x[part] for part in parts} for x in (json.loads(out), run[1])
    )
    assert resumed == whole


def test_ctrl_c_saves_a_checkpoint_and_tells_how_to_resume(place):
    flags = [*SMALL, "--steps", "100000", "--repetition-steps", "2"]
    flags += ["--name", "stopped", "--only-with-memory"]
    command = [*script("announced_steps.py"), "train", "--data", "texts", *flags]
    with started(command, place) as process:
        wait_for_line(process, "steps taken: 3")
        process.send_signal(signal.SIGINT)
        errors = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 130 and "Traceback" not in errors
    assert "minimt train --resume" in errors
    assert errors.strip().endswith("--resume runs/stopped")
    saved = load_checkpoint(place / "runs" / "stopped" / "with_memory.pt")
    assert len(saved["losses"]) >= 3


def test_minutes_set_the_steps_of_both_models(place):
    """So few minutes that the steps of the probe are all: they are saved, too."""
    flags = [*SMALL, "--minutes", "0.0001", "--name", "short", "--json"]
    flags = [
        flag for i, flag in enumerate(flags) if "--steps" not in flags[i - 1 : i + 1]
    ]
    code, out, errors = minimt(place, "train", "--data", "texts", *flags)
    assert code == 0, errors
    assert json.loads(out)["training"]["steps"] == 20
    assert (place / "runs" / "short" / "with_memory.pt").exists()


def test_a_run_whose_numbers_leave_all_bounds_writes_json_or_says_why(place):
    """No loss follows the last update; the evaluation is what reads its weights."""
    flags = ["train", "--data", "texts", *SMALL, "--warmup", 0, "--only-with-memory"]
    flags = [*flags, "--name", "wild", "--repetition-steps", 0]
    code, _, errors = minimt(place, *flags, "--steps", 1, "--learning-rate", 1e30)
    assert code == 2 and "losses are not finite" in errors.splitlines()[-1]
    shutil.rmtree(place / "runs" / "wild")
    code, out, _ = minimt(place, *flags, "--steps", 2, "--learning-rate", 20, "--json")

    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    for text in (out, (place / "runs/wild/metrics.json").read_text()):
        assert code == 0 and json.loads(text, parse_constant=refuse)
    code, out, _ = minimt(place, "evaluate", "runs/wild")
    assert code == 0 and max(map(len, out.splitlines())) < 120


@pytest.mark.slow
def test_two_trainings_at_once_leave_two_whole_runs(place, run):
    flags = ["train", "--data", "texts", *SMALL, "--name", "race", "--only-with-memory"]
    named = [sys.executable, "-m", "minimt", *flags]
    free = [word for word in named if word not in ("--name", "race")]
    before = set((place / "runs").iterdir())
    commands = [[*free, "--seed", str(seed)] for seed in (1, 2)] + [named, named]
    processes = [
        subprocess.Popen(x, cwd=place, env=environment(), stderr=subprocess.PIPE)
        for x in commands
    ]
    said = [process.communicate(timeout=PATIENCE)[1].decode() for process in processes]
    codes = [process.returncode for process in processes]
    assert codes[:2] == [0, 0] and sorted(codes[2:]) == [0, 2]
    assert sum("runs/race already exists" in x for x in said) == 1
    new = set((place / "runs").iterdir()) - before
    assert len(new) == 3 and not any(x.name.startswith(".") for x in new)
    for folder in new:
        assert minimt(place, "evaluate", folder)[0] == 0
        saved = json.loads((folder / "metrics.json").read_text())
        assert saved["training"] == runs.load_options(folder)["training"]


MISTAKES = {
    "no command": ([], "required"),
    "unknown command": (["trian"], "invalid choice"),
    "unknown option": (["train", "--step", "3"], "unrecognized arguments: --step"),
    "no number": (["train", "--steps", "many"], "is not a whole number"),
    "bad size": (["train", "--heads", "3"], "must be divisible by --heads"),
    "bad layer": (["train", "--memory-layer", "9"], "less than --layers"),
    "bad choice": (["train", "--search", "annoy"], "must be exact or lsh"),
    "no memory": (["train", "--memory", "0"], "must be 1 or more"),
    "bad rate": (["train", "--learning-rate", "nan"], "--learning-rate"),
    "tiny vocabulary": (["train", "--data", "texts", "--vocab", "99"], "too small"),
    "missing folder": (["train", "--data", "nowhere"], "nowhere: No such file"),
    "no such ending": (["train", "--data", "texts", "--endings", ".md"], ".md"),
    "a single file": (["train", "--data", "texts/1.txt", "--endings", "md"], "in .md)"),
    "endings of what": (["train", "--endings", ".md"], "--endings choose files"),
    "one document": (["train", "--data", "one"], "several text files"),
    "only rubbish": (["train", "--data", "rubbish"], "1 file (binary): b"),
    "short documents": (
        ["train", "--data", "texts", "--vocab", "280", "--segment", "65536"],
        "no document is longer",
    ),
    "wild rate": (
        ["train", "--data", "texts", *SMALL, "--learning-rate", "inf"],
        "learning-rate must be",
    ),
    "many bits": (["train", "--search", "lsh", "--bits", "31"], "from 0 to 30"),
    "much memory": (["train", "--memory", "100000000000"], "--memory must be a whole"),
    "many layers": (["train", "--layers", "1000000000"], "from 1 to 1000, not 10000"),
    "many streams": (["train", "--streams", "1000000000"], "--streams must be a whole"),
    "huge seed": (["train", "--seed", "9" * 30], "--seed must be a whole number from"),
    "decay": (["train", "--weight-decay", "inf"], "--weight-decay must be finite"),
    "no name": (["train", "--data", "texts", "--name", ""], "--name '' cannot be used"),
    "a path as a name": (["train", "--data", "texts", "--name", "../x"], "at most 100"),
    "a hidden name": (["train", "--data", "texts", "--name", ".x"], "--name .x cannot"),
    "a name of Windows": (["train", "--data", "texts", "--name", "NUL"], "--name NUL"),
    "no folder": (["evaluate", "runs/texts", "--data", ""], "is empty: give a path"),
    "no texts": (["reproduce", "memory", "--texts", ""], "is empty: give a path"),
    "nothing to read": (["generate", "runs/texts", "--read", ""], "is empty: give"),
    "nothing to resume": (["train", "--resume", ""], "is empty: give a path"),
    "no UTF-8": (["generate", "runs/texts", "--prompt", "\udcff"], "is not UTF-8 text"),
    "page over text": (
        ["inspect", "runs/texts", "texts/1.txt", "--html", "texts/1.txt"],
        "texts/1.txt is what the command reads",
    ),
    "page over weights": (
        ["inspect", "runs/texts", "texts/1.txt", "--html", "runs/texts/with_memory.pt"],
        "with_memory.pt belongs to a run",
    ),
    "page as folder": (
        ["inspect", "runs/texts", "texts/1.txt", "--html", "texts"],
        "texts is a directory: give a file",
    ),
    "result in a file": (["bench", "--json", "texts/1.txt/x"], "is not a directory"),
    "out is a file": (["reproduce", "memory", "--out", "texts/1.txt"], "not a direct"),
    "two lengths": (["train", "--steps", "3", "--minutes", "1"], "not both"),
    "no time": (["train", "--minutes", "0"], "not a number above 0"),
    "no steps": (["recall", "--steps", "0"], "whole number from 1 to a billion"),
    "resume a broken run": (["train", "--resume", "broken"], "run.json is damaged"),
    "edited run": (["evaluate", "edited"], "run.json is damaged, changed"),
    "resume an edited run": (["train", "--resume", "edited"], "run.json is damaged"),
    "swapped models": (["evaluate", "swapped"], "with_memory.pt belongs to another"),
    "resume swapped": (["train", "--resume", "swapped"], "belongs to another run or"),
    "foreign model": (["inspect", "foreign", "texts/1.txt"], "belongs to another run"),
    "phone books": (["generate", "books"], "has a run of recall"),
    "taken name": (["train", "--data", "texts", "--name", "texts"], "already"),
    "resume and more": (
        ["train", "--resume", "x", "--steps", "3"],
        "leave out --steps",
    ),
    "resume nothing": (["train", "--resume", "nowhere"], "is not the folder of a run"),
    "no device": (["recall", "--device", "tpu"], "--device tpu is not available"),
    "no run": (["evaluate", "nowhere"], "is not the folder of a run"),
    "no run to measure": (["bench", "--run", "nowhere"], "is not the folder of a run"),
    "no rounds": (["bench", "--repeats", "0"], "number from 1 to a billion"),
    "little text": (["bench", "--run", "runs/texts"], "too few for a memory"),
    "broken run": (["generate", "broken"], "run.json is damaged"),
    "broken checkpoint": (["generate", "damaged"], "is damaged"),
    "changed documents": (["evaluate", "changed"], "not the documents"),
    "resume on changed documents": (["train", "--resume", "changed"], "not the doc"),
    "no file": (["inspect", "runs/texts", "nowhere"], "cannot read nowhere"),
    "binary file": (["inspect", "runs/texts", "rubbish/b"], "be read (binary)"),
    "empty file": (
        ["generate", "runs/texts", "--read", "rubbish/e"],
        "be read (empty)",
    ),
    "short file": (["inspect", "runs/texts", "one/a.txt"], "fit into one segment"),
    "negative": (
        ["generate", "runs/texts", "--tokens", "-1"],
        "not a whole number ≥ 0",
    ),
}


@pytest.fixture(scope="module")
def mess(place, run):
    """The broken files and runs that the mistakes are about."""
    for name in ("one", "rubbish", "broken"):
        (place / name).mkdir()
    shutil.copytree(place / "texts", place / "other")
    flags = ["--data", "other", *SMALL, "--name", "changed", "--only-with-memory"]
    assert minimt(place, "train", *flags)[0] == 0
    for name in ("damaged", "edited", "swapped", "foreign"):
        shutil.copytree(run[0], place / name)
    shutil.move(place / "runs" / "changed", place / "changed")
    (place / "other" / "0.txt").write_text("something else " * 99)
    (place / "damaged" / "with_memory.pt").write_bytes(b"damaged")
    shutil.copy(place / "changed" / "with_memory.pt", place / "foreign")
    other = place / "swapped" / "without_memory.pt"
    other.rename(place / "swapped" / "with_memory.pt")
    options = json.loads((place / "edited" / "minimt-run.json").read_text())
    options["source"]["held_out"] = 1
    (place / "edited" / "minimt-run.json").write_text(json.dumps(options))
    (place / "books").mkdir()
    runs.write_options(place / "books", dict(command="recall"))
    (place / "one" / "a.txt").write_text("hello")
    (place / "rubbish" / "b").write_bytes(b"\0\xff")
    (place / "rubbish" / "e").write_bytes(b"")
    (place / "broken" / "minimt-run.json").write_text("{}")
    (place / "broken" / "with_memory.pt").write_bytes(b"broken")


@pytest.mark.parametrize("args, advice", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_gets_one_line_and_exit_code_2(place, mess, args, advice):
    """In this process, since starting another takes longest."""
    before = sorted(path for path in (place / "runs").glob("*"))
    code, out, errors = minimt(place, *args)
    assert (code, out) == (2, "") and advice in errors
    *notices, mistake = errors.splitlines()  # notices say how the texts were read
    assert mistake.startswith("minimt")
    assert not any(line.startswith("minimt") for line in notices)
    assert sorted(path for path in (place / "runs").glob("*")) == before


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0 and "--device" in capsys.readouterr().out


@pytest.mark.slow
def test_recall_reports_even_one_step(place):
    code, out, _ = minimt(place, "recall", "--steps", 1, "--json")
    metrics = json.loads(out)
    assert code == 0 and metrics["chance"] == 1 / 16
    by_gap = metrics["with_memory"]["by_gap"]
    assert list(by_gap) == ["0", "128", "256", "512", "1024"]
    assert all(len(x) == len(metrics["gaps"]) - 1 for x in by_gap.values())
    assert all(0 <= share <= 1 for x in by_gap.values() for share in x)
    assert list(metrics["without_memory"]["by_gap"]) == ["0"]
    assert (place / "runs" / "recall" / "recall.png").exists()


def every_help(monkeypatch, capsys, columns):
    """{command: what its --help prints on a terminal of so many columns}."""
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("NO_COLOR", "1")
    found = {}
    for parser in (everything.parser(), cli.parser(), course_cli.parser()):
        for action in parser._subparsers._group_actions:
            for name, command in action.choices.items():
                found[name] = command.format_help()
    with pytest.raises(SystemExit):
        everything.parser().parse_args(["--help"])
    return found | {"": capsys.readouterr().out}


def test_every_help_fits_80_columns_and_names_its_values(monkeypatch, capsys):
    found = every_help(monkeypatch, capsys, 80)
    assert set(found) == {"", *console.COMMANDS, *course.COMMANDS}
    for name, text in found.items():
        assert max(map(len, text.splitlines())) <= 80, name
        assert not re.search(r"--\w+_|  --[a-z-]+ ([A-Z]+)_", text), name
        assert f"python -m minimt {name}" in text
    for name in console.COMMANDS | course.COMMANDS:
        assert name in console.overview(console.COMMANDS | course.COMMANDS)


def test_a_table_is_cut_where_the_terminal_ends(monkeypatch):
    head = ["text", "cache", *(f"memory {2**i}" for i in range(9))]
    rows = [head] + [
        [text, str(cache), *range(9)] for text in "ab" for cache in (0, 64)
    ]
    for columns in (30, 80, 500):
        monkeypatch.setenv("COLUMNS", str(columns))
        parts = [part.splitlines() for part in report.table(rows).split("\n\n")]
        assert len(parts) == {30: 9, 80: 2, 500: 1}[columns]
        assert max(len(line) for part in parts for line in part) <= columns
        cells = [[line.split() for line in part] for part in parts]
        for i, (text, cache, *numbers) in enumerate(rows[1:], 1):
            assert all(part[i][:2] == [text, cache] for part in cells)
            told = [x for part in cells for x in part[i][2:]]
            assert told == [f"{x:.3f}" for x in numbers]


def test_all_that_a_command_prints_fits_80_columns(run, place):
    for flags in (["evaluate", run[0]], ["inspect", run[0], "texts/1.txt"]):
        code, out, errors = minimt(place, *flags)
        assert code == 0 and max(map(len, (out + errors).splitlines())) <= 80
