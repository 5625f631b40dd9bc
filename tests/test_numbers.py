"""Numbers in texts that tell of a result are those of the result's page.

`test_reproduce.py` checks that the page is what the JSON file of numbers says.
"""

import json
import re

import pytest
from commands import ROOT

from minimt.console import report
from minimt.reproduce import results

NUMBER = re.compile(r"(?<![\d.,])\d+(?:,\d{3})*(?:\.\d+)?")
TOLD = re.compile(rf"{NUMBER.pattern}(?: ± [\d.]+)?%?")
PER_SECOND = "tokens_per_second"
COUNT = re.compile(r"(M )?[\d,]+$").match  # a size of memory
LINK = re.compile(r"results/(\w+)\.md")
MEASURED = re.compile(r"\]\([^)]*?(speed|tuning|09_training|10_results)\.md")


def text(path):
    return (ROOT / path).read_text(encoding="utf-8")


def flowed(page):
    """A page of the tutorial without its line ends."""
    return " ".join(text(f"tutorial/{page}.md").split())


def value(number):
    return float(number.replace(",", ""))


def sections():
    """(where it is told, text, names of results) of all that tells of results."""
    for part in re.split(r"^##+ ", text("tutorial/10_results.md"), flags=re.M):
        if found := re.match(r"\[(\w+)\]\(\.\./results", part):
            also = LINK.findall(part)
            yield f"chapter 10, {found[1]}", part, also
    for part in re.split(r"^- ", text("README.md"), flags=re.M):
        if found := re.match(r"\[`(\w+)`\]\(results/", part):
            yield f"README, {found[1]}", part.partition("\n\n")[0], LINK.findall(part)
    for line in text("tutorial/paper_map.md").splitlines():
        cells = line.split(" | ")
        if LINK.search(cells[-1]):  # of which a part may tell of something else
            for part in re.split(r"; |, (?=after|by )", cells[-1]):
                if LINK.search(part):
                    yield f"paper_map, {cells[0]}", part, LINK.findall(part)


def of_the_paper():
    """The numbers that the paper gives, from the table of its claims."""
    table = text("tutorial/paper_map.md").partition("## Experiments and claims")[2]
    table = table.partition("\n## ")[0]
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| ")]
    return set(NUMBER.findall(" ".join(cells[1] for cells in rows)))


def untold(part, pages):
    """The decimals and percentages in a text that are on none of its pages.

    They may be rounded, and a ratio may be told as the percentage that it differs by.
    """
    numbers = NUMBER.findall(" ".join(pages))
    ratios = [value(x) for x in numbers if "." in x]
    shares = [100 * share for x in ratios for share in (x, 1 - x, x - 1)]

    def told_of(number, percent):
        digits, found = len(number.partition(".")[2]), map(value, numbers)
        known = [*found, *shares] if percent else found
        return value(number) in {round(x, digits) for x in known}

    wrong, paper = [], of_the_paper()
    for told in TOLD.findall(re.sub(r"Section \d\.\d|results/\w+", "", part)):
        percent = told.endswith("%")
        if "." in told or percent:
            right = all(told_of(x, percent) for x in NUMBER.findall(told))
            wrong += [] if right or paper.issuperset(NUMBER.findall(told)) else [told]
    return wrong


@pytest.mark.parametrize("where, part, names", sections(), ids=lambda x: str(x)[:30])
def test_numbers_are_those_of_the_result(where, part, names):
    pages = [text(f"results/{name}.md") for name in names]
    assert names and untold(part, pages) == []


def test_a_wrong_number_is_noticed():
    page = ["| 0.853 ± 0.033 | 78 ± 7 % | 1.234 |"]
    assert untold("15% less, or 78 ± 7%, 0.853 ± 0.033 of 1.23", page) == []
    for wrong in ("0.854", "16%", "0.853 ± 0.034", "77 ± 7%", "1.24"):
        assert untold(f"it is {wrong} here", page) == [wrong]


def prose():
    """(name, text) of pages and notebooks, without fenced blocks and `sections`."""
    for path in [ROOT / "README.md", *(ROOT / "tutorial").rglob("*.md")]:
        page = re.split(r"^### \[", text(path), flags=re.M)[0]
        yield path.stem, re.sub(r"^ *```.*?^ *```", "", page, flags=re.M | re.S)
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        for cell in json.loads(text(path))["cells"]:
            if cell["cell_type"] == "markdown":
                yield path.stem, "".join(cell["source"])


def referring():
    """(sentence, names) where one links to other pages of measurements."""
    for page, prose_of in prose():
        for part in re.split(r"\n\s*\n|\n(?=\s*- |\s*\d+\. |\| )", prose_of):
            flat = " ".join(part.split())
            for said in re.split(r"(?<=[.?!])\)?\s+(?=[A-Z*`(])|; | \| ", flat):
                names = set(MEASURED.findall(said)) - {page}
                if names:
                    yield re.sub(r"\]\([^)]*\)|\[\d[^]]*\]", "", said), names


def test_a_sentence_that_refers_to_a_page_has_its_numbers():
    checked = 0
    for said, names in referring():
        pages = [text(f"tutorial/{name}.md") for name in names]
        assert untold(said, pages) == [], said
        checked += bool(NUMBER.search(said))
    assert checked > 30


@pytest.fixture(scope="module")
def trained():
    """What `train` found, with the seeds 0, 1 and 2."""
    paths = [ROOT / f"results/train_{seed}.json" for seed in range(3)]
    return [json.loads(path.read_text()) for path in paths]


def test_the_readme_shows_what_the_main_job_prints(trained):
    page, formed = text("README.md"), trained[0]["repetition"]["formed"]
    assert f"```\n{report.comparison(trained[0])}\n```" in page
    assert f"\na lookup formed by step {formed} of repetition\n" in page


def test_chapter_10_has_the_numbers_of_each_seed_and_their_mean(trained):
    names = "with_memory", "without_memory"
    found = [
        [x[name]["nats_per_token"] for name in names]
        + [x["gain"], x["read_twice"]["saved"]]
        for x in trained
    ]
    lines = [
        [str(x["training"]["seed"]), *(f"{y:.3f}" for y in row)]
        for x, row in zip(trained, found)
    ]
    means = [results.mean_std(column) for column in zip(*found)]
    lines.append(["mean ± standard deviation", *means])
    for line in lines:
        assert f"| {' | '.join(line)} |\n" in text("tutorial/10_results.md")


def test_chapter_10_tells_what_memory_saves_when_it_is_first_used(trained):
    first = [x["repetition"]["first_use"] for x in trained]
    once = results.mean_std([x["without"] - x["first"] for x in first], 2)
    again = results.mean_std([x["saved"] for x in first], 2)
    told = flowed("10_results")
    assert f"it saves {once} nats per token" in told
    assert f"a second reading costs {again} less than the first" in told


def test_chapter_10_tells_when_the_lookups_formed(trained):
    *some, last = (str(x["repetition"]["formed"]) for x in trained)
    told = flowed("10_results")
    assert f"forms by step {', '.join(some)} and {last} of repetition" in told


def test_chapter_10_tells_what_each_size_of_memory_brings(trained):
    told = flowed("10_results")
    for size, losses in by_size(trained).items():
        assert f"| {size:,} | {results.mean(losses):.2f} |" in told


def by_size(trained):
    """{size of memory: held-out loss by seed} of the models trained with memory."""
    found = {}
    for row in (row for x in trained for row in x["by_memory"]):
        found.setdefault(row["memory"], []).append(row["nats_per_token"])
    return found


def test_chapter_10_tells_what_memory_gains_by_distance(trained):
    told = flowed("10_results")
    for rows in zip(*(x["gain_by_distance"] for x in trained)):
        gain = f"{results.mean([row['gain'] for row in rows]):.2f}"
        assert f"| {rows[0]['distance']} | {gain.replace('-', '−')} |" in told


def test_chapter_9_and_the_paper_map_tell_what_the_main_job_finds(trained):
    chapter, paper_map = flowed("09_training"), flowed("paper_map")
    with_it, without = (
        [x[name]["nats_per_token"] for x in trained]
        for name in ("with_memory", "without_memory")
    )
    gains = [x["gain"] for x in trained]
    gates = [gate for x in trained for gate in x["gates"]]
    ends = " to ".join(dict.fromkeys(f"{g:.2f}" for g in (min(gates), max(gates))))
    *some, last = (f"{results.mean(x):.2f}" for x in by_size(trained).values())
    assert f"it saves {results.mean_std(gains)} nats on the standard" in chapter
    assert f"varied from {min(gains):.3f} to {max(gains):.3f} nats" in chapter
    assert f"| {', '.join(some)} and {last} nats, read with memories of " in chapter
    assert f"gates end at {ends} " in chapter
    assert f"gates of {ends} after 600 steps" in paper_map
    means = f"{results.mean(without):.3f} → {results.mean(with_it):.3f} nats"
    assert means in paper_map
    spread = f"± {results.std(with_it):.3f} and ± {results.std(without):.3f} nats over"
    assert spread in paper_map


def test_the_paper_map_tells_the_perplexities_of_the_readme_s_run(trained):
    before, after = (
        trained[0][name]["perplexity"] for name in ("without_memory", "with_memory")
    )
    run = f"README's run it is {before / after:.2f} ({before:.1f} → {after:.1f})"
    assert run in flowed("paper_map")


def measured(result):
    """All that the tables of speed.md may tell of a result of `bench`, row by row."""
    for base in ("to_product", "to_exact"):
        for name in result["search"][0][base]:
            found = {x["memory"]: x[base].get(name) for x in result["search"]}
            yield base, name, {M: report.with_range(x) for M, x in found.items()}
    for x in result["step"]:
        cells = (f"{x[unit]['median']:,.0f}" for unit in ("milliseconds", PER_SECOND))
        yield "step", x["model"], [*cells, report.with_range(x["to_no_memory"])]
    for x in result["recall"]["rows"]:
        share = "–" if x["scored"] is None else f"{x['scored']:.1%}"
        cells = f"{x['recall']:.3f}", share, report.with_range(x["time"])
        yield "recall", x["method"], [str(x["setting"]), *cells]
    for x in result["losses"]["rows"]:
        nats = f"{x['nats_per_token']:.3f}"
        yield "losses", x["search"], [str(x["probes"] or "–"), nats]


def tables(page):
    """[(heading, rows)] of the tables of a page, as lists of cells."""
    for lines in re.findall(r"(?:^\|.*\n)+", page, flags=re.M):
        cells = [line.strip("|\n ").split(" | ") for line in lines.splitlines()]
        yield cells[0], cells[2:]


@pytest.mark.parametrize("name, told", [("bench", 41), ("bench_gpu", 6)])
def test_speed_tells_what_the_bench_measured(name, told):
    result = json.loads(text(f"results/{name}.json"))
    rows = list(measured(result))
    on_gpu, found = name == "bench_gpu", 0
    for heading, lines in tables(text("tutorial/speed.md")):
        if ("on the GPU" in heading[0]) is not on_gpu or "run" in heading[1]:
            continue
        sizes = [int(x.lstrip("M ").replace(",", "")) for x in heading[1:] if COUNT(x)]
        base = "to_exact" if heading[0] == "M" else "to_product"
        for first, *cells in lines:
            if sizes:
                first = first.replace("LSH, exact search = 1", "LSH with insertion")
                expected = [x for b, n, x in rows if (b, n) == (base, first)]
                assert [x[M] for x in expected for M in sizes] == cells, first
            else:
                assert (first, cells) in [(n, x) for _, n, x in rows], (first, cells)
            found += 1
    assert found == told


def test_speed_tells_the_same_in_words_as_in_its_tables():
    result, told = json.loads(text("results/bench.json")), flowed("speed")
    exact = {x["memory"]: x["to_product"]["exact"] for x in result["search"]}
    assert f"exact search takes {report.with_range(exact[65_536])} of the time" in told
    small = [f"{exact[M]['median']:.2f}" for M in (2048, 512)]
    assert f"takes {small[0]} times as long at 2,048, and {small[1]} times at" in told
    steps = {x["model"]: x for x in result["step"]}
    times = steps["exact, M 8192"]["to_no_memory"]["median"]
    assert f"makes a step {times:.2f} times as long" in told
    speed = {name: x[PER_SECOND]["median"] for name, x in steps.items()}
    peer = "memorizing-transformers-pytorch, M"
    lsh = next(name for name in speed if name.startswith("LSH"))
    more = speed["exact, M 8192"] / speed[f"{peer} 8192"]
    assert f"trains {more:.2f} times as many tokens per second" in told
    more = speed[lsh] / speed[f"{peer} 65536"]
    pages = f"{lsh.split()[2]} *pages* for each query (of 64 keys each, see [below]"
    times = f"(#when-lsh-pays)), it trains {more:.2f} times as many"
    assert f"At 65,536, with LSH that reads {pages}{times}" in told
    *_, most, best = (x["nats_per_token"] for x in result["losses"]["rows"])
    assert f"With 32 pages, the loss is {most - best:.3f} nats above" in told
    assert f"32 pages of LSH cost {most - best:.3f} nats" in flowed("paper_map")
