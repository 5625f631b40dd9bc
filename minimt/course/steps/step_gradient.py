"""Gradients by hand, checked against finite differences of the gate step."""

import numpy as np

from ... import gate
from ..case import Call, Output, Step, example, instead_of, law, same
from .step_gate import B, D, H, T, halves, inputs

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

MISTAKES = (
    *instead_of(
        "logits = scale * (k @ q[..., None])[..., 0]  # (B, H, T, K)",
        (
            "weights_without_scale",
            "logits = (k @ q[..., None])[..., 0]",
            "the weights are computed without the scale: they must be those of "
            "attend_to_memory.",
        ),
    ),
    *instead_of(
        "weight = softmax(np.where(found, logits, -np.inf))",
        (
            "all_k_weighed",
            "weight = softmax(logits)",
            "memories that were not found are weighed too: leave them out, as "
            "attend_to_memory does.",
        ),
        (
            "nothing_found_is_nan",
            "weight = np.exp(np.where(found, logits, -np.inf))\n"
            "    weight = weight / weight.sum(axis=-1, keepdims=True)",
            "a query that found nothing has weights of 0 / 0: its gradient must be 0.",
        ),
    ),
    *instead_of(
        "dweight = (v @ grad[..., None])[..., 0]  # (B, H, T, K)",
        (
            "weights_pulled_by_keys",
            "dweight = (k @ grad[..., None])[..., 0]",
            "the gradient to a weight is computed from its key: a weight multiplies a "
            "value, so use the value.",
        ),
    ),
    *instead_of(
        "mean = (weight * dweight).sum(axis=-1, keepdims=True)  # weights sum to 1",
        (
            "mean_left_out",
            "mean = 0",
            "the weights are treated as independent, but they sum to 1: subtract the "
            "weighted mean of their gradients.",
        ),
        (
            "plain_mean",
            "mean = dweight.mean(axis=-1, keepdims=True)",
            "the plain mean is subtracted: subtract the mean weighted by the "
            "attention weights.",
        ),
        (
            "own_term_only",
            "mean = weight * dweight",
            "only the diagonal a (1 − a) of the softmax's Jacobian is used: every "
            "logit changes all the weights.",
        ),
    ),
    *instead_of(
        "dlogits = weight * (dweight - mean)",
        (
            "weight_left_out",
            "dlogits = found * (dweight - mean)",
            "a factor is missing: a logit changes its weight in proportion to that "
            "weight.",
        ),
        (
            "sign_turned",
            "dlogits = weight * (mean - dweight)",
            "the sign is reversed: a memory better than the mean must pull the query "
            "towards its key.",
        ),
    ),
    *instead_of(
        "return ((scale * dlogits)[..., None, :] @ k)[..., 0, :]",
        (
            "scale_left_out",
            "return (dlogits[..., None, :] @ k)[..., 0, :]",
            "the scale is missing on the way back from the logits to the query: "
            "multiply by it there too.",
        ),
        (
            "first_scale_for_all_heads",
            "return ((scale[0] * dlogits)[..., None, :] @ k)[..., 0, :]",
            "all heads use the scale of head 0 on the way back: use each head's own.",
        ),
        (
            "values_in_place_of_keys",
            "return ((scale * dlogits)[..., None, :] @ v)[..., 0, :]",
            "the values are summed on the way back to the query: the logit is scale · "
            "(q · k), so sum the keys.",
        ),
    ),
    *instead_of(
        "gate = gate_value(gate_logit)[:, None, None]  # (H, 1, 1)",
        (
            "first_gate_for_all_heads",
            "gate = gate_value(gate_logit[:1])[:, None, None]",
            "all heads use the gate of head 0: give the gate the shape (H, 1, 1).",
        ),
    ),
    *instead_of(
        "some = found.any(axis=-1, keepdims=True)  # (B, H, T, 1)",
        (
            "all_must_be_found",
            "some = found.all(axis=-1, keepdims=True)",
            "the gate is taken to be closed unless all K memories were found: one is "
            "enough.",
        ),
    ),
    *instead_of(
        "dgate = (some * grad * (remembered - local)).sum(axis=(0, 2, 3), "
        "keepdims=True)",
        (
            "gate_of_queries_without_memory",
            "dgate = (grad * (remembered - local)).sum(axis=(0, 2, 3), keepdims=True)",
            "queries that found nothing are included in the gate's gradient: leave "
            "them out, since their output does not depend on the gate.",
        ),
        (
            "gate_averaged",
            "dgate = (some * grad * (remembered - local)).mean(\n"
            "        axis=(0, 2, 3), keepdims=True\n    )",
            "the gate's gradient is a mean: it must be the sum over streams, queries "
            "and channels.",
        ),
        (
            "gate_summed_over_heads",
            "dgate = (some * grad * (remembered - local)).sum() + 0 * gate[None]",
            "every gate gets the sum over all heads: give each gate the sum over its "
            "own head.",
        ),
        (
            "gate_sign_turned",
            "dgate = (some * grad * (local - remembered)).sum(\n"
            "        axis=(0, 2, 3), keepdims=True\n    )",
            "the gate's gradient has the wrong sign: a larger gate adds remembered "
            "and removes local.",
        ),
        (
            "local_forgotten",
            "dgate = (some * grad * remembered).sum(axis=(0, 2, 3), keepdims=True)",
            "the gate's gradient leaves out local: the gate multiplies it too, as 1 − "
            "g.",
        ),
    ),
    *instead_of(
        "dgate_logit = (dgate[0] * gate * (1 - gate))[:, 0, 0]",
        (
            "gradient_to_the_gate_itself",
            "dgate_logit = dgate[0, :, 0, 0]",
            "this is the gradient to the gate: multiply it by g (1 − g) for the "
            "gradient to the gate logit.",
        ),
        (
            "half_of_the_sigmoid",
            "dgate_logit = (dgate[0] * gate)[:, 0, 0]",
            "the derivative of the sigmoid is taken to be g: it is g (1 − g).",
        ),
        (
            "streams_kept_apart",
            "per_stream = some * grad * (remembered - local) * gate * (1 - gate)\n"
            "    dgate_logit = per_stream.sum(axis=(2, 3))",
            "each stream has its own gradient to the gate logit: all streams share "
            "the gate, so add their gradients, to (H,).",
        ),
    ),
    *instead_of(
        "return some * gate * grad, (1 - some * gate) * grad, dgate_logit",
        (
            "halves_exchanged",
            "return (1 - some * gate) * grad, some * gate * grad, dgate_logit",
            "g and 1 − g are exchanged: remembered gets the share g.",
        ),
        (
            "found_ignored",
            "return gate * grad, (1 - gate) * grad, dgate_logit",
            "`found` has no effect: a query that found nothing passes its whole "
            "gradient to local and none to remembered.",
        ),
        (
            "local_scaled_down",
            "return some * gate * grad, (1 - gate) * grad, dgate_logit",
            "local gets only 1 − g of the gradient where nothing was found: it must "
            "get all of it.",
        ),
    ),
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
    mistakes=MISTAKES,
)
