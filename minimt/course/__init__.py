"""The course: its steps with their cases and known mistakes, and the grader."""

from ..errors import InputError

COMMANDS = dict(
    grade="Grade the steps of the assignment and show the first fault of each.",
    stubs="Write the files of the assignment, for students to fill in.",
    notebooks="Copy the notebooks to a folder to play with, or run them all.",
    nbgrader="Write the assignment as the notebooks of an nbgrader course.",
)


def command():
    """What runs the commands; InputError if the files of minimt are damaged."""
    try:
        from .cli import run
    except ImportError:  # a file is missing
        raise
    except Exception as error:
        why = f"minimt cannot be imported: {type(error).__name__}: {error}"
        raise InputError(
            f"{why}; restore it, such as by `git restore minimt`"
        ) from None
    return run
