"""Kinds: of tokens, by what came before, and of the places that a memory holds."""

from collections import Counter
from typing import NamedTuple

import numpy as np

from .results import center, within

PHRASE = 4  # tokens, the predicted one last
KINDS = (
    "name last seen far back, in a repeated phrase",
    "name last seen far back, in other company",
    "name seen nearer",
    "name not seen before",
    "repeated phrase that ends in no name",
    "rest",
)
TOP = {"1%": 0.01, "10%": 0.1}  # the tokens that gain most
CLASSES = "definition", "earlier use", "same token elsewhere", "other"
CHOICES = (
    "best memory",
    "all found, by weight",
    "random place",
    "latest place",
    "latest after the same token",
    "latest of the token to come",
)
BY_NAME = "FunctionDef", "AsyncFunctionDef", "ClassDef", "let"
FIRST, MOST = "first token", "the tenth of uses that gains most"
SECOND, ANY = "second token", "any name, variables too"


def oldest(token, T, M):
    """The earliest position that a memory of M can hold when a token is predicted.

    Segments are of T tokens; the memory ends where that of the query begins, which is
    the token before. `token` may be an array.
    """
    return (token - 1) // T * T - M


def phrase_before(doc):
    """Where the phrase that each token ends had last ended before, −1 if it had not.

    doc: tokens (n,); returns int64 (n − 1,), for the tokens after the first.
    """
    tokens, last = doc.tolist(), {}
    before = np.full(len(tokens) - 1, -1)
    for end in range(PHRASE, len(tokens)):
        phrase = tuple(tokens[end - PHRASE + 1 : end + 1])
        before[end - 1] = last.get(phrase, -1)
        last[phrase] = end
    return before


def kinds(doc, distance, T, M):
    """The kind of each token after the first, as a place in KINDS: int64 (n − 1,).

    distance: what `evaluate.name_distances` counts, and takes for a name: any word of
    three letters. Far back is what a memory of M has lost.
    """
    token, before = np.arange(1, len(doc)), phrase_before(doc)
    reach = oldest(token, T, M)
    repeated = (before >= 0) & (before < reach)
    far = (distance > 0) & (token - distance < reach)
    which = [far & repeated, far, distance > 0, distance == 0, repeated]
    return np.select(which, range(len(which)), len(which))


def concentration(gain):
    """The shares of all gains, and of all losses, that a few tokens have."""
    n, order = len(gain), np.sort(gain.astype(np.float64))
    gained, lost = order[order > 0].sum(), -order[order < 0].sum()
    counts = {name: max(1, int(n * share)) for name, share in TOP.items()}
    return {
        name: dict(
            gains=part(order[n - count :].sum(), gained),
            losses=part(-order[:count].sum(), lost),
        )
        for name, count in counts.items()
    }


def shares(mask, gain):
    """The share that some tokens have of all, of the 1% that gain most, of the gain."""
    top = np.argsort(-gain, kind="stable")[: max(1, len(gain) // 100)]
    gained, total = (x.sum(dtype=np.float64) for x in (gain[mask], gain))
    parts = dict(tokens=float(mask.mean()), top=float(mask[top].mean()))
    return parts | dict(gain=part(gained, total))


def part(x, whole):
    """x as a share of a whole; None where there is none to share."""
    return float(x / whole) if whole > 0 else None


class Use(NamedTuple):
    """A name used at tokens first … stop − 1; how it was defined, and how far back."""

    name: str
    first: int
    stop: int
    defined: str
    distance: int


def uses(places, named):
    """The uses of names after their definition, the last one before counts: [Use].

    places and named: as `definitions.named_tokens` takes and gives them.
    """
    latest, found = {}, []
    for place, (first, stop) in zip(places, named.spans):
        if place.defines:
            latest[place.name] = place.defines, first
        elif place.name in latest:
            how, then = latest[place.name]
            found.append(Use(place.name, first, stop, how, first - then))
    return found


def is_far(use, config):
    """Whether a use has its definition out of local sight and still in the memory."""
    first, T = use.first, config.segment
    held = first - use.distance >= oldest(first, T, config.memory)
    return held and use.distance > config.cache + T


def weigh(heads, gates):
    """{place: weight times gate, summed} of what each head found, [(place, weight)]."""
    total = Counter()
    for gate, places in zip(gates, heads):
        for place, weight in places:
            total[place] += gate * weight
    return total


def choices(doc, named, name, token, found, config):
    """Of which class each choice of a place is when a token of a name is predicted.

    found: {place: weight}. Returns shares (CHOICES, CLASSES): 1 for the class of the
    place, or of several places a mean; where there is none, 1 for the class other.
    """
    end = (token - 1) // config.segment * config.segment
    memory = np.arange(max(0, end - config.memory), end)
    same, answer = named.name[memory] == named.numbers[name], doc[memory] == doc[token]
    which = [same & named.defines[memory], same, answer]
    classes = np.eye(4)[np.select(which, range(3), 3)]  # (memory, CLASSES)
    after = (memory > 0) & (doc[memory - 1] == doc[token - 1])

    def latest(mask):
        return classes[mask.nonzero()[0][-1]] if mask.any() else np.eye(4)[3]

    places, weights = zip(*sorted(found.items()))
    looked = classes[np.array(places) - memory[0]]  # (found, CLASSES)
    best = len(weights) - 1 - np.argmax(weights[::-1])  # of equals the latest
    chosen = [looked[best], np.average(looked, axis=0, weights=weights)]
    chosen += [classes.mean(axis=0), classes[-1], latest(after), latest(answer)]
    return np.stack(chosen)


def classes(chosen):
    """Shares of the classes by choice, of some tokens' `choices`; None of no tokens."""
    table = np.mean(chosen, axis=0).tolist() if chosen else [[None] * 4] * len(CHOICES)
    return {name: dict(zip(CLASSES, row)) for name, row in zip(CHOICES, table)}


def grouped(used):
    """The choices at some tokens of uses, which come with the best gain first."""
    named = [use for use in used if use["defined"] in BY_NAME]
    first, any_name = ([use["chosen"][0] for use in x] for x in (named, used))
    second = [choice for use in named for choice in use["chosen"][1:]]
    most = first[: -(-len(first) // 10)]
    return {FIRST: first, MOST: most, SECOND: second, ANY: any_name}


def by_seed(found):
    """Dicts of one shape, which may hold dicts, as one that holds lists."""
    if not isinstance(found[0], dict):
        return list(found)
    return {name: by_seed([x[name] for x in found]) for name in found[0]}


def present(share):
    """The shares of those seeds that have one."""
    return [x for x in share if x is not None]


def mean(share):
    """Mean of those seeds that have a share, nan where none has."""
    return center(present(share) or [np.nan])


def cell(shares):
    """Some shares, each a list by seed, in percent."""
    values = [[100 * x for x in present(share)] for share in shares]
    return "; ".join(within(x, 1) if x else "–" for x in values)
