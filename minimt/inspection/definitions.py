"""Definitions: where the names in a text occur, and where they are defined."""

import ast
import keyword
import re
import tokenize
import warnings
from bisect import bisect_left
from typing import NamedTuple

import numpy as np

LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
NONE = ()  # for isinstance, in place of a kind of node that this Python lacks
TEMPLATES = ast.JoinedStr, getattr(ast, "TemplateStr", NONE)
PARAMETER, ALIAS = (getattr(ast, name, NONE) for name in ("type_param", "TypeAlias"))

WORD = re.compile(r"(?<![\w'])(?!_(?![\w']))[^\W\d][\w']*")  # except a lone _
LET = re.compile(rf"(?<![\w'])let\s+({WORD.pattern})\s*=(?=[\s(]*([\w']+))")
PROVES = re.compile(r"prove(_by_refinement|_thm)?|TAC_PROOF|define|new_\w*definition")
STRING = r"""'\\?"'|"(?:\\.|[^"\\])*\""""  # or the character '"', which begins none
CODE = re.compile(rf"{STRING}|`[^`]*`|\(\*", re.DOTALL)
COMMENT = re.compile(rf"{STRING}|\(\*|\*\)", re.DOTALL)
END = re.compile(rf"(?:{STRING}|`[^`]*`|(?!;;).)*(?:;;)?", re.DOTALL)  # of a definition


class Place(NamedTuple):
    """A name in a text, text[start:end], and how it is defined there.

    `defines` is the name of a node of `ast` in Python and "let" in HOL Light; it is ""
    where the name is only used. body: (start, end) of the text that defines the name,
    such as a whole function; of the name itself where it is only used.
    """

    start: int
    end: int
    name: str
    defines: str
    body: tuple


def python(text):
    """The places of all names in a Python program, in order; None if it has errors.

    A name is defined where it is bound: by def, class and import, as a parameter, by =,
    := or an annotation, by for, with, except, a comprehension or a pattern; and
    `self.x = 1` defines x. It is not defined where it is changed (+=), deleted,
    declared global or passed as a keyword. Equal names count as one, whatever their
    scope. Strings, including f-strings, and comments contain no names.
    """
    lines = LINE.findall(text)
    plain = [re.sub(r"\r\n?", "\n", line) for line in lines]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about odd escapes in its strings
            tree = ast.parse("".join(plain))
    except (SyntaxError, ValueError, RecursionError):
        return None
    words = Words(lines, plain)
    defining, syntax, changed = {}, set(), set()
    for node in outside_strings(tree):
        if isinstance(node, ast.AugAssign):
            changed.add(node.target)  # which is visited later
        elif node not in changed and hasattr(node, "end_lineno"):
            for word in words.defined_by(node):
                defining[word] = type(node).__name__, words.span(node)
        syntax |= words.soft_keywords(node)
    return [
        Place(*word, *defining.get(at, ("", word[:2])))
        for at, word in enumerate(words.all)
        if not keyword.iskeyword(word[2]) and at not in syntax
    ]


def outside_strings(tree):
    """All nodes, parents first, except in f-strings, where positions may be wrong."""
    nodes = [tree]
    for node in nodes:
        yield node
        if not isinstance(node, TEMPLATES):
            nodes += ast.iter_child_nodes(node)


class Words:
    """The words of a Python program, including keywords: `all` [(start, end, word)].

    lines: the lines of the text; plain: the same lines, each ending in \\n.
    """

    def __init__(self, lines, plain):
        self.lines, self.begins, self.all, strings = plain, [0], [], 0
        for line in lines:
            self.begins.append(self.begins[-1] + len(line))
        for token in tokenize.generate_tokens(iter(plain).__next__):
            kind = tokenize.tok_name[token.type]
            strings += kind.endswith("STRING_START") - kind.endswith("STRING_END")
            if kind == "NAME" and not strings:
                start = self.begins[token.start[0] - 1] + token.start[1]
                self.all.append((start, start + len(token.string), token.string))
        self.starts = [start for start, _, _ in self.all]

    def offset(self, row, column):
        """The position of a column, counted in bytes, in the text."""
        before = self.lines[row - 1].encode()[:column].decode()
        return self.begins[row - 1] + len(before)

    def span(self, node):
        """The positions (start, end) of a node in the text."""
        start = self.offset(node.lineno, node.col_offset)
        return start, self.offset(node.end_lineno, node.end_col_offset)

    def at(self, row, column):
        """The index of the first word from here on."""
        return bisect_left(self.starts, self.offset(row, column))

    def defined_by(self, node):
        """The indices of the words that a node itself defines: a set of one or none."""
        first = self.at(node.lineno, node.col_offset)
        last = self.at(node.end_lineno, node.end_col_offset) - 1
        match node:
            case ast.Name(ctx=ast.Store()) | ast.arg():
                return {first}
            case ast.Attribute(ctx=ast.Store()):
                return {last}
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                kinds = [word for _, _, word in self.all[first : first + 2]]
                return {first + 1 + (kinds[0] == "async")}
            case ast.alias() if node.name != "*":
                return {last if node.asname else first}
            case ast.ExceptHandler() if node.name:
                return {self.at(node.type.end_lineno, node.type.end_col_offset) + 1}
            case ast.MatchAs() | ast.MatchStar() if node.name:
                return {last}
            case ast.MatchMapping() if node.rest:
                return {last}
        return {first} if isinstance(node, PARAMETER) else set()

    def soft_keywords(self, node):
        """The indices of words that are names elsewhere, but syntax in this node."""
        match node:
            case ast.match_case():
                return {self.at(node.pattern.lineno, node.pattern.col_offset) - 1}
            case ast.MatchAs(name=None) | ast.MatchStar(name=None) | ast.Match():
                return {self.at(node.lineno, node.col_offset)}
            case _ if isinstance(node, ALIAS):
                return {self.at(node.lineno, node.col_offset)}
        return set()


def hol_light(text):
    """The places of all names that a HOL Light text defines, from their definitions on.

    A name is defined by `let NAME = f …`, at the top or inside a proof, where f is
    prove, prove_by_refinement, prove_thm, TAC_PROOF, define or a new_…definition,
    perhaps after a bracket; its body ends with the next `;;`, or with the text. Every
    later occurrence as a whole word is a use, also in terms and strings, but not in
    comments.
    """
    code = without_comments(text)
    lets = [x for x in LET.finditer(code) if PROVES.fullmatch(x[2])]
    bodies = {x.start(1): END.match(code, x.start()).span() for x in lets}
    places, known = [], set()
    for word in WORD.finditer(code):
        body = bodies.get(word.start())
        if body:
            known.add(word[0])
        if word[0] in known:
            defines = "let" if body else ""
            places.append(Place(*word.span(), word[0], defines, body or word.span()))
    return places


def without_comments(text):
    """An OCaml text with spaces in place of its comments (* … (* … *) … *).

    No comment begins in a string or a `term`, and none ends in a string.
    """
    code, depth, at = "", 0, 0
    while found := (COMMENT if depth else CODE).search(text, at):
        opens, closes = found[0] == "(*", found[0] == "*)"
        piece = text[at : found.start() if opens else found.end()]
        code += " " * len(piece) if depth else piece
        code += "  " * opens
        depth, at = depth + opens - closes, found.end()
    return code + (" " * (len(text) - at) if depth else text[at:])


class NamedTokens(NamedTuple):
    """The names of a document's tokens (n,), the first of which is not text.

    numbers {name: number}; name (n,): the number of the last name that the token is
    part of, −1 if there is none; defines (n,): whether that name is defined there;
    spans and bodies: for every place, the first token of its name, and of its body, and
    the one after the last.
    """

    numbers: dict
    name: np.ndarray
    defines: np.ndarray
    spans: list
    bodies: list


def named_tokens(places, offsets):
    """Align places with tokens, of which all but the first have offsets [(start, end)].

    A token may include a space or a dot; it is part of any name it has letters of.
    """
    starts, ends = np.array(offsets).reshape(-1, 2).T

    def tokens(spans):
        begin, end = np.array(spans).reshape(-1, 2).T
        firsts = 1 + np.searchsorted(ends, begin, "right")
        stops = 1 + np.searchsorted(starts, end, "left")
        return list(zip(firsts.tolist(), stops.tolist()))

    spans = tokens([(place.start, place.end) for place in places])
    name, defines = np.full(len(starts) + 1, -1), np.zeros(len(starts) + 1, bool)
    numbers = {}
    for place, (first, stop) in zip(places, spans):
        name[first:stop] = numbers.setdefault(place.name, len(numbers))
        defines[first:stop] = bool(place.defines)
    bodies = tokens([place.body for place in places])
    return NamedTokens(numbers, name, defines, spans, bodies)
