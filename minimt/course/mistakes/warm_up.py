"""Mistakes with merging heads."""


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
