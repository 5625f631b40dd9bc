"""The warm-up: two lines, to see the grader turn green."""

import numpy as np

from ..case import Call, Output, Step, example, instead_of, law, same

CASES = (
    example(
        "by_hand",
        1,
        "two heads of size 1 come to lie side by side",
        [Call("merge_heads", (np.array([[[[1.0], [2.0]], [[3.0], [4.0]]]]),))],
        np.array([[[1.0, 3.0], [2.0, 4.0]]]),
    ),
    law(
        "channels_of_a_head",
        1,
        "head h fills the channels h · D to (h + 1) · D",
        lambda rng: [Call("merge_heads", (rng.normal(size=(2, 3, 5, 4)),))],
        lambda results, calls: (results[0][..., 4:8], calls[0].args[0][:, 1]),
        Output("merged", "stream token channel"),
    ),
    same(
        "random",
        2,
        "as the reference",
        lambda rng: [Call("merge_heads", (rng.normal(size=(2, 3, 5, 4)),))],
    ),
)

MISTAKES = (
    *instead_of(
        "return x.swapaxes(1, 2).reshape(B, T, H * D)",
        (
            "reshape_only",
            "return x.reshape(B, T, H * D)",
            "reshape alone cuts across heads and tokens: bring the token axis "
            "before the head axis first.",
        ),
        (
            "wrong_axes_swapped",
            "return x.transpose(0, 2, 3, 1).reshape(B, T, H * D)",
            "the channels of the heads are interleaved: the head axis has to come"
            " before the channel axis.",
        ),
        (
            "token_axis_lost",
            "return x.swapaxes(1, 2)",
            "the heads are still an axis of their own: (B, T, H, D), not (B, T, H·D).",
        ),
        (
            "mean_over_heads",
            "return x.mean(axis=1)",
            "heads are put side by side, not averaged: nothing of them is lost.",
        ),
    ),
)

STEP = Step(
    name="warm_up",
    title="Warm-up",
    module="attention",
    chapter="01_attention",
    todo=("merge_heads",),
    outputs=dict(merge_heads=Output("merged", "stream token channel")),
    cases=CASES,
    mistakes=MISTAKES,
)
