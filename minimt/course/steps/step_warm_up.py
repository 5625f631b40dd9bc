"""The warm-up: two lines to write, and a first look at the grader."""

import numpy as np

from ..case import Call, Output, Step, example, law, mistakes, same

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


class Parts:
    """The step done right; each subclass is a mistake, its docstring the hint."""

    def merge_heads(self, x):
        B, H, T, D = x.shape
        return x.swapaxes(1, 2).reshape(B, T, H * D)


class ReshapeOnly(Parts):
    """a reshape alone mixes heads and tokens: swap the head and token axes before you
    reshape."""

    def merge_heads(self, x):
        return x.reshape(x.shape[0], x.shape[2], -1)


class ChannelsFirst(Parts):
    """the heads are interleaved channel by channel: keep the head axis before the
    channel axis when you reshape."""

    def merge_heads(self, x):
        return x.transpose(0, 2, 3, 1).reshape(x.shape[0], x.shape[2], -1)


class StreamsAndTokensSwapped(Parts):
    """the wrong axes are swapped before the reshape: swap heads and tokens, axes 1 and
    2, and leave the streams and channels where they are."""

    def merge_heads(self, x):
        return x.swapaxes(1, 3).reshape(x.shape[0], x.shape[2], -1)


class ChannelsBeforeTokens(StreamsAndTokensSwapped):
    def merge_heads(self, x):
        return x.swapaxes(2, 3).reshape(x.shape[0], x.shape[2], -1)


class HeadsKeptApart(Parts):
    """the heads still have an axis of their own: join it with the channel axis, to (B,
    T, H·D)."""

    def merge_heads(self, x):
        return x.swapaxes(1, 2)


class MeanOverHeads(Parts):
    """the heads are averaged: put them side by side, so that no channel is lost."""

    def merge_heads(self, x):
        return x.mean(axis=1)


class SumOverHeads(Parts):
    """the heads are added: put them side by side, so that no channel is lost."""

    def merge_heads(self, x):
        return x.sum(axis=1)


class HeadsReversed(Parts):
    """the heads are in the reverse order: head 0 comes first."""

    def merge_heads(self, x):
        return super().merge_heads(x[:, ::-1])


STEP = Step(
    name="warm_up",
    title="Warm-up",
    module="attention",
    chapter="01_attention",
    todo=("merge_heads",),
    outputs=dict(merge_heads=Output("merged", "stream token channel")),
    cases=CASES,
    mistakes=mistakes(Parts),
)
