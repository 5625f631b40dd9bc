"""python -m minimt: finds the module for a command, and imports only what it needs.

The course works without torch, and so does the list of commands.
"""

import argparse
import sys

from . import console, course
from .console.exits import ended_by_ctrl_c, finish, leave
from .errors import InputError
from .extras import missing


def main():
    """Run a command and end the process with its exit code."""
    leave(finish(run))


def run():
    """Run a command. Raises InputError if a package that it needs is missing."""
    command = sys.argv[1] if sys.argv[1:] else ""
    if command not in console.COMMANDS | course.COMMANDS:
        parser().parse_args(sys.argv[1:2])  # exits with the help, or with an error
    if why := missing(command, "torch" if command in console.COMMANDS else ""):
        raise InputError(why)
    with ended_by_ctrl_c():
        if command in course.COMMANDS:
            run = course.command()
        else:
            from .console.cli import run
    run()


def parser():
    """All commands, in groups, with a line about each."""
    # Not at the top of the file, where a Ctrl-C would not be caught.
    from .console.flags import Parser

    commands = console.COMMANDS | course.COMMANDS
    about = dict(usage="minimt COMMAND …", description=console.overview(commands))
    top = Parser(prog="minimt", **about)
    hidden = dict(metavar="COMMAND", help=argparse.SUPPRESS)  # they are in `about`
    names = top.add_subparsers(required=True, **hidden)
    for name in commands:
        names.add_parser(name)
    return top


if __name__ == "__main__":
    main()
