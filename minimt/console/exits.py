"""How a command ends: with an exit code and, if something stopped it, one line."""

import io
import os
import signal
import sys
from contextlib import contextmanager, suppress

from ..errors import InputError
from .colours import red

CLOSED = 141  # what a shell reports of a program whose reader has gone
LESS = "use a smaller --memory, --streams, --segment, --embed or --layers"


def finish(run, *args):
    """Run a command; returns 0, 2 (it failed), 130 (stopped) or 141 (`CLOSED`)."""
    prepare_output()
    signal.signal(signal.SIGTERM, stopped)
    try:
        run(*args)
        sys.stdout.flush()
        return 0
    except InputError as error:
        return mistake(error)
    except BrokenPipeError:  # as when `head` has read enough
        discard_output()
        return CLOSED
    except OSError as error:
        discard_output()
        return mistake(f"{error.filename or 'output'}: {error.strerror or error}")
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        return mistake(f"the machine has run out of memory: {LESS}")
    except KeyboardInterrupt as error:
        if leader():
            print(f"minimt: {str(error) or 'stopped'}", file=sys.stderr)
        return 130


def leave(code):
    """End this process with an exit code, at once.

    Python's own way out is longer, and can fail: threads of torch that hold a tensor
    abort it (pytorch issue 190489), and a Ctrl-C that came during `exec` ends it twice.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # its reader has gone, or it was closed
            stream.flush()
    os._exit(code)


@contextmanager
def ended_by_ctrl_c():
    """End at once on Ctrl-C: for imports, some of which would swallow the exception."""

    def leave(*_):
        os.write(2, b"minimt: stopped\n")
        os._exit(130)

    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:  # a job in the background ignores Ctrl-C
        signal.signal(signal.SIGINT, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def prepare_output():
    """Let any character be printed, as an escape if need be, even if nobody reads."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by `>&-`
            setattr(sys, name, io.StringIO())
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def discard_output():
    """Drop what cannot be written, or Python would complain about it on exit."""
    with suppress(OSError, ValueError):  # in a notebook there is no such file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def out_of_memory(error):
    """Whether an error says that the machine is out of memory, in torch's many ways."""
    said = any(x in str(error) for x in ("tried to allocate", "out of memory"))
    return said or isinstance(error, MemoryError)


def mistake(line):
    """Print what is wrong, from one process only; returns exit code 2."""
    wait_for_leader()
    print(f"{red('minimt:')} {line}", file=sys.stderr, flush=True)
    return 2


def wait_for_leader():
    """Let the leader of several processes speak first. A single one needs no torch."""
    if not leader():
        from ..distributed import let_leader_speak

        let_leader_speak()


def leader():
    """True in the one process that prints, if torchrun has started several."""
    return os.environ.get("RANK", "0") == "0"


def stopped(*_):
    """Treat SIGTERM like Ctrl-C, so that nothing is lost or left running."""
    raise KeyboardInterrupt
