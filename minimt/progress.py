"""Progress: a bar on a terminal, and elsewhere a plain line every half a minute."""

import sys
import threading
import time

from tqdm import tqdm

LINES_EVERY = 30  # seconds


def progress(desc, total=None, unit="step", done=0, shown=True):
    """What shows how far a job is, on standard error; to be used in a `with`.

    total: how many units there are, None if nobody knows; done: how many an earlier run
    did. `update(n)` counts n more, and `note` is a short text to show beside them.
    """
    if shown and not sys.stderr.isatty():
        return Lines(desc, total, unit, done)
    return Bar(
        desc=desc,
        total=total,
        unit=f" {unit}s",
        unit_scale=True,
        initial=done,
        disable=not shown,
        leave=False,
        dynamic_ncols=True,
    )


class Bar(tqdm):
    """A bar that is drawn again in its place."""

    @property
    def note(self):
        """The text to the right of the bar."""
        return self.postfix

    @note.setter
    def note(self, text):
        self.set_postfix_str(text, refresh=False)


# A lock for threads alone: tqdm's own is for processes, too, and leaves a semaphore
# behind if one of them is killed.
Bar.set_lock(threading.RLock())


class Lines:
    """A new line each time, for a log or a pipe; a short job prints nothing."""

    def __init__(self, desc, total, unit, done):
        self.desc, self.total, self.unit = desc, total, unit
        self.before = self.done = done
        self.began = self.printed = time.monotonic()
        self.note = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def update(self, n=1):
        """Count n more units, and print a line if it is time for one."""
        self.done += n
        if time.monotonic() - self.printed >= LINES_EVERY:
            self.printed = time.monotonic()
            print(self.line(self.printed - self.began), file=sys.stderr, flush=True)

    def line(self, seconds):
        """How far the job is after so many seconds."""
        done, total = (short(x) for x in (self.done, self.total or 0))
        parts = [
            f"{done} of {total} {self.unit}s" if self.total else f"{done} {self.unit}s"
        ]
        if self.total and self.done > self.before:
            left = seconds * (self.total - self.done) / (self.done - self.before)
            parts.append(f"{tqdm.format_interval(left)} left")
        return f"{self.desc}: " + ", ".join([*parts, *filter(None, [self.note])])


def short(n):
    """A count in few characters: 999, 1.50k, 12.3M."""
    return str(n) if n < 1000 else tqdm.format_sizeof(n)
