"""Causal attention; the alignment rule is what most people get wrong."""

import numpy as np

from ..case import Call, Output, Step, example, instead_of, law, same

B, H, T, S, D = 2, 3, 4, 7, 5


def inputs(rng, dtype=float):
    """q, k, v, a scale per head, and a bias, with more keys than queries."""
    q = rng.normal(size=(B, H, T, D))
    k, v = rng.normal(size=(2, B, H, S, D))
    scale, bias = rng.uniform(0.3, 3, size=H), rng.normal(size=(H, T, S))
    return tuple(x.astype(dtype) for x in (q, k, v, scale, bias))


def mask(rng):
    """Open at random; one row is closed, the others are open at the last key."""
    opened = rng.random(size=(B, 1, T, S)) < 0.6
    opened[..., -1] = True
    opened[1, 0, 2] = False
    return opened


def moved(rng):
    """Softmax of logits, and of the same logits moved by a constant."""
    x = rng.normal(size=(2, 3, 4)) * 3
    return [Call("softmax", (x,)), Call("softmax", (x + 7,))]


def large(rng):
    """Rows whose exponentials overflow, and rows where they vanish."""
    far = np.array([1000, -1000])[:, None, None]
    return [Call("softmax", (rng.normal(size=(2, 3, 4)) + far,))]


def closed(rng):
    """Some entries of −inf, and a row of nothing else."""
    x = rng.normal(size=(2, 3, 4))
    x[0, 1, 2:] = -np.inf
    x[1, 2] = -np.inf
    return [Call("softmax", (x,))]


def axes(rng):
    """Softmax along the last axis, and along another."""
    x = rng.normal(size=(2, 3, 3))
    return [Call("softmax", (x,)), Call("softmax", (x, 1))]


def permuted(rng):
    """Attention, and attention of the same streams in another order."""
    q, k, v, scale, bias = inputs(rng)
    turned = (x[::-1] for x in (q, k, v))
    return [
        Call("attend", (q, k, v, scale, bias)),
        Call("attend", (*turned, scale, bias)),
    ]


WEIGHTS = Output("weights", "stream head key")
ATTENDED = Output("attended", "stream head query channel")
MASK = Output("mask", "query key", ("blocked", "open"))
ALIGNED = np.array([[1, 1, 1, 0], [1, 1, 1, 1]], dtype=bool)

CASES = (
    example(
        "softmax_by_hand",
        1,
        "0 and ln 3 weigh 1/4 and 3/4",
        [Call("softmax", (np.array([0, np.log(3)]),))],
        np.array([0.25, 0.75]),
    ),
    law(
        "softmax_moved",
        1,
        "adding a constant to all logits changes nothing",
        moved,
        lambda results, _: (results[1], results[0]),
        WEIGHTS,
    ),
    same("softmax_axis", 1, "the weights sum to 1 along the axis asked for", axes),
    same(
        "softmax_large",
        1,
        "logits of 1,000 do not overflow, those of −1,000 do not vanish",
        large,
    ),
    same("softmax_closed", 1, "−inf weighs 0; a row of −inf weighs nothing", closed),
    example(
        "distance_by_hand",
        1,
        "query i stands at key S − T + i",
        [Call("distance", (2, 3))],
        np.array([[1, 0, -1], [2, 1, 0]]),
    ),
    same(
        "distance_refuses",
        1,
        "ValueError for more queries than keys, or none; as many are fine",
        lambda rng: [Call("distance", sizes) for sizes in ((3, 2), (0, 2), (2, 2))],
    ),
    example(
        "mask_with_cache",
        1,
        "the last query sees all keys, the one before it all but the last",
        [Call("causal_mask", (2, 4))],
        ALIGNED,
    ),
    same(
        "mask",
        1,
        "as the reference",
        lambda rng: [Call("causal_mask", (5, 5)), Call("causal_mask", (T, S))],
    ),
    example(
        "attend_by_hand",
        1,
        "logits 0 and ln 3 give a quarter of one value, three quarters of the other",
        [
            Call(
                "attend",
                (
                    np.array([[[[1.0, 0.0]]]]),
                    np.array([[[[0.0, 1.0], [1.0, 0.0]]]]),
                    np.array([[[[4.0, 0.0], [0.0, 8.0]]]]),
                    np.array([np.log(3)]),
                ),
            )
        ],
        np.array([[[[1.0, 6.0]]]]),
    ),
    law(
        "attend_streams",
        1,
        "streams in another order give the same results in that order",
        permuted,
        lambda results, _: (results[1], results[0][::-1]),
        ATTENDED,
    ),
    same(
        "attend_scale_and_bias",
        1,
        "each head has its own scale; the bias is added after scaling",
        lambda rng: [Call("attend", inputs(rng))],
    ),
    same(
        "attend_masked",
        2,
        "a blocked key has no weight, whatever its logit; if all are, nothing is read",
        lambda rng: [Call("attend", (*inputs(rng), mask(rng)))],
    ),
    same(
        "attend_single_precision",
        1,
        "float32 in, float32 out",
        lambda rng: [Call("attend", (*inputs(rng, np.float32)[:4], None, mask(rng)))],
    ),
    same(
        "split_heads",
        1,
        "head h takes the channels h · D to (h + 1) · D; unequal heads are refused",
        lambda rng: [
            Call("split_heads", (rng.normal(size=(2, 4, 6)), 3)),
            Call("split_heads", (rng.normal(size=(2, 4, 6)), 4)),
        ],
    ),
)

MISTAKES = (
    *instead_of(
        "weight = np.exp(x - np.where(np.isfinite(top), top, 0))",
        (
            "no_maximum_subtracted",
            "weight = np.exp(x)",
            "exp overflows for large logits: subtract each row's maximum first, "
            "it changes no weight.",
        ),
    ),
    *instead_of(
        "top = x.max(axis=axis, keepdims=True)",
        (
            "one_maximum_for_all",
            "top = np.where(x > -1e300, x, 0).max()",
            "subtract each row's own maximum: with one for all, rows far below it"
            " underflow.",
        ),
    ),
    *instead_of(
        "return weight / np.where(total == 0, 1, total)",
        (
            "closed_rows_are_nan",
            "return weight / total",
            "a row of −inf gives 0 / 0: where nothing can be weighed all weights "
            "are 0.",
        ),
        (
            "closed_rows_are_uniform",
            "return np.where(total == 0, 1 / x.shape[axis], weight / (total + "
            "(total == 0)))",
            "a row of −inf is no row of equal logits: its weights are 0, not 1/S.",
        ),
        (
            "not_normalised",
            "return weight",
            "these are the exponentials: divide each row by its sum.",
        ),
    ),
    *instead_of(
        "total = weight.sum(axis=axis, keepdims=True)",
        (
            "always_the_last_axis",
            "total = weight.sum(axis=-1, keepdims=True)",
            "softmax ignores its argument axis: sum along that axis.",
        ),
        (
            "sum_over_everything",
            "total = weight.sum()",
            "the weights of each row sum to 1, not those of the whole array.",
        ),
    ),
    *instead_of(
        "return (S - T + np.arange(T))[:, None] - np.arange(S)",
        (
            "aligned_at_the_first_key",
            "return np.arange(T)[:, None] - np.arange(S)",
            "queries are aligned with the first keys: query i stands at key S − T"
            " + i, the last query at the last key.",
        ),
        (
            "distance_backwards",
            "return np.arange(S) - (S - T + np.arange(T))[:, None]",
            "the sign is turned: distance is query − key, positive for keys behind.",
        ),
    ),
    *instead_of(
        "if not 1 <= T <= S:",
        (
            "distance_not_checked",
            "if False:",
            "more queries than keys, or none, must raise ValueError.",
        ),
    ),
    *instead_of(
        "return distance(T, S) >= 0",
        (
            "blind_to_itself",
            "return distance(T, S) > 0",
            "a token attends to itself too: distance 0 is open.",
        ),
        (
            "future_open",
            "return distance(T, S) <= 0",
            "the mask is turned round: True means that a query may attend, and it"
            " may not look ahead.",
        ),
        (
            "everything_open",
            "return distance(T, S) >= -S",
            "no key is blocked: keys ahead of the query must be.",
        ),
    ),
    *instead_of(
        "logits = scale[:, None, None] * (q @ k.swapaxes(-1, -2))  # (B, H, T, S)",
        (
            "divided_by_root_d",
            "logits = q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1])",
            "the logits are divided by √D: here each head has its own scale instead.",
        ),
        (
            "scale_and_root_d",
            "logits = scale[:, None, None] * (q @ k.swapaxes(-1, -2)) / "
            "q.shape[-1] ** 0.5",
            "the scale stands in place of 1/√D, not beside it.",
        ),
        (
            "first_scale_for_all_heads",
            "logits = scale[0] * (q @ k.swapaxes(-1, -2))",
            "all heads use the scale of head 0: give scale the shape (H, 1, 1).",
        ),
    ),
    *instead_of(
        "        logits = logits + bias",
        (
            "bias_scaled",
            "        logits = logits + scale[:, None, None] * bias",
            "the bias is scaled too: it is added to the logits after scaling.",
        ),
        (
            "bias_forgotten",
            "        pass",
            "the bias has no effect: add it to the logits.",
        ),
    ),
    *instead_of(
        "        logits = np.where(mask, logits, -np.inf)",
        (
            "mask_forgotten",
            "        pass",
            "the mask has no effect: where it is False the logit is −inf.",
        ),
        (
            "mask_with_a_large_number",
            "        logits = np.where(mask, logits, -1e9)",
            "where all keys are blocked, −1e9 is as good as any logit, so that all are "
            "read: use −inf.",
        ),
        (
            "mask_turned_round",
            "        logits = np.where(mask, -np.inf, logits)",
            "the mask is used the other way round: True means open.",
        ),
        (
            "mask_multiplies_logits",
            "        logits = logits * mask",
            "a logit of 0 still weighs exp(0) = 1: a blocked key needs −inf.",
        ),
    ),
    *instead_of(
        "        logits = np.where(mask, logits, -np.inf)\n    return softmax",
        (
            "mask_after_softmax",
            "        return (softmax(logits) * mask) @ v\n    return softmax",
            "masked after the softmax, the weights left do not sum to 1: mask the "
            "logits.",
        ),
    ),
    *instead_of(
        "    return softmax(logits) @ v",
        (
            "softmax_over_queries",
            "    return softmax(logits, axis=-2) @ v",
            "the weights sum to 1 over the queries: each query's weights over the keys "
            "must.",
        ),
    ),
    *instead_of(
        "return x.reshape(B, T, H, E // H).swapaxes(1, 2)",
        (
            "split_by_reshape",
            "return x.reshape(B, H, T, E // H)",
            "reshape to (B, H, T, D) mixes tokens and heads: cut to (B, T, H, D),"
            " then swap the two axes.",
        ),
        (
            "split_interleaved",
            "return np.moveaxis(x.reshape(B, T, E // H, H), -1, 1)",
            "head h gets every H-th channel: its channels lie side by side.",
        ),
    ),
)

STEP = Step(
    name="attention",
    title="Attention",
    module="attention",
    chapter="01_attention",
    todo=("softmax", "distance", "causal_mask", "attend", "split_heads"),
    outputs=dict(
        softmax=WEIGHTS,
        distance=Output("distance", "query key"),
        causal_mask=MASK,
        attend=ATTENDED,
        split_heads=Output("heads", "stream head token channel"),
    ),
    cases=CASES,
    mistakes=MISTAKES,
)
