"""Attention over what was found, and a gate per head that mixes it in."""

import numpy as np

from ..case import Call, Output, Step, example, instead_of, law, same

B, H, T, K, D = 3, 2, 4, 6, 5
LOG3 = np.log([3.0])


def found_some(rng):
    """What was found: about half, all by one query, nothing by two and by a stream."""
    found = rng.random((B, H, T, K)) < 0.5
    found[..., 0] = True
    found[0, 0, 1] = True
    found[0, 1, 2] = found[1, 0, 0] = found[2] = False
    return found


def inputs(rng, dtype=float):
    """Queries, K keys and values of each, what was found, and a scale per head."""
    q, scale = rng.normal(size=(B, H, T, D)), np.array([0.5, 2.0])
    k, v = rng.normal(size=(2, B, H, T, K, D))
    q, k, v, scale = (x.astype(dtype) for x in (q, k, v, scale))
    return q, k, v, found_some(rng), scale


def halves(rng, dtype=float):
    """What is remembered, local attention, a gate per head, and what was found."""
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
    """The gates of logits of all sizes, and those of the opposite logits."""
    gate_logit = rng.normal(size=7) * np.array([0.1, 1, 1, 3, 3, 100, 1000])
    return [Call("gate_value", (gate_logit,)), Call("gate_value", (-gate_logit,))]


def single(rng):
    """All functions in float32."""
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
        "of three memories two were found; logits ln 3 and 0 weigh 3/4 and 1/4",
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
        "logits of 0, ln 3, −800 and 800 give 1/2, 3/4, 0 and 1",
        [Call("gate_value", (np.array([0.0, np.log(3), -800, 800]),))],
        np.array([0.5, 0.75, 0, 1]),
    ),
    example(
        "mix_by_hand",
        1,
        "a gate logit of ln 3 takes 3/4 of what is remembered, 1/4 of what is local",
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
        "each query weighs its own memories, with its head's scale",
        lambda rng: [Call("attend_to_memory", inputs(rng))],
    ),
    same(
        "mix",
        1,
        "each head has its own gate; a query that found nothing keeps local alone",
        lambda rng: [Call("mix", halves(rng))],
    ),
    same("single_precision", 1, "float32 in, float32 out", single),
)

MISTAKES = (
    *instead_of(
        "logits = scale[:, None, None] * (k @ q[..., None])[..., 0]  # (B, H, T, K)",
        (
            "scale_forgotten",
            "logits = (k @ q[..., None])[..., 0]",
            "the scale has no effect: it multiplies the logits, as in local attention.",
        ),
        (
            "divided_by_root_d",
            "logits = (k @ q[..., None])[..., 0] / np.sqrt(q.shape[-1])",
            "the logits are divided by √D: each head has its own scale instead.",
        ),
        (
            "scale_and_root_d",
            "logits = scale[:, None, None] * (k @ q[..., None])[..., 0]\n"
            "    logits = logits / q.shape[-1] ** 0.5",
            "the scale stands in place of 1/√D, not beside it.",
        ),
        (
            "first_scale_for_all_heads",
            "logits = scale[0] * (k @ q[..., None])[..., 0]",
            "all heads use the scale of head 0: give scale the shape (H, 1, 1).",
        ),
    ),
    *instead_of(
        "weight = softmax(np.where(found, logits, -np.inf))",
        (
            "all_k_weighed",
            "weight = softmax(logits)",
            "what was not found is weighed too: give it the logit −inf.",
        ),
        (
            "others_have_logit_0",
            "weight = softmax(np.where(found, logits, 0))",
            "a logit of 0 still weighs exp(0) = 1: what was not found needs −inf.",
        ),
        (
            "others_have_a_low_logit",
            "weight = softmax(np.where(found, logits, -1e9))",
            "where nothing was found, equal logits of −1e9 weigh 1/K each: with −inf"
            " softmax returns zeros.",
        ),
        (
            "masked_after_softmax",
            "weight = softmax(logits) * found",
            "masked after the softmax, the weights left do not sum to 1: mask the "
            "logits.",
        ),
        (
            "nothing_found_is_nan",
            "weight = np.exp(np.where(found, logits, -np.inf))\n"
            "    weight = weight / weight.sum(axis=-1, keepdims=True)",
            "where nothing was found the weights are 0 / 0: they are 0 there.",
        ),
        (
            "softmax_over_queries",
            "weight = softmax(np.where(found, logits, -np.inf), axis=-2)",
            "the weights sum to 1 over the queries: each query's weights over its K "
            "memories must.",
        ),
    ),
    *instead_of(
        "return (weight[..., None, :] @ v)[..., 0, :]",
        (
            "keys_returned",
            "return (weight[..., None, :] @ k)[..., 0, :]",
            "this is the weighted sum of the keys: keys are compared, values returned.",
        ),
        (
            "best_value_only",
            "best = np.where(found, logits, -np.inf).argmax(axis=-1)[..., None, None]\n"
            "    best = np.take_along_axis(v, best, axis=-2)[..., 0, :]\n"
            "    return best * found.any(axis=-1, keepdims=True)",
            "only the best memory's value is returned: all that were found are "
            "weighed.",
        ),
        (
            "mean_of_values",
            "return (weight[..., None, :] @ v)[..., 0, :] / v.shape[-2]",
            "the weights sum to 1 already: the weighted values are added, not averaged"
            " over K.",
        ),
    ),
    *instead_of(
        "return (1 + np.tanh(gate_logit / 2)) / 2",
        (
            "no_sigmoid",
            "return gate_logit",
            "the logit is returned as it is: its sigmoid lies between 0 and 1.",
        ),
        (
            "tanh_of_the_whole_logit",
            "return (1 + np.tanh(gate_logit)) / 2",
            "this is sigmoid(2 b): the tanh takes half of the gate logit.",
        ),
        (
            "sigmoid_overflows",
            "return np.exp(gate_logit) / (1 + np.exp(gate_logit))",
            "exp overflows for a large gate logit and gives ∞/∞: write the sigmoid so"
            " that it does not.",
        ),
        (
            "sign_turned",
            "return (1 + np.tanh(-gate_logit / 2)) / 2",
            "the gate is turned round: the larger its logit, the more is remembered.",
        ),
    ),
    *instead_of(
        "gate = gate_value(gate_logit)[:, None, None]  # (H, 1, 1)",
        (
            "logit_as_gate",
            "gate = gate_logit[:, None, None]",
            "the gate logit is mixed with as it is: the share of what is remembered is "
            "gate_value(gate_logit).",
        ),
        (
            "first_gate_for_all_heads",
            "gate = gate_value(gate_logit[0])",
            "all heads use the gate of head 0: give the gate the shape (H, 1, 1).",
        ),
    ),
    *instead_of(
        "gate = gate * found.any(axis=-1, keepdims=True)  # (B, H, T, 1)",
        (
            "found_ignored",
            "pass",
            "a query that found nothing keeps local alone: its gate is shut.",
        ),
        (
            "local_scaled_down",
            "remembered = remembered * found.any(axis=-1, keepdims=True)",
            "local attention is scaled by 1 − g where nothing was found: it stays "
            "whole there.",
        ),
        (
            "all_must_be_found",
            "gate = gate * found.all(axis=-1, keepdims=True)",
            "the gate is shut unless all K were found: one is enough.",
        ),
        (
            "found_by_any_query",
            "gate = gate * found.any(axis=(-2, -1), keepdims=True)",
            "what one query found opens the gate for others: it is for each query to "
            "find something.",
        ),
    ),
    *instead_of(
        "return gate * remembered + (1 - gate) * local",
        (
            "halves_exchanged",
            "return (1 - gate) * remembered + gate * local",
            "g and 1 − g are exchanged: g is the share of what is remembered.",
        ),
        (
            "local_kept_whole",
            "return gate * remembered + local",
            "local is added whole: its share is 1 − g.",
        ),
    ),
)

STEP = Step(
    name="gate",
    title="Gate",
    module="gate",
    chapter="07_gate",
    todo=("attend_to_memory", "gate_value", "mix"),
    outputs=dict(attend_to_memory=REMEMBERED, gate_value=GATE, mix=MIXED),
    cases=CASES,
    mistakes=MISTAKES,
)
