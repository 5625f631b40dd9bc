"""The tutorial: what it names is there, and its examples print what it says."""

import ast
import contextlib
import importlib
import io
import json
import pathlib
import re
import shlex

import pytest

from minimt import console, course
from minimt.console.cli import parser
from minimt.course.cli import parser as course_parser

ROOT = pathlib.Path(__file__).parent.parent
TUTORIAL = ROOT / "tutorial"
PAGES = [ROOT / "README.md", *sorted(TUTORIAL.glob("*.md"))]
PAGES += sorted(TUTORIAL.glob("answers/*.md"))
CHAPTERS = "01_attention 02_position 03_cache 04_memory 05_search".split()
CHAPTERS += "06_lsh 07_gate 08_model 09_training 10_results".split()
PARTS = "attention position cache memory search lsh gate model".split()
HEADINGS = "The idea · The maths · By hand · The picture · What to build"
HEADINGS += " · Common mistakes · Further questions · Next"

FENCED = re.compile(r"^```.*?^```$", re.S | re.M)
EXAMPLE = re.compile(r"^```python\n(.*?)^```$(?:\n+```text\n(.*?)^```$)?", re.S | re.M)
NAME = re.compile(r"\bminimt(?:\.\w+)+")
TEST = re.compile(r"(tests/\w+\.py)::(\w+)")
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
SHELL = re.compile(r"^```sh\n(.*?)^```$", re.S | re.M)
PROGRAMS = "python python3 pip torchrun jupyter nbgrader pre-commit".split()
PROGRAMS += "cp cd rm zip .".split()
PATH = re.compile(r"(?<![\w/.])(?:minimt|tests|tutorial|notebooks)/[\w/.-]*\w")

# Words that only those who wrote them understood, and what to say in their place.
WORDS = {
    r"(?<!make )\brooms?\b(?! for\b)": "subspaces of the residual stream",
    r"\blookup start": "induction initialisation",
    r"\bordinary start": "random initialisation",
    r"--start\b": "--init",
    r"\bvanilla\b": "without memory",
    r"\bshel(f|ves)\b": "cache of trained models",
    r"\bloud(ly)?\b": "output scale",
    r"\blegs?\b": "stages",
}
TEXTS = [*PAGES, *sorted(ROOT.glob("tutorial/*/*.md"))]
TEXTS += [*sorted(ROOT.glob("notebooks/*.ipynb")), *sorted(ROOT.glob("minimt/**/*.py"))]
TEXTS = list(dict.fromkeys(TEXTS))

DOCUMENTS = [path for path in TEXTS if path.suffix == ".md"]
DOCUMENTS.append(ROOT / "CONTRIBUTING.md")
each_page = pytest.mark.parametrize(
    "page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix()
)
each_chapter = pytest.mark.parametrize("chapter", CHAPTERS)


def is_there(name):
    """A module, or what a module or a class in it holds."""
    thing, known = importlib.import_module("minimt"), "minimt"
    for part in name.split(".")[1:]:
        known += f".{part}"
        if not hasattr(thing, part):
            try:
                importlib.import_module(known)
            except ModuleNotFoundError:
                return False
        thing = getattr(thing, part)
    return True


def functions(path):
    """The names of all functions in a file of tests; none if there is no such file."""
    if not path.exists():
        return set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def chapter_text(chapter):
    return (TUTORIAL / f"{chapter}.md").read_text(encoding="utf-8")


def prose(path):
    """What a file says to its reader: a page, the Markdown of a notebook, or all texts
    of a module, which are its docstrings, messages and help."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        said = ["".join(x["source"]) for x in cells if x["cell_type"] == "markdown"]
    elif path.suffix == ".py":
        nodes = (x for x in ast.walk(ast.parse(text)) if isinstance(x, ast.Constant))
        said = [node.value for node in nodes if isinstance(node.value, str)]
    else:
        said = [text]
    return " ".join(" ".join(said).split())


def numbers(text):
    """The numbers of a list, 1. 2. 3. …"""
    return [int(number) for number in re.findall(r"^(\d+)\. ", text, re.M)]


@each_page
def test_the_names_on_a_page_are_those_of_the_code(page):
    names = set(NAME.findall(page.read_text(encoding="utf-8")))
    assert not [name for name in sorted(names) if not is_there(name)]


@pytest.mark.parametrize(
    "page",
    [page for page in DOCUMENTS if SHELL.search(page.read_text(encoding="utf-8"))],
    ids=lambda page: page.relative_to(ROOT).as_posix(),
)
def test_the_commands_on_a_page_can_be_given(page):
    parsers = dict.fromkeys(console.COMMANDS, parser())
    parsers |= dict.fromkeys(course.COMMANDS, course_parser())
    for block in SHELL.findall(page.read_text(encoding="utf-8")):
        for line in block.replace("&&\n", "&& ").splitlines():
            for command in line.split(" && "):
                program, *words = shlex.split(command, comments=True) or [""]
                assert program in PROGRAMS, line
                if "minimt" in words and program in ("python", "torchrun"):
                    given = words[words.index("minimt") + 1 :]
                    parsers[given[0]].parse_args(given)  # exits if it cannot


@each_page
def test_the_tests_that_a_page_cites_exist(page):
    cited = set(TEST.findall(page.read_text(encoding="utf-8")))
    missing = [cite for cite in cited if cite[1] not in functions(ROOT / cite[0])]
    assert not missing


@each_page
def test_the_files_that_a_page_links_or_names_exist(page):
    text = page.read_text(encoding="utf-8")
    links = {page.parent / link for link in LINK.findall(FENCED.sub("", text))}
    files = links | {ROOT / path for path in PATH.findall(text)}
    assert not [str(file) for file in sorted(files) if not file.exists()]


@each_chapter
def test_the_examples_of_a_chapter_print_what_it_says(chapter):
    names, compared = {}, 0
    for code, expected in EXAMPLE.findall(chapter_text(chapter)):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, f"{chapter}.md", "exec"), names)
        if expected:
            assert printed.getvalue() == expected
            compared += 1
    assert compared


def test_the_readme_is_short_and_its_example_prints_what_it_says():
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(page.splitlines()) <= 150
    ((code, _),) = EXAMPLE.findall(page)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), {})
    assert printed.getvalue().strip() == code.rpartition("#")[2].strip()


@each_chapter
def test_a_chapter_has_all_its_parts_in_order(chapter):
    text, number = FENCED.sub("", chapter_text(chapter)), int(chapter[:2])
    part = rf"!\[[^\]]+\]\(figures/architecture_{number}\.svg\)\n\n"
    part = part if number <= len(PARTS) else ""
    assert re.match(rf"# {number} \S.*\n\n\*[^*]+\*\n\n{part}## The idea\n", text)
    assert re.findall(r"^## (.*)", text, re.M) == HEADINGS.split(" · ")
    picture = text.partition("## The picture")[2].partition("## What to build")[0]
    assert re.search(rf"!\[[^\]]+\]\(figures/{chapter}\.png\)", picture)


@pytest.mark.parametrize("number, part", enumerate(PARTS, 1))
def test_a_chapter_shows_the_architecture_with_its_part_highlighted(number, part):
    figures = TUTORIAL / "figures"
    whole = (figures / "architecture.svg").read_text(encoding="utf-8")
    own = (figures / f"architecture_{number}.svg").read_text(encoding="utf-8")
    assert own == whole.replace('class="all"', f'class="{part}"') != whole
    assert f".{part} .part:not(.p{number})" in whole
    assert re.search(rf'class="part [p\d ]*\bp{number}\b', whole)


@each_chapter
def test_every_question_has_its_answer(chapter):
    questions = chapter_text(chapter).partition("## Further questions")[2]
    questions = numbers(questions.partition("## Next")[0])
    answers = TUTORIAL / f"answers/{chapter}.md"
    assert questions == list(range(1, len(questions) + 1)) and len(questions) >= 3
    assert numbers(answers.read_text(encoding="utf-8")) == questions


@pytest.mark.parametrize(
    "path", TEXTS, ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_no_private_word_is_left(path):
    said = prose(path)
    found = {word: better for word, better in WORDS.items() if re.search(word, said)}
    assert not found


def test_contributing_is_right_about_the_core_and_names_every_file():
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    most, tree = re.search(
        r"core, in reading order. It has fewer than\s+([\d,]+) lines"
        r".*?^```\nminimt/\n(.*?)^```$",
        page,
        re.S | re.M,
    ).groups()
    core = re.findall(r"^  (\w+\.py)", tree.partition("\n\n")[0], re.M)
    texts = [(ROOT / "minimt" / name).read_text(encoding="utf-8") for name in core]
    lines = [line for text in texts for line in text.splitlines() if line.strip()]
    assert len(lines) < int(most.replace(",", ""))
    files = {path.name for path in ROOT.glob("minimt/*.py")} - {"__init__.py"}
    assert set(re.findall(r"\w+\.py", tree)) == files
    folders = {path.parent.name for path in ROOT.glob("minimt/*/__init__.py")}
    folders |= {path.parent.name for path in ROOT.glob("minimt/*/*/__init__.py")}
    assert set(re.findall(r"^ +(\w+)/ ", tree, re.M)) == folders - {"steps", "mistakes"}
