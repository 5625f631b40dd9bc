"""Calls of a submission and their results, and how both pass between processes.

The process of a submission imports a copy of this file, which therefore must not import
minimt. That process returns arrays and plain values, never a verdict.
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

FILE = 64 << 20  # bytes of arrays, at most
TEXT = 4 << 20  # bytes of everything else, at most


@dataclass(frozen=True)
class Result:
    """Stands for an argument: the result of an earlier call, or a part of it."""

    call: int
    path: tuple = ()

    def find(self, results):
        """The object it stands for, among the results of the calls so far."""
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
    """Stands for a result: the exception that ended the call."""

    kind: str
    message: str = ""
    line: int = 0  # in the submission's file; 0 = elsewhere


@dataclass(frozen=True)
class Other:
    """Stands for a result that is neither an array nor a plain value: its type."""

    kind: str


def perform(module, calls, caught=Exception):
    """The result of each call; a caught exception becomes a Raised."""
    return checked(calls, make(module, calls, caught))


def make(module, calls, caught):
    """For each call, the pair of its result and its arguments as they were after it."""
    results, after = [], []
    for call in calls:
        given = ()
        try:
            given = [filled(x, results) for x in call.args]
            results.append(made_by(call, module, results, given))
        except caught as error:
            results.append(raised(error, getattr(module, "__file__", "")))
        after.append(tuple(map(as_it_is, call.args, given)))
    return list(zip(results, after))


def made_by(call, module, results, given):
    """The result of a call; on a result, a call without arguments is an attribute."""
    target = call.on.find(results) if call.on else module
    if not hasattr(target, call.name):
        alike = difflib.get_close_matches(call.name, dir(target), 1)
        return Raised("missing", "".join(alike))
    named = getattr(target, call.name)
    return named if call.on and not call.args else named(*given)


def checked(calls, made):
    """The results, with a Raised for a call whose arguments are not as they were.

    Of submissions, the grader checks this: it has the calls as they were.
    """
    return [unchanged(call, *pair) for call, pair in zip(calls, made, strict=True)]


def unchanged(call, result, given):
    """The result of a call, or a Raised with the number of a changed argument."""
    if isinstance(result, Raised):
        return result
    for number, pair in enumerate(zip(call.args, given, strict=True), 1):
        if changed(*pair):
            return Raised("changed", str(number))
    return result


def changed(argument, given):
    """Whether a call changed the argument it was given."""
    if isinstance(argument, np.ndarray):
        nan = argument.dtype.kind == "f"
        same = type(given) is np.ndarray
        return not same or not np.array_equal(argument, given, equal_nan=nan)
    if isinstance(argument, dict):
        same = isinstance(given, dict)
        return not same or changed(list(argument.values()), list(given.values()))
    if isinstance(argument, (tuple, list)):
        same = isinstance(given, (tuple, list)) and len(argument) == len(given)
        return not same or any(map(changed, argument, given))
    return False


def as_it_is(argument, given):
    """A copy of what was given, but not of results: a call may change its own."""
    return None if isinstance(argument, Result) else filled(given, ())


def filled(argument, results):
    """A copy of an argument, which a call may change; a Result becomes its object."""
    if isinstance(argument, Result):
        return argument.find(results)
    if isinstance(argument, np.ndarray):
        return argument.copy()
    if isinstance(argument, (tuple, list)):
        return type(argument)(filled(x, results) for x in argument)
    if isinstance(argument, dict):
        return {name: filled(x, results) for name, x in argument.items()}
    return argument


def raised(error, file, earlier=()):
    """An exception as a result: its built-in type and the submission's last line.

    Where it was raised in one of the earlier files, the message names file and line.
    """
    frames = traceback.extract_tb(error.__traceback__)
    places = [(frame.filename, frame.lineno) for frame in frames]
    if isinstance(error, SyntaxError):
        places.append((error.filename, error.lineno or 0))
    places = [place for place in places if place[0] in (file, *earlier)]
    where, line = places[-1] if places else (file, 0)
    message = ""
    with suppress(BaseException):
        message = str(error.msg if isinstance(error, SyntaxError) else error)
    if where != file:
        message, line = f"{message} ({os.path.basename(where)}, line {line})", 0
    names = (kind.__name__ for kind in type(error).__mro__)
    kind = next(name for name in names if hasattr(builtins, name))
    message = readable(message.replace(os.getcwd() + os.sep, ""))
    return Raised(kind, message, line)


def readable(text, most=500):
    """Text on one line, without characters that would move a terminal's cursor."""
    return "".join(x if x.isprintable() else " " for x in text[:most])


def pack(x, arrays):
    """Data as JSON, which refers to arrays by their place in the list `arrays`."""
    kind = type(x)  # not isinstance: a subclass may claim to equal anything
    if kind is np.ndarray or isinstance(x, np.generic):
        x = np.asarray(x)
        if x.dtype.kind not in "biuf":
            return {"other": f"array of {x.dtype}"}
        arrays.append(x)
        return {"array": len(arrays) - 1}
    if x is None or kind in (bool, int, float, str):
        return x
    if isinstance(x, tuple):  # named tuples too
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
    """The data that was packed; anything else raises an exception."""
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
    """Read what `write` wrote; anything else raises. Nothing is unpickled."""
    arrays = []
    with plain(f"{stem}.npy", FILE) as file:
        size = os.fstat(file.fileno()).st_size
        while file.tell() < size:
            arrays.append(np.lib.format.read_array(file, allow_pickle=False))
    with plain(f"{stem}.json", TEXT) as file:
        return unpack(json.load(file), arrays)


def plain(path, most):
    """Open a file, unless it is a link, a pipe or larger than `most` bytes."""
    careful = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    flags = os.O_RDONLY | careful | getattr(os, "O_BINARY", 0)
    file = open(os.open(path, flags), "rb")  # noqa: SIM115 (the caller closes it)
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode) or status.st_size > most:
        file.close()
        raise ValueError(f"{path} is not a regular file of at most {most} bytes")
    return file
