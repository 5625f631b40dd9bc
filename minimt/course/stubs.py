"""Tells which functions of a student's file are still stubs, without running it.

A case that calls a stub can only fail, so that it needs no process. In doubt a function
does not count as a stub: then it is run, and raises what it raises.
"""

import ast
import warnings
from functools import lru_cache

LARGEST = 1 << 16  # bytes of a file, at most; what is longer is run
INDIRECT = {"exec", "eval", "globals", "locals", "vars", "setattr", "__dict__", "*"}


def first_call(step, calls, text):
    """The first call of something that students write, if that is still a stub."""
    for call in calls:
        for whole in step.todo:
            owner, _, name = whole.rpartition(".")
            if name == call.name and bool(owner) == bool(call.on):
                return call if whole in unwritten(text) else None
    return None


@lru_cache(64)
def unwritten(text):
    """The names of the functions, and the Class.methods, that are still stubs."""
    if len(text) > LARGEST:
        return set()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in strings, such as "\\d"
            tree = ast.parse(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return set()
    indirect = list(named_indirectly(tree))
    named = [*defined(tree.body), *indirect]
    if INDIRECT & set(named):
        return set()
    found = stubs_in(tree.body, indirect)
    for owner in tree.body:
        if is_plain_class(owner) and named.count(owner.name) == 1:
            found |= {f"{owner.name}.{x}" for x in stubs_in(owner.body, indirect)}
    return found


def stubs_in(body, indirect):
    """The names that a stub, and nothing else, defines in a module or class."""
    named = [*defined(body), *indirect]
    return {x.name for x in body if is_stub(x) and named.count(x.name) == 1}


def defined(body):
    """The names that a module or class defines, each time that it does."""
    for statement in body:
        inner = isinstance(statement, ast.ClassDef)  # has names of its own
        for node in (statement,) if inner else ast.walk(statement):
            if isinstance(node, ast.Name) and is_set(node, node.id):
                yield node.id
            else:  # functions, classes, imports, exceptions and patterns have names
                yield getattr(node, "asname", None) or getattr(node, "name", None)


def named_indirectly(tree):
    """Names that could be defined from elsewhere: attributes, arguments, texts."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in INDIRECT:
            yield node.id
        elif isinstance(node, ast.Attribute) and is_set(node, node.attr):
            yield node.attr
        elif isinstance(node, ast.Global):
            yield from node.names
        elif isinstance(node, ast.keyword):
            yield node.arg
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def is_set(node, name):
    """Whether a name or attribute is assigned to, or can be used to assign others."""
    return not isinstance(node.ctx, ast.Load) or name in INDIRECT


def is_stub(node):
    """Whether it is a function, or a property, that only raises NotImplementedError."""
    if not isinstance(node, ast.FunctionDef):
        return False
    decorators = [getattr(x, "id", "") for x in node.decorator_list]
    if decorators not in ([], ["property"]):
        return False
    *others, last = node.body
    docstring = ast.get_docstring(node, clean=False) is not None
    raised = last.exc if isinstance(last, ast.Raise) else None
    raised = raised.func if isinstance(raised, ast.Call) else raised
    only = len(others) == docstring and isinstance(raised, ast.Name)
    return only and raised.id == "NotImplementedError"


def is_plain_class(node):
    """Whether it is a class that has only the methods that can be seen in it."""
    if not isinstance(node, ast.ClassDef):
        return False
    return not (node.decorator_list or node.bases or node.keywords)
