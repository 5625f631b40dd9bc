"""Kinds of tokens, by what came before them, and of the places in a memory."""

from collections import Counter
from typing import NamedTuple

import numpy as np

from .results import mean, mean_std

PHRASE = 4  # tokens in a phrase, the predicted one last
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

    Segments have T tokens. The memory ends where the segment of the query begins, and
    the query is the token before. `token` may be an array.
    """
    return (token - 1) // T * T - M


def phrase_before(doc):
    """Where the phrase that ends in each token last ended before, −1 if nowhere.

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
    """The kind of each token after the first, as an index into KINDS: int64 (n − 1,).

    distance: from `evaluate.name_distances`, which takes any word of three letters for
    a name. Far back is whatever a memory of M no longer holds.
    """
    token, before = np.arange(1, len(doc)), phrase_before(doc)
    reach = oldest(token, T, M)
    repeated = (before >= 0) & (before < reach)
    far = (distance > 0) & (token - distance < reach)
    which = [far & repeated, far, distance > 0, distance == 0, repeated]
    return np.select(which, range(len(which)), len(which))


def concentration(gain):
    """The shares of all gains, and of all losses, that fall on a few tokens."""
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
    """The share of some tokens in all, in the 1% that gain most, in the net gain."""
    top = np.argsort(-gain, kind="stable")[: max(1, len(gain) // 100)]
    gained, total = (x.sum(dtype=np.float64) for x in (gain[mask], gain))
    parts = dict(tokens=float(mask.mean()), top=float(mask[top].mean()))
    return parts | dict(gain=part(gained, total))


def part(x, whole):
    """x as a share of a whole; None if there is nothing to share."""
    return float(x / whole) if whole > 0 else None


class Use(NamedTuple):
    """A name used at tokens first … stop − 1; how it was defined, and how far back."""

    name: str
    first: int
    stop: int
    defined: str
    distance: int


def uses(places, named):
    """The uses of names, each with the last definition before it: [Use].

    places and named: what `definitions.named_tokens` takes and what it returns.
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
    """Whether a use's definition is out of local sight, but still in the memory."""
    first, T = use.first, config.segment
    held = first - use.distance >= oldest(first, T, config.memory)
    return held and use.distance > config.cache + T


def weigh(heads, gates):
    """{place: sum of weight times gate} of what each head found, [(place, weight)]."""
    total = Counter()
    for gate, places in zip(gates, heads):
        for place, weight in places:
            total[place] += gate * weight
    return total


def choices(doc, named, name, token, found, config):
    """The class of each choice of a place, when a token of a name is predicted.

    found: {place: weight}. Returns shares (CHOICES, CLASSES): 1 for the class of the
    place, or the mean of several places; 1 for the class "other" if there is none.
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
    best = len(weights) - 1 - np.argmax(weights[::-1])  # of equal ones, the latest
    chosen = [looked[best], np.average(looked, axis=0, weights=weights)]
    chosen += [classes.mean(axis=0), classes[-1], latest(after), latest(answer)]
    return np.stack(chosen)


def classes(chosen):
    """The mean of tokens' `choices`: {choice: {class: share}}; None without tokens."""
    table = np.mean(chosen, axis=0).tolist() if chosen else [[None] * 4] * len(CHOICES)
    return {name: dict(zip(CLASSES, row)) for name, row in zip(CHOICES, table)}


def grouped(used):
    """The choices at some tokens of uses, which are sorted by gain, the best first."""
    named = [use for use in used if use["defined"] in BY_NAME]
    first, any_name = ([use["chosen"][0] for use in x] for x in (named, used))
    second = [choice for use in named for choice in use["chosen"][1:]]
    most = first[: -(-len(first) // 10)]
    return {FIRST: first, MOST: most, SECOND: second, ANY: any_name}


def by_seed(found):
    """Several (nested) dicts with the same keys, as one dict that holds lists."""
    if not isinstance(found[0], dict):
        return list(found)
    return {name: by_seed([x[name] for x in found]) for name in found[0]}


def present(share):
    """The shares of those seeds that have one."""
    return [x for x in share if x is not None]


def mean_present(share):
    """Mean of those seeds that have a share; nan if there are none."""
    return mean(present(share) or [np.nan])


def cell(shares):
    """Some shares, each a list by seed, as text in percent."""
    values = [[100 * x for x in present(share)] for share in shares]
    return "; ".join(mean_std(x, 1) if x else "–" for x in values)
