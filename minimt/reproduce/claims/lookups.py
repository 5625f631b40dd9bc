"""Claim: memory helps with few tokens, mainly names, by looking up their definitions.

The same weights read held-out documents with a memory of 512 and with one of 8192. The
gain of a token is how much less it costs with the larger memory. A name, here, is a
word of three letters or more. A name, or a phrase of four tokens, counts as last seen
far back if the smaller memory no longer reaches it. A repeated phrase is one that was
last seen far back, and a name "in other company" is one that is not in such a phrase.

The second part looks at functions, classes, lemmas and constants that a document
defines (see `minimt.inspection.definitions`) and uses again out of sight of local
attention, but within the larger memory. The paper asked whether the places retrieved
inside a name, that is at its second and later tokens, include its definition. So do we.
A definition counts as found if any head retrieves any place in it (in Python from `def`
or `class` to its end, in HOL Light from `let` to `;;`). Lines with "or near" also count
places within 32 tokens of it. The first use after a definition is counted apart, since
later uses may look up how the name was used before; for those, we count in the same way
whether an earlier use was found. Many places are retrieved, and a definition may be
long, so beside each share is the chance that as many random places in memory include
such a place. The last lines are stricter: at the first token of a name, only the best
memory counts, the place with the largest weight times gate, summed over heads.
Everything is repeated with three times the steps; the title and the figure show the
shorter training.
"""

from itertools import islice, product

import numpy as np

from ... import figures, tokenizer
from ...errors import InputError
from ...evaluate import name_distances
from ...inspection.definitions import hol_light, named_tokens, python
from ...inspection.lookups import retrieved_places
from ..charts import BESIDE, NAMES, note_seeds
from ..hits import (
    BEST,
    FIRST,
    GROUPS,
    LATER,
    PLACES,
    averaged,
    is_lookup,
    looked_up,
    uses,
)
from ..kinds import (
    KINDS,
    TOP,
    by_seed,
    cell,
    concentration,
    kinds,
    mean_present,
    present,
    shares,
)
from ..plan import CODE, PROOFS
from ..results import std

FINDERS = {CODE: python, PROOFS: hol_light}
LONGER = 3  # times the plan's steps, to show the trend of the shares
SMALL, LARGE = 512, 8192
FAR = "name last seen far back"  # how the first two of KINDS begin
KNOWN = "any name that the document has defined"
NO_USE = "no use of a name is that far from its definition"
EARLIER = f"{LATER}: {PLACES[2]}"
LOOKED_UP = {  # as the figure names them
    f"{FIRST}: {PLACES[1]}": "first use of a name:\nin or near its definition",
    f"{LATER}: {PLACES[1]}": "later use: in or near\nthe definition",
    f"{LATER}: {PLACES[2]}": "later use:\nan earlier use",
    f"{BEST}: {PLACES[2]}": "best memory alone:\nan earlier use",
}
KIND_NAMES = {x: x for x in (FAR, *KINDS[2:4])} | {
    KINDS[4]: "end of a repeated phrase,\nnot a name",
    KINDS[5]: "other tokens",
}


def measure(study, plan):
    """A row for each text and training: shares of the gain and of what is looked up."""
    lengths = [plan.steps] if plan.quick else [plan.steps, LONGER * plan.steps]
    texts = [text for text in FINDERS if text in plan.texts]
    cases = {
        (steps, text): [plan.case(seed, text, steps=steps) for seed in plan.seeds]
        for steps, text in product(lengths, texts)
    }
    wanted = [(case, text) for (_, text), x in cases.items() for case in x]
    study.train([case for case, _ in wanted])
    sizes = [dict(memory=M) for M in (SMALL, LARGE)]
    study.read([(case, size) for case, _ in wanted for size in sizes])
    seen = iter(study.map(look, [(study.trained, *x) for x in wanted], "looking up"))
    rows = [
        dict(text=text, steps=steps, **by_seed(list(islice(seen, len(x)))))
        for (steps, text), x in cases.items()
    ]
    return dict(rows=rows)


def look(trained, case, text):
    """What one case shows: shares of its gain, and of what it looks up.

    Raises InputError if no document can be parsed as a whole.
    """
    corpus, model = trained.corpus(case), trained.model(case, memory=LARGE)
    held, reader = corpus.held, (model, corpus.vocabulary, FINDERS[text])
    nats = (trained.read(case, dict(memory=M)) for M in (SMALL, LARGE))
    found = [look_at(*reader, *doc) for doc in zip(held.texts, held.docs, *nats)]
    read = [x for x in found if x]
    if not read:
        raise InputError(f"no held-out document of {text} can be parsed: give others")
    parts = ("gain", "kind", "known")
    gain, kind, known = (np.concatenate([x[part] for x in read]) for part in parts)
    result = dict(documents=len(read), left_out=len(found) - len(read))
    result |= dict(tokens=len(gain), top=concentration(gain))
    which = {name: kind == k for k, name in enumerate(KINDS)}
    which |= {FAR: kind < 2, KNOWN: known}
    result["kinds"] = {name: shares(mask, gain) for name, mask in which.items()}
    hits = {group: [hit for x in read for hit in x["hits"][group]] for group in GROUPS}
    result["counted"] = {group: len(x) for group, x in hits.items()}
    return result | dict(looked_up=averaged(hits))


def look_at(model, vocabulary, finder, text, doc, small, large):
    """For a document: gain and kind of each token, if its name is known; the hits.

    None if it does not parse, or is a piece of a longer one, with other tokens.
    """
    config, places = model.config, finder(text)
    if places is None or not np.array_equal(tokenizer.encode(vocabulary, text), doc):
        return None
    named = named_tokens(places, tokenizer.offsets(vocabulary, text))
    known, all_uses = np.zeros(len(doc), bool), uses(places, named)
    for use in all_uses:
        known[use.first : use.stop] = True
    far = [use for use in all_uses if is_lookup(use, config)]
    queries = {token - 1 for use in far for token in range(use.first, use.stop)}
    found = retrieved_places(model, doc, queries)
    kind = kinds(doc, name_distances(vocabulary, text), config.segment, SMALL)
    hits = looked_up(far, named, found, model)
    return dict(gain=small - large, kind=kind, known=known[1:], hits=hits)


def rows(result):
    """The table: lines of shares in percent, a column for each text and training."""
    found = result["rows"]

    def line(label, of):
        return label, *[of(row) for row in found]

    def pair(table, name, *wanted):
        return name, *[cell([row[table][name][x] for x in wanted]) for row in found]

    lines = [line("shares, %", lambda row: f"{row['text']}, {row['steps']} steps")]
    lines.append(line("tokens that gain or lose most", lambda row: "of gains; losses"))
    lines += [pair("top", name, "gains", "losses") for name in TOP]
    lines.append(line("kinds of tokens", lambda row: "of tokens; of the net gain"))
    lines += [pair("kinds", x, "tokens", "gain") for x in (FAR, *KINDS, KNOWN)]
    for group, places in GROUPS.items():
        lines.append((group, *[of_tokens(row["counted"][group]) for row in found]))
        labels = [f"{group}: {place}" for place in places]
        lines += [pair("looked_up", label, "found", "random") for label in labels]
    return lines


def of_tokens(counts):
    """What the shares of a group refer to."""
    return f"of {sum(counts)} tokens: found; at random" if any(counts) else NO_USE


def verdict(result):
    """What was found after the shorter training, in a sentence."""

    def of(table, name, part):
        return between([mean_present(x[table][name][part]) for x in shorter(result)])

    tokens, gain = (of("kinds", FAR, part) for part in ("tokens", "gain"))
    gains = f"Names last seen far back are {tokens} of tokens, {gain} of the gain"
    if not gain:
        gains = f"A memory of {LARGE} saves nothing over one of {SMALL}"
    found, random = (of("looked_up", EARLIER, part) for part in ("found", "random"))
    looked = NO_USE
    if found:
        looked = (
            f"later uses find an earlier one {found} of the time (at random {random})"
        )
    return f"{gains}; {looked}"


def between(shares):
    """The least and the largest of some shares, as text; "" if all are nan."""
    shares = [x for x in shares if not np.isnan(x)]
    ends = [f"{x(shares):.0%}" for x in (min, max)] if shares else []
    return " to ".join(dict.fromkeys(ends))


def shorter(result):
    """The rows of the shorter training, which the title and the figure show."""
    steps = min(row["steps"] for row in result["rows"])
    return [row for row in result["rows"] if row["steps"] == steps]


def draw(result):
    """After the shorter training: kinds by their shares, and what was retrieved."""
    figure, axes = figures.panels(verdict(result), 1, 2, height=6, sharey=False)
    panels = [
        ("kinds", KIND_NAMES, ("tokens", "gain")),
        ("looked_up", LOOKED_UP, ("random", "found")),
    ]
    texts = zip(shorter(result), (figures.BLUE, figures.ORANGE), "os", (-0.19, 0.19))
    for row, colour, marker, up in texts:
        for ax, (table, names, ends) in zip(axes, panels):
            pairs = [[row[table][name][x] for x in ends] for name in names]
            draw_pairs(ax, pairs, up, dict(color=colour, marker=marker))
            told = FAR if table == "kinds" else EARLIER  # in the title
            y = list(names).index(told)
            draw_numbers(ax, row["text"], pairs[y], y + up, figures.INK[colour])
    for ax, (_, names, _) in zip(axes, panels):
        ax.set_yticks(range(len(names)), names.values())
        ax.grid(axis="x", color="#dddddd", linewidth=0.8)
        ax.grid(axis="y", visible=False)
        ax.invert_yaxis()
        ax.xaxis.set_major_formatter("{x:.0%}")
    figures.headline(axes[0], "share of tokens (open) → share of the net gain (filled)")
    said = "found by as many random places (open) → among what is retrieved (filled)"
    figures.headline(axes[1], said)
    axes[1].set_xlim(0, 1.02)
    note_seeds(figure, row["looked_up"][EARLIER]["found"])
    return figure


def draw_pairs(ax, pairs, where, style):
    """For each pair of shares by seed, a line from an open mark to a filled one."""
    for y, pair in enumerate(pairs):
        ends, error = [mean_present(x) for x in pair], std(present(pair[1]))
        ax.plot(ends, [y + where] * 2, color=style["color"], linewidth=1)
        ax.plot(ends[0], y + where, **style | dict(markerfacecolor="white"))
        ax.errorbar(ends[1], y + where, xerr=error, capsize=2, **style)


def draw_numbers(ax, text, pair, y, colour):
    """The name of a text, and its two shares, on the line between them."""
    ends = [mean_present(x) for x in pair]
    if not np.isnan(ends).any():
        low, high = (f"{x:.0%}" for x in ends)
        said = f"{NAMES.get(text, text)}: {low} → {high}"
        style = dict(ha="center", color=colour, bbox=figures.WHITE | dict(alpha=1))
        ax.annotate(said, (np.mean(ends), y), (0, -3), **style, **BESIDE)
