"""The commands of the course; grading needs only NumPy and tqdm."""

import argparse
import json
import os
import secrets
import shlex
import time

from ..console import colours, examples
from ..console.exits import finish
from ..console.flags import Parser, count, filename, several
from ..errors import InputError
from ..files import check_folder, check_output
from ..notebooks import refresh
from . import (
    COMMANDS,
    advice,
    assignment,
    export,
    grade,
    handout,
    nbgrader,
    private,
    report,
    sandbox,
    users,
    watch,
)
from .steps import STEPS

ASSIGNMENT = "tutorial/assignment"


def main(argv=None):
    """Run a command; returns its exit code, as `exits.finish` says."""
    return finish(run, argv)


def run(argv=None):
    """Run a command and print what it returns."""
    args = parser().parse_args(argv)
    print(args.command(args))


def parser():
    """The commands and their flags."""
    top = Parser(prog="minimt")
    commands = top.add_subparsers(required=True)
    add_grade(commands)
    stubs = add(commands, stubs_command)
    help_text = "directory for the files; existing work is not overwritten"
    stubs.add_argument("folder", type=filename, metavar="DIR", help=help_text)
    help_text = "replace existing files, even if somebody has worked on them"
    stubs.add_argument("--overwrite", action="store_true", help=help_text)
    books = add(commands, notebooks_command)
    help_text = "directory for the copies; nothing is overwritten"
    books.add_argument("folder", nargs="?", metavar="DIR", help=help_text)
    help_text = "in a checkout: run all, or some (03_cache, …), and save their output"
    books.add_argument("--refresh", nargs="*", metavar="NAME", help=help_text)
    course = add(commands, nbgrader_command)
    help_text = "directory of the course, created if it does not exist"
    course.add_argument("folder", type=filename, metavar="DIR", help=help_text)
    help_text = "private seed of the hidden tests (default: drawn at random)"
    course.add_argument("--seed", type=count, metavar="N", help=help_text)
    return top


def add_grade(commands):
    """The grader, with the flags of students and of instructors."""
    task = add(commands, grade_command)
    help_text = f"directory with the steps ({ASSIGNMENT})"
    where = dict(nargs="?", metavar="DIR", help=help_text)
    task.add_argument("folder", type=filename, **where)
    task.add_argument("--reference", action="store_true", help="grade the solution")
    help_text = "grade only this step, given by name or number"
    task.add_argument("--step", type=step_called, metavar="STEP", help=help_text)
    task.add_argument("--case", metavar="NAME", help="grade only cases with this name")
    help_text = "seed of the random cases, or a file that contains it (default 0)"
    task.add_argument("--seed", type=seed, metavar="N", default="0", help=help_text)
    usual = sandbox.Limits()
    help_text = f"time limit for each case, in seconds ({usual.seconds})"
    limit = dict(metavar="N", default=usual.seconds, help=help_text)
    task.add_argument("--seconds", type=several, **limit)
    help_text = "run submissions as this user (for root only)"
    task.add_argument("--user", type=filename, metavar="NAME", help=help_text)
    help_text = "Python file with private CASES, for instructors"
    task.add_argument("--private", type=filename, metavar="FILE", help=help_text)
    for service in ("gradescope", "classroom50"):
        help_text = f"also write the results to this file for {service.title()}"
        task.add_argument(f"--{service}", type=filename, metavar="FILE", help=help_text)
    task.add_argument("--json", action="store_true", help="print the results as JSON")
    help_text = "grade again whenever a file is saved, until Ctrl-C"
    task.add_argument("--watch", action="store_true", help=help_text)


def add(commands, run):
    """Add a command, named after its function."""
    name = run.__name__.removesuffix("_command")
    about = dict(description=COMMANDS[name], epilog=examples(name))
    command = commands.add_parser(name, **about)
    command.set_defaults(command=run)
    return command


def seed(text):
    """A seed as it was given, and its number: a file keeps it out of sight.

    Every user of a machine can read the arguments of a process.
    """
    if text.isdecimal() or not os.path.exists(text):
        return text, count(text)
    try:
        with open(text) as file:
            return text, count(file.read().strip())
    except (OSError, ValueError, argparse.ArgumentTypeError):
        why = f"{text} does not contain a whole number ≥ 0"
        raise argparse.ArgumentTypeError(why) from None


def step_called(text):
    """The name of the step with this name or number."""
    names = [step.name for step in STEPS]
    if text in names:
        return text
    if text.isdecimal() and int(text) < len(names):
        return names[int(text)]
    last = len(names) - 1
    why = (
        f"{text!r} is not a step: use {', '.join(names)}, or a number from 0 to {last}"
    )
    raise argparse.ArgumentTypeError(why)


def grade_command(args):
    """Grade the steps of the assignment and show the first fault of each."""
    if args.reference and args.folder:
        raise InputError("give a folder or --reference, not both")
    folder = None if args.reference else args.folder or ASSIGNMENT
    every = private.steps_with(args.private) if args.private else STEPS
    steps = [step for step in every if args.step in (None, step.name)]
    if args.watch:
        return watched(args, folder, steps)
    files = [
        (export.gradescope, args.gradescope),
        (export.classroom50, args.classroom50),
    ]
    files = [(write, path) for write, path in files if path]
    for _, path in files:
        check_output(path, [args.private] if args.private else [])
    for write, path in files:  # before the submission runs
        write(path, grade.ungraded(steps, export.STOPPED), output=export.STOPPED)
    began = time.monotonic()
    try:
        verdicts = grade.grade(folder, steps, args.case, args.seed[1], limits(args))
    except InputError as error:
        for write, path in files:
            write(path, grade.ungraded(steps, str(error)), output=str(error))
        raise
    for write, path in files:
        write(path, verdicts, seconds=time.monotonic() - began)
    if args.json:
        return json.dumps(report.data(verdicts, args.seed[1]), indent=2)
    return told(args, folder, verdicts)


def watched(args, folder, steps):
    """Show a report, and a new one whenever a file is saved; ends with Ctrl-C."""
    for flag in ("reference", "json", "gradescope", "classroom50"):
        if getattr(args, flag):
            raise InputError(f"--watch shows reports of a folder: leave out --{flag}")

    def graded(some):
        return grade.grade(folder, some, args.case, args.seed[1], limits(args))

    for saved, verdicts in watch.watch(folder, steps, graded):
        if saved:
            print(f"\nsaved: {', '.join(f'{stem}.py' for stem in saved)}\n")
        print(told(args, folder, verdicts))
        print(f"waiting for a file in {folder} to be saved; Ctrl-C stops", flush=True)


def limits(args):
    """The time limit for each case, and the user it runs as."""
    if args.user:
        users.check_user(args.user)
    return sandbox.Limits(args.seconds, args.user)


def told(args, folder, verdicts):
    """The verdicts as text; for a single case, also what the submission printed."""
    command = f"python -m minimt grade {shlex.quote(str(folder or '--reference'))}"
    command += f" --seed {shlex.quote(args.seed[0])}" if args.seed[1] else ""
    command += f" --user {shlex.quote(args.user)}" if args.user else ""
    command += f" --private {shlex.quote(args.private)}" if args.private else ""
    whole = args.step is not None or args.case is not None
    shown = colours.coloured(report.text(verdicts, command, whole))
    if args.reference:  # an instructor who tries the set-up
        shown += f"\nsubmissions are {sandbox.defences()}"
    printed = next((v.printed for v in verdicts if v.printed), "")
    if args.case and printed:
        shown = f"{printed[:4000].rstrip()}\n\n{shown}"
    if folder and not args.case:
        shown += "\n\n" + advice.advice(verdicts, folder, command)
    return shown


def stubs_command(args):
    """Write the files of the assignment, without the bodies that students write."""
    check_folder(args.folder)
    written = assignment.write_stubs(args.folder, args.overwrite)
    return f"{len(written)} files in {args.folder}: begin with {written[0].name}"


def notebooks_command(args):
    """Copy the notebooks to a folder to play with, or run those of the checkout."""
    if (args.folder is None) == (args.refresh is None):
        raise InputError("give a DIR for copies of the notebooks, or --refresh")
    if args.refresh is not None:
        return refresh(args.refresh)
    copies = handout.hand_out(args.folder)
    folder = shlex.quote(args.folder)
    return f"{len(copies)} notebooks in {args.folder}; open them: jupyter lab {folder}"


def nbgrader_command(args):
    """Write the assignment as the notebooks of an nbgrader course."""
    check_folder(args.folder)
    seed = 1 + secrets.randbelow(1 << 32) if args.seed is None else args.seed
    written = nbgrader.write_course(args.folder, seed)
    return f"{len(written)} notebooks in {written[0].parent}; private seed {seed}"
