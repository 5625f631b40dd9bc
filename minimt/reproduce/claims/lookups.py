"""Claim: memory helps with few tokens, mainly names, by looking up their definitions.

The same weights read held-out documents with a memory of 512 and with one of 8192. The
gain of a token is how much less it costs with the larger memory. A name, here, is a
word of three letters or more. A name, or a phrase of four tokens, counts as last seen
far back if the smaller memory no longer reaches it.

The second part looks at functions, classes, lemmas and constants that a document
defines (see `minimt.inspection.definitions`) and uses again out of sight of local
attention, but within the larger memory. Is the best memory the definition? The best
memory is the place with the largest weight times gate, summed over heads. It suggests
the token that stands there, since its key describes what came before. So it counts as
the definition, or as an earlier use, if that token is part of the same name there. It
is compared with all places found, by weight; with a random place in memory (the mean
over all of them); with the latest place; with the latest place after the same token as
the one just read; and with the latest place of the very token to come, which no model
can know. Everything is repeated with three times the steps; the figure shows the
shorter training.
"""

from itertools import islice, product

import numpy as np

from ... import figures, tokenizer
from ...errors import InputError
from ...evaluate import name_distances
from ...inspection.definitions import hol_light, named_tokens, python
from ...inspection.lookups import retrieved_places
from ..kinds import (
    ANY,
    CHOICES,
    CLASSES,
    FIRST,
    KINDS,
    MOST,
    SECOND,
    TOP,
    by_seed,
    cell,
    choices,
    classes,
    concentration,
    grouped,
    is_far,
    kinds,
    mean_present,
    present,
    shares,
    uses,
    weigh,
)
from ..plan import CODE, PROOFS
from ..results import std

FINDERS = {CODE: python, PROOFS: hol_light}
LONGER = 3  # times the plan's steps, to show the trend of the shares
SMALL, LARGE = 512, 8192
BEST, AFTER = CHOICES[0], CHOICES[4]
NO_USE = "no use of a name is that far from its definition"
KNOWN = "any name that the document has defined"


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
    seen = iter(study.map(look, [(study.trained, *x) for x in wanted], "look"))
    rows = []
    for (steps, text), x in cases.items():
        shares, examples = zip(*islice(seen, len(x)))
        row = dict(text=text, steps=steps, **by_seed(shares))
        # Only names from the standard library; those in other texts may be private.
        rows.append(row | dict(examples=examples[0] if text == CODE else []))
    return dict(rows=rows)


def look(trained, case, text):
    """What one case shows: its shares, and the six uses of names that gained most.

    Raises InputError if no document can be parsed as a whole.
    """
    corpus, model = trained.corpus(case), trained.model(case, memory=LARGE)
    held, reader = corpus.held, (model, corpus.vocabulary, FINDERS[text])
    nats = (trained.read(case, dict(memory=M)) for M in (SMALL, LARGE))
    found = [look_at(*reader, *doc) for doc in zip(held.texts, held.docs, *nats)]
    read = [x for x in found if x]
    if not read:
        raise InputError(f"no held-out document of {text} can be parsed: give others")
    used = sorted((use for x in read for use in x["uses"]), key=lambda x: -x["gain"])
    groups = grouped(used)
    parts = ("gain", "kind", "known")
    gain, kind, known = (np.concatenate([x[part] for x in read]) for part in parts)
    result = dict(documents=len(read), left_out=len(found) - len(read))
    result |= dict(tokens=len(gain), top=concentration(gain))
    which = {name: kind == k for k, name in enumerate(KINDS)} | {KNOWN: known}
    result["kinds"] = {name: shares(mask, gain) for name, mask in which.items()}
    result["looked_up"] = {name: classes(group) for name, group in groups.items()}
    result["uses"] = {name: len(group) for name, group in groups.items()}
    examples = [{x: use[x] for x in ("name", "distance", "nats")} for use in used[:6]]
    return result, examples


def look_at(model, vocabulary, finder, text, doc, small, large):
    """For a document: the gain and kind of each token, if its name is known; the uses.

    None if it does not parse, or is a piece of a longer one, with other tokens.
    """
    config, places = model.config, finder(text)
    if places is None or not np.array_equal(tokenizer.encode(vocabulary, text), doc):
        return None
    named = named_tokens(places, tokenizer.offsets(vocabulary, text))
    known, far = np.zeros(len(doc), bool), []
    for use in uses(places, named):
        known[use.first : use.stop] = True
        far += [use] * is_far(use, config)
    tokens = [range(use.first, min(use.stop, use.first + 2)) for use in far]
    queries = {token - 1 for pair in tokens for token in pair}
    found = retrieved_places(model, doc, queries)
    gates = model.gates()
    seen = []
    for use, pair in zip(far, tokens):
        nats = [float(x[use.first - 1]) for x in (small, large)]
        row = dict(name=use.name, defined=use.defined, distance=use.distance)
        weighed = [(token, weigh(found[token - 1], gates)) for token in pair]
        chosen = [choices(doc, named, use.name, *at, config) for at in weighed]
        seen.append(row | dict(nats=nats, gain=nats[0] - nats[1], chosen=chosen))
    kind = kinds(doc, name_distances(vocabulary, text), config.segment, SMALL)
    return dict(gain=small - large, kind=kind, known=known[1:], uses=seen)


def rows(result):
    """The table: lines of shares in percent, a column for each text."""
    found = result["rows"]

    def line(label, of):
        return label, *[of(row) for row in found]

    def parts(table, name, *wanted):
        return lambda row: cell([row[table][name][x] for x in wanted])

    def looked_up(group, choice):
        return lambda row: cell(
            [row["looked_up"][group][choice][x] for x in CLASSES[:2]]
        )

    lines = [line("shares, %", lambda row: f"{row['text']}, {row['steps']} steps")]
    lines.append(line("tokens", lambda row: "of all gains; of all losses"))
    for name in TOP:
        label = f"the {name} that gain most; that lose most"
        lines.append(line(label, parts("top", name, "gains", "losses")))
    lines.append(line("kinds of tokens", lambda row: "of tokens; of the net gain"))
    for name in (*KINDS, KNOWN):
        lines.append(line(name, parts("kinds", name, "tokens", "gain")))
    lines.append(line("place in memory, at the first token of a use", of_uses))
    lines += [line(name, looked_up(FIRST, name)) for name in CHOICES]
    more = (MOST, BEST), (ANY, BEST), (SECOND, BEST), (SECOND, AFTER)
    lines += [line(f"{x}, {group}", looked_up(group, x)) for group, x in more]
    return lines


def of_uses(row):
    """What the shares of places refer to."""
    count = sum(row["uses"][FIRST])
    return f"of {count} uses: the definition; an earlier use" if count else NO_USE


def verdict(result):
    """What was found, in a sentence."""
    far = [[row["kinds"][name] for name in KINDS[:2]] for row in result["rows"]]
    tokens, gain = (
        between([sum(mean_present(x[part]) for x in row) for row in far])
        for part in ("tokens", "gain")
    )
    best = [row["looked_up"][FIRST][BEST] for row in result["rows"]]
    defined, used = (
        between([mean_present(x[name]) for x in best]) for name in CLASSES[:2]
    )
    gains = f"Names last seen far back are {tokens} of tokens and {gain} of the gain"
    if not gain:
        gains = f"A memory of {LARGE} saves nothing over one of {SMALL}"
    found = f"the best memory is the definition for {defined} of uses"
    return f"{gains}; {f'{found}, an earlier use for {used}' if defined else NO_USE}"


def between(shares):
    """The least and the largest of some shares, as text; "" if all are nan."""
    shares = [x for x in shares if not np.isnan(x)]
    ends = [f"{x(shares):.0%}" for x in (min, max)] if shares else []
    return " to ".join(dict.fromkeys(ends))


def draw(result):
    """Kinds by their shares, and the places chosen, after the shorter training."""
    title = verdict(result)
    figure, (left, right) = figures.panels(title, 2, width=4.85, sharey=False)
    looks = (figures.BLUE, "o"), (figures.ORANGE, "s")
    shown = [
        row for row in result["rows"] if row["steps"] == result["rows"][0]["steps"]
    ]
    for k, (row, (colour, marker)) in enumerate(zip(shown, looks)):
        where = k * 0.35 - 0.175 * (len(shown) - 1)
        style = dict(color=colour, label=row["text"])
        draw_kinds(left, row["kinds"], where, style | dict(marker=marker))
        draw_choices(right, row["looked_up"], where, style)
    for ax in (left, right):
        ax.grid(axis="x", color="#dddddd", linewidth=0.8)
        ax.grid(axis="y", visible=False)
        ax.invert_yaxis()
        ax.xaxis.set_major_formatter("{x:.0%}")
        ax.tick_params(labelsize=9)
    label = "share of all tokens (open), of the 1% that gain most (filled)"
    left.set_xlabel(label, fontsize=9)
    right.set_xlabel("the definition (dark), an earlier use (light)", fontsize=9)
    right.legend(frameon=False, fontsize=9)
    return figure


def draw_kinds(ax, found, where, style):
    """For each kind, a line from its share of all tokens to that of the gainers."""
    for y, name in enumerate(KINDS):
        ends = [mean_present(found[name][part]) for part in ("tokens", "top")]
        ax.plot(ends, [y + where] * 2, **style | dict(marker=""), linewidth=1)
        for x, fill in zip(ends, ("white", style["color"])):
            ax.plot(x, y + where, **style, markerfacecolor=fill)
    labels = [name.replace(", ", ",\n").replace(" that", "\nthat") for name in KINDS]
    ax.set_yticks(range(len(KINDS)), labels)


def draw_choices(ax, found, where, style):
    """For each choice, a bar: how often it is the definition, and an earlier use."""
    bars = [(name, FIRST, name) for name in CHOICES]
    bars.append((BEST, SECOND, f"{BEST},\n{SECOND} of a name"))
    for y, (choice, group, _) in enumerate(bars):
        defined, used = (found[group][choice][name] for name in CLASSES[:2])
        both = [x + y for x, y in zip(present(defined), present(used))]
        bar = dict(height=0.3, color=style["color"])
        label = None if y else style["label"]
        ax.barh(y + where, mean_present(defined), label=label, **bar)
        bar |= dict(left=mean_present(defined), xerr=std(both), capsize=2, alpha=0.45)
        ax.barh(y + where, mean_present(used), **bar)
    ax.set_yticks(range(len(bars)), [label for _, _, label in bars])
