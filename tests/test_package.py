"""The package: what it installs, what each command needs of it, and its exit codes."""

import ast
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import minimt
from minimt import __main__, console, course, extras
from minimt.console.exits import finish
from minimt.course import handout, processes, sandbox
from minimt.course.calls import Call

ROOT = pathlib.Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PYTHONS = "3.11 3.12 3.13 3.14".split()
MODULES = {"scikit-learn": "sklearn"}  # where a distribution has another name
META = {"jupyter"}  # distributions without a module of their own


def needed(extra):
    """The requirements {distribution: Requirement} of an extra, "" for the base."""
    extra_lines = PROJECT["optional-dependencies"][extra] if extra else []
    found = {}
    for line in (*PROJECT["dependencies"], *extra_lines):
        requirement = Requirement(line)
        if requirement.name == "minimt":  # an extra on top of another
            for name in requirement.extras:
                found |= needed(name)
        else:
            found[canonicalize_name(requirement.name)] = requirement
    return found


def pins(file):
    """The versions {distribution: version} that a file of requirements pins."""
    lines = (ROOT / file).read_text().splitlines()
    lines = [line for line in lines if line and not line.startswith(("#", "-r"))]
    return dict(line.split("==") for line in lines)


PINS = pins("requirements.txt") | pins("requirements-dev.txt")


def run(capsys, monkeypatch, *args):
    """A command in this process: its exit code, output and error output."""
    monkeypatch.setattr(sys, "argv", ["minimt", *args])
    try:
        code = finish(__main__.run)
    except SystemExit as end:
        code = end.code
    return code, *capsys.readouterr()


def bare(*args):
    """A command in a Python that sees no installed package at all, not even NumPy."""
    command = [sys.executable, "-S", "-m", "minimt", *args]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True
    )


# Metadata.


def test_the_base_needs_numpy_and_tqdm_alone():
    assert set(needed("")) == {"numpy", "tqdm"}


@pytest.mark.parametrize(
    "smaller, larger", [("", "torch"), ("torch", "notebooks"), ("notebooks", "dev")]
)
def test_each_extra_contains_the_smaller_one(smaller, larger):
    assert needed(smaller).items() < needed(larger).items()


def test_ranges_have_a_lower_bound_and_pin_nothing():
    for requirement in needed("dev").values():
        assert {part.operator for part in requirement.specifier} == {">="}


@pytest.mark.parametrize("name", PINS)
def test_what_is_pinned_is_in_the_range_of_an_extra(name):
    assert PINS[name] in needed("dev")[name].specifier


def test_what_has_no_pin_comes_with_jupyter():
    assert set(needed("dev")) - set(PINS) == {"nbclient", "ipykernel"}


@pytest.mark.parametrize("python", PYTHONS)
def test_each_python_is_named_wherever_pythons_are(python):
    assert f"Programming Language :: Python :: {python}" in PROJECT["classifiers"]
    assert f'"{python}"' in (ROOT / ".github/workflows/ci.yml").read_text()


def test_the_oldest_python_is_required():
    assert PROJECT["requires-python"] == f">={PYTHONS[0]}"


def test_the_version_is_the_one_of_the_change_log_and_the_citation():
    versions = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert versions[0] == minimt.__version__
    assert f"\nversion: {minimt.__version__}\n" in (ROOT / "CITATION.cff").read_text()


# What a command needs.


@pytest.mark.parametrize("extra", extras.MODULES)
def test_the_modules_looked_for_are_those_the_extra_installs(extra):
    modules = {MODULES.get(name, name) for name in set(needed(extra)) - META}
    assert modules - {"jupyter"} == set(extras.MODULES[extra]) - {"nbformat"}


def test_the_package_imports_nothing_that_no_extra_installs():
    known = {"minimt", "IPython", *extras.NOTEBOOKS, *sys.stdlib_module_names}
    known |= {"PIL", "matplotlib_inline", "ipywidgets"}  # of Matplotlib and Jupyter
    for path in ROOT.glob("minimt/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            local = {"calls", "forks", "guard", "landlock", "seccomp"}  # of child.py
            assert {name.split(".")[0] for name in names} <= known | local, path


def test_every_command_is_in_the_list_of_commands():
    pytest.importorskip("torch")
    pytest.importorskip("tokenizers")
    from minimt.console import commands

    names = [name for name in vars(commands) if name.endswith("_command")]
    assert set(console.COMMANDS) == {x.removesuffix("_command") for x in names}


@pytest.mark.parametrize("missing", ["torch", "tokenizers", "matplotlib"])
@pytest.mark.parametrize("command", console.COMMANDS)
def test_a_missing_extra_is_named_in_one_line(command, missing, capsys, monkeypatch):
    for name in extras.TORCH:
        monkeypatch.setitem(sys.modules, name, None if name == missing else sys)
    monkeypatch.setattr(extras, "find_spec", sys.modules.get)
    code, out, said = run(capsys, monkeypatch, command)
    assert (code, out) == (2, "")
    assert said == (
        f'minimt: {command} needs {missing}: pip install "minimt[torch]", '
        "or in a checkout pip install -r requirements.txt\n"
    )


@pytest.mark.parametrize("missing", ["nbclient", "ipykernel", "sklearn", "torch"])
def test_executing_notebooks_needs_its_own_extra(missing, monkeypatch):
    monkeypatch.setattr(extras, "find_spec", lambda name: name != missing or None)
    line = extras.missing("executing notebooks", "notebooks")
    assert line.startswith(f'executing notebooks needs {missing}: pip install "minimt')
    assert '"minimt[notebooks]"' in line


@pytest.mark.parametrize("command", ["grade", "stubs"])
def test_without_numpy_a_command_of_the_course_says_so(command):
    done = bare(command, "folder")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"minimt: {command} needs numpy, tqdm: pip install numpy tqdm, "
        "or in a checkout pip install -r requirements.txt\n"
    )


def test_without_any_package_the_other_commands_name_their_extra():
    done = bare("train")
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert 'pip install "minimt[torch]"' in done.stderr


def test_the_list_of_commands_needs_no_package():
    done = bare("--help")
    assert (done.returncode, done.stderr) == (0, "")
    for name in console.COMMANDS | course.COMMANDS:
        assert f"\n  {name} " in done.stdout


@pytest.mark.parametrize("module", ["minimt.course.cli", "minimt.course.assignment"])
def test_a_missing_module_of_our_own_is_no_missing_extra(module, capsys, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("minimt.course.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(course, module.rpartition(".")[2], raising=False)
    monkeypatch.setitem(sys.modules, module, None)
    code, out, said = run(capsys, monkeypatch, "grade", "--reference")
    assert (code, out) == (2, "") and said.count("\n") == 1
    assert f"minimt cannot be imported: ModuleNotFoundError: import of {module}" in said


# Exit codes: 0 done, 2 a mistake, 130 stopped.


def test_help_and_a_command_that_succeeds_end_with_0(capsys, monkeypatch, tmp_path):
    assert run(capsys, monkeypatch, "--help")[0] == 0
    assert run(capsys, monkeypatch, "stubs", str(tmp_path / "mine"))[0] == 0


MISTAKES = {
    "no command": ((), "required"),
    "unknown command": (("trian",), "invalid choice: 'trian'"),
    "unknown flag": (("--verbose",), "required"),
    "no folder": (("stubs",), "required: DIR"),
    "no such folder": (("grade", "nowhere"), "nowhere is not a"),
    "outside a checkout": (("grade",), "tutorial/assignment is not a"),
}


@pytest.mark.parametrize("args, advice", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_line_and_ends_with_2(
    args, advice, capsys, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    code, out, said = run(capsys, monkeypatch, *args)
    assert (code, out) == (2, "")
    assert said.startswith("minimt") and said.count("\n") == 1 and advice in said


def test_stopping_a_command_ends_with_130(capsys, monkeypatch):
    from minimt.course import assignment

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(assignment, "write_stubs", stop)
    code, _, said = run(capsys, monkeypatch, "stubs", "mine")
    assert (code, said) == (130, "minimt: stopped\n")


# Installed: for one user, and as a wheel.


def test_a_submission_finds_the_libraries_wherever_numpy_is(monkeypatch, tmp_path):
    """Such as in a user's own folder, where an isolated Python does not look."""
    monkeypatch.setattr(processes, "LIBRARIES", tmp_path)
    text = b"import sys\n\ndef places():\n    return sys.path\n"
    (places,) = sandbox.run({"x.py": text}, "x", [Call("places")]).results
    assert str(tmp_path) in places


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel, built with this environment's setuptools from a copy of the sources."""
    place = tmp_path_factory.mktemp("wheel")
    ours = shutil.ignore_patterns("__pycache__")
    for folder in ("minimt", "notebooks"):
        shutil.copytree(ROOT / folder, place / folder, ignore=ours)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, place)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    pip += ["--no-build-isolation", "--no-index", "--wheel-dir", "dist", "."]
    subprocess.run(pip, cwd=place, check=True)
    (built,) = (place / "dist").iterdir()
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A folder into which the wheel alone is installed; NumPy is this environment's."""
    place = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--no-index", "--target", place, wheel], check=True)
    return place


def away(installed, place, *args):
    """A command of the installed package in a folder that is no checkout."""
    command = [sys.executable, "-W", "error", "-m", "minimt", *args]
    environment = os.environ | dict(PYTHONPATH=str(installed))
    return subprocess.run(
        command, cwd=place, env=environment, capture_output=True, text=True
    )


@pytest.mark.slow
def test_the_wheel_holds_every_file_of_the_package(wheel):
    names = {
        name for name in zipfile.ZipFile(wheel).namelist() if "dist-info" not in name
    }
    paths = [*ROOT.glob("minimt/**/*.py"), *ROOT.glob("minimt/inspection/page/*.*")]
    notebooks = {f"minimt/handout/{x.name}" for x in ROOT.glob("notebooks/0*.ipynb")}
    assert names == {path.relative_to(ROOT).as_posix() for path in paths} | notebooks
    assert notebooks


@pytest.mark.slow
def test_an_installed_package_hands_out_notebooks_but_overwrites_none(
    installed, tmp_path
):
    told = away(installed, tmp_path, "notebooks", "mine")
    assert told.returncode == 0 and "jupyter lab mine" in told.stdout
    copies = {path.name: path.read_bytes() for path in (tmp_path / "mine").iterdir()}
    sources = {
        path.name: handout.relinked(path.read_text("utf-8"), tmp_path / "mine").encode()
        for path in ROOT.glob("notebooks/0*.ipynb")
    }
    assert copies == sources != {}
    again = away(installed, tmp_path, "notebooks", "mine")
    assert again.returncode == 2 and "exists: give another folder" in again.stderr


@pytest.mark.slow
def test_the_wheel_gives_a_command_and_its_licence(installed):
    (info,) = installed.glob("minimt-*.dist-info")
    assert "minimt = minimt.__main__:main" in (info / "entry_points.txt").read_text()
    assert "License-Expression: MIT" in (info / "METADATA").read_text()
    assert (installed / "bin/minimt").exists() or (installed / "Scripts").exists()


@pytest.mark.slow
def test_the_installed_package_writes_stubs_and_grades(installed, tmp_path):
    done = away(installed, tmp_path, "stubs", "mine")
    assert done.returncode == 0 and (tmp_path / "mine/step_warm_up.py").exists()
    done = away(installed, tmp_path, "grade", "mine", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["points"] == 0


@pytest.mark.slow
def test_the_installed_reference_gets_all_points(installed, tmp_path):
    done = away(installed, tmp_path, "grade", "--reference", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    assert result["points"] == result["of"] > 0


@pytest.mark.slow
def test_the_installed_package_has_no_notebooks_to_execute(installed, tmp_path):
    done = away(installed, tmp_path, "notebooks", "--refresh")
    assert done.returncode == 2 and "run this command in a checkout" in done.stderr
