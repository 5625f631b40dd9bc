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
        as_written = argparse.RawDescriptionHelpFormatter
        super().__init__(allow_abbrev=False, formatter_class=as_written, **options)

    def parse_args(self, args=None, namespace=None):
        """Parse flags; --learning_rate is the same as --learning-rate."""
        args = sys.argv[1:] if args is None else args
        return super().parse_args([hyphenated(arg) for arg in args], namespace)

    def error(self, message):
        wait_for_leader()
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def hyphenated(arg):
    """A flag with hyphens in place of the underscores in its name."""
    flag = re.match(r"--[a-z][a-z_]*[a-z](?==|$)", arg)
    return flag_of(flag[0][2:]) + arg[flag.end() :] if flag else arg


def flag_of(name):
    """The flag for a field with this name: --learning-rate."""
    return "--" + name.replace("_", "-")


def add_flag(command, name, default, help_text, kind):
    """Add a flag, with its default in the help text."""
    help_text += f" (default {default})" if default != "" else ""
    options = dict(type=kind, metavar=METAVARS[kind], default=default)
    command.add_argument(flag_of(name), help=help_text, **options)


def add_fields(command, title, cls):
    """Add a flag for each field of a dataclass, which has the defaults itself."""
    group = command.add_argument_group(title)
    for field in fields(cls):
        help_text = field.metadata["help"]
        help_text += f" (default {field.default})" if field.default != "" else ""
        kind = KINDS[type(field.default)]
        metavar = TEXTS.get(field.name, METAVARS[kind])
        options = dict(type=kind, metavar=metavar, default=argparse.SUPPRESS)
        group.add_argument(flag_of(field.name), help=help_text, **options)


def build(cls, args):
    """The dataclass with the values of the flags that were given."""
    given, names = vars(args), [field.name for field in fields(cls)]
    try:
        return cls(**{name: given[name] for name in names if name in given})
    except ValueError as error:  # it names fields, the user knows flags
        named = rf"\b({'|'.join(names)})\b"
        raise InputError(
            re.sub(named, lambda found: flag_of(found[1]), str(error))
        ) from None


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


KINDS = {int: whole, float: number, str: str}  # of flags, by their default
METAVARS = {whole: "N", count: "N", several: "N", str: "NAME", utf8: "TEXT"}
METAVARS |= {number: "X", amount: "X", positive: "X", filename: "FILE"}
TEXTS = dict(data="DIR", endings="LIST")  # fields whose value is not a name


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
