"""Kinds of tokens, by what came before them, and their shares of a gain."""

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
    """The share of some tokens in all, and in the net gain."""
    gained, total = (x.sum(dtype=np.float64) for x in (gain[mask], gain))
    return dict(tokens=float(mask.mean()), gain=part(gained, total))


def part(x, whole):
    """x as a share of a whole; None if there is nothing to share."""
    return float(x / whole) if whole > 0 else None


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
