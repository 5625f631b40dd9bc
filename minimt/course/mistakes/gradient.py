"""Mistakes with gradients."""

import numpy as np

from ...attention import softmax
from ...gate import gate_value


class Parts:
    """The step done right; each subclass is a mistake, its docstring the hint."""

    def attend_to_memory_backward(self, q, k, v, found, scale, grad):
        scale = scale[:, None, None]
        logits = self.scaled((k @ q[..., None])[..., 0], scale)
        weight = self.weights(logits, found)
        dweight = self.to_weights(k, v, grad)
        dlogits = self.to_logits(weight, dweight, self.mean(weight, dweight), found)
        return self.to_query(dlogits, scale, k, v)

    def scaled(self, products, scale):
        return scale * products

    def weights(self, logits, found):
        return softmax(np.where(found, logits, -np.inf))

    def to_weights(self, k, v, grad):
        return (v @ grad[..., None])[..., 0]

    def mean(self, weight, dweight):
        return (weight * dweight).sum(axis=-1, keepdims=True)

    def to_logits(self, weight, dweight, mean, found):
        return weight * (dweight - mean)

    def to_query(self, dlogits, scale, k, v):
        return ((scale * dlogits)[..., None, :] @ k)[..., 0, :]

    def mix_backward(self, remembered, local, gate_logit, found, grad):
        gate, some = self.gate(gate_logit), self.some(found)
        return (
            *self.to_halves(gate, some, grad),
            self.to_logit(self.to_gate(some, grad, remembered, local), gate),
        )

    def gate(self, gate_logit):
        return gate_value(gate_logit)[:, None, None]

    def some(self, found):
        return found.any(axis=-1, keepdims=True)

    def to_halves(self, gate, some, grad):
        return some * gate * grad, (1 - some * gate) * grad

    def to_gate(self, some, grad, remembered, local):
        return (some * grad * (remembered - local)).sum(axis=(0, 2, 3))

    def to_logit(self, dgate, gate):
        gate = np.ravel(gate)
        return dgate * gate * (1 - gate)


class WeightsWithoutScale(Parts):
    """the weights are computed without the scale: they must be those of
    attend_to_memory."""

    def scaled(self, products, scale):
        return products


class ScaleLeftOut(Parts):
    """the scale is missing on the way back from the logits to the query: multiply by it
    there too."""

    def to_query(self, dlogits, scale, k, v):
        return super().to_query(dlogits, 1, k, v)


class NoScaleAtAll(Parts):
    """the scale has no effect: it belongs in the logits, and again on the way back to
    the query."""

    def scaled(self, products, scale):
        return products

    def to_query(self, dlogits, scale, k, v):
        return super().to_query(dlogits, 1, k, v)


class ScaleSquared(Parts):
    """the scale is applied twice on the way back to the query: multiply by it once."""

    def to_query(self, dlogits, scale, k, v):
        return super().to_query(dlogits, scale**2, k, v)


class FirstScale(Parts):
    """all heads use the scale of head 0 on the way back: use each head's own."""

    def to_query(self, dlogits, scale, k, v):
        return super().to_query(dlogits, scale[0], k, v)


class FirstScaleForAll(Parts):
    """all heads use the scale of head 0: use each head's own."""

    def attend_to_memory_backward(self, q, k, v, found, scale, grad):
        scale = np.full_like(scale, scale[0])
        return super().attend_to_memory_backward(q, k, v, found, scale, grad)


class AllKWeighed(Parts):
    """memories that were not found are weighed too: leave them out, as attend_to_memory
    does."""

    def weights(self, logits, found):
        return softmax(logits)


class OthersHaveLogit0(AllKWeighed):
    def weights(self, logits, found):
        return softmax(np.where(found, logits, 0))


class LowLogits(Parts):
    """a query that found nothing weighs all its memories, as with a large negative
    logit: its gradient must be 0."""

    def weights(self, logits, found):
        return softmax(np.where(found, logits, -1e9))


class MaskedAfterSoftmax(Parts):
    """`found` is applied after the softmax, so the remaining weights do not sum to 1:
    mask the logits."""

    def weights(self, logits, found):
        return softmax(logits) * found


class NothingFoundIsNan(Parts):
    """a query that found nothing gives NaN: its weights and its gradient must be
    0."""

    def weights(self, logits, found):
        some = found.any(axis=-1, keepdims=True)
        return np.where(some, super().weights(logits, found), np.nan)


class WeightsPulledByKeys(Parts):
    """the gradient to a weight is computed from its key: a weight multiplies a value,
    so use the value."""

    def to_weights(self, k, v, grad):
        return (k @ grad[..., None])[..., 0]


class MeanLeftOut(Parts):
    """the weights are treated as independent, but they sum to 1: subtract the weighted
    mean of their gradients."""

    def mean(self, weight, dweight):
        return 0


class PlainMean(Parts):
    """the plain mean is subtracted: subtract the mean weighted by the attention
    weights."""

    def mean(self, weight, dweight):
        return dweight.mean(axis=-1, keepdims=True)


class PlainSum(Parts):
    """the plain sum is subtracted: subtract the mean weighted by the attention
    weights."""

    def mean(self, weight, dweight):
        return dweight.sum(axis=-1, keepdims=True)


class OwnTermOnly(Parts):
    """only the diagonal a (1 − a) of the softmax's Jacobian is used: every logit
    changes all the weights."""

    def mean(self, weight, dweight):
        return weight * dweight


class WeightLeftOut(Parts):
    """a factor is missing: a logit changes its weight in proportion to that weight."""

    def to_logits(self, weight, dweight, mean, found):
        return found * (dweight - mean)


class WeightLeftOutForAll(WeightLeftOut):
    def to_logits(self, weight, dweight, mean, found):
        return dweight - mean


class SignTurned(Parts):
    """the sign is reversed: a memory better than the mean must pull the query towards
    its key."""

    def to_logits(self, weight, dweight, mean, found):
        return weight * (mean - dweight)


class SoftmaxSkipped(Parts):
    """the softmax is skipped on the way back: the gradient to a logit is the weight
    times what exceeds the mean."""

    def to_logits(self, weight, dweight, mean, found):
        return dweight


class SoftmaxSkippedWhereFound(SoftmaxSkipped):
    def to_logits(self, weight, dweight, mean, found):
        return found * dweight


class ValuesInPlaceOfKeys(Parts):
    """the values are summed on the way back to the query: the logit is scale · (q · k),
    so sum the keys."""

    def to_query(self, dlogits, scale, k, v):
        return super().to_query(dlogits, scale, v, k)


class FirstGate(Parts):
    """all heads use the gate of head 0: give the gate the shape (H, 1, 1)."""

    def gate(self, gate_logit):
        return gate_value(np.full_like(gate_logit, gate_logit[0]))[:, None, None]


class LogitAsGate(Parts):
    """the gate logit is used as the gate: pass it through gate_value first."""

    def gate(self, gate_logit):
        return gate_logit[:, None, None]


class AllMustBeFound(Parts):
    """the gate is taken to be closed unless all K memories were found: one is
    enough."""

    def some(self, found):
        return found.all(axis=-1, keepdims=True)


class FoundByAnyQuery(Parts):
    """what one query found is taken to open the gate for the others: each query must
    find something itself."""

    def some(self, found):
        return found.any(axis=(-2, -1), keepdims=True)


class GateOfQueriesWithoutMemory(Parts):
    """queries that found nothing are included in the gate's gradient: leave them out,
    since their output does not depend on the gate."""

    def to_gate(self, some, grad, remembered, local):
        return super().to_gate(1, grad, remembered, local)


class GateAveraged(Parts):
    """the gate's gradient is a mean: it must be the sum over streams, queries and
    channels."""

    def to_gate(self, some, grad, remembered, local):
        return (some * grad * (remembered - local)).mean(axis=(0, 2, 3))


class GateAveragedOverStreams(GateAveraged):
    def to_gate(self, some, grad, remembered, local):
        return super().to_gate(some, grad, remembered, local) * grad[0, 0].size


class GateAveragedOverQueries(GateAveraged):
    def to_gate(self, some, grad, remembered, local):
        return (some * grad * (remembered - local)).mean(axis=2).sum(axis=(0, 2))


class GateAveragedOverChannels(GateAveraged):
    def to_gate(self, some, grad, remembered, local):
        return (some * grad * (remembered - local)).mean(axis=3).sum(axis=(0, 2))


class GateSummedOverHeads(Parts):
    """every gate gets the sum over all heads: give each gate the sum over its own
    head."""

    def to_gate(self, some, grad, remembered, local):
        dgate = super().to_gate(some, grad, remembered, local)
        return np.full_like(dgate, dgate.sum())


class GateSignTurned(Parts):
    """the gate's gradient has the wrong sign: a larger gate adds remembered and removes
    local."""

    def to_gate(self, some, grad, remembered, local):
        return super().to_gate(some, grad, local, remembered)


class LocalForgotten(Parts):
    """the gate's gradient leaves out local: the gate multiplies it too, as 1 − g."""

    def to_gate(self, some, grad, remembered, local):
        return super().to_gate(some, grad, remembered, 0)


class GateAddsLocal(Parts):
    """the gate's gradient adds local to remembered: subtract it, since local has the
    share 1 − g."""

    def to_gate(self, some, grad, remembered, local):
        return super().to_gate(some, grad, remembered, -local)


class GradientToTheGateItself(Parts):
    """this is the gradient to the gate: multiply it by g (1 − g) for the gradient to
    the gate logit."""

    def to_logit(self, dgate, gate):
        return dgate


class HalfOfTheSigmoid(Parts):
    """the derivative of the sigmoid is taken to be g: it is g (1 − g)."""

    def to_logit(self, dgate, gate):
        return dgate * np.ravel(gate)


class OtherHalfOfTheSigmoid(Parts):
    """the derivative of the sigmoid is taken to be 1 − g: it is g (1 − g)."""

    def to_logit(self, dgate, gate):
        return dgate * (1 - np.ravel(gate))


class DerivativeOfTanh(Parts):
    """the derivative of the sigmoid is taken to be that of tanh, 1 − g²: it is g
    (1 − g)."""

    def to_logit(self, dgate, gate):
        return dgate * (1 - np.ravel(gate) ** 2)


class StreamsKeptApart(Parts):
    """each stream has its own gradient to the gate logit: all streams share the gate,
    so add their gradients, to (H,)."""

    def to_gate(self, some, grad, remembered, local):
        return (some * grad * (remembered - local)).sum(axis=(2, 3))


class HalvesExchanged(Parts):
    """g and 1 − g are exchanged: remembered gets the share g."""

    def to_halves(self, gate, some, grad):
        return super().to_halves(gate, some, grad)[::-1]


class HalvesExchangedWhereFound(HalvesExchanged):
    def to_halves(self, gate, some, grad):
        return super().to_halves(gate, 1, grad)


class FoundIgnored(Parts):
    """`found` has no effect: a query that found nothing passes its whole gradient to
    local and none to remembered."""

    def to_halves(self, gate, some, grad):
        return super().to_halves(gate, 1, grad)


class LocalScaledDown(Parts):
    """local gets only 1 − g of the gradient where nothing was found: it must get all of
    it."""

    def to_halves(self, gate, some, grad):
        return some * gate * grad, (1 - gate) * grad


class RememberedNotClosed(Parts):
    """remembered gets a gradient where nothing was found: it must get none there."""

    def to_halves(self, gate, some, grad):
        return gate * grad, (1 - some * gate) * grad


class HalvesWithoutGate(Parts):
    """both halves get the whole gradient: remembered gets the share g, local 1 − g."""

    def to_halves(self, gate, some, grad):
        return grad, grad
