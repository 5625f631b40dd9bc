"""The explorer's page: it holds what was retrieved, loads nothing, and can be used."""

import base64
import hashlib
import json
import re
import time
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from models import CONFIG, params_of
from webdriver import Browser, programs

from minimt import evaluate, tokenizer
from minimt.errors import InputError
from minimt.inspection import explorer, lookups
from minimt.torch_model import MemorizingTransformer

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


def content(page):
    """The data in a page, its arrays unpacked."""
    inside = re.search(r'<script type="application/json" id="data">(.*?)</script', page)
    return {
        name: unpack(value) if isinstance(value, dict) else value
        for name, value in json.loads(inside[1]).items()
    }


def unpack(packed):
    kind = np.dtype(packed["kind"].removesuffix("Array").lower()).newbyteorder("<")
    return np.frombuffer(base64.b64decode(packed["base64"]), kind)


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
            best = expected[i][h][: shape[2]]
            nothing = [0] * (shape[2] - len(best))
            assert back[i, h].tolist() == [i - place for place, _ in best] + nothing
            np.testing.assert_allclose(
                weight[i, h] / found["whole"], [w for _, w in best] + nothing, atol=1e-5
            )


def test_the_page_holds_nats_gates_and_text(config, vocabulary, page):
    model, doc = model_of(config), tokenizer.encode(vocabulary, CODE * 3)
    found = content(page)
    plain = model.changed(memory=0)
    for name, reader in dict(without=plain, remembered=model).items():
        nats = evaluate.document_losses(reader, [doc])[0]
        np.testing.assert_allclose(found[name], nats, atol=1e-6)
    assert np.abs(found["without"] - found["remembered"]).max() > 0.5
    assert found["gate"] == pytest.approx(1 / (1 + np.exp(-np.linspace(-1, 2, 3))))
    assert found["text"] == CODE * 3


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
    assert not re.search(r"//\w|\bsrc=|\bhref=|@import|\burl\(|\bimport\b", said)
    assert "{{" not in page


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
    """What the panel says: the sentence, nats and chances, and what each head found.

    Of a head its title, and rows of percentage, distance and token.
    """
    script = """
        const heads = [], texts = found => [...found].map(x => x.innerText);
        for (const row of [...document.querySelectorAll('#heads > *')].slice(1))
          if (row.tagName === 'H2') heads.push([row.innerText, []]);
          else heads.at(-1)[1].push(
            texts(row.querySelectorAll('.share > span, .back, mark')));
        return heads
    """
    cells = words(browser, "td:nth-child(2), td:nth-child(3)")
    return words(browser)[0], cells, browser.run(script)


def sign(vocabulary, token):
    """A token as the panel shows it."""
    word = vocabulary.decode([token]) or "‹start›"
    return word.replace("\n", "⏎").replace(" ", "·")


def number(said):
    """A probability or share that was said, as a number."""
    if said.endswith("%"):
        return float(said[:-1]) / 100
    amount, *unit = said.removeprefix("1 in ").split()
    unit = dict(thousand=1e3, million=1e6, billion=1e9, trillion=1e12)[unit[0]]
    return 1 / (float(amount) * unit)


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
    assert "token 3 " in words(browser)[0]
    assert words(browser, "#heads p") == ["Nothing was in memory yet."] * 3
    browser.click(*spot(browser, 40))
    for t in range(40, 47):
        said, cells, heads = told(browser)
        nats = [float(found[name][t - 1]) for name in ("remembered", "without")]
        gain = nats[1] - nats[0]
        verb = f"{'loses' if gain < 0 else 'gains'} {abs(gain):.2f} nats"
        assert said.startswith(f"token {t} {sign(vocabulary, doc[t])} {verb}")
        assert cells[::2] == [f"{x:.2f}" for x in nats]
        chances = [number(cell) for cell in cells[1::2]]
        np.testing.assert_allclose(chances, np.exp(-np.array(nats)), rtol=0.006)
        for h, (title, rows) in enumerate(heads):
            assert title.split() == ["head", str(h), "gate", f"{found['gate'][h]:.2f}"]
            expected = places[t - 1][h]
            for (percent, back, mark), (place, weight) in zip(rows, expected[:4]):
                assert number(percent) == pytest.approx(weight, abs=0.0051)
                assert back == f"−{t - 1 - place}"
                assert mark == sign(vocabulary, doc[place])
            rest = sum(weight for _, weight in expected[4:])
            left = number(rows[4][0]) if len(rows) > 4 else 0
            assert left == pytest.approx(rest, abs=0.0051)
        assert len(heads) == 3
        browser.press("right")
    browser.press("left")
    assert "token 46 " in words(browser)[0]


def invented(config, ends, text, gains):
    """A page of a text whose tokens end there and gain so much; four places each."""
    back = np.minimum(np.arange(len(ends))[:, None], FAR)  # (n, 4)
    numbers = dict(
        lengths=np.diff(ends, prepend=0),
        without=1 + np.maximum(gains, 0),
        remembered=1 + np.maximum(-gains, 0),
        back=back,
        weight=np.full(back.shape, explorer.WHOLE // 5),
    )
    packed = {name: explorer.pack(x) for name, x in numbers.items()}
    about = dict(text=text, gate=[0.6], places=4, whole=explorer.WHOLE)
    return explorer.fill("invented", config, about | packed)


FAR = 7, 40, 900, 3000  # how many tokens back the places of an invented page are


@pytest.fixture(scope="module")
def long_page(config):
    """50,000 tokens in lines of five, every hundredth gains 4 nats."""
    text = "".join(f"a{i} = b{i}\n" for i in range(10_000))
    ends = np.array([match.end() for match in re.finditer(r"\w\d+|\s=|\s", text)])
    gains = np.where(np.arange(1, 50_001) % 100 == 0, 4.0, -0.2)
    return invented(config, ends, text, gains)


def chosen(browser):
    """The token that the panel is about, if it can be seen in the text."""
    t = int(re.match(r"token ([\d,]+) ", words(browser)[0])[1].replace(",", ""))
    assert shown(browser, t)
    return t


def test_keys_move_by_token_by_line_and_by_gain(long_page, show):
    began = time.perf_counter()
    browser = show(long_page)
    assert chosen(browser) == 100  # the first of those that gain most
    assert words(browser, "#many") == ["3.0 nats: 500"]
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
    assert words(browser, ".back") == ["−7", "−40", "−900", "−3,000"]
    browser.press(*["tab"] * 6)  # two buttons, a slider, the keys, a text to unfold
    assert browser.run(marked) == [4992]  # the query is token 4999
    browser.press("tab", "tab")
    assert browser.run(marked) == [4099] and not shown(browser, 4099)
    browser.press("enter")
    assert shown(browser, 4099) and not shown(browser, 5000)
    assert words(browser, "#return") == ["‹ back to token 5,000"]
    browser.press("b")
    assert chosen(browser) == 5000 and browser.run(marked) == []
    row = browser.run("""
        const box = document.querySelectorAll('button.row')[3].getBoundingClientRect();
        return [box.x + 9, box.y + 9]
    """)
    browser.click(*row)
    assert shown(browser, 1999) and "token 5,000 " in words(browser)[0]
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
    for _ in range(40):
        reached.append(browser.run(at))
        browser.press("tab")
    names = [name for name, _, _ in reached]
    rows = browser.run(
        "return [...document.querySelectorAll('.row')].map(x => x.token)"
    )
    rows = [f"BUTTON{t}" for t in rows if t is not None]
    assert len(rows) == 3 * 4
    expected = ["text", "previous", "next", "least", "keys", "SUMMARY", *rows]
    assert names[: len(expected)] == expected
    assert all(seen and label for _, seen, label in reached[: len(expected)])
    browser.run("document.getElementById('text').focus()")
    browser.press("?")
    assert browser.run(at)[2] == "close" and "these keys" in words(browser, "dialog")[0]
    browser.press("right", "escape")
    assert browser.run(at)[0] == "text" and "token 60 " in words(browser)[0]


@pytest.mark.parametrize("width, height", [(360, 640), (320, 500)])
def test_on_a_phone_the_panel_lies_below_the_text(
    config, long_page, show, width, height
):
    one_word = invented(config, [900, 901], 900 * "x" + "\n", np.zeros(2))
    wide = "const page = document.documentElement;"
    wide += "return page.scrollWidth - page.clientWidth"
    browser = show(one_word, "", width, height)
    assert browser.run(wide) <= 0
    assert browser.run("return scrollY") == 0  # the explanation comes first
    browser = show(long_page, "#t=30000", width, height)
    assert browser.run(wide) <= 0 and chosen(browser) == 30000
    browser.click(*spot(browser, 30001))
    assert chosen(browser) == 30001
    for seen in ("#said", "#heads > :last-child"):
        script = "const x = document.querySelector(arguments[0]);"
        script += "x.scrollIntoView({block: 'nearest'});"
        script += "const box = x.getBoundingClientRect();"
        script += "return x.contains(document.elementFromPoint(box.x + 9, box.y + 9))"
        assert browser.run(script, seen)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable_on_every_colour(page, show, scheme):
    browser = show(page, prefers_color_scheme=scheme)
    script = "return [...document.querySelectorAll('body, #legend li')].map(x => ["
    script += "getComputedStyle(x).backgroundColor, getComputedStyle(x).color])"
    (paper, ink), *scale = [map(rgba, pair) for pair in browser.run(script)]
    assert (paper[:3].mean() < 128) == (scheme == "dark")
    colours = [
        colour[3] * colour[:3] + (1 - colour[3]) * paper[:3] for colour, _ in scale
    ]
    assert len(colours) == 11
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
    browser.run("for (let t = 1; t <= n; t++) choose(t, '')")
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
