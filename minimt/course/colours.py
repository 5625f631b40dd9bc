"""Green and red for a report, where a terminal shows it."""

import os
import re
import sys

GREEN, RED, PLAIN = "\x1b[32m", "\x1b[31m", "\x1b[0m"
COLOURS = {  # what begins a line of a report, and the colour of its second group
    r"^(step +\d+ +\w+ +)((\d+)/\3)$": GREEN,  # a step with all its points
    r"^(  )(\+ \d+/\d+)": GREEN,
    r"^(  )(- (?:\d+/\d+|every case:))": RED,
}


def coloured(report):
    """The report with its points in green or red, if standard output shows colours."""
    for start, colour in COLOURS.items() if shows_colours() else ():
        report = re.sub(start, rf"\1{colour}\2{PLAIN}", report, flags=re.M)
    return report


def shows_colours():
    """Whether standard output is a terminal with colours, and nobody objects."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    if os.name == "nt" and "WT_SESSION" not in os.environ:  # an old console
        return False
    return sys.stdout.isatty()
