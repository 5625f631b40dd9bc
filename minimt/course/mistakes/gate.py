"""Mistakes with reading the memory, and the gate."""

import numpy as np

from ...attention import softmax
from . import scaled


class Parts:
    """The step done right; each subclass is a mistake, its docstring the hint."""

    def attend_to_memory(self, q, k, v, found, scale):
        products = (k @ q[..., None])[..., 0]
        logits = self.scaled(products, scale[:, None, None], q.shape[-1])
        return self.summed(self.weights(logits, found), v, k)

    def scaled(self, products, scale, D):
        return scale * products

    def weights(self, logits, found):
        return softmax(np.where(found, logits, -np.inf))

    def summed(self, weight, v, k):
        return (weight[..., None, :] @ v)[..., 0, :]

    def gate_value(self, gate_logit):
        return (1 + np.tanh(gate_logit / 2)) / 2

    def mix(self, remembered, local, gate_logit, found):
        gate = self.opened(self.gate(gate_logit), found)
        return self.mixed(gate, remembered, local)

    def gate(self, gate_logit):
        return self.gate_value(gate_logit)[:, None, None]

    def opened(self, gate, found):
        return gate * found.any(axis=-1, keepdims=True)

    def mixed(self, gate, remembered, local):
        return gate * remembered + (1 - gate) * local


class NoScale(Parts):
    """the scale has no effect: multiply the logits by it, as in local attention."""

    def scaled(self, products, scale, D):
        return products


SCALED = scaled.made_in(Parts)  # a class lives as long as something refers to it


class AllKWeighed(Parts):
    """memories that were not found are weighed too: give them the logit −inf."""

    def weights(self, logits, found):
        return softmax(logits)


class OthersHaveLogit0(Parts):
    """memories that were not found have a logit of 0, which still weighs exp(0) = 1:
    use −inf."""

    def weights(self, logits, found):
        return softmax(np.where(found, logits, 0))


class OthersHaveALowLogit(Parts):
    """a query that found nothing weighs all its memories, as with a large negative
    logit: use −inf, and let it get 0."""

    def weights(self, logits, found):
        return softmax(np.where(found, logits, -1e9))


class ALowNumberIsAdded(OthersHaveALowLogit):
    def weights(self, logits, found):
        return softmax(logits + np.where(found, 0, -1e9).astype(logits.dtype))


class ThousandsAreAdded(OthersHaveALowLogit):
    def weights(self, logits, found):
        return softmax(logits + np.where(found, 0, -1e4).astype(logits.dtype))


class MaskedAfterSoftmax(Parts):
    """`found` is applied after the softmax, so the remaining weights do not sum to 1:
    mask the logits."""

    def weights(self, logits, found):
        return softmax(logits) * found


class NothingFoundIsNan(Parts):
    """a query that found nothing gives NaN: its weights must be 0."""

    def weights(self, logits, found):
        some = found.any(axis=-1, keepdims=True)
        return np.where(some, super().weights(logits, found), np.nan)


class FoundReversed(Parts):
    """only memories that were not found are weighed: True means that a memory was
    found."""

    def weights(self, logits, found):
        return super().weights(logits, ~found)


class SoftmaxOverQueries(Parts):
    """the weights sum to 1 over the queries: they must sum to 1 over the K memories of
    each query."""

    def weights(self, logits, found):
        return softmax(np.where(found, logits, -np.inf), axis=-2)


class SoftmaxOverHeads(Parts):
    """the weights sum to 1 over the heads: they must sum to 1 over the K memories of
    each query."""

    def weights(self, logits, found):
        return softmax(np.where(found, logits, -np.inf), axis=1)


class NotNormalised(Parts):
    """the weights are the bare exponentials: divide those of each query by their
    sum."""

    def weights(self, logits, found):
        return np.exp(np.where(found, logits, -np.inf))


class EqualWeights(Parts):
    """all memories that were found have the same weight: weigh them by the softmax of
    their logits."""

    def weights(self, logits, found):
        return softmax(np.where(found, 0, -np.inf))


class KeysSummed(Parts):
    """this is the weighted sum of the keys: keys are compared, values are summed."""

    def summed(self, weight, v, k):
        return super().summed(weight, k, v)


class BestValueOnly(Parts):
    """only the value of the best memory is returned: sum the values of all memories
    found, each with its weight."""

    def weights(self, logits, found):
        logits = np.where(found, logits, -np.inf)
        best = np.arange(found.shape[-1]) == logits.argmax(axis=-1)[..., None]
        return best * found.any(axis=-1, keepdims=True)


class MeanOfValues(Parts):
    """the weighted sum of the values is divided by K: the weights already sum to 1."""

    def summed(self, weight, v, k):
        return super().summed(weight, v, k) / v.shape[-2]


class FirstHeadForAll(Parts):
    """all heads read the memories of head 0: each head has its own."""

    def attend_to_memory(self, q, k, v, found, scale):
        k, v, found = (np.repeat(x[:, :1], k.shape[1], axis=1) for x in (k, v, found))
        return super().attend_to_memory(q, k, v, found, scale)


class ValuesOfTheFirstHead(FirstHeadForAll):
    def attend_to_memory(self, q, k, v, found, scale):
        v = np.repeat(v[:, :1], k.shape[1], axis=1)
        return Parts.attend_to_memory(self, q, k, v, found, scale)


class KeysOfTheFirstHead(FirstHeadForAll):
    def attend_to_memory(self, q, k, v, found, scale):
        k = np.repeat(k[:, :1], k.shape[1], axis=1)
        return Parts.attend_to_memory(self, q, k, v, found, scale)


class FirstQueryForAll(Parts):
    """all queries read the memories of query 0: each query has its own."""

    def attend_to_memory(self, q, k, v, found, scale):
        k, v, found = (
            np.repeat(x[:, :, :1], k.shape[2], axis=2) for x in (k, v, found)
        )
        return super().attend_to_memory(q, k, v, found, scale)


class NoSigmoid(Parts):
    """the gate logit is returned unchanged: take its sigmoid, which lies between 0 and
    1."""

    def gate_value(self, gate_logit):
        return gate_logit


class TanhOfTheWholeLogit(Parts):
    """this is the sigmoid of twice the gate logit: take the tanh of half of it."""

    def gate_value(self, gate_logit):
        return (1 + np.tanh(gate_logit)) / 2


class TanhAlone(Parts):
    """this is a tanh, between −1 and 1: take the sigmoid, which lies between 0 and
    1."""

    def gate_value(self, gate_logit):
        return np.tanh(gate_logit)


class SigmoidOverflows(Parts):
    """exp overflows for a large gate logit and gives ∞/∞: write the sigmoid in a form
    that does not overflow."""

    def gate_value(self, gate_logit):
        return np.exp(gate_logit) / (1 + np.exp(gate_logit))


class SignTurned(Parts):
    """the sign of the gate logit is reversed: the larger the logit, the larger the
    gate."""

    def gate_value(self, gate_logit):
        return super().gate_value(-gate_logit)


class GateCutOff(Parts):
    """the gate is cut off between 0 and 1: take the sigmoid of the gate logit."""

    def gate_value(self, gate_logit):
        return np.clip(gate_logit, 0, 1)


class SoftmaxOfTheGates(Parts):
    """the gates of all heads sum to 1: take the sigmoid of each gate logit by
    itself."""

    def gate_value(self, gate_logit):
        return softmax(gate_logit)


class LogitAsGate(Parts):
    """the gate logit is used as the gate: pass it through gate_value first."""

    def gate(self, gate_logit):
        return gate_logit[:, None, None]


class FirstGateForAll(Parts):
    """all heads use the gate of head 0: give the gate the shape (H, 1, 1)."""

    def gate(self, gate_logit):
        return self.gate_value(gate_logit[0])


class MeanGateForAll(Parts):
    """all heads use one gate, the mean: give the gate the shape (H, 1, 1)."""

    def gate(self, gate_logit):
        return self.gate_value(gate_logit).mean()


class FoundIgnored(Parts):
    """`found` has no effect: a query that found nothing must keep local alone."""

    def opened(self, gate, found):
        return gate


class LocalScaledDown(Parts):
    """local is multiplied by 1 − g even where nothing was found: keep it whole
    there."""

    def mix(self, remembered, local, gate_logit, found):
        gate = self.gate(gate_logit)
        return self.opened(gate, found) * remembered + (1 - gate) * local


class RememberedAlone(Parts):
    """a query that found something gets remembered alone: mix it with local by the
    gate."""

    def mix(self, remembered, local, gate_logit, found):
        return np.where(found.any(axis=-1, keepdims=True), remembered, local)


class AllMustBeFound(Parts):
    """the gate is closed unless all K memories were found: one is enough."""

    def opened(self, gate, found):
        return gate * found.all(axis=-1, keepdims=True)


class FoundByAnyQuery(Parts):
    """what one query found opens the gate for the others: each query must find
    something itself."""

    def opened(self, gate, found):
        return gate * found.any(axis=(-2, -1), keepdims=True)


class FoundByAnyHead(Parts):
    """what one head found opens the gate for the others: each head must find something
    itself."""

    def opened(self, gate, found):
        return gate * found.any(axis=(1, 3), keepdims=True)


class FoundByAnyStream(FoundByAnyQuery):
    def opened(self, gate, found):
        return gate * found.any(axis=(1, 2, 3), keepdims=True)


class ShareThatWasFound(Parts):
    """the gate is multiplied by the share of memories found: one memory opens it
    whole."""

    def opened(self, gate, found):
        return gate * found.mean(axis=-1, keepdims=True).astype(gate.dtype)


class HalvesExchanged(Parts):
    """g and 1 − g are exchanged: g is the share of remembered."""

    def mixed(self, gate, remembered, local):
        return (1 - gate) * remembered + gate * local

    def opened(self, gate, found):
        return np.where(found.any(axis=-1, keepdims=True), gate, 1)


class HalvesExchangedEverywhere(HalvesExchanged):
    def opened(self, gate, found):
        return Parts.opened(self, gate, found)


class HalvesExchangedIgnoringFound(HalvesExchanged):
    def opened(self, gate, found):
        return gate


class LocalKeptWhole(Parts):
    """local is added whole: its share is 1 − g."""

    def mixed(self, gate, remembered, local):
        return gate * remembered + local


class RememberedKeptWhole(Parts):
    """remembered is added whole: its share is g."""

    def mixed(self, gate, remembered, local):
        return (gate > 0) * remembered + (1 - gate) * local
