"""Makes the files of the assignment from the reference: stubs, and their solutions.

A stub keeps signatures, docstrings and the shapes that comments name; its bodies are
for the student to write. A solution keeps the bodies too: while a step is graded,
solutions stand in for the steps before it.
"""

import ast
import pathlib
import re
import textwrap
from functools import cache

from ..errors import InputError
from ..files import replace_file
from .steps import STEPS

REFERENCE = pathlib.Path(__file__).parent.parent
SHAPE = re.compile(r"^\s*(?:_, )?(\w[\w, ]*) = .*#\s*(\([A-Z].*\))\s*$")


@cache
def source(module):
    """The text of a reference module."""
    return (REFERENCE / f"{module}.py").read_text(encoding="utf-8")


def write_stubs(folder):
    """Write all stubs into a folder; never over a file that says something else."""
    folder = pathlib.Path(folder)
    files = {folder / f"{step.stem}.py": stub(step) for step in STEPS}
    for path, text in files.items():
        if path.exists() and path.read_bytes() != text.encode():
            raise InputError(
                f"{path} has been worked on: move it away, or name another folder"
            )
    for path, text in files.items():
        replace_file(path, text.encode())
    return list(files)


def stub(step):
    """What the student is given."""
    return written(step, full=False)


def solution(step):
    """The same file with the bodies of the reference."""
    return written(step, full=True)


@cache
def written(step, full):
    """A step's file, with or without the bodies."""
    text = source(step.module)
    lines, nodes = text.splitlines(), ast.parse(text).body
    wanted = {name.split(".")[0] for name in (*step.todo, *step.given)}
    nodes_here = [node for node in nodes if getattr(node, "name", None) in wanted]
    whole = ["\n".join(lines_of(node, lines)) for node in nodes_here]
    empty = ["\n".join(emptied(step, node, lines)) for node in nodes_here]
    code = "\n\n\n".join(whole if full else empty)
    constants = [
        lines[node.lineno - 1]
        for node in nodes
        if isinstance(node, ast.Assign) and mentions(code, node.targets[0].id)
    ]
    parts = (header(step), imports(nodes, "\n".join(whole)), "\n".join(constants))
    return "\n\n".join(filter(None, parts)) + "\n\n\n" + code + "\n"


def header(step):
    """The docstring of a step's file."""
    todo = textwrap.fill(f"To write: {', '.join(step.todo)}.", 88)
    return f'''"""Step {step.number}: {step.title} ({step.points} points).

Read tutorial/{step.chapter}.md first.
{todo}
B streams, T tokens of a segment, S keys, H heads, D head size, E = H·D, C cached
tokens, M memory slots, K neighbours, V vocabulary.
Check: python -m minimt grade mine --step {step.number}
"""'''


def imports(nodes, code):
    """The import lines that the code needs; minimt's modules become steps' files."""
    library, plain, steps = [], [], {}
    for node in nodes:
        if isinstance(node, ast.Import):
            plain.append(ast.unparse(node))
        elif isinstance(node, ast.ImportFrom):
            names = [x.name for x in node.names if mentions(code, x.name)]
            if names and not node.level:
                library.append(f"from {node.module} import {', '.join(names)}")
            for name in names if node.level else ():
                steps.setdefault(owner(node.module, name), []).append(name)
    lines = [f"from {stem} import {', '.join(sorted(x))}" for stem, x in steps.items()]
    parts = library, plain, sorted(lines)
    return "\n\n".join("\n".join(part) for part in parts if part)


def owner(module, name):
    """The file of the assignment in which a name of a reference module is written."""
    for step in STEPS:
        if step.module == module and any(
            name == whole.split(".")[0] for whole in (*step.todo, *step.given)
        ):
            return step.stem
    raise LookupError(f"no step writes {module}.{name}")


def mentions(code, name):
    """Does the name occur in the code?"""
    return re.search(rf"\b{name}\b", code) is not None


def lines_of(node, lines):
    """The lines of a function or class."""
    return lines[first_line(node) - 1 : node.end_lineno]


def first_line(node):
    """The line on which a function or class begins, decorators included."""
    return min([node.lineno, *(x.lineno for x in getattr(node, "decorator_list", ()))])


def emptied(step, node, lines):
    """The lines of a function or class without the bodies that are to be written."""
    if isinstance(node, ast.ClassDef):
        kept, last = [], first_line(node) - 1
        for method in node.body:
            if f"{node.name}.{getattr(method, 'name', '')}" in step.todo:
                kept += lines[last : first_line(method) - 1]
                kept += without_body(step, method, lines, f"{node.name}.{method.name}")
                last = method.end_lineno
        return kept + lines[last : node.end_lineno]
    if node.name in step.todo:
        return without_body(step, node, lines, node.name)
    return lines_of(node, lines)


def without_body(step, node, lines, name):
    """Signature, docstring, shapes, and a line that says what is missing."""
    docstring = node.body[0]
    indent = " " * docstring.col_offset
    shapes = [
        SHAPE.match(line) for line in lines[docstring.end_lineno : node.end_lineno]
    ]
    return [
        *lines[first_line(node) - 1 : docstring.end_lineno],
        *(f"{indent}# {found[1]}: {found[2]}" for found in shapes if found),
        f'{indent}raise NotImplementedError("{step.stem}: {name}")',
    ]
