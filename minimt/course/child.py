"""The process of a submission: makes the calls of a case and writes what they return.

It runs as `python -I child.py LIBRARIES`, from a copy of this file in a fresh folder
that also holds copies of the modules imported below, and the files of the submission.
With `serve` as another argument, it is forked for each such folder, as forks.py says.
"""

import importlib
import os
import sys
from contextlib import suppress

# The option -I hides NumPy where it is installed for one user only. This folder comes
# last, so that no file in it hides a library.
sys.path += [sys.argv[1], os.getcwd()]
import numpy as np
from calls import FILE, make, raised, read, write
from guard import guard
from landlock import landlock
from seccomp import seccomp

MEMORY = 4 << 30  # bytes that a submission may use
KIND = getattr(sys.implementation, "_multiarch", "")  # such as x86_64-linux-gnu
# The libraries of the system, which compiled modules may need.
SYSTEM = f"/lib/{KIND} /usr/lib/{KIND}" if KIND else "/lib64 /usr/lib64"


def main():
    """Import a submission, make the calls in calls.json, write result.json, and end.

    If it fails, it writes a pair instead: what went wrong, and the exception.
    """
    settings, calls = read("settings"), read("calls")
    limit(settings["seconds"])
    confine(settings["lines"], settings["modules"])
    *earlier, file = (os.path.abspath(f"{stem}.py") for stem in settings["modules"])
    try:
        module = importlib.import_module(settings["modules"][-1])
    except BaseException as error:
        made = "cannot be imported", raised(error, file, earlier)
    else:
        made = make(module, calls, BaseException)  # SystemExit too
    try:
        write(made, "result")
    except Exception as error:
        what = "returned something that cannot be read back"
        write((what, raised(error, file)), "result")
    sys.stdout.flush()
    os._exit(0)  # even if threads or exit handlers are left


def limit(seconds):
    """Bound memory, file size and processor time, where the system can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    bounds = dict(RLIMIT_AS=MEMORY, RLIMIT_FSIZE=FILE, RLIMIT_CORE=0)
    bounds["RLIMIT_CPU"] = 2 * seconds  # in case the grader cannot end the process
    for name, most in bounds.items():
        with suppress(ValueError, OSError):  # this system has no such limit
            resource.setrlimit(getattr(resource, name), (most, most))


def confine(lines, modules):
    """Draw these lines of defence, each of which holds without the others."""
    readable = library()
    if "landlock" in lines:
        system = (*SYSTEM.split(), "/etc/ld.so.cache", "/dev/urandom")
        landlock((*readable, *system), (os.getcwd(), os.devnull))
    if "seccomp" in lines:
        seccomp()
    if "hook" in lines:
        guard(readable, modules)


def library():
    """What a submission may read: the standard library and NumPy, no other package."""
    numpy = os.path.dirname(np.__file__)
    found = [numpy + os.sep, f"{numpy}.libs{os.sep}"]
    compiled = [x for x in sys.path if os.path.basename(x) in ("lib-dynload", "DLLs")]
    for folder in (os.path.dirname(os.__file__), *compiled):
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name not in ("site-packages", "dist-packages"):
                    found.append(entry.path + os.sep * entry.is_dir())
    return found


if __name__ == "__main__":
    if sys.argv[2:] == ["serve"]:
        from forks import serve

        serve()
    main()
