"""The assignment as an nbgrader course: a notebook per step, graded like files.

A notebook has one solution cell, which writes the step's file, and then a cell for each
case. Every notebook stands alone: the reference takes the place of the earlier steps.
"""

import ast
import contextlib
import io
import json
import pathlib
import textwrap
from dataclasses import replace
from functools import cache

from ..errors import InputError
from ..files import replace_file
from ..notebooks import KERNEL
from . import assignment, grade
from .steps import STEPS

PRINTED = 4000  # characters of a submission's output to show, at most
CONFIG = """c = get_config()
c.CourseDirectory.course_id = "minimt"
# Do not copy the files that notebooks write: in source/ they hold the solution.
c.CourseDirectory.ignore.append("step_*.py")
# Grade a case even if its cell was deleted.
c.OverwriteCells.add_missing_cells = True
# Do not show the hidden tests in the feedback: they contain the private seed.
c.GenerateFeedback.preprocessors.append("nbgrader.preprocessors.ClearHiddenTests")
"""
TASK = """# {step.title} ({step.points} points)

Read `tutorial/{step.chapter}.md` first. In the next cell, write {todo}:
replace each `raise NotImplementedError()`. Do not change the first line of the cell.
When you run the cell, that line writes the rest of it to `{step.stem}.py`, so line 1 of
the file is line 2 of the cell. Then run the cells below. Each of them shows the points
for one case, and prints the first fault if there is one.

You can do this step without the earlier ones: the reference takes their place. When the
notebook is graded, the cases also run with other random numbers."""
MARK = """# {case.name}: {case.says}
from minimt.course.nbgrader import mark

points = mark("{step.stem}", "{case.name}")
### BEGIN HIDDEN TESTS
if points:
    points = min(points, mark("{step.stem}", "{case.name}", seed={seed}))
### END HIDDEN TESTS
points"""


def write_course(folder, seed):
    """Write the source notebooks of all steps, and a configuration if there is none.

    The hidden tests draw their numbers from the seed, which must not be the students'
    0. Returns the paths of the notebooks; InputError if one exists with other content.
    """
    if not seed:
        raise InputError("seed 0 is known to students: choose another one")
    folder = pathlib.Path(folder)
    files, style = {}, dict(indent=1, sort_keys=True, ensure_ascii=False)
    for step in STEPS:
        content = json.dumps(notebook(step, seed), **style) + "\n"
        files[folder / "source/minimt" / f"{step.stem}.ipynb"] = content.encode()
    for path, content in files.items():
        if path.exists() and path.read_bytes() != content:
            why = "exists with different content: move it away, or use its --seed"
            raise InputError(f"{path} {why}")
    for path, content in files.items():
        replace_file(path, content)
    config = folder / "nbgrader_config.py"
    if not config.exists():
        replace_file(config, CONFIG.encode())
    return list(files)


def notebook(step, seed):
    """The instructor's notebook of a step, as nbformat's JSON."""
    todo = ", ".join(f"`{name}`" for name in step.todo)
    writes = f"%%writefile {step.stem}.py\n{solved(step)}"
    cells = [
        cell("markdown", "task", TASK.format(step=step, todo=todo), locked=True),
        cell("code", "solution", writes, solution=True),
    ]
    for case in grade.ordered(step):
        if case.points and not case.private:
            text = MARK.format(step=step, case=case, seed=seed)
            more = dict(grade=True, locked=True, points=case.points)
            cells.append(cell("code", f"case-{case.name}", text, **more))
    metadata = dict(kernelspec=KERNEL)
    return dict(cells=cells, metadata=metadata, nbformat=4, nbformat_minor=5)


def cell(kind, name, text, **more):
    """A cell with nbgrader's metadata, schema 3; its name is also its id."""
    schema = dict(schema_version=3, grade=False, solution=False, locked=False)
    metadata = dict(nbgrader=schema | dict(task=False, grade_id=name) | more)
    made = dict(cell_type=kind, id=name, metadata=metadata)
    made |= dict(execution_count=None, outputs=[]) if kind == "code" else {}
    return made | dict(source=text.splitlines(keepends=True))


def solved(step):
    """The stub with the reference's bodies, each in a region that nbgrader clears."""
    text, solution = assignment.stub(step), assignment.solution(step)
    lines, tree = solution.splitlines(), ast.parse(solution)
    constants = {  # that only the bodies need
        node.targets[0].id: lines[node.lineno - 1 : node.end_lineno]
        for node in tree.body
        if isinstance(node, ast.Assign) and lines[node.lineno - 1] not in text
    }
    for name in step.todo:
        node = function(tree, name)
        indent = " " * node.body[0].col_offset
        body = lines[node.body[0].end_lineno : node.end_lineno]
        read = assignment.names_in(textwrap.dedent("\n".join(body)))
        own = [indent + line for x in read for line in constants.get(x, ())]
        begin, end = f"{indent}### BEGIN SOLUTION", f"{indent}### END SOLUTION"
        placeholder = f'{indent}raise NotImplementedError("{step.stem}: {name}")'
        text = text.replace(placeholder, "\n".join([begin, *own, *body, end]))
    return text.rstrip()


def function(tree, name):
    """The definition of a function or Class.method."""
    for part in name.split("."):
        tree = next(x for x in tree.body if getattr(x, "name", "") == part)
    return tree


@cache
def alone(stem):
    """The step of that file, with cases that do not need the student's other files."""
    step = next(step for step in STEPS if step.stem == stem)
    return replace(step, cases=tuple(replace(x, alone=True) for x in step.cases))


def mark(stem, case, seed=0):
    """The points of a case for the file in this folder; prints what is wrong with it.

    Nothing is written to stderr, or nbgrader would deduct all points.
    """
    if not pathlib.Path(f"{stem}.py").is_file():
        print(f"{stem}.py is missing: run the cell that writes it")
        return 0.0
    with contextlib.redirect_stderr(io.StringIO()):
        (verdict,) = grade.grade(".", [alone(stem)], case, seed)
    hint = verdict.hint and f"hint: {verdict.hint}"
    for said in filter(None, (verdict.printed[:PRINTED], verdict.fault, hint)):
        print(said.rstrip())
    return float(verdict.points)  # all or none: never more than the cell may have
