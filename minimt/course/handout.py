"""Copies of the notebooks, for a reader to play with in a folder of one's own."""

import pathlib
import re

from ..errors import InputError
from ..files import check_folder, replace_file

PACKAGE = pathlib.Path(__file__).parent.parent
ADDRESS = ""  # of the project's repository, once it has one: https://github.com/…
HOST = "https://colab.research.google.com/github/"  # opens notebooks of GitHub
LINK = re.compile(r"!?\[([^][]*)\]\(\.\./([^)]+)\)")  # to a file of the project


def notebooks():
    """The paths of the notebooks: those of the checkout, or those that were installed.

    The latter lack chapter 10's, which shows what a checkout has in results/.
    """
    for folder in (PACKAGE.parent / "notebooks", PACKAGE / "handout"):
        if found := sorted(folder.glob("[0-9]*.ipynb")):
            return found
    raise InputError("there are no notebooks here: install minimt again")


def hand_out(folder):
    """Copy the notebooks to a folder; returns the copies. Overwrites nothing.

    Raises InputError if a file of that name is there already.
    """
    check_folder(folder)
    copies = {path: pathlib.Path(folder) / path.name for path in notebooks()}
    if there := [copy for copy in copies.values() if copy.exists()]:
        raise InputError(f"{there[0]} exists: give another folder, or move it away")
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    for path, copy in copies.items():
        text = relinked(path.read_text(encoding="utf-8"), copy.parent)
        replace_file(copy, text.encode())
    return list(copies.values())


def relinked(text, folder):
    """A notebook's text, without links that lead nowhere in its new folder.

    They lead to the project's repository instead or, without an address, are words.
    """
    if (folder.resolve().parent / "tutorial/01_attention.md").exists():
        return text
    return LINK.sub(rf"[\1]({ADDRESS}/blob/main/\2)" if ADDRESS else r"\1", text)


def hosted(name):
    """A line of Markdown that opens a notebook in a browser; "" without an address."""
    if not ADDRESS:
        return ""
    repository = ADDRESS.removeprefix("https://github.com/")
    link = f"{HOST}{repository}/blob/main/notebooks/{name}"
    install = f'%pip install "minimt[notebooks] @ git+{ADDRESS}"'
    return f"[Open this notebook in a browser]({link}); there, first run `{install}`."
