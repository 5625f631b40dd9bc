"""The warm-up: two lines to write, and a first look at the grader."""

import numpy as np

from ..case import Call, Output, Step, example, law, same

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


STEP = Step(
    name="warm_up",
    title="Warm-up",
    module="attention",
    chapter="01_attention",
    todo=("merge_heads",),
    outputs=dict(merge_heads=Output("merged", "stream token channel")),
    cases=CASES,
)
