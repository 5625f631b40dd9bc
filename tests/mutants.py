"""Small random changes of a function: what a slip of the finger makes of it."""

import ast
import inspect
import textwrap

NAMES = [("any", "all"), ("max", "min"), ("sum", "mean"), ("argmax", "argmin")]
NAMES += [("maximum", "minimum"), ("zeros_like", "ones_like"), ("exp", "expm1")]
OTHER_NAME = dict(NAMES) | {b: a for a, b in NAMES}
OPERATORS = [(ast.Add, ast.Sub), (ast.Mult, ast.Div), (ast.BitAnd, ast.BitOr)]
OPERATORS += [(ast.Lt, ast.LtE), (ast.Gt, ast.GtE), (ast.Eq, ast.NotEq)]
OTHER_OPERATOR = dict(OPERATORS) | {b: a for a, b in OPERATORS}


def mutant(function, rng):
    """The function with one small change, and the line that was changed."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    before, changes = ast.unparse(tree).splitlines(), list(changes_of(tree))
    change, *given = changes[rng.integers(len(changes))]
    change(rng, *given)
    space = dict(function.__globals__)
    exec(compile(tree, "<mutant>", "exec"), space)
    after = ast.unparse(tree).splitlines()
    changed = [line.strip() for line in after if line not in before]
    return space[function.__name__], " / ".join(changed)


def changes_of(tree):
    """Everything that can be changed in a tree: (function that does it, arguments)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and type(node.value) in (int, float, bool):
            yield number, node
        if isinstance(node, (ast.BinOp, ast.AugAssign)) and kind(node.op):
            yield operator, node
        if isinstance(node, ast.Compare) and kind(node.ops[0]):
            yield comparison, node
        if isinstance(node, ast.Attribute) and node.attr in OTHER_NAME:
            yield rename, node
        if isinstance(node, ast.UnaryOp):
            yield sign, node
        if isinstance(node, ast.Call) and len(node.args) > 1:
            yield exchange, node.args
        if isinstance(node, ast.Tuple) and len(node.elts) > 1:
            yield exchange, node.elts


def kind(op):
    return OTHER_OPERATOR.get(type(op))


def number(rng, node):
    if type(node.value) is bool:
        node.value = not node.value
    else:
        node.value += rng.choice([-1, 1]).item()


def operator(_, node):
    node.op = kind(node.op)()


def comparison(_, node):
    node.ops[0] = kind(node.ops[0])()


def rename(_, node):
    node.attr = OTHER_NAME[node.attr]


def sign(_, node):
    node.op = ast.UAdd()


def exchange(rng, items):
    i = rng.integers(len(items) - 1)
    items[i], items[i + 1] = items[i + 1], items[i]
