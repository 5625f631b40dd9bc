"""Attention to the memories found, and one gate per head that mixes them in."""

import numpy as np

from ..case import Call, Output, Step, example, law, same

B, H, T, K, D = 3, 2, 4, 6, 5
LOG3 = np.log([3.0])


def found_some(rng):
    """What was found, at random: one query finds all, two and a stream find nothing."""
    found = rng.random((B, H, T, K)) < 0.5
    found[..., 0] = True
    found[0, 0, 1] = True
    found[0, 1, 2] = found[1, 0, 0] = found[2] = False
    return found


def inputs(rng, dtype=float):
    """Queries, their K keys and values, what was found, and one scale per head."""
    q, scale = rng.normal(size=(B, H, T, D)), np.array([0.5, 3.0])
    k, v = rng.normal(size=(2, B, H, T, K, D))
    q, k, v, scale = (x.astype(dtype) for x in (q, k, v, scale))
    return q, k, v, found_some(rng), scale


def halves(rng, dtype=float):
    """Remembered and local values, one gate logit per head, and what was found."""
    remembered, local = rng.normal(size=(2, B, H, T, D)).astype(dtype)
    return remembered, local, np.array([-2.0, 0.5], dtype), found_some(rng)


def refilled(rng):
    """Attention, and the same with other keys and values where nothing was found."""
    q, k, v, found, scale = inputs(rng)
    other = (
        np.where(found[..., None], x, 50 * rng.normal(size=x.shape)) for x in (k, v)
    )
    return [
        Call("attend_to_memory", (q, k, v, found, scale)),
        Call("attend_to_memory", (q, *other, found, scale)),
    ]


def opposite(rng):
    """The gates of small and large logits, and of the opposite logits."""
    gate_logit = rng.normal(size=7) * np.array([0.1, 1, 1, 3, 3, 100, 1000])
    return [Call("gate_value", (gate_logit,)), Call("gate_value", (-gate_logit,))]


def single(rng):
    """All three functions in float32."""
    remembered, local, gate_logit, found = halves(rng, np.float32)
    return [
        Call("attend_to_memory", inputs(rng, np.float32)),
        Call("gate_value", (gate_logit,)),
        Call("mix", (remembered, local, gate_logit, found)),
    ]


GATE = Output("gate", "head")
REMEMBERED = Output("remembered", "stream head query channel")
MIXED = Output("mixed", "stream head query channel")

CASES = (
    example(
        "memory_by_hand",
        1,
        "two of three memories were found; logits ln 3 and 0 give weights 3/4 and 1/4",
        [
            Call(
                "attend_to_memory",
                (
                    np.array([[[[1.0, 0.0]]]]),
                    np.array([[[[[1.0, 0.0], [0.0, 1.0], [9.0, 9.0]]]]]),
                    np.array([[[[[4.0, 0.0], [0.0, 8.0], [9.0, 9.0]]]]]),
                    np.array([[[[True, True, False]]]]),
                    LOG3,
                ),
            )
        ],
        np.array([[[[3.0, 2.0]]]]),
    ),
    example(
        "gate_by_hand",
        1,
        "logits 0, ln 3, −800 and 800 give gates of 1/2, 3/4, 0 and 1",
        [Call("gate_value", (np.array([0.0, np.log(3), -800, 800]),))],
        np.array([0.5, 0.75, 0, 1]),
    ),
    example(
        "mix_by_hand",
        1,
        "a gate logit of ln 3 mixes 3/4 of remembered with 1/4 of local",
        [
            Call(
                "mix",
                (
                    np.array([[[[3.0, 2.0], [0.0, 0.0]]]]),
                    np.array([[[[-1.0, 2.0], [4.0, 8.0]]]]),
                    LOG3,
                    np.array([[[[True, True, False], [False, False, False]]]]),
                ),
            )
        ],
        np.array([[[[2.0, 2.0], [4.0, 8.0]]]]),
    ),
    law(
        "what_was_not_found",
        1,
        "keys and values that were not found change nothing",
        refilled,
        lambda results, _: (results[1], results[0]),
        REMEMBERED,
    ),
    law(
        "gate_of_the_opposite",
        1,
        "the gates of opposite logits add up to 1, however large the logits are",
        opposite,
        lambda results, _: (results[1], 1 - results[0]),
        GATE,
    ),
    same(
        "memory",
        1,
        "each query weighs its own memories, with the scale of its head",
        lambda rng: [Call("attend_to_memory", inputs(rng))],
    ),
    same(
        "mix",
        1,
        "each head has its own gate, and a query that found nothing keeps local alone",
        lambda rng: [Call("mix", halves(rng))],
    ),
    same("single_precision", 1, "float32 in, float32 out", single),
)


STEP = Step(
    name="gate",
    title="Gate",
    module="gate",
    chapter="07_gate",
    todo=("attend_to_memory", "gate_value", "mix"),
    outputs=dict(attend_to_memory=REMEMBERED, gate_value=GATE, mix=MIXED),
    cases=CASES,
)
