"""The processes of the cases of one grading: each its own, and none outlives it.

On Linux they are forked, as forks.py says. Elsewhere each is a new Python.
"""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress

import numpy as np

HERE = pathlib.Path(__file__).parent
COPIED = ("child.py", "calls.py", "guard.py", "landlock.py", "seccomp.py")
LIBRARIES = pathlib.Path(np.__file__).parent.parent  # where NumPy is installed
PRINTED = 1 << 20  # bytes that a submission may print, at most
GRACE = 5  # seconds that a server may take for its answer, or to end


class Processes:
    """Runs cases, a few at a time: a context manager, which ends all processes."""

    def __init__(self):
        self.kind = Forked if can_fork() else Started
        self.every, self.own, self.over = [], threading.local(), False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def run(self, folder, limits):
        """Run the case in a folder: exit code, what it printed, why it was ended."""
        maker = getattr(self.own, "maker", None)  # each thread has its own
        if not maker or not maker.ready():
            maker = self.own.maker = self.kind()
            self.every.append(maker)
        if self.over:
            maker.end()
        code, output, late = maker.run(folder, limits)
        why = ""
        if len(output) >= PRINTED:
            why = f"printed more than {PRINTED >> 20} MB: is there an endless loop?"
        elif late:
            why = f"took longer than {limits.seconds} s: is there an endless loop?"
        return code, output, why

    def end(self):
        """Kill all that are running, and those that are just being started."""
        self.over = True
        for maker in list(self.every):
            maker.end()


class Forked:
    """Makes processes by forking: one after the other, each from the same server."""

    def __init__(self):
        self.control, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
        with theirs:
            self.server = subprocess.Popen(
                [sys.executable, "-I", "-B", "child.py", LIBRARIES, "serve"],
                cwd=HERE,
                env=environment(HERE),
                stdin=theirs,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )

    def ready(self):
        """Whether the server is there, and not ended by somebody."""
        return self.server.poll() is None

    def run(self, folder, limits):
        """The exit code of a case, what it printed, and whether its time was up."""
        ids = identity(limits.user)
        request = [str(folder), limits.seconds, ids.get("user"), ids.get("group")]
        self.output = output = bytearray()
        mine, theirs = os.pipe()

        def stop():
            with suppress(OSError):  # the server may have ended
                if output is self.output:  # the case is still running
                    self.control.send(b"stop")

        recorder = recording(open(mine, "rb"), output, stop)  # noqa: SIM115
        with suppress(OSError), open(theirs, "wb"):  # without the server, no answer
            socket.send_fds(self.control, [json.dumps(request).encode()], [theirs])
        answer = received(self.control, limits.seconds + GRACE)
        self.output = None
        recorder.join(1)
        if answer:
            code, late = json.loads(answer)
            return code, output, late
        self.end()
        return self.server.returncode, output, False

    def end(self):
        """Kill the process that is running, and the server."""
        with suppress(OSError):
            self.control.shutdown(socket.SHUT_RDWR)
        try:
            self.server.wait(GRACE)
        except subprocess.TimeoutExpired:  # a submission has stopped it
            self.server.kill()
            self.server.wait()
        self.control.close()


class Started:
    """Makes processes by starting Python again for each case."""

    def __init__(self):
        self.process, self.over = None, False

    def ready(self):
        """Whether it can be used again."""
        return True

    def run(self, folder, limits):
        """The exit code of a case, what it printed, and whether its time was up."""
        ids = identity(limits.user)
        for name in COPIED:
            shutil.copy(HERE / name, folder)
            if ids:
                shutil.chown(folder / name, ids["user"], ids["group"])
        self.process = process = subprocess.Popen(
            [sys.executable, "-I", "-B", "child.py", LIBRARIES],
            cwd=folder,
            env=environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **ids,
        )
        if self.over:
            end(process)
        output, late = bytearray(), False
        recorder = recording(process.stdout, output, lambda: end(process))
        try:
            process.wait(limits.seconds)
        except subprocess.TimeoutExpired:
            late = True
        finally:
            end(process)  # and what it has started
            recorder.join(1)
        return process.returncode, output, late

    def end(self):
        """Kill the process that is running."""
        self.over = True
        if self.process:
            end(self.process)


def recording(pipe, output, stop):
    """A thread that collects what a process prints, and stops it if it is too much."""

    def record():
        with pipe:
            while some := pipe.read1(1 << 16):
                output.extend(some[: PRINTED - len(output)])
                if len(output) >= PRINTED:
                    stop()
                    return

    recorder = threading.Thread(target=record, daemon=True)
    recorder.start()
    return recorder


def received(control, seconds):
    """The next message, b"" if none comes."""
    try:
        control.settimeout(seconds)
        return control.recv(1 << 10)
    except OSError:
        return b""


def end(process):
    """Kill the process and its group, if any of it is left."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    except AttributeError:  # Windows has no groups of this kind
        process.kill()
    process.wait()


def can_fork():
    """Whether this system is one on which forks.py works."""
    if not sys.platform.startswith("linux") or not hasattr(os, "pidfd_open"):
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:  # Linux before 5.3, or a container that refuses it
        return False
    return True


def identity(user):
    """What makes a process belong to the user: the user's own group and no other."""
    if not user:
        return {}
    import pwd  # Windows does not have it

    entry = pwd.getpwnam(user)
    return dict(user=entry.pw_uid, group=entry.pw_gid, extra_groups=[])


def environment(folder):
    """The few variables that Python needs; one thread, since cases run side by side."""
    kept = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "LD_LIBRARY_PATH")
    values = {name: os.environ[name] for name in kept if name in os.environ}
    threads = dict(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
    return values | threads | dict(HOME=str(folder), TMPDIR=str(folder))
