"""The assignment as an nbgrader course: a notebook per step, graded as files are.

A notebook's one solution cell writes the step's file; each case is a cell of its own
after it. So every notebook stands alone: the steps before it are the reference's.
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

PRINTED = 4000  # characters of what a submission printed that are shown
CONFIG = """c = get_config()
c.CourseDirectory.course_id = "minimt"
# Files that notebooks wrote are not copied: in source/ they hold the solution.
c.CourseDirectory.ignore.append("step_*.py")
# A case whose cell was deleted is graded all the same.
c.OverwriteCells.add_missing_cells = True
# Feedback does not show the hidden tests, which name the private seed.
c.GenerateFeedback.preprocessors.append("nbgrader.preprocessors.ClearHiddenTests")
"""
TASK = """# {step.title} ({step.points} points)

Read `tutorial/{step.chapter}.md` first. In the next cell, write {todo},
each in place of `raise NotImplementedError()`. Leave the cell's first line as it is:
running it writes the rest into `{step.stem}.py`. Then run the cells below it. Each
gives the points of a case, or prints what is wrong first; line 1 of the file is line 2
of the cell.

The steps before this one need not be there: the reference stands in for them. When the
notebook is graded, the cases are tried with other random numbers as well."""
MARK = """# {case.name}: {case.says}
from minimt.course.nbgrader import mark

points = mark("{step.stem}", "{case.name}")
### BEGIN HIDDEN TESTS
if points:
    points = min(points, mark("{step.stem}", "{case.name}", seed={seed}))
### END HIDDEN TESTS
points"""


def write_course(folder, seed):
    """Write the source of all steps' notebooks, and a configuration if there is none.

    The hidden tests draw with the seed, which is not the students' 0. Returns the
    notebooks' paths; InputError where something else has such a name.
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
            why = "exists with other content: move it away, or give its --seed"
            raise InputError(f"{path} {why}")
    for path, content in files.items():
        replace_file(path, content)
    config = folder / "nbgrader_config.py"
    if not config.exists():
        replace_file(config, CONFIG.encode())
    return list(files)


def notebook(step, seed):
    """A step's notebook for instructors, as nbformat's JSON."""
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
    """A cell with nbgrader's metadata, schema 3; its name is its id as well."""
    schema = dict(schema_version=3, grade=False, solution=False, locked=False)
    metadata = dict(nbgrader=schema | dict(task=False, grade_id=name) | more)
    made = dict(cell_type=kind, id=name, metadata=metadata)
    made |= dict(execution_count=None, outputs=[]) if kind == "code" else {}
    return made | dict(source=text.splitlines(keepends=True))


def solved(step):
    """The stub with the reference's bodies, each in a region that nbgrader clears."""
    text, solution = assignment.stub(step), assignment.solution(step)
    lines, tree = solution.splitlines(), ast.parse(solution)
    unseen = {  # constants that the bodies alone need
        node.targets[0].id: lines[node.lineno - 1 : node.end_lineno]
        for node in tree.body
        if isinstance(node, ast.Assign) and lines[node.lineno - 1] not in text
    }
    for name in step.todo:
        node = function(tree, name)
        indent = " " * node.body[0].col_offset
        body = lines[node.body[0].end_lineno : node.end_lineno]
        read = assignment.names_in(textwrap.dedent("\n".join(body)))
        own = [indent + line for x in read for line in unseen.get(x, ())]
        begin, end = f"{indent}### BEGIN SOLUTION", f"{indent}### END SOLUTION"
        hole = f'{indent}raise NotImplementedError("{step.stem}: {name}")'
        text = text.replace(hole, "\n".join([begin, *own, *body, end]))
    return text.rstrip()


def function(tree, name):
    """The definition of a function or Class.method."""
    for part in name.split("."):
        tree = next(x for x in tree.body if getattr(x, "name", "") == part)
    return tree


@cache
def alone(stem):
    """The step of that file, none of whose cases needs the student's other files."""
    step = next(step for step in STEPS if step.stem == stem)
    return replace(step, cases=tuple(replace(x, alone=True) for x in step.cases))


def mark(stem, case, seed=0):
    """The points of a case for the file in the working directory; says what is wrong.

    Nothing is written to stderr: nbgrader would take all points for it.
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
