"""Hits: is what a model retrieves for a name its definition, or an earlier use?"""

from collections import Counter
from typing import NamedTuple

import numpy as np

from .kinds import oldest

BY_NAME = "FunctionDef", "AsyncFunctionDef", "ClassDef", "let"
NEAR = 32  # tokens around a definition or a use that count as near it
PLACES = (
    "in the definition",
    "in or near the definition",
    "at an earlier use",
    "at or near an earlier use",
)
FIRST, LATER, BEST = "first use", "later use", "best memory"
GROUPS = {FIRST: PLACES[:2], LATER: PLACES, BEST: PLACES}  # a first use has no earlier


class Use(NamedTuple):
    """A name used at tokens first … stop − 1, and its last definition before that.

    defined: how; distance: from the name there, in tokens; body: the first token of the
    whole definition and the one after its last; again: used since then, but for here.
    """

    name: str
    first: int
    stop: int
    defined: str
    distance: int
    body: tuple
    again: bool


def uses(places, named):
    """The uses of names, each with the last definition before it: [Use].

    places and named: what `definitions.named_tokens` takes and what it returns.
    """
    latest, again, found = {}, set(), []
    for place, (first, stop), body in zip(places, named.spans, named.bodies):
        name = place.name
        if place.defines:
            latest[name] = place.defines, first, body
            again.discard(name)
        elif name in latest:
            how, then, body = latest[name]
            use = Use(name, first, stop, how, first - then, body, name in again)
            found.append(use)
            if first >= body[1]:
                again.add(name)
    return found


def is_lookup(use, config):
    """Whether a use may look up a definition: out of local sight, but still in memory.

    Only functions, classes, lemmas and constants count, after the end of their body.
    """
    first, T = use.first, config.segment
    held = first - use.distance >= oldest(first, T, config.memory)
    far = held and use.distance > config.cache + T
    return far and use.defined in BY_NAME and first >= use.body[1]


def weigh(heads, gates):
    """{place: sum of weight times gate} of what each head found, [(place, weight)]."""
    total = Counter()
    for gate, places in zip(gates, heads):
        for place, weight in places:
            total[place] += gate * weight
    return total


def hits(places, token, use, named, config):
    """Which of PLACES are among some places in memory, and the chance of it.

    places: all different, found when this token of a use is predicted. Returns pairs
    (PLACES, 2): 1 or 0, and the chance that as many random places include such a one.
    """
    start, stop = use.body
    first = oldest(token, config.segment, config.memory)
    memory = np.arange(max(0, first), first + config.memory)
    same = named.name[memory] == named.numbers[use.name]
    body = (start <= memory) & (memory < stop)
    used = same & ~named.defines[memory] & (stop <= memory)
    wanted = np.stack([body, near(body), used, near(used)])
    hit = wanted[:, np.array(places) - memory[0]].any(axis=1)
    random = [chance(n, len(memory), len(places)) for n in wanted.sum(axis=1)]
    return np.stack([hit, random], axis=1)


def near(mask):
    """Which places (n,) are at most NEAR places from one in the mask (n,)."""
    before = np.concatenate([[0], np.cumsum(mask)])  # how many are in it before each
    at = np.arange(len(mask))
    stop = np.minimum(at + NEAR + 1, len(mask))
    return before[stop] > before[np.maximum(at - NEAR, 0)]


def chance(wanted, held, drawn):
    """The chance that some of the places drawn, all different, are wanted ones."""
    return 1 - np.prod(1 - wanted / (held - np.arange(drawn)))


def looked_up(far, named, found, model):
    """The hits of lookups [Use] at each of their tokens: {group: [(PLACES, 2)]}.

    found: {position of a query: what each head found, [(place, weight)]}.
    """
    gates, seen = model.gates(), {group: [] for group in GROUPS}
    for use in far:
        for token in range(use.first, use.stop):
            total = weigh(found[token - 1], gates)
            group, places = (LATER if use.again else FIRST), list(total)
            if token == use.first:
                group, places = BEST, [max(total, key=lambda x: (total[x], x))]
            seen[group].append(hits(places, token, use, named, model.config))
    return seen


def averaged(seen):
    """{group: place: the share found, and at random}; None for an empty group."""
    result = {}
    for group, places in GROUPS.items():
        empty = [[None, None]] * len(PLACES)
        table = np.mean(seen[group], axis=0).tolist() if seen[group] else empty
        for place, (found, random) in zip(places, table):
            result[f"{group}: {place}"] = dict(found=found, random=random)
    return result
