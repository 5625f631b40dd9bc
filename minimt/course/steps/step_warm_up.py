"""The warm-up: two lines to write, and a first look at the grader."""

import numpy as np

from ..case import Call, Output, Step, example, instead_of, law, same

CASES = (
    example(
        "by_hand",
        1,
        "two heads of size 1 end up side by side",
        [Call("merge_heads", (np.array([[[[1.0], [2.0]], [[3.0], [4.0]]]]),))],
        np.array([[[1.0, 3.0], [2.0, 4.0]]]),
    ),
    law(
        "channels_of_a_head",
        1,
        "head h fills the D channels that start at h · D",
        lambda rng: [Call("merge_heads", (rng.normal(size=(2, 3, 5, 4)),))],
        lambda results, calls: (results[0][..., 4:8], calls[0].args[0][:, 1]),
        Output("merged", "stream token channel"),
    ),
    same(
        "random",
        2,
        "random heads are merged as in the reference",
        lambda rng: [Call("merge_heads", (rng.normal(size=(2, 3, 5, 4)),))],
    ),
)

MISTAKES = (
    *instead_of(
        "return x.swapaxes(1, 2).reshape(B, T, H * D)",
        (
            "reshape_only",
            "return x.reshape(B, T, H * D)",
            "a reshape alone mixes heads and tokens: swap the head and token axes "
            "before you reshape.",
        ),
        (
            "wrong_axes_swapped",
            "return x.transpose(0, 2, 3, 1).reshape(B, T, H * D)",
            "the heads are interleaved channel by channel: keep the head axis before "
            "the channel axis when you reshape.",
        ),
        (
            "token_axis_lost",
            "return x.swapaxes(1, 2)",
            "the heads still have an axis of their own: join it with the channel "
            "axis, to (B, T, H·D).",
        ),
        (
            "mean_over_heads",
            "return x.mean(axis=1)",
            "the heads are averaged: put them side by side, so that no channel is "
            "lost.",
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
