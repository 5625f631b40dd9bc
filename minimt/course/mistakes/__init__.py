"""The known mistakes at each step: wrong code as students write it, with its hint.

A file in this folder has the name of its step. Its class `Parts` does the step right,
in small methods. Each subclass replaces some of them; its docstring is the hint.
"""

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from inspect import getdoc

from .. import damaged


@dataclass(frozen=True)
class Mistake:
    """A wrong implementation, and its hint: code() stands for a submission's module."""

    name: str
    hint: str
    code: type


@cache
def known(step):
    """The mistakes at the step with this name."""
    try:
        return derived(import_module(f".{step}", __name__).Parts)
    except Exception as error:
        raise damaged(f"minimt/course/mistakes/{step}.py", error) from None


def derived(parts):
    """The mistakes that are subclasses of a class, and theirs.

    A subclass without a docstring is another form of the mistake that it is derived
    from.
    """
    found = []
    for code in parts.__subclasses__():
        found += [Mistake(code.__name__, " ".join(getdoc(code).split()), code)]
        found += derived(code)
    return tuple(found)
