"""Flags: made from dataclass fields, checked as they are read, with one-line errors."""

import argparse
import math
import re
import sys
from dataclasses import fields

from ..errors import InputError
from .exits import wait_for_leader


class Parser(argparse.ArgumentParser):
    """Errors take one line and exit code 2; flags cannot be abbreviated."""

    def __init__(self, **options):
        super().__init__(allow_abbrev=False, **options)

    def parse_args(self, args=None, namespace=None):
        """Parse flags; --learning-rate is the same as --learning_rate."""
        args = sys.argv[1:] if args is None else args
        return super().parse_args([underscored(arg) for arg in args], namespace)

    def error(self, message):
        wait_for_leader()
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def underscored(arg):
    """A flag with underscores in place of the dashes inside its name."""
    flag = re.match(r"--[a-z][a-z-]*[a-z](?==|$)", arg)
    return "--" + flag[0][2:].replace("-", "_") + arg[flag.end() :] if flag else arg


def add_flag(command, name, default, help_text, kind):
    """Add a flag, with its default in the help text."""
    help_text = f"{help_text} ({default or repr(default)})"
    command.add_argument(f"--{name}", type=kind, default=default, help=help_text)


def add_fields(command, cls):
    """Add a flag for each field of a dataclass, which has the defaults itself."""
    group = command.add_argument_group(cls.__doc__.split(".")[0].lower())
    for field in fields(cls):
        help_text = f"{field.metadata['help']} ({field.default or repr(field.default)})"
        kind, metavar = KINDS[type(field.default)]
        options = dict(type=kind, metavar=metavar, default=argparse.SUPPRESS)
        group.add_argument(f"--{field.name}", help=help_text, **options)


def build(cls, args):
    """The dataclass with the values of the flags that were given."""
    given, names = vars(args), [field.name for field in fields(cls)]
    try:
        return cls(**{name: given[name] for name in names if name in given})
    except ValueError as error:  # it names fields, the user knows flags
        flags = re.sub(rf"\b({'|'.join(names)})\b", r"--\1", str(error))
        raise InputError(flags) from None


def whole(text):
    """A whole number; the dataclass checks whether it is in range."""
    return checked(text, int, lambda n: True, "a whole number")


def number(text):
    """A number; the dataclass checks whether it is in range."""
    return checked(text, float, lambda x: True, "a number")


def count(text):
    """A whole number ≥ 0."""
    return checked(text, int, lambda n: 0 <= n < 2**63, "a whole number ≥ 0")


def several(text):
    """A whole number ≥ 1, but not beyond reason."""
    wanted = "a whole number from 1 to a billion"
    return checked(text, int, lambda n: 1 <= n <= 10**9, wanted)


def amount(text):
    """A finite number ≥ 0."""
    return checked(text, float, lambda x: 0 <= x < math.inf, "a number ≥ 0")


def positive(text):
    """A finite number above 0."""
    return checked(text, float, lambda x: 0 < x < math.inf, "a number above 0")


def utf8(text):
    """A text that can be encoded."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError("it is not UTF-8 text") from None
    return text


def filename(text):
    """A path, which must not be empty."""
    if not text:
        raise argparse.ArgumentTypeError("it is empty: give a path")
    return text


def checked(text, kind, good, wanted):
    """The number in a text if it is good; otherwise argparse says what is wanted."""
    try:
        found = kind(text)
    except ValueError:
        found = None
    if found is None or not good(found):
        raise argparse.ArgumentTypeError(f"{text!r} is not {wanted}")
    return found


KINDS = {int: (whole, "N"), float: (number, "X"), str: (str, "TEXT")}  # by the default


def device(name):
    """The device of this name; for "auto", the fastest available one."""
    import torch

    usable = dict(cuda=torch.cuda.is_available(), mps=torch.backends.mps.is_available())
    usable["cpu"] = True
    if name == "auto":
        name = next(name for name in usable if usable[name])
    if not usable.get(name):
        have = " or ".join(["auto", *(name for name in usable if usable[name])])
        raise InputError(f"--device {name} is not available here: choose {have}")
    return name
