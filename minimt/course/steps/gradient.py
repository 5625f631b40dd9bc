"""Gradients by hand, checked against finite differences of the gate step."""

import numpy as np

from ... import gate
from ..case import Call, Output, Step, example, law, same
from .gate import B, D, H, T, halves, inputs

STEP_SIZE = 5e-4


def backward(rng, dtype=float):
    """The arguments of attend_to_memory, and the gradient to its result."""
    return *inputs(rng, dtype), rng.normal(size=(B, H, T, D)).astype(dtype)


def mix_backward(rng, dtype=float):
    """The arguments of mix, and the gradient to its result."""
    return *halves(rng, dtype), rng.normal(size=(B, H, T, D)).astype(dtype)


def slopes(function, args, place, grad):
    """The gradient to args[place], by central differences of function(*args) · grad.

    Two pairs of points per number leave only an error of order STEP_SIZE⁴.
    """
    x = args[place]
    slope = np.zeros_like(x)
    for at in np.ndindex(x.shape):
        for steps, weight in ((1, 8), (-1, -8), (2, -1), (-2, 1)):
            moved = x.copy()
            moved[at] += steps * STEP_SIZE
            out = function(*args[:place], moved, *args[place + 1 :])
            slope[at] += weight * (out * grad).sum() / (12 * STEP_SIZE)
    return slope


def to_query(results, calls):
    """The gradient that was returned, and the slopes of attend_to_memory."""
    *args, grad = calls[0].args
    return results[0], slopes(gate.attend_to_memory, args, 0, grad)


def to_halves_and_gate(results, calls):
    """The gradients that were returned, and the slopes of mix."""
    *args, grad = calls[0].args
    return results[0], tuple(slopes(gate.mix, args, place, grad) for place in range(3))


def alone(rng):
    """Queries, each of which finds a single memory in the first head."""
    q, k, v, found, scale, grad = backward(rng)
    found[:, 0] = np.arange(found.shape[-1]) == 2
    return [Call("attend_to_memory_backward", (q, k, v, found, scale, grad))]


def single(rng):
    """Both functions in float32."""
    return [
        Call("attend_to_memory_backward", backward(rng, np.float32)),
        Call("mix_backward", mix_backward(rng, np.float32)),
    ]


QUERY = Output("gradient", "stream head query channel")
REMEMBERED = Output("gradient to remembered", "stream head query channel")
LOCAL = Output("gradient to local", "stream head query channel")
GATE = Output("gradient to gate_logit", "head")

CASES = (
    example(
        "query_by_hand",
        1,
        "of two memories with equal weight, the query moves towards the one with the "
        "better value",
        [
            Call(
                "attend_to_memory_backward",
                (
                    np.array([[[[0.0, 0.0]]]]),
                    np.array([[[[[1.0, 0.0], [0.0, 1.0], [9.0, 9.0]]]]]),
                    np.array([[[[[4.0, 0.0], [0.0, 8.0], [9.0, 9.0]]]]]),
                    np.array([[[[True, True, False]]]]),
                    np.array([3.0]),
                    np.array([[[[1.0, 1.0]]]]),
                ),
            )
        ],
        np.array([[[[-3.0, 3.0]]]]),
    ),
    example(
        "mix_by_hand",
        1,
        "a gate of 3/4 passes 3/4 of the gradient to remembered and 1/4 to local",
        [
            Call(
                "mix_backward",
                (
                    np.array([[[[3.0, 2.0]]]]),
                    np.array([[[[-1.0, 2.0]]]]),
                    np.log([3.0]),
                    np.array([[[[True, True, False]]]]),
                    np.array([[[[1.0, 1.0]]]]),
                ),
            )
        ],
        (
            np.array([[[[0.75, 0.75]]]]),
            np.array([[[[0.25, 0.25]]]]),
            np.array([0.75]),
        ),
    ),
    law(
        "query_by_differences",
        2,
        "the gradient to q agrees with finite differences of attend_to_memory",
        lambda rng: [Call("attend_to_memory_backward", backward(rng))],
        to_query,
        QUERY,
    ),
    law(
        "mix_by_differences",
        2,
        "the three gradients agree with finite differences of mix",
        lambda rng: [Call("mix_backward", mix_backward(rng))],
        to_halves_and_gate,
        (REMEMBERED, LOCAL, GATE),
    ),
    law(
        "one_memory",
        1,
        "a single memory has weight 1 for any query, so no gradient reaches the query",
        alone,
        lambda results, _: (results[0], results[0] * (np.arange(H) > 0)[:, None, None]),
        QUERY,
    ),
    same("single_precision", 1, "float32 in, float32 out", single),
)


STEP = Step(
    name="gradient",
    title="Gradients by hand",
    module="gradient",
    chapter="07_gate",
    todo=("attend_to_memory_backward", "mix_backward"),
    outputs=dict(
        attend_to_memory_backward=QUERY,
        mix_backward=(REMEMBERED, LOCAL, GATE),
    ),
    cases=CASES,
)
