"""Causal attention, with the alignment rule that most people get wrong."""

import numpy as np

from ..case import Call, Output, Step, example, law, same

B, H, T, S, D = 2, 3, 4, 7, 5


def inputs(rng, dtype=float):
    """q, k, v, one scale per head, and a bias; there are more keys than queries."""
    q = rng.normal(size=(B, H, T, D))
    k, v = rng.normal(size=(2, B, H, S, D))
    scale, bias = rng.uniform(0.3, 3, size=H), rng.normal(size=(H, T, S))
    return tuple(x.astype(dtype) for x in (q, k, v, scale, bias))


def mask(rng):
    """A random mask: one row is closed, and all others leave the last key open."""
    opened = rng.random(size=(B, 1, T, S)) < 0.6
    opened[..., -1] = True
    opened[1, 0, 2] = False
    return opened


def moved(rng):
    """The softmax of some logits, and of the same logits plus a constant."""
    x = rng.normal(size=(2, 3, 4)) * 3
    return [Call("softmax", (x,)), Call("softmax", (x + 7,))]


def large(rng):
    """Rows whose exponentials overflow, and rows whose exponentials vanish."""
    far = np.array([1000, -1000])[:, None, None]
    return [Call("softmax", (rng.normal(size=(2, 3, 4)) + far,))]


def closed(rng):
    """A row with some entries of −inf, and a row with no others."""
    x = rng.normal(size=(2, 3, 4))
    x[0, 1, 2:] = -np.inf
    x[1, 2] = -np.inf
    return [Call("softmax", (x,))]


def axes(rng):
    """The softmax along the last axis, and along another one."""
    x = rng.normal(size=(2, 3, 3))
    return [Call("softmax", (x,)), Call("softmax", (x, 1))]


def permuted(rng):
    """Attention, and attention of the same streams in another order."""
    q, k, v, scale, bias = inputs(rng)
    reordered = (x[::-1] for x in (q, k, v))
    return [
        Call("attend", (q, k, v, scale, bias)),
        Call("attend", (*reordered, scale, bias)),
    ]


WEIGHTS = Output("weights", "stream head key")
ATTENDED = Output("attended", "stream head query channel")
MASK = Output("mask", "query key", ("blocked", "open"))
ALIGNED = np.array([[1, 1, 1, 0], [1, 1, 1, 1]], dtype=bool)

CASES = (
    example(
        "softmax_by_hand",
        1,
        "logits 0 and ln 3 get weights 1/4 and 3/4",
        [Call("softmax", (np.array([0, np.log(3)]),))],
        np.array([0.25, 0.75]),
    ),
    law(
        "softmax_moved",
        1,
        "adding a constant to all logits changes no weight",
        moved,
        lambda results, _: (results[1], results[0]),
        WEIGHTS,
    ),
    same("softmax_axis", 1, "the weights sum to 1 along the given axis", axes),
    same(
        "softmax_large",
        1,
        "logits near 1,000 do not overflow, and a row near −1,000 still sums to 1",
        large,
    ),
    same(
        "softmax_closed",
        1,
        "a logit of −inf gets weight 0, and a row of −inf gets only zeros",
        closed,
    ),
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
        "ValueError for no queries, or for more queries than keys; equal numbers are "
        "fine",
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
        "the mask agrees with the reference, with and without cached keys",
        lambda rng: [Call("causal_mask", (5, 5)), Call("causal_mask", (T, S))],
    ),
    example(
        "attend_by_hand",
        1,
        "logits 0 and ln 3 mix 1/4 of one value with 3/4 of the other",
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
        "reordering the streams reorders the results in the same way",
        permuted,
        lambda results, _: (results[1], results[0][::-1]),
        ATTENDED,
    ),
    same(
        "attend_scale_and_bias",
        1,
        "each head has its own scale, and the bias is added after scaling",
        lambda rng: [Call("attend", inputs(rng))],
    ),
    same(
        "attend_masked",
        2,
        "a blocked key has weight 0 whatever its logit; if all are blocked, the "
        "output is 0",
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
        "head h takes the D channels that start at h · D; ValueError unless H divides "
        "E",
        lambda rng: [
            Call("split_heads", (rng.normal(size=(2, 4, 6)), 3)),
            Call("split_heads", (rng.normal(size=(2, 4, 6)), 4)),
        ],
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
)
