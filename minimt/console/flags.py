"""Flags: made of dataclass fields, checked as they are read, mistakes in one line."""

import argparse
import math
import os
from dataclasses import fields

from ..errors import InputError


class Parser(argparse.ArgumentParser):
    """Mistakes in one line, exit code 2; no abbreviations of flags."""

    def __init__(self, **options):
        super().__init__(allow_abbrev=False, **options)

    def error(self, message):
        if "WORLD_SIZE" in os.environ:  # one of several processes
            from ..distributed import let_leader_speak

            let_leader_speak()
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def add_flag(command, name, default, about, kind):
    """One flag with its default in the help."""
    about = f"{about} ({default or repr(default)})"
    command.add_argument(f"--{name}", type=kind, default=default, help=about)


def add_fields(command, cls):
    """A flag per field of a dataclass; absent unless given: defaults live there."""
    group = command.add_argument_group(cls.__doc__.split(".")[0].lower())
    for field in fields(cls):
        about = f"{field.metadata['help']} ({field.default or repr(field.default)})"
        kind, name = type(field.default), f"--{field.name}"
        group.add_argument(
            name,
            type=kind,
            default=argparse.SUPPRESS,
            metavar=kind.__name__,
            help=about,
        )


def build(cls, args):
    """The dataclass with the fields that were given as flags."""
    given = vars(args)
    try:
        return cls(**{f.name: given[f.name] for f in fields(cls) if f.name in given})
    except ValueError as error:
        raise InputError(f"--{error}") from None


def count(text):
    """A whole number ≥ 0."""
    return checked(text, int(text), 0 <= int(text) < 2**63, "a whole number ≥ 0")


def several(text):
    """A whole number ≥ 1."""
    return checked(text, int(text), int(text) >= 1, "a whole number ≥ 1")


def amount(text):
    """A finite number ≥ 0."""
    return checked(text, float(text), 0 <= float(text) < math.inf, "a number ≥ 0")


def positive(text):
    """A finite number above 0."""
    return checked(text, float(text), 0 < float(text) < math.inf, "a number above 0")


def checked(text, number, good, wanted):
    """The number, if it is good; argparse says what is wanted if not."""
    if not good:
        raise argparse.ArgumentTypeError(f"{text} is not {wanted}")
    return number


def device(args):
    """The device asked for; by default the fastest there is."""
    import torch

    there = dict(cuda=torch.cuda.is_available(), mps=torch.backends.mps.is_available())
    there["cpu"] = True
    name = args.device
    if name == "auto":
        name = next(name for name in there if there[name])
    if not there.get(name):
        have = ", ".join(name for name in there if there[name])
        raise InputError(f"no device {name} here: choose auto, {have}")
    return name
