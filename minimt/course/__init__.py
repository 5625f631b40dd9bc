"""The course: its steps with their cases, known mistakes, and the grader."""

from ..errors import InputError

COMMANDS = dict(
    grade="Grade the steps of the assignment and show the first fault of each.",
    stubs="Write the files of the assignment, for students to fill in.",
    notebooks="Copy the notebooks to a folder to play with, or run them all.",
    nbgrader="Write the assignment as the notebooks of an nbgrader course.",
)


def damaged(what, error):
    """The InputError that says which of our own files cannot be imported."""
    why = f"{what} cannot be imported: {type(error).__name__}: {error}"
    return InputError(f"{why}; restore it, such as by `git restore minimt`")


def command():
    """What runs the commands; InputError if the files of minimt are damaged."""
    try:
        from .cli import run
    except Exception as error:
        raise damaged("minimt", error) from None
    return run
