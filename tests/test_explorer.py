"""The explorer's page: it holds what was retrieved, loads nothing, and can be used."""

import base64
import hashlib
import html
import json
import re
import time
import zlib
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from models import CONFIG, params_of
from webdriver import Browser, programs

from minimt import evaluate, tokenizer
from minimt import model as numpy_model
from minimt.errors import InputError
from minimt.inspection import definitions, explorer, lookups
from minimt.torch_model import MemorizingTransformer

SAMPLE = Path(__file__).parent.parent / "tutorial/explorer_sample.html"
CODE = "def one(two):\n    three = four + 5\n\n\n    return three * two\n\n"
HOSTILE = (
    "</script><script>window.hacked = 1</script>\r\n<img src=x onerror='hacked = 2'>\n"
    "<!-- <script> {{data}} {{name}} &amp; &lt; \\u003c ${hacked} \0\x01\x1b[31m \x7f"
    "\x9b\u2028\u2029 \u202egnp.exe \u200f\u05d0\u05d1 \ufeff\ufffe e\u0301 日本 "
    "lone\rcr \N{GRINNING FACE}\N{MAN}\u200d\N{WOMAN} <svg onload='hacked = 3'>\n"
)
NAME = "<img src=y onerror='window.hacked=4'>\u202e\n{{data}}"


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory):
    return tokenizer.train_vocabulary([CODE * 3], 280, tmp_path_factory.mktemp("words"))


@pytest.fixture(scope="module")
def config():
    """Three heads; a memory of which neither segments nor documents are multiples."""
    return replace(CONFIG, heads=3, neighbours=6, vocab=280)


def model_of(config):
    """Random weights under which memory matters, with three different gates."""
    params = params_of(config)
    params["layers.1.gate"] = np.linspace(-1, 2, config.heads)
    params["layers.1.output"] = 4 * params["layers.1.output"]
    return MemorizingTransformer(config).load_numpy(params)


@pytest.fixture(scope="module")
def page(config, vocabulary):
    return explorer.page(model_of(config), vocabulary, CODE * 3, "some/code.py")


def content_of(page):
    """The content that a page was filled with, so that it can be filled anew."""
    inside = re.search(r'<script type="application/json" id="data">(.*?)</script', page)
    return json.loads(inside[1])


def content(page):
    """The data in a page, its arrays unpacked."""
    return {
        name: unpack(value) if isinstance(value, dict) else value
        for name, value in content_of(page).items()
    }


def unpack(packed):
    kind = np.dtype(packed["kind"].removesuffix("Array").lower()).newbyteorder("<")
    return np.frombuffer(zlib.decompress(base64.b64decode(packed["base64"])), kind)


def kept(places):
    """The places of a head that a page keeps: those that weigh something, at most 4."""
    heavy = [x for x in places if np.rint(x[1] * explorer.WHOLE)]
    return heavy[: explorer.PLACES]


@pytest.mark.parametrize("neighbours", [3, 6])
def test_the_page_holds_the_places_that_were_retrieved(config, vocabulary, neighbours):
    model = model_of(replace(config, neighbours=neighbours))
    doc = tokenizer.encode(vocabulary, CODE * 3)
    found = content(explorer.page(model, vocabulary, CODE * 3, "x"))
    queries = range(len(doc) - 1)
    expected = lookups.retrieved_places(model, doc, set(queries))
    shape = len(doc) - 1, 3, found["places"]
    assert found["places"] == min(neighbours, explorer.PLACES)
    back, weight = (found[x].reshape(shape) for x in ("back", "weight"))
    lengths = {len(expected[i][h]) for i in queries for h in range(3)}
    assert lengths == {0, min(5, neighbours), neighbours}
    for i in queries:
        for h in range(3):
            best = kept(expected[i][h])
            nothing = [0] * (shape[2] - len(best))
            assert back[i, h].tolist() == [i - place for place, _ in best] + nothing
            np.testing.assert_allclose(
                weight[i, h] / found["whole"],
                [w for _, w in best] + nothing,
                atol=0.501 / explorer.WHOLE,
            )


def test_the_page_holds_nats_gates_and_text(config, vocabulary, page):
    model, doc = model_of(config), tokenizer.encode(vocabulary, CODE * 3)
    found = content(page)
    plain = model.changed(memory=0)
    for name, reader in dict(without=plain, remembered=model).items():
        nats = evaluate.document_losses(reader, [doc])[0]
        np.testing.assert_allclose(found[name] / found["nat"], nats, atol=0.000501)
    difference = found["without"].astype(int) - found["remembered"]
    assert np.abs(difference).max() > 0.5 * found["nat"]
    gates = 1 / (1 + np.exp(-np.linspace(-1, 2, 3)))
    assert found["gate"] == pytest.approx(gates, abs=1e-4)
    assert found["text"] == CODE * 3
    assert (found["segment"], found["memory"]) == (config.segment, config.memory)
    pieces = [found["pieces"][i] for i in found["tokens"]]
    assert pieces == [vocabulary.decode([token]) for token in doc[1:].tolist()]


@pytest.mark.parametrize("prefix, memory", [("", True), ("plain_", False)])
def test_the_page_holds_the_likeliest_tokens(config, vocabulary, page, prefix, memory):
    """They are what the NumPy model expects, read segment by segment."""
    doc, found = tokenizer.encode(vocabulary, CODE * 3), content(page)
    read = config if memory else replace(config, memory=0)
    params, state, costs = model_of(config).to_numpy(), None, []
    for age in range(0, len(doc) - 1, config.segment):
        tokens = doc[None, age : min(age + config.segment, len(doc) - 1)]
        logits, state = numpy_model.forward(params, read, tokens, state)
        costs.append(np.log(np.exp(logits[0]).sum(-1, keepdims=True)) - logits[0])
    costs = np.concatenate(costs)
    shape = len(doc) - 1, explorer.GUESSES
    guess, cost = (found[prefix + x].reshape(shape) for x in ("guess", "cost"))
    best = np.sort(costs, axis=-1)[:, : explorer.GUESSES]
    np.testing.assert_allclose(cost / found["nat"], best, atol=0.000501)
    ids = {vocabulary.decode([t]): t for t in range(vocabulary.get_vocab_size())}
    for i in range(len(doc) - 1):
        for j in range(explorer.GUESSES):
            word = found["pieces"][guess[i, j]]
            if word in ids and "\ufffd" not in word:
                assert costs[i, ids[word]] == pytest.approx(best[i, j], abs=1e-5)


def test_names_are_defined_where_their_definitions_say():
    """Counted in UTF-16 units, in which an emoji takes two."""
    text = "# \N{GRINNING FACE}\ndef twice(x):\n    return x + x\n"
    units = text.encode("utf-16-le")
    names = [units[2 * at :].decode("utf-16-le")[:5] for at in explorer.defined(text)]
    assert names == ["twice", "x):\n "]
    assert len(explorer.defined("this is no program, but a text")) == 0


def test_a_character_of_several_tokens_belongs_to_the_first(vocabulary):
    """Decoded token by token, the text has grown by just as much as it says."""
    text = CODE + HOSTILE
    ids, read = vocabulary.encode(text).ids, 0
    lengths = explorer.lengths(vocabulary, text)
    for i, length in enumerate(lengths.tolist()):
        begun = text[: len(vocabulary.decode(ids[: i + 1]))]  # its last may be a �
        read += length
        assert read == len(begun.encode("utf-16-le")) // 2
    assert (lengths == 0).sum() > 10 and 2 in lengths
    assert read == len(text.encode("utf-16-le")) // 2


@pytest.mark.parametrize(
    "most, kind", [(0, "Uint8"), (255, "Uint8"), (256, "Uint16"), (65536, "Uint32")]
)
def test_whole_numbers_are_packed_into_the_fewest_bytes(most, kind):
    packed = explorer.pack(np.array([0, most]))
    assert packed["kind"] == kind + "Array"
    assert unpack(packed).tolist() == [0, most]


class Tags(HTMLParser):
    """The elements of a page, as [(tag, attributes)]."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, attributes))


def test_no_element_comes_from_a_document_or_its_name(config, vocabulary, page):
    hostile = explorer.page(model_of(config), vocabulary, HOSTILE, NAME)
    assert Tags(hostile).found == Tags(page).found
    assert content(hostile)["text"] == HOSTILE


def test_the_page_loads_nothing(page):
    said = re.sub(r'"base64": ?"[^"]*"', "", page)  # in which any letters may meet
    assert said != page
    said = re.sub(r"(?m)^\s*// .*$|  // .*$", "", said)  # the script's comments
    assert not re.search(r"//\w|\bsrc=|\bhref=|@import|\burl\(|\bimport\b", said)
    assert "{{" not in page


def test_the_sample_is_a_page_of_the_present_template():
    """If not, fill it anew: page = explorer.fill(content_of(page))."""
    page = SAMPLE.read_bytes().decode()
    assert page == explorer.fill(content_of(page))
    assert len(page.encode()) < 400 * 1024


def test_the_page_s_policy_forbids_all_but_its_own_style_and_script(page):
    tags = [dict(attributes) for _, attributes in Tags(page).found]
    policy = next(tag["content"] for tag in tags if "http-equiv" in tag)
    assert policy.startswith("default-src 'none';") and "unsafe" not in policy
    for tag in ("style", "script"):
        inside = re.search(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_the_same_document_gives_the_same_bytes(config, vocabulary, page, tmp_path):
    where = tmp_path / "new" / "page.html"
    explorer.write(where, model_of(config), vocabulary, CODE * 3, "some/code.py")
    assert where.read_bytes() == page.encode()


def test_a_page_with_nothing_to_show_is_refused(config, vocabulary):
    with pytest.raises(
        InputError, match="x has 5 tokens, which fit into one segment of 5"
    ):
        explorer.page(model_of(config), vocabulary, "12345", "x")
    explorer.page(model_of(config), vocabulary, "123456", "x")
    plain = MemorizingTransformer(replace(config, memory=0))
    with pytest.raises(InputError, match=r"no memory to explore: .*--memory"):
        explorer.page(plain, vocabulary, CODE, "x")


# ---- In a browser


@pytest.fixture(scope="module")
def browser():
    if not programs():
        pytest.skip("no chromium and chromedriver here: the page was not opened")
    with Browser(*programs()) as browser:
        yield browser


@pytest.fixture
def show(browser, tmp_path):
    """Opens a page in the browser; nothing may be complained of until the end."""

    def opened(page, at="", width=1200, height=800, **media):
        (tmp_path / "page.html").write_text(page, encoding="utf-8", newline="")
        browser.open(f"file://{tmp_path}/page.html{at}", width, height, **media)
        browser.run("return ready")
        return browser

    yield opened
    assert browser.complaints() == []
    loaded = "return performance.getEntriesByType('resource').map(x => x.name)"
    assert browser.run(loaded) == []


def words(browser, selector="#said"):
    """The text of all elements that match."""
    script = "return [...document.querySelectorAll(arguments[0])].map(x => x.innerText)"
    return browser.run(script, selector)


def told(browser):
    """What the panel says: the sentence, nats, guesses and places.

    Guesses are lists of tokens and probabilities, with memory and without; places are
    rows of distance, the heads' percentages and the token.
    """
    script = """
        const texts = (row, of) => [...row.querySelectorAll(of)].map(x => x.innerText);
        const rows = [...document.querySelectorAll('#places tbody tr')];
        return [
          [...document.querySelectorAll('#guesses ol')].map(list =>
            [...list.children].map(row => texts(row, 'span'))),
          rows.map(row => [...texts(row, '.back, .cell'), ...texts(row, 'mark')])]
    """
    guesses, places = browser.run(script)
    return words(browser)[0], words(browser, "#guesses h3"), guesses, places


def sign(vocabulary, token):
    """A token as the panel shows it."""
    word = (vocabulary.decode([token]) if token else "") or "‹start›"
    return word.replace("\n", "⏎").replace(" ", "·")


def number(said):
    """A probability or share that was said, as a number."""
    if said.endswith("%"):
        return float(said[:-1]) / 100
    amount, *unit = said.removeprefix("1 in ").replace(",", "").split()
    units = dict(million=1e6, billion=1e9, trillion=1e12)
    return 1 / (float(amount) * (units[unit[0]] if unit else 1))


def spot(browser, t):
    """The middle of a token on the screen."""
    script = """
        const box = spans[arguments[0]].getClientRects()[0];
        return [box.x + box.width / 2, box.y + box.height / 2]
    """
    return browser.run(script, t)


def shown(browser, t):
    """Whether a token can be seen, a line end by the place where it stands.

    A browser draws lines that come into view a frame after it scrolled.
    """
    script = """
        const t = arguments[0], frame = () => new Promise(requestAnimationFrame);
        return frame().then(frame).then(() => {
            const box = spans[t].getClientRects()[0];
            const at = document.elementFromPoint(box.x + 1, box.y + 4);
            return box.width ? at?.token === t : Boolean(at?.closest('#text'));
        });
    """
    return browser.run(script, t)


def test_the_panel_shows_what_python_computes(config, vocabulary, page, show):
    model, doc = model_of(config), tokenizer.encode(vocabulary, CODE * 3)
    found, browser = content(page), show(page, "#t=3")
    places = lookups.retrieved_places(model, doc, set(range(len(doc) - 1)))
    assert "token 3," in words(browser)[0]
    assert words(browser, "#places p") == ["Nothing was in memory yet."]
    browser.click(*spot(browser, 40))
    for t in range(40, 47):
        said, titles, guesses, rows = told(browser)
        nats = [found[name][t - 1] / found["nat"] for name in ("remembered", "without")]
        gain = nats[1] - nats[0]
        assert said.split("\n")[0] == sign(vocabulary, doc[t])
        shown = re.search(r"token (\d+), ([−+][\d.]+) nats", said)
        assert int(shown[1]) == t
        assert float(shown[2].replace("−", "-")) == pytest.approx(gain, abs=0.0051)
        assert ("less likely" in said) == (gain <= -0.1)
        assert ("as likely" in said) == (gain >= 0.1)
        for cost, title, shown in zip(nats, titles, guesses):
            assert title.split()[-2:] == [f"{cost:.2f}", "nats"]
            right = [x for x in shown if x[0] == "✓"]
            assert [x[1] for x in right] == [sign(vocabulary, doc[t])]
            assert number(right[0][-1]) == pytest.approx(np.exp(-cost), rel=0.06)
            assert len(shown) in (5, 6) and shown.index(right[0]) in (*range(5), 5)
        assert rows[0][0] == "now"
        expected = {}
        for h in range(3):
            for place, weight in kept(places[t - 1][h]):
                expected.setdefault(place, {})[h] = weight
        told_of = {t - 1 - int(x[0]): x for x in rows[1:] if len(x) == 1 + 3 + 1}
        assert told_of.keys() == expected.keys()
        for place, (_, *shares, mark) in told_of.items():
            assert mark == sign(vocabulary, doc[place])
            for h, share in enumerate(shares):
                weight = expected[place].get(h)
                assert (share == "·") == (weight is None)
                assert weight is None or number(share) == pytest.approx(
                    weight, abs=0.008
                )
        browser.press("right")
    browser.press("left")
    assert "token 46," in words(browser)[0]


def invented(config, ends, text, gains, heads=1):
    """A page of a text whose tokens end there and gain so much; four places a head."""
    n = len(ends)
    back = np.minimum(np.arange(n)[:, None, None], np.tile(FAR, (heads, 1)))
    nats = explorer.in_parts(np.stack([1 + np.maximum(x, 0) for x in (gains, -gains)]))
    guesses = np.arange(n)[:, None] % 3 + np.arange(explorer.GUESSES)
    arrays = dict(
        lengths=np.diff(ends, prepend=0),
        tokens=np.arange(n) % 7,
        without=nats[0],
        remembered=nats[1],
        guess=guesses,
        plain_guess=guesses[::-1],
        cost=900 * (1 + guesses),
        plain_cost=900 * (1 + guesses),
        back=back,
        weight=np.full(back.shape, explorer.WHOLE // 5),
        defined=np.zeros(0, dtype=np.int64),
    )
    packed = {name: explorer.pack(x) for name, x in arrays.items()}
    about = dict(name="invented", text=text, gate=[0.6] * heads, places=4)
    about |= dict(whole=explorer.WHOLE, nat=explorer.NAT, pieces=[*"abcdefg"])
    return explorer.fill(about | packed | dict(memory=4096, segment=64))


FAR = 7, 40, 900, 3000  # how many tokens back the places of an invented page are


@pytest.fixture(scope="module")
def long_page(config):
    """50,000 tokens in lines of five, every hundredth gains 4 nats."""
    text = "".join(f"a{i} = b{i}\n" for i in range(10_000))
    ends = np.array([match.end() for match in re.finditer(r"\w\d+|\s=|\s", text)])
    gains = np.where(np.arange(1, 50_001) % 100 == 0, 4.0, -0.2)
    return invented(config, ends, text, gains, heads=4)


def chosen(browser):
    """The token that the panel is about, if it can be seen in the text."""
    t = int(re.search(r"token ([\d,]+),? ", words(browser)[0])[1].replace(",", ""))
    assert shown(browser, t)
    return t


def test_keys_move_by_token_by_line_and_by_gain(long_page, show):
    began = time.perf_counter()
    browser = show(long_page)
    assert chosen(browser) == 100  # the first of those that gain most
    assert words(browser, "#many") == ["by ≥ 3 nats: 500"]
    steps = (
        "right 101 down 106 down 111 right 112 up 107 end 109 up 104 home 101 left 100"
    )
    steps += " n 200 n 300 p 200 1 200 n 300 5 300 n 300 control+end 50000 right 50000"
    steps += " 4 50000 n 100 p 50000 up 49994 control+home 1 left 1 up 1"
    for key, t in zip(*[iter(steps.split())] * 2):
        browser.press(key)
        assert chosen(browser) == int(t), key
    wait = "return new Promise(done => setTimeout(() => done(location.hash), 500))"
    assert browser.run(wait) == "#t=1"
    assert time.perf_counter() - began < 30  # 26 keys


def test_arrow_keys_visit_every_line_down_and_up(page, show):
    browser, line = show(page, "#t=1"), "return lineOf(anchor(chosen))"
    down, up = [browser.run(line)], []
    for _ in range(CODE.count("\n") * 3):
        browser.press("down")
        down.append(browser.run(line))
    for _ in down:
        up.append(browser.run(line))
        browser.press("up")
    visited = sorted(set(down))
    full = [i for i, x in enumerate((CODE * 3).split("\n")) if x.strip()]
    assert down == visited + [visited[-1]] * (len(down) - len(visited))
    assert sorted(set(up)) == visited and up == sorted(up, reverse=True)
    assert set(full) <= set(visited)


def test_arrow_keys_stay_in_their_column(config, show):
    words = ["abc", " ", "def", "\n", "\n", "xyz", " ", "uvw", "\n"]
    ends = np.cumsum([len(word) for word in words])
    browser = show(invented(config, ends, "".join(words), np.zeros(9)), "#t=3")
    steps = "down 5 down 8 up 5 up 3 down 5 down 8 left 7 up 5 up 2"
    for key, t in zip(*[iter(steps.split())] * 2):
        browser.press(key)
        assert chosen(browser) == int(t), key


def test_a_retrieved_place_can_be_visited_and_left_again(long_page, show):
    browser = show(long_page, "#t=5000")
    marked = "return [...document.querySelectorAll('#text .seen')].map(x => x.token)"
    assert words(browser, "#places td.back") == ["now", "7", "40", "900", "3,000"]
    browser.press(*["tab"] * 7)  # five buttons, a slider, the first place
    assert browser.run(marked) == [4992]  # the query is token 4999
    browser.press("tab", "tab")
    assert browser.run(marked) == [4099] and not shown(browser, 4099)
    browser.press("enter")
    assert shown(browser, 4099) and not shown(browser, 5000)
    assert words(browser, "#return") == ["‹ back to token 5,000"]
    browser.press("b")
    assert chosen(browser) == 5000 and browser.run(marked) == []
    row = browser.run("""
        const row = document.querySelectorAll('#places button.row')[3];
        row.scrollIntoView({block: 'center'});
        const box = row.getBoundingClientRect();
        return [box.x + 9, box.y + 9]
    """)
    browser.click(*row)
    assert shown(browser, 1999) and "token 5,000" in words(browser)[0]
    browser.click(*row)
    assert chosen(browser) == 1999
    assert browser.run("return document.activeElement.id") == "text"
    browser.press("escape")
    assert chosen(browser) == 5000
    assert browser.run("return document.getElementById('return').hidden")


def test_the_keyboard_alone_reaches_everything(page, show):
    browser, reached = show(page, "#t=60"), []
    at = """
        const at = document.activeElement;
        return [at.id || at.tagName + (at.token ?? ''), at.matches(':focus-visible'),
                at.ariaLabel || at.innerText]
    """
    for _ in range(30):
        reached.append(browser.run(at))
        browser.press("tab")
    names = [name for name, _, _ in reached]
    rows = "return [...document.querySelectorAll('button.row')].map(x => x.token)"
    rows = [f"BUTTON{t}" for t in browser.run(rows)]
    assert len(rows) >= 4
    expected = "text previous next side least copy widen".split() + rows
    assert names[: len(expected)] == expected
    assert all(seen and label for _, seen, label in reached[: len(expected)])
    browser.run("document.getElementById('text').focus()")
    browser.press("?")
    assert browser.run(at)[2] == "Close" and "this help" in words(browser, "dialog")[0]
    browser.press("right", "escape")
    assert browser.run(at)[0] == "text" and "token 60," in words(browser)[0]


SIZES = [(1280, 800), (768, 1024), (375, 700), (320, 500), (640, 400), (320, 200)]


@pytest.mark.parametrize("width, height", SIZES)
def test_text_and_panel_can_be_seen_at_every_size(
    config, long_page, show, width, height
):
    """On a desktop, a tablet and phones; the last two are desktops at 200% and 400%."""
    one_word = invented(config, [900, 901], 900 * "x" + "\n", np.zeros(2))
    wide = "const page = document.documentElement;"
    wide += "return page.scrollWidth - page.clientWidth"
    assert show(one_word, "", width, height).run(wide) <= 0
    browser = show(long_page, "#t=30000", width, height)
    assert browser.run(wide) <= 0 and chosen(browser) == 30000
    browser.click(*spot(browser, 29998))
    assert chosen(browser) == 29998
    for seen in ("#said b", "#copy", "#widen", "#places tr:last-child .where"):
        script = "const x = document.querySelector(arguments[0]);"
        script += "x.scrollIntoView({block: 'center'});"
        script += "const box = x.getBoundingClientRect();"
        script += "return x.contains(document.elementFromPoint(box.x + 9, box.y + 9))"
        assert browser.run(script, seen), seen


def test_the_ends_of_the_legend_stand_under_its_ends(page, show):
    for width, height in SIZES[:4]:
        browser = show(page, "", width, height)
        script = "return [...document.querySelectorAll('#legend > *')].map(x => "
        script += "[x.getBoundingClientRect().left, x.getBoundingClientRect().right])"
        (left, right), hurts, helps = browser.run(script)
        assert hurts[0] == pytest.approx(left, abs=1)
        assert helps[1] == pytest.approx(right, abs=1)


def test_a_button_leads_back_when_the_token_is_scrolled_away(long_page, show):
    browser = show(long_page, "#t=30000", 375, 700)
    assert not browser.run("return $('return').offsetParent")
    browser.run("$('text').scrollTop = 0; return new Promise(requestAnimationFrame)")
    assert not shown(browser, 30000)
    assert words(browser, "#return") == ["‹ back to token 30,000"]
    browser.run("$('return').click()")
    assert chosen(browser) == 30000


def test_fifty_thousand_tokens_open_in_two_seconds(long_page, show):
    browser = show(long_page)
    script = "return performance.getEntriesByName('open')[0].startTime"
    assert browser.run(script) < 2000


def test_screen_readers_find_the_text(page, show):
    assert "application" not in [
        x for _, tag in Tags(page).found for x in dict(tag).values()
    ]
    nodes = show(page, "#t=60").command("Accessibility.getFullAXTree")["nodes"]
    static = [x["name"]["value"] for x in nodes if x["role"]["value"] == "StaticText"]
    assert "".join(CODE.split()) in "".join("".join(static).split())


def test_keys_lead_to_what_memory_hurts(config, show):
    gains = np.where(np.arange(40) % 10 == 4, -2.0, 0.1)
    browser = show(invented(config, np.arange(1, 41), 40 * "x", gains), "#t=1")
    browser.press("h")
    assert words(browser, "#many") == ["by ≥ 1 nats: 4"]
    assert words(browser, "#side") == ["hurt ⇄"]
    for key, t in zip("nnp", (5, 15, 5)):
        browser.press(key)
        assert chosen(browser) == t and "times less likely" in words(browser)[0]


def test_search_goes_from_match_to_match(long_page, show):
    browser = show(long_page, "#t=1")
    browser.press("/", *"b999", "enter")
    at = browser.run("return start[chosen]"), browser.run("return text.indexOf('b999')")
    assert at[0] == at[1] and words(browser, "#search output") == ["1 of 11"]
    browser.press("enter")
    assert browser.run("return piece(chosen)") == "b9990"
    browser.press("shift+enter", "shift+enter")
    assert browser.run("return piece(chosen)") == "b9999"
    assert words(browser, "#search output") == ["11 of 11"]
    browser.press("escape", "right")
    assert browser.run("return piece(chosen)") == "\n"


def test_a_link_to_the_token_is_copied(page, show):
    browser = show(page, "#t=60")
    browser.run("navigator.clipboard.writeText = async x => { window.copied = x; }")
    browser.press("right", "c")
    assert browser.run("return window.copied").endswith("page.html#t=61")
    assert words(browser, "#copy") == ["Copied"]


@pytest.mark.parametrize(
    "letters, rightward", [("abc ", True), ("\u05d0\u05d1\u05d2 ", False)]
)
def test_contexts_run_in_the_direction_of_their_letters(
    config, show, letters, rightward
):
    text = letters * 15
    ends = np.arange(1, 16) * 4
    browser = show(invented(config, ends, text, np.zeros(15)), "#t=12")
    script = "const row = document.querySelector('tr.now');"
    script += "return ['.before bdi', 'mark', '.after'].map(x => "
    script += "row.querySelector(x).getBoundingClientRect().x)"
    places = browser.run(script)
    assert places == sorted(places, reverse=not rightward)


def test_a_page_inside_another_works(page, browser, tmp_path):
    size = 'style="width: 100%; height: 720px"'
    outer = f'<iframe {size} srcdoc="{html.escape(page)}"></iframe>'
    (tmp_path / "outer.html").write_text(outer, encoding="utf-8")
    browser.open(f"file://{tmp_path}/outer.html")
    script = """
        const inside = document.querySelector('iframe').contentDocument;
        const wait = new Promise(done => setTimeout(done, 600));  // for its address
        return wait.then(() => inside.querySelectorAll('#text .chosen').length)
    """
    assert browser.run(script) == 1
    assert browser.complaints() == []


# ---- The sample page


@pytest.fixture(scope="module")
def sample():
    return SAMPLE.read_bytes().decode()


def test_the_tour_of_the_sample_has_four_stops(sample, show):
    browser, found = show(sample), content(sample)
    text, ends = found["text"], np.cumsum(found["lengths"])
    gains = found["without"].astype(int) - found["remembered"]
    stops = {}
    browser.press("t")
    for _ in range(4):
        title = words(browser, "#stop h2")[0].split(" stop")[0]
        script = "return [chosen, heaviest(chosen), nameAt(chosen)?.name]"
        stops[title] = browser.run(script)
        browser.run("document.querySelector('#stop button.main').click()")
    assert browser.run("return $('stop').hidden")
    assert [*stops] == ["A repeat", "A name", "A miss", "A false lead"]
    begin = lambda t: int(ends[t - 2]) if t > 1 else 0  # noqa: E731
    t, place, _ = stops["A repeat"]
    before = text[begin(t) - 24 : begin(t)]
    assert text[begin(place) - 24 : begin(place)] == before and gains[t - 1] > 1000
    for title in ("A name", "A miss"):
        t, _, name = stops[title]
        assert re.search(rf"\b{name}\b", text[: begin(t) - 1]), title
    assert gains[stops["A name"][0] - 1] > 1000
    assert abs(gains[stops["A miss"][0] - 1]) <= 500
    assert gains[stops["A false lead"][0] - 1] < -500


def test_the_sample_opens_on_a_name_and_follows_it(sample, show):
    browser, text = show(sample), content(sample)["text"]
    name = browser.run("return nameAt(chosen).name")
    assert len(name) >= 3 and name.isidentifier()
    browser.press("f")
    browser.run("return new Promise(requestAnimationFrame)")
    script = "return [...document.querySelectorAll('#name tbody tr')].map(row => "
    script += "[row.querySelector('mark').innerText, row.cells[2].innerText])"
    rows = browser.run(script)
    assert [word for word, _ in rows] == [name] * len(re.findall(rf"\b{name}\b", text))
    places = definitions.python(text)
    defined = [x for x in places if x.name == name and x.defines]
    assert sum(kind == "defined" for _, kind in rows) == len(defined)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable_on_every_colour(page, show, scheme):
    browser = show(page, "#t=60", prefers_color_scheme=scheme)
    heaviest = "const cell = document.querySelector('#places td.cell');"
    browser.run(heaviest + "cell.id = 'full'; cell.style.setProperty('--share', 1)")
    script = (
        "return [...document.querySelectorAll('body, #legend li, #full')].map(x => ["
    )
    script += "getComputedStyle(x).backgroundColor, getComputedStyle(x).color])"
    (paper, ink), *scale = [map(rgba, pair) for pair in browser.run(script)]
    assert (paper[:3].mean() < 128) == (scheme == "dark")
    colours = [
        colour[3] * colour[:3] + (1 - colour[3]) * paper[:3] for colour, _ in scale
    ]
    assert len(colours) == 12
    for colour in colours:
        lighter, darker = sorted([luminance(ink[:3]), luminance(colour)], reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5  # as WCAG 2 asks


def rgba(css):
    """The numbers of a colour: red, green, blue to 255, and how opaque it is."""
    numbers = [float(x) for x in re.findall(r"[\d.]+", css)]
    return np.array([*numbers, 1.0][:4])


def luminance(colour):
    """The relative luminance of WCAG 2."""
    x = colour / 255
    linear = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def test_a_hostile_document_is_only_text(config, vocabulary, show):
    text = HOSTILE * 2
    browser = show(explorer.page(model_of(config), vocabulary, text, NAME), "#t=1")
    assert browser.run("return document.getElementById('text').textContent") == text
    browser.run("for (let t = 1; t <= n; t++) choose(t)")
    copy = """
        getSelection().selectAllChildren(document.getElementById('text'));
        const clipboardData = new DataTransfer();
        document.getElementById('text').dispatchEvent(
          new ClipboardEvent('copy', {clipboardData, bubbles: true}));
        return clipboardData.getData('text/plain')
    """
    assert browser.run(copy) == text
    tokens = [vocabulary.decode([t]) for t in vocabulary.encode(text).ids]
    partial = next(i for i, x in enumerate(tokens, 1) if x == "\ufffd")
    browser.run("choose(arguments[0])", partial + 1)
    assert "(part 2 of " in words(browser)[0]
    assert browser.run("return window.hacked") is None
    assert browser.complaints() == []
    script = "<details open ontoggle='window.hacked = 5'>"
    browser.run("document.body.insertAdjacentHTML('beforeend', arguments[0])", script)
    assert "Content Security Policy" in browser.complaints()[0]  # nor could what got in
    assert browser.run("return window.hacked") is None
