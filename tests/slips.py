"""Files with one slip in them: a line, what is written in its place, and a hint."""

from minimt.course.assignment import solution

SLIPS = {
    "warm_up": (
        "return x.swapaxes(1, 2).reshape(B, T, H * D)",
        "return x.reshape(B, T, H * D)",
        "a reshape alone mixes heads and tokens",
    ),
    "attention": ("scale[:, None, None] * (q @", "scale[0] * (q @", "all heads use"),
    "position": (
        "np.moveaxis(table[bucket], -1, 0)",
        "table[bucket].T",
        "the transpose",
    ),
    "cache": ("oldest = max(0, k.shape[2] - C)", "oldest = -C", "C = 0 keeps every"),
    "memory": ("self.written += T", "self.written += 1", "`written` counts the writes"),
    "search": (
        'return np.argsort(-scores, axis=-1, kind="stable")',
        'return np.argsort(scores, axis=-1, kind="stable")[..., ::-1]',
        "equal scores come in the reverse order",
    ),
    "lsh": ("shared |= probed[:, cell]", "shared = probed[:, cell]", "each table"),
    "gate": ("remembered + (1 - gate) * local", "remembered + local", "local is added"),
    "gradient": (
        "mean = (weight * dweight).sum(",
        "mean = 0 * dweight.sum(",
        "the wei",
    ),
    "model": ('scale = np.exp(p["log_scale"])', 'scale = p["log_scale"]', "the logar"),
}


def slipped(step):
    """The solution of a step with its slip."""
    old, new, _ = SLIPS[step.name]
    text = solution(step)
    assert text.count(old) == 1
    return text.replace(old, new)
