"""An audit hook: Python itself allows what a step needs, and nothing else.

It works on every system and says clearly what it refuses. Python code cannot remove or
change it, but code that changes the interpreter's memory can; for that there are
landlock.py and seccomp.py. The process of a submission imports a copy of this file.
"""

import gc
import importlib
import os
import sys
import types

import numpy as np

EVENTS = frozenset(
    """
    import open exec compile marshal.loads marshal.load marshal.dumps marshal.dump
    object.__getattr__ object.__setattr__ object.__delattr__ builtins.id array.__new__
    builtins.input builtins.input/result sys._getframe sys._getframemodulename
    sys.excepthook sys.unraisablehook pickle.find_class time.sleep os.putenv os.unsetenv
    _thread.start_new_thread _thread.start_joinable_thread glob.glob glob.glob/2
    os.walk os.fwalk os.listdir os.scandir os.remove tempfile.mkstemp
    """.split()
)
PATHS = frozenset(
    ["open", "os.remove", "os.listdir", "os.scandir"]
)  # args[0] is a path
# Compiled modules that reach a file or a process only by what Python reports.
COMPILED = frozenset(
    """
    _abc _ast _asyncio _bisect _bz2 _codecs _collections _contextvars
    _csv _datetime _decimal _functools _heapq _json _lzma _opcode _operator _pickle
    _queue _random _sre _stat _statistics _string _struct _symtable _tokenize _typing
    _warnings _weakref _winapi _zoneinfo array atexit binascii cmath errno itertools
    math msvcrt select time unicodedata zlib _socket
    _blake2 _md5 _sha1 _sha2 _sha256 _sha3 _sha512
    """.split()
)
UNREPORTED = {  # functions for which Python raises no event
    "posix os": """
    mkfifo mknod chroot nice openpty posix_openpt login_tty memfd_create pidfd_open
    setsid setpgid setpgrp setpriority setns unshare sched_setaffinity sched_setparam
    sched_setscheduler setuid setgid seteuid setegid setreuid setregid setresuid
    setresgid setgroups initgroups tcsetpgrp
    """,
    "_signal signal": """
    signal setitimer alarm raise_signal pthread_kill pthread_sigmask pidfd_send_signal
    set_wakeup_fd siginterrupt
    """,
    "gc": "enable set_threshold set_debug get_objects get_referrers get_referents",
    "_imp": "create_builtin",  # would make a module anew
    "_winapi": "CopyFile2",
    "sys": "activate_stack_trampoline remote_exec",
}
MEMORY = ("ctypes", "_ctypes")  # NumPy has imported them
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
DEVICES = ("/dev/urandom", os.devnull)  # only the last may be written to

# What the hooks use, by the names that they have there.
BUILT_IN = frozenset(sys.builtin_module_names)
FOR_IMPORTS = (COMPILED, BUILT_IN, type, str, ModuleNotFoundError, ImportError)
FOR_PATHS = (PATHS, DEVICES, WRITING, os.sep, type, str, bytes, int, PermissionError)


def guard(readable, modules):
    """Refuse everything but EVENTS from now on.

    The submission may read the files and folders in `readable` (folders end with a
    separator), and write in its own folder, the current one. It may import NumPy, the
    standard library and `modules`.
    """
    for name in COMPILED & BUILT_IN:
        importlib.import_module(name)  # later nothing can
    disarm()
    kind = getattr(sys.implementation, "_multiarch", "")
    build = f"_sysconfigdata_{getattr(sys, 'abiflags', '')}_{sys.platform}_{kind}"
    names = frozenset((*sys.stdlib_module_names, build, "numpy", *modules))
    places, numpy = tuple(readable), os.path.dirname(np.__file__) + os.sep
    sealed = [
        copy_of(paths_hook, here=os.getcwd() + os.sep, readable=places),
        copy_of(imports_hook, names=names, numpy=numpy, readable=places),
        copy_of(events_hook),  # last, since it refuses other hooks
    ]
    for hook in sealed:
        sys.addaudithook(hook)


def copy_of(hook, **decides):
    """A copy of a hook that nothing refers to but Python's list of hooks.

    All that it uses are arguments: it has no globals, no built-in functions and no
    closure, which a submission could change.
    """
    copy = types.FunctionType(hook.__code__, dict(__builtins__={}))
    copy.__kwdefaults__ = hook.__kwdefaults__ | decides
    return copy


def disarm():
    """Close the ways around the hooks that Python does not report.

    A signal or the garbage collector could run code in the middle of a hook. Nothing is
    collected any more, which a case of some seconds does not miss.
    """
    gc.disable()
    gc.callbacks = gc.garbage = None
    for modules, functions in UNREPORTED.items():
        for module in filter(None, map(sys.modules.get, modules.split())):
            for name in functions.split():
                if hasattr(module, name):
                    setattr(module, name, refuse)
    harmless = types.ModuleType("_posixsubprocess")
    harmless.fork_exec = refuse  # subprocess, which numpy.testing imports, asks for it
    sys.modules["_posixsubprocess"] = harmless
    for name in [name for name in sys.modules if name.split(".")[0] in MEMORY]:
        vars(sys.modules.pop(name)).clear()


def refuse(*_, **__):
    """Stands in the place of a function that no step needs."""
    raise PermissionError("a submission must not use this function")


def events_hook(event, args, *, events=EVENTS, denied=PermissionError):
    """Refuse what no step needs."""
    if event not in events:
        raise denied("a submission must not use " + event)


def imports_hook(
    event, args, *, names=(), numpy="", readable=(), constants=FOR_IMPORTS
):
    """Refuse modules that no step needs, compiled ones above all."""
    if event != "import":
        return
    compiled, built_in, exact, text, missing, unusable = constants
    name, file = args[0], args[1]
    if exact(name) is not text or name.partition(".")[0] not in names:
        why = ": a step may import NumPy, the standard library and earlier steps"
        raise missing("No module named " + text.__repr__(name) + why)
    if file is None:
        allowed = name in compiled or name not in built_in
    else:  # a compiled module, from its file
        places = readable if name in compiled else numpy
        allowed = exact(file) is text and ".." not in file and file.startswith(places)
    if not allowed:
        raise unusable("a submission must not import " + name)


def paths_hook(event, args, *, here="", readable=(), constants=FOR_PATHS):
    """Refuse files and folders outside the submission's own, but for `readable`."""
    paths, devices, writing, separator, exact, text, data, number, denied = constants
    if event not in paths or args[0] is None or exact(args[0]) is number:
        return
    path = args[0]
    if exact(path) is data:
        path = path.decode("utf-8", "surrogateescape")
    if exact(path) is not text:  # its value could change after this check
        raise denied("a submission must give the path of a file as a str")
    path = path.replace("/", separator)
    if path.startswith(separator) or ":" in path:
        absolute = path
    elif (event == "open" and args[1] is None) or (
        event == "os.remove" and args[1] != -1
    ):  # relative to which folder?
        raise denied("a submission must give an absolute path here")
    else:
        absolute = here + path
    inside = (absolute + separator).startswith(here)
    above = (separator + ".." + separator) in (absolute + separator)
    allowed = inside or absolute in devices
    if above or not (allowed or (absolute + separator).startswith(readable)):
        raise denied("a submission must not read " + path)
    writes = event == "os.remove" or (event == "open" and (args[2] or 0) & writing)
    if writes and not inside and absolute != devices[-1]:
        raise denied("a submission must not write outside its folder")
