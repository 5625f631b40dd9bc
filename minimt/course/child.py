"""Makes the calls of a case: inside the process of a submission, and for the reference.

A copy of this file is started as `python -I child.py` in a fresh folder. It reads the
calls there, imports the submission, and writes what the calls returned: arrays and
plain values, never a verdict. It imports nothing of minimt.
"""

import importlib
import json
import os
import sys
import traceback
from contextlib import suppress
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

MEMORY = 4 << 30  # bytes that a submission may take
FILE = 64 << 20  # bytes that a file of it may have
REFUSED = ("subprocess", "socket", "ctypes", "pty", "shutil", "sys.addaudithook")
REFUSED += ("os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.kill")
REFUSED += (
    "os.link",
    "os.symlink",
    "os.rename",
    "os.remove",
    "os.rmdir",
    "os.truncate",
)


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
            target = call.on.find(results) if call.on else module
            if not hasattr(target, call.name):
                results.append(Raised("missing"))
                continue
            made = getattr(target, call.name)
            if callable(made):
                made = made(*(filled(x, results) for x in call.args))
        except caught as error:
            made = raised(error, getattr(module, "__file__", ""))
        results.append(made)
    return results


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
    """An exception as a result, with the last line of the submission on its way."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == file]
    if isinstance(error, SyntaxError):
        lines = [error.lineno or 0]
    try:
        message = str(error.msg if isinstance(error, SyntaxError) else error)
    except BaseException:
        message = ""
    return Raised(type(error).__name__, message[:500], lines[-1] if lines else 0)


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
    if kind in (tuple, list):
        return {kind.__name__: [pack(part, arrays) for part in x]}
    if kind is dict:
        return {"dict": [[str(name), pack(part, arrays)] for name, part in x.items()]}
    if kind in (Result, Call, Raised, Other):
        return {kind.__name__.lower(): pack(tuple(vars(x).values()), arrays)}
    if kind is SimpleNamespace:
        return {"namespace": pack(vars(x), arrays)}
    return {"other": kind.__name__}


def unpack(x, arrays):
    """What was packed; ValueError for anything else."""
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
        return Other(inner)
    kinds = dict(result=Result, call=Call, raised=Raised)
    return kinds[kind](*unpack(inner, arrays))


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
    """Read what `write` wrote: arrays are checked and never unpickled."""
    arrays = []
    with open(f"{stem}.npy", "rb") as file:
        size = os.fstat(file.fileno()).st_size
        while file.tell() < size:
            arrays.append(np.load(file, allow_pickle=False))
    with open(f"{stem}.json") as file:
        return unpack(json.load(file), arrays)


def main(stem, *forbidden):
    """Import a submission, make the calls in calls.json, write result.json, and end."""
    calls = read("calls")
    limit()
    guard(forbidden)
    sys.path.append(os.getcwd())  # after the libraries: no file here hides one of them
    try:
        module = importlib.import_module(stem)
    except BaseException as error:
        results = raised(error, os.path.abspath(f"{stem}.py"))
    else:
        results = perform(module, calls, BaseException)  # SystemExit too
    write(results, "result")
    sys.stdout.flush()
    os._exit(0)  # whatever thread or exit handler is left


def limit():
    """Bound memory and file size, where the system knows how to."""
    try:
        import resource
    except ImportError:  # Windows
        return
    bounds = dict(RLIMIT_AS=MEMORY, RLIMIT_FSIZE=FILE, RLIMIT_CORE=0)
    for name, most in bounds.items():
        with suppress(ValueError, OSError):  # a system that does not bound this
            resource.setrlimit(getattr(resource, name), (most, most))


def guard(forbidden):
    """Refuse what no step needs, by a hook that Python cannot take away again."""
    here, closed = os.getcwd() + os.sep, ("/proc/", *(x + os.sep for x in forbidden))
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

    def hook(event, args):
        if event == "import" and str(args[0]).split(".")[0] == "minimt":
            raise PermissionError("the reference, minimt, is not to be imported here")
        if event == "open" and isinstance(args[0], (str, bytes)):
            path = os.path.realpath(os.fsdecode(args[0]))
            if (path + os.sep).startswith(closed):
                raise PermissionError("this file is not to be read here")
            if (args[2] or 0) & writing and not path.startswith((here, "/dev/")):
                raise PermissionError("files outside its folder are not to be written")
        if event.startswith(REFUSED):
            raise PermissionError(f"{event} is not for a step of this course")

    sys.addaudithook(hook)


if __name__ == "__main__":
    main(*sys.argv[1:])
