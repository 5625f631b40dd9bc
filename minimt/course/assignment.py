"""Makes the files of the assignment from the reference: stubs and their solutions.

A stub keeps the signatures, the docstrings and the shapes in comments; the student
writes the bodies. A solution keeps the bodies too: when a step is graded, the solutions
of the earlier steps take the place of the student's files.
"""

import ast
import pathlib
import re
import sys
import textwrap
from functools import cache

from ..errors import InputError
from ..files import replace_file
from .steps import STEPS

REFERENCE = pathlib.Path(__file__).parent.parent
DTYPES = """\
Return NumPy arrays: masks are bool, indices are int, and floats keep the dtype of the
input. (np.sqrt(2) makes a float32 array float64, math.sqrt(2) leaves it as it is.)"""
IN_PLACE = "Do not change an argument in place: work on a copy."
SHAPE = re.compile(r"^\s*(?:_, )?(\w[\w, ]*) = .*#\s*(\([A-Z].*\))\s*$")


@cache
def source(module):
    """The text of a reference module."""
    return (REFERENCE / f"{module}.py").read_text(encoding="utf-8")


@cache
def bindings(module):
    """A reference module's top level, as {name: the statement that binds it}."""
    bound = {}
    for node in ast.parse(source(module)).body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            bound |= {alias.asname or alias.name: node for alias in node.names}
        elif isinstance(node, ast.Assign):
            bound[node.targets[0].id] = node
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            bound[node.name] = node
    return bound


def write_stubs(folder, overwrite=False):
    """Write all stubs to a folder; InputError if a file there has different content.

    overwrite: replace such files, which may be a student's work, as well.
    """
    folder = pathlib.Path(folder)
    files = {folder / f"{step.stem}.py": stub(step) for step in STEPS}
    for path, text in files.items():
        if path.exists() and path.read_bytes() != text.encode() and not overwrite:
            raise InputError(
                f"{path} exists with different content: "
                "move it away, or choose another folder"
            )
    for path, text in files.items():
        replace_file(path, text.encode())
    return list(files)


def stub(step):
    """The file that the student is given."""
    return written(step, full=False)


def solution(step):
    """The same file with the bodies of the reference."""
    return written(step, full=True)


@cache
def written(step, full):
    """A step's file, with or without the bodies."""
    lines = source(step.module).splitlines()
    own = [node for name, node in bindings(step.module).items() if writes(step, name)]
    whole = "\n\n\n".join("\n".join(lines_of(node, lines)) for node in own)
    empty = "\n\n\n".join("\n".join(emptied(step, node, lines)) for node in own)
    code, needs = whole if full else empty, Needs(step)
    for name in names_in(whole):  # a stub keeps the imports of the bodies
        if isinstance(bindings(step.module).get(name), (ast.Import, ast.ImportFrom)):
            needs.add(step.module, name)
    for name in names_in(code):
        needs.add(step.module, name)
    parts = header(step), needs.imports(), "\n".join(needs.constants)
    bodies = "\n\n\n".join([*needs.functions, code])
    return "\n\n".join(filter(None, parts)) + "\n\n\n" + bodies + "\n"


def header(step):
    """The docstring of a step's file."""
    todo = textwrap.fill(f"To write: {', '.join(step.todo)}.", 88)
    return f'''"""{step.title} ({step.points} points).

Read tutorial/{step.chapter}.md first.
{todo}
B streams, T tokens in a segment, S keys, H heads, D head size, E = H·D, C cached
tokens, M memory slots, K neighbours, V vocabulary.
{DTYPES}
{IN_PLACE}
Check your work: python -m minimt grade mine --step {step.name}
"""'''


class Needs:
    """What the code of a step's file needs besides its own definitions.

    Libraries are imported, and so is what another step writes, from its file. What no
    step writes is copied unchanged, together with everything that it needs itself.
    """

    def __init__(self, step):
        self.step, self.seen = step, set()
        self.libraries, self.modules, self.steps = {}, set(), {}
        self.constants, self.functions = [], []

    def add(self, module, name):
        """Make a name mean what it means in a reference module."""
        node = bindings(module).get(name)
        if node is None or (module, name) in self.seen:  # a builtin or an argument
            return
        self.seen.add((module, name))
        if isinstance(node, ast.Import):
            self.modules.add(ast.unparse(node))
        elif isinstance(node, ast.ImportFrom):
            self.follow(node, name)
        elif not writes(self.step, name, module):
            author = next((x for x in STEPS if writes(x, name, module)), None)
            if author:
                self.steps.setdefault(author.stem, set()).add(name)
            else:
                self.copy(module, node)

    def follow(self, node, name):
        """Add a name that a module imports from a library or from another module."""
        if node.level:
            self.add(node.module, name)
            return
        alias = next(x for x in node.names if name in (x.name, x.asname))
        self.libraries.setdefault(node.module, set()).add(ast.unparse(alias))

    def copy(self, module, node):
        """Add a definition that no step writes, after everything that it needs."""
        text = "\n".join(lines_of(node, source(module).splitlines()))
        for name in names_in(text):
            self.add(module, name)
        constant = isinstance(node, ast.Assign)
        (self.constants if constant else self.functions).append(text)

    def imports(self):
        """The import lines: the standard library, NumPy, earlier steps."""
        lines = {False: [], True: sorted(self.modules)}
        for module, names in sorted(self.libraries.items()):
            external = module.split(".")[0] not in sys.stdlib_module_names
            lines[external].append(f"from {module} import {', '.join(sorted(names))}")
        steps = [
            f"from {step.stem} import {', '.join(sorted(self.steps[step.stem]))}"
            for step in STEPS
            if step.stem in self.steps
        ]
        blocks = lines[False], lines[True], steps
        return "\n\n".join("\n".join(block) for block in blocks if block)


def writes(step, name, module=None):
    """Whether the step's file defines this top-level name of a reference module."""
    here = module in (None, step.module)
    return here and name in {whole.split(".")[0] for whole in (*step.todo, *step.given)}


def names_in(code):
    """The names that the code reads, sorted; docstrings and comments are ignored."""
    return sorted({x.id for x in ast.walk(ast.parse(code)) if isinstance(x, ast.Name)})


def lines_of(node, lines):
    """The lines of a function or class."""
    return lines[first_line(node) - 1 : node.end_lineno]


def first_line(node):
    """The line on which a function or class begins, decorators included."""
    return min([node.lineno, *(x.lineno for x in getattr(node, "decorator_list", ()))])


def emptied(step, node, lines):
    """The lines of a function or class without the bodies that students write."""
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
    """The signature, docstring and shapes, and a line that says what is missing."""
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
