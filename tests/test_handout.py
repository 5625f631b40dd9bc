"""Copies of the notebooks work outside a checkout, and a link opens hosted ones."""

import json
import os
import re
import subprocess
import sys

import pytest

from minimt import notebooks
from minimt.course import handout

INSTALLED = sorted(notebooks.ROOT.glob("notebooks/0*.ipynb"))  # all but chapter 10's
ELSEWHERE = re.compile(r'root /|"\.\./')  # what only a checkout has


def code(path):
    """The source of each code cell."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(x["source"]) for x in cells if x["cell_type"] == "code"]


@pytest.mark.parametrize("path", INSTALLED, ids=lambda path: path.stem)
def test_a_copy_does_not_ask_for_a_checkout(path, tmp_path):
    """Where minimt is installed, the first code cell has nothing to say."""
    setup = code(path)[0].replace("%pip", "raise # %pip")
    (tmp_path / "mine").mkdir()
    settings = dict(cwd=tmp_path / "mine", capture_output=True, text=True)
    for installed, told in (("", "Install minimt"), (notebooks.ROOT, "")):
        environment = os.environ | dict(PYTHONPATH=str(installed))
        command = [sys.executable, "-c", setup]
        done = subprocess.run(command, env=environment, **settings)
        assert done.returncode == 0 and done.stderr == ""
        assert told in done.stdout and bool(told) == bool(done.stdout)


@pytest.mark.slow
def test_copies_that_name_files_of_a_checkout_run_without_them(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(notebooks.ROOT))
    handout.hand_out(tmp_path / "mine")
    for path in INSTALLED:
        if any(ELSEWHERE.search(cell) for cell in code(path)[1:]):
            notebooks.execute(tmp_path / "mine" / path.name)


def test_a_link_to_a_hosted_notebook_needs_an_address(monkeypatch):
    """Without an address nothing changes; with one, the link comes in once."""
    book = dict(cells=[dict(source="# 1. Attention\n\nText")])
    link = handout.hosted("01_attention.ipynb")
    assert link == "" and "Open" not in str(notebooks.with_link(book, link))
    monkeypatch.setattr(handout, "ADDRESS", "https://github.com/somebody/minimt")
    link = handout.hosted("01_attention.ipynb")
    assert "/somebody/minimt/blob/main/notebooks/01_attention.ipynb)" in link
    assert "git+https://github.com/somebody/minimt" in link
    for _ in range(2):
        book = notebooks.with_link(book, link)
    assert book["cells"][0]["source"] == f"# 1. Attention\n\n{link}\n\nText"


@pytest.mark.parametrize("address", ["", "https://github.com/somebody/minimt"])
def test_a_copy_has_no_link_that_leads_nowhere(tmp_path, monkeypatch, address):
    monkeypatch.setattr(handout, "ADDRESS", address)
    (tmp_path / "tutorial").mkdir()
    handout.hand_out(tmp_path / "mine")
    texts = [x.read_text("utf-8") for x in (tmp_path / "mine").iterdir()]
    links = re.findall(r"\]\(([^)]+)", "".join(texts))
    assert not any(x.startswith("..") for x in links)
    led = any(x.startswith(f"{address}/blob/main/minimt/") for x in links)
    assert led == bool(address) and all(map(json.loads, texts))
    (tmp_path / "tutorial/01_attention.md").touch()  # as in a checkout
    copies, sources = handout.hand_out(tmp_path / "beside"), handout.notebooks()
    assert [x.read_bytes() for x in copies] == [x.read_bytes() for x in sources]


def test_a_development_container_installs_what_is_required():
    text = (notebooks.ROOT / ".devcontainer/devcontainer.json").read_text()
    *install, name = json.loads(text)["postCreateCommand"].split()
    assert install == ["pip", "install", "-r"] and (notebooks.ROOT / name).exists()
