"""Mistakes with attention: softmax, alignment, scale, bias and mask, heads."""

import numpy as np

from . import scaled


class Parts:
    """The step done right; each subclass is a mistake, its docstring the hint."""

    def softmax(self, x, axis=-1):
        return self.divided(np.exp(x - self.top(x, axis)), axis)

    def top(self, x, axis):
        top = x.max(axis=axis, keepdims=True)
        return np.where(np.isfinite(top), top, 0)

    def divided(self, weight, axis):
        total = weight.sum(axis=axis, keepdims=True)
        return weight / np.where(total == 0, 1, total)

    def distance(self, T, S):
        if not 1 <= T <= S:
            raise ValueError
        return (S - T + np.arange(T))[:, None] - np.arange(S)

    def causal_mask(self, T, S):
        return self.distance(T, S) >= 0

    def attend(self, q, k, v, scale, bias=None, mask=None):
        logits = self.scaled(q @ k.swapaxes(-1, -2), scale[:, None, None], q.shape[-1])
        if bias is not None:
            logits = self.biased(logits, bias, scale[:, None, None])
        if mask is not None:
            logits = self.masked(logits, mask)
        return self.weights(logits, mask) @ v

    def scaled(self, products, scale, D):
        return scale * products

    def biased(self, logits, bias, scale):
        return logits + bias

    def masked(self, logits, mask):
        return np.where(mask, logits, -np.inf)

    def weights(self, logits, mask):
        return self.softmax(logits)

    def split_heads(self, x, H):
        B, T, E = x.shape
        if E % H:
            raise ValueError
        return x.reshape(B, T, H, E // H).swapaxes(1, 2)


class NoMaximum(Parts):
    """exp overflows for large logits: subtract the maximum of each row first, which
    changes no weight."""

    def top(self, x, axis):
        return 0


class NoMaximumButDivided(NoMaximum):
    def divided(self, weight, axis):
        return weight / weight.sum(axis=axis, keepdims=True)


class NoMaximumButClosed(NoMaximumButDivided):
    def softmax(self, x, axis=-1):
        closed = np.isneginf(x).all(axis=axis, keepdims=True)
        return np.where(closed, 0, super().softmax(x, axis))


class OneMaximum(Parts):
    """one maximum is subtracted from all rows, so rows far below it underflow: subtract
    each row's own maximum."""

    def top(self, x, axis):
        return x[np.isfinite(x)].max(initial=-1e300)


class OneMaximumButDivided(OneMaximum):
    def divided(self, weight, axis):
        return weight / weight.sum(axis=axis, keepdims=True)


class ClosedRowsAreNan(Parts):
    """a row of −inf gives NaN, from −∞ − (−∞) or from 0 / 0: all weights of such a row
    must be 0."""

    def divided(self, weight, axis):
        return weight / weight.sum(axis=axis, keepdims=True)


class ClosedRowsAreUniform(Parts):
    """a row of −inf is treated as a row of equal logits: its weights must be 0, not
    1/S."""

    def divided(self, weight, axis):
        total = weight.sum(axis=axis, keepdims=True)
        return np.where(
            total == 0, 1 / weight.shape[axis], super().divided(weight, axis)
        )


class NotNormalised(Parts):
    """the weights are the bare exponentials: divide each row by its sum."""

    def divided(self, weight, axis):
        return weight


class NotNormalisedNorMoved(NotNormalised):
    def top(self, x, axis):
        return 0


class SquaredWeights(Parts):
    """each row is divided by the root of the sum of its squares: divide it by its
    sum."""

    def divided(self, weight, axis):
        return weight / np.linalg.norm(weight, axis=axis, keepdims=True)


class AlwaysTheLastAxis(Parts):
    """softmax ignores its argument `axis`: subtract the maximum and sum along that
    axis."""

    def softmax(self, x, axis=-1):
        return super().softmax(x)


class SumAlongTheLastAxis(AlwaysTheLastAxis):
    def softmax(self, x, axis=-1):
        return self.divided(np.exp(x - self.top(x, axis)), -1)


class SumOverEverything(Parts):
    """the weights are divided by the sum of the whole array: divide each row by its own
    sum."""

    def divided(self, weight, axis):
        return weight / weight.sum()


class SumOverEverythingBelowOneMaximum(SumOverEverything):
    def top(self, x, axis):
        return x.max()


class AlignedAtTheFirstKey(Parts):
    """queries are aligned with the first keys: align the last query with the last key,
    so that query i stands at key S − T + i."""

    def distance(self, T, S):
        if not 1 <= T <= S:
            raise ValueError
        return np.arange(T)[:, None] - np.arange(S)


class AlignedAtTheFirstKeyInTheMask(AlignedAtTheFirstKey):
    def causal_mask(self, T, S):
        return np.tri(T, S, dtype=bool)


class AlignedOneTooFar(Parts):
    """queries are aligned one key too far on: query i stands at key S − T + i, and the
    last one at the last key."""

    def distance(self, T, S):
        return super().distance(T, S) + 1


class AlignedOneTooEarly(Parts):
    """queries are aligned one key too early: query i stands at key S − T + i, and the
    last one at the last key."""

    def distance(self, T, S):
        return super().distance(T, S) - 1


class DistanceBackwards(Parts):
    """the sign is reversed: distance is query − key, positive for keys behind the
    query."""

    def distance(self, T, S):
        return -super().distance(T, S)

    def causal_mask(self, T, S):
        return super().distance(T, S) >= 0


class KeysAheadCutOff(Parts):
    """keys ahead of the query have distance 0: their distance is negative."""

    def distance(self, T, S):
        return np.maximum(super().distance(T, S), 0)

    def causal_mask(self, T, S):
        return super().distance(T, S) >= 0


class DistanceWithoutSign(Parts):
    """the distance to keys ahead of the query is positive: it must be negative."""

    def distance(self, T, S):
        return np.abs(super().distance(T, S))


class DistanceTransposed(Parts):
    """keys come before queries: the shape must be (T, S), with one row per query."""

    def distance(self, T, S):
        return super().distance(T, S).T


class DistanceNotChecked(Parts):
    """some sizes are not refused: raise ValueError for no queries, and for more queries
    than keys."""

    def distance(self, T, S):
        return (S - T + np.arange(T))[:, None] - np.arange(S)


class NoQueriesAllowed(DistanceNotChecked):
    def distance(self, T, S):
        if T > S:
            raise ValueError
        return super().distance(T, S)


class MoreQueriesAllowed(DistanceNotChecked):
    def distance(self, T, S):
        if T < 1:
            raise ValueError
        return super().distance(T, S)


class EqualNumbersRefused(Parts):
    """as many queries as keys are refused: that is a segment without a cache."""

    def distance(self, T, S):
        if T >= S:
            raise ValueError
        return super().distance(T, S)


class BlindToItself(Parts):
    """a token cannot attend to itself: distance 0 must be open."""

    def causal_mask(self, T, S):
        return self.distance(T, S) > 0


class FutureOpen(Parts):
    """queries can attend only to themselves and to later keys: open the keys behind
    them instead."""

    def causal_mask(self, T, S):
        return self.distance(T, S) <= 0


class TrueMeansBlocked(Parts):
    """the mask is reversed: True means that the query may attend to the key."""

    def causal_mask(self, T, S):
        return self.distance(T, S) < 0

    def masked(self, logits, mask):
        return np.where(mask, -np.inf, logits)


class EverythingOpen(Parts):
    """no key is blocked: block the keys ahead of each query."""

    def causal_mask(self, T, S):
        return np.ones((T, S), bool)


class NoScale(Parts):
    """the scale has no effect: multiply the logits of each head by its own scale."""

    def scaled(self, products, scale, D):
        return products


SCALED = scaled.made_in(Parts)  # a class lives as long as something refers to it


class BiasScaled(Parts):
    """the bias is scaled along with the logits: add it after scaling."""

    def biased(self, logits, bias, scale):
        return logits + scale * bias


class BiasForgotten(Parts):
    """the bias has no effect: add it to the logits."""

    def biased(self, logits, bias, scale):
        return logits


class BiasSubtracted(Parts):
    """the bias is subtracted: add it to the logits."""

    def biased(self, logits, bias, scale):
        return logits - bias


class BiasMultiplied(Parts):
    """the logits are multiplied by the bias: add it to them."""

    def biased(self, logits, bias, scale):
        return logits * bias


class FirstBias(Parts):
    """all heads use the bias of head 0: each head has its own (T, S)."""

    def biased(self, logits, bias, scale):
        return logits + bias[0]


class BiasOnTheWeights(Parts):
    """the bias is added to the weights, after the softmax: add it to the logits."""

    def attend(self, q, k, v, scale, bias=None, mask=None):
        out = super().attend(q, k, v, scale, None, mask)
        return out if bias is None else out + bias @ v


class MaskForgotten(Parts):
    """the mask has no effect: where it is False, the logit must be −inf."""

    def masked(self, logits, mask):
        return logits


class MaskWithALargeNumber(Parts):
    """a query with no open key reads all of them, as with a large negative logit: block
    keys with −inf, and such a query gets 0."""

    def masked(self, logits, mask):
        return np.where(mask, logits, -1e9)


class MaskAddsALargeNumber(MaskWithALargeNumber):
    def masked(self, logits, mask):
        return logits + np.where(mask, 0, -1e9).astype(logits.dtype)


class MaskAddsThousands(MaskWithALargeNumber):
    def masked(self, logits, mask):
        return logits + np.where(mask, 0, -1e4).astype(logits.dtype)


class MaskMultipliesLogits(Parts):
    """blocked keys have a logit of 0, which still weighs exp(0) = 1: use −inf."""

    def masked(self, logits, mask):
        return logits * mask


class MaskAfterSoftmax(Parts):
    """the mask is applied after the softmax, so the remaining weights do not sum to 1:
    mask the logits."""

    def weights(self, logits, mask):
        return self.softmax(logits) * (1 if mask is None else mask)

    def masked(self, logits, mask):
        return logits


class ClosedQueriesReadTheMean(MaskWithALargeNumber):
    def masked(self, logits, mask):
        some = mask.any(axis=-1, keepdims=True)
        return np.where(mask, logits, np.where(some, -np.inf, 0))


class SoftmaxOverQueries(Parts):
    """the weights sum to 1 over the queries: they must sum to 1 over the keys of each
    query."""

    def weights(self, logits, mask):
        return self.softmax(logits, -2)


class SoftmaxOverHeads(Parts):
    """the weights sum to 1 over the heads: they must sum to 1 over the keys of each
    query."""

    def weights(self, logits, mask):
        return self.softmax(logits, 1)


class QueriesNormalised(Parts):
    """queries and keys are normalised here: `attend` takes them as they are."""

    def attend(self, q, k, v, scale, bias=None, mask=None):
        q, k = (x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (q, k))
        return super().attend(q, k, v, scale, bias, mask)


class KeysSummed(Parts):
    """this is the weighted sum of the keys: keys are compared, values are summed."""

    def attend(self, q, k, v, scale, bias=None, mask=None):
        return super().attend(q, k, k, scale, bias, mask)


class SplitByReshape(Parts):
    """the reshape mixes tokens and heads: split the channels first, to (B, T, H, D),
    then swap the token and head axes."""

    def split_heads(self, x, H):
        B, T, E = x.shape
        if E % H:
            raise ValueError
        return x.reshape(B, H, T, E // H)


class SplitInterleaved(Parts):
    """each head gets every H-th channel: it must get D channels that lie side by
    side."""

    def split_heads(self, x, H):
        B, T, E = x.shape
        if E % H:
            raise ValueError
        return np.moveaxis(x.reshape(B, T, E // H, H), -1, 1)


class SplitNotSwapped(Parts):
    """the heads come after the tokens: swap the two axes, to (B, H, T, D)."""

    def split_heads(self, x, H):
        return super().split_heads(x, H).swapaxes(1, 2)


class SplitUnevenly(Parts):
    """a number of heads that does not divide E is accepted: raise ValueError for it."""

    def split_heads(self, x, H):
        B, T, E = x.shape
        return x[..., : E // H * H].reshape(B, T, H, E // H).swapaxes(1, 2)
