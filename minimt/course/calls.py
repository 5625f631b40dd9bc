"""Calls of a submission, what they return, and how both go from process to process.

A copy of this file is imported where a submission runs, so it imports nothing of
minimt. What comes back are arrays and plain values, never a verdict.
"""

import builtins
import difflib
import json
import os
import stat
import traceback
from contextlib import suppress
from dataclasses import dataclass, fields
from types import SimpleNamespace

import numpy as np

FILE = 64 << 20  # bytes of arrays
TEXT = 4 << 20  # bytes of what is not arrays


@dataclass(frozen=True)
class Result:
    """In the place of an argument: what an earlier call returned, or a part of it."""

    call: int
    path: tuple = ()

    def find(self, results):
        """That object, among those of the calls made so far."""
        found = results[self.call]
        for place in self.path:
            found = found[place]
        return found


@dataclass(frozen=True)
class Call:
    """A function of the submission, or a method or attribute of the result `on`."""

    name: str
    args: tuple = ()
    on: Result | None = None


@dataclass(frozen=True)
class Raised:
    """In the place of a result: the exception that a call ended with."""

    kind: str
    message: str = ""
    line: int = 0  # of the submission's file, 0 = elsewhere


@dataclass(frozen=True)
class Other:
    """In the place of a result that is neither array nor plain value: its type."""

    kind: str


def perform(module, calls, caught=Exception):
    """What each call returns, or raises of the exceptions that are caught."""
    results = []
    for call in calls:
        try:
            results.append(made_by(call, module, results))
        except caught as error:
            results.append(raised(error, getattr(module, "__file__", "")))
    return results


def made_by(call, module, results):
    """What a call returns; without arguments, on a result, an attribute is read."""
    target = call.on.find(results) if call.on else module
    if not hasattr(target, call.name):
        alike = difflib.get_close_matches(call.name, dir(target), 1)
        return Raised("missing", "".join(alike))
    named = getattr(target, call.name)
    if call.on and not call.args:
        return named
    given = [filled(x, results) for x in call.args]
    made = named(*given)
    for number, pair in enumerate(zip(call.args, given), 1):
        if changed(*pair):
            return Raised("changed", str(number))
    return made


def changed(argument, given):
    """Is an argument no longer what was given?"""
    if isinstance(argument, np.ndarray):
        nan = argument.dtype.kind == "f"
        return not np.array_equal(argument, given, equal_nan=nan)
    if isinstance(argument, dict):
        return changed(list(argument.values()), list(given.values()))
    if isinstance(argument, (tuple, list)):
        return len(argument) != len(given) or any(map(changed, argument, given))
    return False


def filled(argument, results):
    """An argument of its own, so that what a call changes in place stays its affair."""
    if isinstance(argument, Result):
        return argument.find(results)
    if isinstance(argument, np.ndarray):
        return argument.copy()
    if isinstance(argument, (tuple, list)):
        return type(argument)(filled(x, results) for x in argument)
    if isinstance(argument, dict):
        return {name: filled(x, results) for name, x in argument.items()}
    return argument


def raised(error, file):
    """An exception as a result: its built-in kind, and the submission's last line."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == file]
    if isinstance(error, SyntaxError):
        lines = [error.lineno or 0]
    message = ""
    with suppress(BaseException):
        message = str(error.msg if isinstance(error, SyntaxError) else error)
    names = (kind.__name__ for kind in type(error).__mro__)
    kind = next(name for name in names if hasattr(builtins, name))
    message = readable(message.replace(os.getcwd() + os.sep, ""))
    return Raised(kind, message, lines[-1] if lines else 0)


def readable(text, most=500):
    """Text in one line, without what would move the cursor of a terminal."""
    return "".join(x if x.isprintable() else " " for x in text[:most])


def pack(x, arrays):
    """Data as JSON; its arrays are added to the list."""
    kind = type(x)  # exactly: a subclass may claim to equal anything
    if kind is np.ndarray or isinstance(x, np.generic):
        x = np.asarray(x)
        if x.dtype.kind not in "biuf":
            return {"other": f"array of {x.dtype}"}
        arrays.append(x)
        return {"array": len(arrays) - 1}
    if x is None or kind in (bool, int, float, str):
        return x
    if isinstance(x, tuple):  # a named one too
        return {"tuple": [pack(part, arrays) for part in tuple.__iter__(x)]}
    if kind is list:
        return {"list": [pack(part, arrays) for part in x]}
    if kind is dict:
        return {"dict": [[str(name), pack(part, arrays)] for name, part in x.items()]}
    if kind in (Result, Call, Raised, Other):
        parts = tuple(getattr(x, field.name) for field in fields(x))
        return {kind.__name__.lower(): pack(parts, arrays)}
    if kind is SimpleNamespace:
        return {"namespace": pack(vars(x), arrays)}
    return {"other": kind.__name__}


def unpack(x, arrays):
    """What was packed; an exception for anything else."""
    if not isinstance(x, dict):
        return x
    ((kind, inner),) = x.items()
    if kind == "array":
        return arrays[inner]
    if kind in ("tuple", "list"):
        return (tuple if kind == "tuple" else list)(unpack(y, arrays) for y in inner)
    if kind == "dict":
        return {name: unpack(part, arrays) for name, part in inner}
    if kind == "namespace":
        return SimpleNamespace(**unpack(inner, arrays))
    if kind == "other":
        return Other(readable(str(inner), 100))
    if kind == "raised":
        name, message, line = unpack(inner, arrays)
        return Raised(readable(str(name), 100), readable(str(message)), int(line))
    return dict(result=Result, call=Call)[kind](*unpack(inner, arrays))


def write(x, stem):
    """Write data as STEM.json and STEM.npy."""
    arrays = []
    text = json.dumps(pack(x, arrays))
    with open(f"{stem}.npy", "wb") as file:
        for array in arrays:
            np.save(file, array, allow_pickle=False)
    with open(f"{stem}.json", "w") as file:
        file.write(text)


def read(stem):
    """Read what `write` wrote; an exception for anything else. Nothing is unpickled."""
    arrays = []
    with plain(f"{stem}.npy", FILE) as file:
        size = os.fstat(file.fileno()).st_size
        while file.tell() < size:
            arrays.append(np.lib.format.read_array(file, allow_pickle=False))
    with plain(f"{stem}.json", TEXT) as file:
        return unpack(json.load(file), arrays)


def plain(path, most):
    """Open a file that is neither a link nor a pipe, nor larger than it may be."""
    careful = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    flags = os.O_RDONLY | careful | getattr(os, "O_BINARY", 0)
    file = open(os.open(path, flags), "rb")  # noqa: SIM115 (the caller closes it)
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode) or status.st_size > most:
        file.close()
        raise ValueError(f"{path} is not a plain file of at most {most} bytes")
    return file
