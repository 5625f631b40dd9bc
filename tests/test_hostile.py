"""Hostile submissions read, write, start and gain nothing, whichever line they meet."""

import os
import pathlib
import sys
import tempfile
import textwrap

import numpy as np
import pytest
from hostile import (
    AGAINST_THE_HOOK,
    BEFORE,
    DISTURBING,
    OUTLIVING,
    OVERWRITTEN_HOOK,
    READING,
    SCORING,
    WRITING,
)

from minimt.course import landlock, sandbox, seccomp
from minimt.course.calls import Call, Raised
from minimt.course.steps import STEPS

TOKEN = "s3cr3t"
X = np.arange(24.0).reshape(1, 2, 3, 4)
KERNEL = ("landlock", "seccomp")
offered = landlock.offered() >= 6 and seccomp.offered()
pytestmark = pytest.mark.skipif(
    os.name != "posix", reason="its ways are those of POSIX"
)


@pytest.fixture(
    params=[
        "the hook alone",
        "the kernel alone",
        pytest.param("all lines", marks=pytest.mark.slow),
        pytest.param("another user", marks=pytest.mark.slow),
    ]
)
def lines(request, monkeypatch):
    """The lines of defence that are drawn; none needs the others."""
    if request.param == "the hook alone":
        monkeypatch.setattr(sandbox, "LINES", ("hook",))
    elif not offered:
        pytest.skip("this kernel offers too little")
    elif request.param == "the kernel alone":
        monkeypatch.setattr(sandbox, "LINES", KERNEL)
    return request.param


@pytest.fixture
def user(request):
    """Who runs a submission: None is the user who grades."""
    if "another user" not in request.node.name:
        return None
    if os.geteuid() != 0 or not others_can_run(sys.executable):
        pytest.skip("only root can run a case as another user")
    return "nobody"


def others_can_run(program):
    """Whether the program, and all folders above it, are open to everybody."""
    program = pathlib.Path(program).resolve()
    return all(path.stat().st_mode & 1 for path in (program, *program.parents))


@pytest.fixture
def attack(tmp_path, monkeypatch, user):
    """Runs the body of a hostile function, and checks that nothing outside changed."""
    top = pathlib.Path(tempfile.gettempdir())
    for folder in [tmp_path, *tmp_path.parents] if user else []:
        if top in folder.parents:  # only what pytest has made
            folder.chmod(folder.stat().st_mode | 0o111)
    for name in ("cases", "outside", "sibling"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "cases"))
    secret, outside = tmp_path / "secret.py", tmp_path / "outside"
    secret.write_text(f"{TOKEN} = 1\n")
    (outside / "mine").write_text("mine")
    sibling = tmp_path / "cases" / "minimt-other"
    sibling.write_text(TOKEN)
    places = dict(secret=str(secret), outside=str(outside), sibling=str(sibling))

    def run(body):
        text = BEFORE.format(**places) + textwrap.indent(textwrap.dedent(body), "    ")
        files = {f"{STEPS[0].stem}.py": text.encode()}
        before = seen(tmp_path)
        calls = [Call("merge_heads", (X,))]
        outcome = sandbox.run(files, STEPS[0].stem, calls, sandbox.Limits(10, user))
        assert seen(tmp_path) == before
        assert not survivors(tmp_path)
        return outcome

    assert not user or run("return x").results
    return run


def seen(folder):
    """All that is in a folder, with what a submission might change."""
    facts = {}
    for path in sorted(folder.rglob("*")):
        of = path.lstat()
        text = path.read_bytes() if path.is_file() else b""
        linux = hasattr(os, "listxattr")
        xattrs = os.listxattr(path, follow_symlinks=False) if linux else ()
        times = 0 if path.is_dir() else of.st_mtime
        facts[path] = of.st_mode, of.st_uid, of.st_nlink, times, text, tuple(xattrs)
    return facts


def survivors(folder):
    """The processes that are at work in a folder, as Linux tells."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if str(folder) in os.readlink(process / "cwd"):
                found.append(process.name)
        except OSError:  # it has ended meanwhile
            continue
    return found


@pytest.mark.parametrize("way", READING)
def test_nothing_secret_is_read(attack, lines, way):
    assert TOKEN not in repr(attack(READING[way]))


@pytest.mark.parametrize("way", AGAINST_THE_HOOK)
def test_nothing_lifts_the_hook(attack, lines, way):
    body = textwrap.indent(textwrap.dedent(AGAINST_THE_HOOK[way]), "    ")
    text = f"try:\n{body}\nexcept BaseException: pass\n{READ_AT_LAST}"
    assert TOKEN not in repr(attack(text))


READ_AT_LAST = """
for _ in range(200):
    try:
        return open(SECRET).read()
    except (PermissionError, AttributeError, TypeError, NameError):
        pass
open(SECRET)
"""


@pytest.mark.skipif(not offered, reason="this kernel offers too little")
def test_what_overwrites_the_hook_meets_the_kernel(attack):
    """NumPy can write anywhere in the process, and not beyond."""
    outcome = attack(OVERWRITTEN_HOOK + READ_AT_LAST)
    assert TOKEN not in repr(outcome) and "[Errno 13]" in repr(outcome)


def test_the_hook_refuses_a_library_of_its_own(attack, monkeypatch):
    """Even by the name of one that it may import."""
    monkeypatch.setattr(sandbox, "LINES", ("hook",))
    for place in ("os.getcwd() + ", "np.__path__[0] + '/../' * 20 + os.getcwd() + "):
        body = AGAINST_THE_HOOK["its own library"].replace("os.getcwd() + ", place)
        (result,) = attack(body).results
        assert result.kind in ("ImportError", "PermissionError")


@pytest.mark.parametrize("way", WRITING)
def test_nothing_is_written_outside(attack, lines, way):
    attack(WRITING[way])


@pytest.mark.parametrize("way", OUTLIVING)
def test_nothing_outlives_its_case(attack, lines, way):
    attack(OUTLIVING[way])


@pytest.mark.parametrize("way", DISTURBING)
def test_nobody_is_disturbed(attack, lines, way):
    (result,) = attack(textwrap.dedent(DISTURBING[way]) + "\nreturn True").results
    assert isinstance(result, Raised)


@pytest.mark.parametrize("way", SCORING)
def test_no_points_are_gained(attack, way):
    outcome = attack(SCORING[way])
    right = X.swapaxes(1, 2).reshape(1, 3, 8)
    assert not np.array_equal((outcome.results or [None])[0], right)
