"""Green, red and bold, where a terminal shows them."""

import os
import re
import sys

GREEN, RED, BOLD, PLAIN = "\x1b[32m", "\x1b[31m", "\x1b[1m", "\x1b[0m"
COLOURS = {  # what begins a line of a report, and the colour of its second group
    r"^(step +\d+ +\w+ +)((\d+)/\3)$": GREEN,  # a step with all its points
    r"^(  )(\+ \d+/\d+)": GREEN,
    r"^(  )(- (?:\d+/\d+|every case:))": RED,
}


def coloured(report):
    """A grader's report, its points in green or red if standard output has colours."""
    for start, colour in COLOURS.items() if shows_colours(sys.stdout) else ():
        report = re.sub(start, rf"\1{colour}\2{PLAIN}", report, flags=re.M)
    return report


def bold(text):
    """The text in bold, if standard output shows it."""
    return f"{BOLD}{text}{PLAIN}" if shows_colours(sys.stdout) else text


def red(text):
    """The text in red, if standard error shows it."""
    return f"{RED}{text}{PLAIN}" if shows_colours(sys.stderr) else text


def shows_colours(stream):
    """Whether a stream is a terminal with colours, and nothing forbids them."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    if os.name == "nt" and "WT_SESSION" not in os.environ:  # an old console
        return False
    return stream.isatty()
