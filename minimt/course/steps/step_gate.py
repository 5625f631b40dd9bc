"""Attention to the memories found, and one gate per head that mixes them in."""

import numpy as np

from ..case import Call, Output, Step, example, instead_of, law, same

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
    q, scale = rng.normal(size=(B, H, T, D)), np.array([0.5, 2.0])
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

MISTAKES = (
    *instead_of(
        "logits = scale[:, None, None] * (k @ q[..., None])[..., 0]  # (B, H, T, K)",
        (
            "scale_forgotten",
            "logits = (k @ q[..., None])[..., 0]",
            "the scale has no effect: multiply the logits by it, as in local "
            "attention.",
        ),
        (
            "divided_by_root_d",
            "logits = (k @ q[..., None])[..., 0] / np.sqrt(q.shape[-1])",
            "the logits are divided by √D: multiply them by the head's own scale "
            "instead.",
        ),
        (
            "scale_and_root_d",
            "logits = scale[:, None, None] * (k @ q[..., None])[..., 0]\n"
            "    logits = logits / q.shape[-1] ** 0.5",
            "the logits are both scaled and divided by √D: the scale takes the place "
            "of 1/√D.",
        ),
        (
            "first_scale_for_all_heads",
            "logits = scale[0] * (k @ q[..., None])[..., 0]",
            "all heads use the scale of head 0: give `scale` the shape (H, 1, 1).",
        ),
    ),
    *instead_of(
        "weight = softmax(np.where(found, logits, -np.inf))",
        (
            "all_k_weighed",
            "weight = softmax(logits)",
            "memories that were not found are weighed too: give them the logit −inf.",
        ),
        (
            "others_have_logit_0",
            "weight = softmax(np.where(found, logits, 0))",
            "memories that were not found have a logit of 0, which still weighs "
            "exp(0) = 1: use −inf.",
        ),
        (
            "others_have_a_low_logit",
            "weight = softmax(np.where(found, logits, -1e9))",
            "memories that were not found have a large negative logit, so a query "
            "that found nothing still weighs them all: use −inf.",
        ),
        (
            "masked_after_softmax",
            "weight = softmax(logits) * found",
            "`found` is applied after the softmax, so the remaining weights do not "
            "sum to 1: mask the logits.",
        ),
        (
            "nothing_found_is_nan",
            "weight = np.exp(np.where(found, logits, -np.inf))\n"
            "    weight = weight / weight.sum(axis=-1, keepdims=True)",
            "a query that found nothing has weights of 0 / 0: they must be 0.",
        ),
        (
            "softmax_over_queries",
            "weight = softmax(np.where(found, logits, -np.inf), axis=-2)",
            "the weights sum to 1 over the queries: they must sum to 1 over the K "
            "memories of each query.",
        ),
    ),
    *instead_of(
        "return (weight[..., None, :] @ v)[..., 0, :]",
        (
            "keys_returned",
            "return (weight[..., None, :] @ k)[..., 0, :]",
            "this is the weighted sum of the keys: keys are compared, values are "
            "summed.",
        ),
        (
            "best_value_only",
            "best = np.where(found, logits, -np.inf).argmax(axis=-1)[..., None, None]\n"
            "    best = np.take_along_axis(v, best, axis=-2)[..., 0, :]\n"
            "    return best * found.any(axis=-1, keepdims=True)",
            "only the value of the best memory is returned: sum the values of all "
            "memories found, each with its weight.",
        ),
        (
            "mean_of_values",
            "return (weight[..., None, :] @ v)[..., 0, :] / v.shape[-2]",
            "the weighted sum of the values is divided by K: the weights already sum "
            "to 1.",
        ),
    ),
    *instead_of(
        "return (1 + np.tanh(gate_logit / 2)) / 2",
        (
            "no_sigmoid",
            "return gate_logit",
            "the gate logit is returned unchanged: take its sigmoid, which lies "
            "between 0 and 1.",
        ),
        (
            "tanh_of_the_whole_logit",
            "return (1 + np.tanh(gate_logit)) / 2",
            "this is the sigmoid of twice the gate logit: take the tanh of half of it.",
        ),
        (
            "sigmoid_overflows",
            "return np.exp(gate_logit) / (1 + np.exp(gate_logit))",
            "exp overflows for a large gate logit and gives ∞/∞: write the sigmoid in "
            "a form that does not overflow.",
        ),
        (
            "sign_turned",
            "return (1 + np.tanh(-gate_logit / 2)) / 2",
            "the sign of the gate logit is reversed: the larger the logit, the larger "
            "the gate.",
        ),
    ),
    *instead_of(
        "gate = gate_value(gate_logit)[:, None, None]  # (H, 1, 1)",
        (
            "logit_as_gate",
            "gate = gate_logit[:, None, None]",
            "the gate logit is used as the gate: pass it through gate_value first.",
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
            "`found` has no effect: a query that found nothing must keep local alone.",
        ),
        (
            "local_scaled_down",
            "remembered = remembered * found.any(axis=-1, keepdims=True)",
            "local is multiplied by 1 − g even where nothing was found: keep it whole "
            "there.",
        ),
        (
            "all_must_be_found",
            "gate = gate * found.all(axis=-1, keepdims=True)",
            "the gate is closed unless all K memories were found: one is enough.",
        ),
        (
            "found_by_any_query",
            "gate = gate * found.any(axis=(-2, -1), keepdims=True)",
            "what one query found opens the gate for the others: each query must find "
            "something itself.",
        ),
    ),
    *instead_of(
        "return gate * remembered + (1 - gate) * local",
        (
            "halves_exchanged",
            "return (1 - gate) * remembered + gate * local",
            "g and 1 − g are exchanged: g is the share of remembered.",
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
