"""Forks the process of each case from one that has imported NumPy and nothing else.

To import NumPy takes longer than most cases do. This process never runs code of a
submission, so that each case still begins like a new Python. It needs Linux, and works
at one case at a time.
"""

import json
import os
import select
import signal
import socket
import sys
from contextlib import suppress


def serve():
    """Fork a process for each request; returns there, in the process of a case.

    Requests come through standard input, each a folder, seconds, and a user and group
    or None, with a place to print to. The answer is the exit code, and whether the time
    was up. Any other message ends the case; without the grader, all ends.
    """
    control = socket.socket(fileno=0)
    while True:
        request, printed, *_ = socket.recv_fds(control, 1 << 16, 1)
        if not request:
            os._exit(0)
        if not printed:  # the case that was to be ended has just ended by itself
            continue
        folder, seconds, *identity = json.loads(request)
        process = os.fork()
        if not process:
            control.detach()
            begin(folder, printed[0], *identity)
            return
        os.close(printed[0])
        with suppress(BrokenPipeError):
            control.send(json.dumps(ended(process, seconds, control)).encode())


def begin(folder, printed, user, group):
    """Make a process that was just forked like one that was started in the folder."""
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(printed, 1)
    os.dup2(printed, 2)
    os.closerange(3, 1 << 10)
    if user is not None:
        os.setgroups([])
        os.setgid(group)
        os.setuid(user)
    os.chdir(folder)
    sys.path[-1] = folder
    os.environ.update(HOME=folder, TMPDIR=folder)


def ended(process, seconds, control):
    """Wait until the process ends, or must; its exit code, and if its time was up."""
    there = os.pidfd_open(process)
    ready, *_ = select.select([there, control], [], [], seconds)
    for kill in (os.killpg, os.kill):  # and what it has started
        with suppress(ProcessLookupError):
            kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    os.close(there)
    return os.waitstatus_to_exitcode(status), not ready
