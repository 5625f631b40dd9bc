"""Another user for submissions: what keeps it from running Python is named."""

import os
import pathlib
import sys
import tempfile

import pytest

from minimt.course import cli, users


@pytest.fixture
def closed():
    """A folder that only its owner may enter, in one that everybody may."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        (folder / "home").mkdir(mode=0o700)
        yield folder / "home"


@pytest.mark.skipif(sys.platform != "linux", reason="temporary folders are closed")
def test_the_folder_that_is_closed_to_others_is_found(closed):
    (closed / "bin").mkdir(mode=0o755)
    link = closed.parent / "python"
    link.symlink_to(closed / "bin")
    for path in (closed, closed / "bin/python", link):
        assert users.closed_folder("/", path) == closed
    assert users.closed_folder(closed.parent) is None


@pytest.mark.skipif(getattr(os, "geteuid", lambda: 1)() != 0, reason="needs root")
def test_a_python_that_another_user_cannot_run_is_told_with_its_cause(
    closed, monkeypatch, capsys
):
    (closed / "python").symlink_to(sys.executable)
    monkeypatch.setattr(sys, "executable", str(closed / "python"))
    assert cli.main(["grade", "--user", "nobody"]) == 2
    out, said = capsys.readouterr()
    assert out == "" and said.count("\n") == 1
    assert f"is installed in {closed}, which is closed to other users" in said
