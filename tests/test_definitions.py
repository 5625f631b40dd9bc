"""Names and their definitions are found where a reader has marked them."""

import re
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minimt import tokenizer
from minimt.inspection.definitions import (
    hol_light,
    named_tokens,
    python,
    without_comments,
)

MARK = re.compile("«([^»]*)»|‹([^›]*)›")


def marked(source):
    """A text and its places, from «definitions» and ‹uses› marked in it."""
    text, places, at = "", [], 0
    for found in MARK.finditer(source):
        text += source[at : found.start()]
        name = found[1] or found[2]
        places.append((len(text), len(text) + len(name), name, bool(found[1])))
        text, at = text + name, found.end()
    return text + source[at:], places


def plain(places):
    return [(*place[:3], bool(place.defines)) for place in places]


PROGRAMS = {
    "nested functions": "def «f»(«x»):\n  def «g»(): return ‹x›\n  return ‹g›\n",
    "async": "async  def «f»():\n  async for «i» in ‹f›(): await ‹i›\n",
    "async with": "async def «f»():\n  async with ‹f›() as «x»: pass\n",
    "lambda": "«f» = lambda «a», *«b», «c»=‹f›, **«d»: ‹a› + ‹c›\n",
    "stars": "def «f»(«a», /, «b», *«args», «k»=1, **«kw»): return ‹kw›\n",
    "annotated parameters": "def «f»(«a»: ‹int› = ‹n›, *«b»: ‹str›) -> ‹int›: ...\n",
    "class": "@‹deco›(‹x›)\nclass «C»(‹B›, ‹meta›=‹M›):\n  «y» = ‹x›\n",
    "decorated method": "class «C»:\n  @‹p›.‹q›\n  def «m»(«self»): pass\n",
    "comprehension": "«y» = [‹x›.‹a› for «x», («i», *«z») in ‹q› if ‹i›]\n",
    "dict": "{‹k›: ‹v› for «k», «v» in ‹d›}\n",
    "assignment": "«a» = «b» = ‹c›\n(«d», [«e», *«g»]) = ‹a›\n",
    "changed": "‹a› += ‹b›\n‹a›.‹b› |= 1\n‹a›[‹i›] -= 1\n",
    "annotated": "«a»: ‹int› = 1\n«b»: ‹int›\n‹s›.«c»: ‹int› = 2\n",
    "attribute": "‹self›.«x» = ‹self›.‹y›.«z» = 1\n(‹a› . «b») = ‹c›\n",
    "subscript": "‹a›[‹i›] = ‹a›.‹b›[‹j›] = 1\n",
    "imports": "import «os», «os».‹path›, ‹a›.‹b› as «c»\n",
    "from": "from ‹a›.‹b› import (‹c› as «d», «e»)\nfrom . import «f»\n",
    "star import": "from ‹a› import *\n«b» = 1\n",
    "for and while": "for «a», ‹b›.«c» in ‹d›:\n  while ‹a›: break\n",
    "with": "with ‹f›() as («a», «b»), ‹g› as ‹h›.«c»: pass\n",
    "except": "try: pass\nexcept (‹A›, ‹B›.‹C›) as «e»: raise ‹e›\nexcept ‹D›: pass\n",
    "walrus": "if («n» := ‹f›(‹k›=1)) > 1: ‹n›\n",
    "global": "def «f»():\n  global ‹a›, ‹b›\n  «a» = ‹b›\n  del ‹a›\n",
    "strings": "«s» = 'def f(): x = 1'  # def g\n'''\nx = 2\n'''; «t» = ‹s›\n",
    "f-string": "«s» = f'{x} {(y := 1)!r:>{z}}'; «t» = f'''\n{x}'''; ‹u›\n",
    "non-ASCII": "«é» = 'ü–𝄞'; «naïve», «x» = ‹é›, '𝄞'; ‹o›.«𝓃» = ‹x›\n",
    "same line": "'é'; import «a»; «b» = ('ß', ‹a›.‹c›); ‹b›.«d» = 1\n",
    "tabs": "if ‹a›:\n\t«b» = '\t'; \t«c»\t=\t‹b›\n\f\nclass «D»: pass\n",
    "carriage returns": "def «f»(«a»):\r\n  «b» = '''\r\n'''; ‹a›\r\n  return ‹b›\r\n",
    "old line ends": "«a» = 1\r«b» = ‹a›\r",
    "continued": "«a» = \\\n  ‹b› + \\\n  ‹c›\nfrom ‹d› import \\\n  ‹e› as \\\n  «f»",
    "match": (
        "match ‹match›:\n"
        "  case ((«a»)): pass\n"
        "  case [«b», *_, _] if ‹b›: pass\n"
        "  case {'k': «c», **«d»} | ‹P›(‹x›=«e»): pass\n"
        "  case (1 | ‹a›.‹b›) as «f»: pass\n"
        "  case «g», *«h»: ‹case›.‹type›(‹match›)\n"
        "  case _: ‹_›\n"
    ),
    "soft keywords": "«match» = «case» = ‹type›(‹x›)\n‹match›[‹case›].‹match›()\n",
    "nothing": "",
    "odd escapes": "«a» = '\\d'; ‹a› is 1\n",
}
NEW = {
    "type parameters": "def «f»[«T»: ‹int›, *«U», **«V»](«x»: ‹T›): pass\n",
    "type": "type «A»[«T»] = ‹list›[‹T›]\n«type» = ‹A›\n",
    "template": "«s» = f'{f'{x}'}' + f\"{'a' if b else c}\"; ‹u›\n",
}
PROGRAMS |= NEW if sys.version_info >= (3, 12) else {}


@pytest.mark.parametrize("source", PROGRAMS.values(), ids=PROGRAMS)
def test_python_names_are_where_they_were_marked(source):
    text, places = marked(source)
    assert plain(python(text)) == places


def test_each_definition_tells_what_kind_it_is():
    text = "import a\nclass B:\n  def c(self):\n    self.d = e = a\n"
    ways = {place.name: place.defines for place in python(text) if place.defines}
    assert ways == dict(
        a="alias", B="ClassDef", c="FunctionDef", self="arg", d="Attribute", e="Name"
    )


def bodies(source):
    """A text, and the spans that are marked in it by ⟦ and ⟧, in order."""
    text, open_, found = "", [], []
    for letter in source:
        if letter == "⟦":
            open_.append(len(text))
        elif letter == "⟧":
            found.append((open_.pop(), len(text)))
        else:
            text += letter
    return text, sorted(found)


WHOLE = {
    "nested": "x = 1\n⟦def f():\n  ⟦def g(): return 'é'⟧\n  return g⟧\n\nf()\n",
    "twice": "⟦def f(): pass⟧\n⟦def f():\n  pass⟧  # f\nf()\n",
    "methods": "@d(x)\n⟦class C(B):\n  @p\n  ⟦async def m(self): 'é'; m⟧⟧ # end\n",
    "carriage returns": "'é'\r\n⟦def f():\r\n  '''\r\n'''⟧\r\nf\r⟦class C: x⟧\r",
}


@pytest.mark.parametrize("source", WHOLE.values(), ids=WHOLE)
def test_the_body_of_a_function_or_class_goes_to_its_end(source):
    text, marked = bodies(source)
    places = python(text)
    assert [x.body for x in places if x.defines.endswith("Def")] == marked
    assert all(x.body == (x.start, x.end) for x in places if not x.defines)


LEMMAS = {
    "lemmas": "a;; ⟦let A = prove(x,t);;⟧ A;;\n⟦let B = prove(A,t);;⟧",
    "twice": "⟦let A = prove(x,t);;⟧ ⟦let A = prove(y,t);;⟧ A",
    "terms, strings": '⟦let A = prove(`a;; b`, f ";; \\" ;;" \';\');;⟧ x;;',
    "comments": '⟦let A = (* ;; ";;" *) prove(x);;⟧ (* A;; *) A;;',
    "indented": "let f =\n  ⟦let A = prove(x,t) in\n  A;;⟧\n⟦let B = prove(A,t)⟧",
}


@pytest.mark.parametrize("source", LEMMAS.values(), ids=LEMMAS)
def test_the_body_of_a_lemma_ends_with_two_semicolons_or_the_text(source):
    text, marked = bodies(source)
    places = hol_light(text)
    assert [x.body for x in places if x.defines] == marked
    assert all(x.body == (x.start, x.end) for x in places if not x.defines)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "text",
    ["print 'Python 2'\n", "def f(:\n", "\ufeffa = 1\n", "if a:\nb\n", "(" * 999],
)
def test_text_that_is_not_python_has_no_names(text):
    assert python(text) is None


def test_invalid_escapes_cause_no_warning(recwarn):
    assert python("a = '\\d'\n") and not recwarn


PROOFS = {
    "lemma": "let «A_B» = prove\n (`p ==> q`, MP_TAC x);;\nMATCH_MP_TAC ‹A_B›;;",
    "by refinement": "let «a» = prove_by_refinement(`x`,[]);;\n‹a›, ‹a›",
    "indented": "let f =\n  let «lemma» = prove(`x`,t) in\n  prove(`y`,‹lemma›);;",
    "constant": "let «up'» = new_definition `‹up'› x' = x + up`;; ‹up'›",
    "recursive": "let «d» = new_recursive_definition num_RECURSION `‹d› 0 = 1`;;",
    "other ways": "let «a»=define `x`;; let «b» = TAC_PROOF(([],`x`),t);; ‹a› ‹b›",
    "bracket": "let «a» = (prove)(`x`,t);; let «b» =\n ( prove_thm(`x`,‹a›));;",
    "words": "let «LT» = prove(t);; [LTE; ‹LT›; LE_LT; LT'; 'LT; x.‹LT›; ‹LT›)",
    "earlier uses": "A;; let «A» = prove(‹A›,t);; let «A» = prove(‹A›, t);; ‹A›",
    "not proved": "let a = prover x;; let b = SPEC prove;; let c x = prove(a,b c);;",
    "several": "let a,b = prove(x,y);; let rec a = prove;; outlet b = prove;; a b",
    "no name": "let _ = prove(x);; let «_a» = prove(_, ‹_a›);;",
    "string": 'let «A» = prove(x);; "(* ‹A›" ‹A› "\\" (*" ‹A› \'"\' (* A \' *) ‹A›',
    "term": "let «A» = prove(`(*) x`, y);; `(*):‹A›` (* A *) ‹A›",
    "comments": 'let «A» = prove(x);; (* let B = prove (* A *) A "*)" A *) ‹A› B (* A',
    "definition in a comment": "(* let A = prove *) A (** A ***) let «A» = prove",
}


@pytest.mark.parametrize("source", PROOFS.values(), ids=PROOFS)
def test_lemmas_are_where_they_were_marked(source):
    text, places = marked(source)
    assert plain(hol_light(text)) == places
    assert {place.defines for place in hol_light(text)} <= {"let", ""}


def scalar_comments(text):
    """Outside strings and terms: a character at a time, by hand."""
    out, depth, at = [], 0, 0
    while at < len(text):
        two = text[at : at + 2]
        if two == "(*":
            depth, step = depth + 1, 2
        elif two == "*)" and depth:
            depth, step = depth - 1, 2
            out.append("  ")
            at += 2
            continue
        else:
            step = 1
        out.append(" " * step if depth else text[at : at + step])
        at += step
    return "".join(out)


@settings(max_examples=300)
@given(text=st.text("(*) a", max_size=40))
def test_comments_are_those_found_by_counting_brackets(text):
    assert without_comments(text) == scalar_comments(text)


def scalar_tokens(places, offsets):
    """For each token, by trying all: the last place that it has a letter of."""
    name, defines = [None], [False]
    for start, end in offsets:
        letters = [p for p in places if max(start, p.start) < min(end, p.end)]
        name.append(letters[-1].name if letters else None)
        defines.append(bool(letters and letters[-1].defines))
    return name, defines


@pytest.fixture(scope="module", params=[257 + 1, 300, 400], ids="size {}".format)
def vocabulary(request, tmp_path_factory):
    """Of bytes and a pair, of short tokens, and of whole words."""
    source = "".join(PROGRAMS.values()).replace("\f", "") * 4
    folder = tmp_path_factory.mktemp("vocabulary")
    return tokenizer.train_vocabulary([marked(source)[0]], request.param, folder)


@pytest.mark.parametrize(
    "source", filter(None, PROGRAMS.values()), ids=filter(PROGRAMS.get, PROGRAMS)
)
def test_a_token_belongs_to_the_name_that_it_has_letters_of(vocabulary, source):
    text, _ = marked(source)
    places, encoded = python(text), vocabulary.encode(text)
    tokens = named_tokens(places, encoded.offsets)
    letters = {number: name for name, number in tokens.numbers.items()}
    name, defines = scalar_tokens(places, encoded.offsets)
    assert [letters.get(x) for x in tokens.name.tolist()] == name
    assert tokens.defines.tolist() == defines
    whole = [(place.start, place.end) for place in places], [x.body for x in places]
    for letters, spans in zip(whole, (tokens.spans, tokens.bodies)):
        for (start, end), (first, stop) in zip(letters, spans, strict=True):
            mine = encoded.offsets[first - 1 : stop - 1]
            assert mine[0][0] <= start < mine[0][1]
            assert mine[-1][0] < end <= mine[-1][1]


def test_a_dot_before_a_name_belongs_to_its_first_token():
    places = python("a._b\n")
    tokens = named_tokens(places, [(0, 1), (1, 3), (3, 4), (4, 5)])  # a ._ b ⏎
    assert tokens.spans == [(1, 2), (2, 4)]
    np.testing.assert_array_equal(tokens.name, [-1, 0, 1, 1, -1])
