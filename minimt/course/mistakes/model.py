"""Mistakes with the whole model: norm, reading, attention, layers, state, loss."""

import numpy as np

from ...attention import attend, causal_mask, merge_heads, softmax, split_heads
from ...cache import document_mask, extend_cache
from ...gate import attend_to_memory, gate_value, logit_of, mix
from ...init import layer_of
from ...memory import l2_normalize
from ...model import State, check_tokens, first_state, start_documents
from ...position import relative_bias, relative_position_bucket
from ...search import exact_topk


class Parts:
    """The step done right; each subclass is a mistake, its docstring the hint."""

    State, first_state = State, staticmethod(first_state)

    def rms_norm(self, x, gain, eps=1e-6):
        return gain * x / self.root(x, eps)

    def root(self, x, eps):
        return np.sqrt((x * x).mean(axis=-1, keepdims=True) + eps)

    def remember(self, memory, q, K, scale):
        retrieved = self.searched(memory, q, K)
        k, v = self.rows(memory, retrieved[1])
        return self.read(q, k, v, retrieved[2], scale), retrieved

    def searched(self, memory, q, K):
        return memory.search(q, K)

    def rows(self, memory, index):
        return self.looked_up(memory.keys, index), self.values(memory.values, index)

    def looked_up(self, array, index):
        return np.take_along_axis(array[:, :, None], index[..., None], axis=3)

    def values(self, array, index):
        return self.looked_up(array, index)

    def read(self, q, k, v, found, scale):
        return attend_to_memory(q, k, v, found, scale)

    def attention_layer(self, p, config, x, state, layer):
        names = "query", "key", "value"
        q, k, v = (split_heads(x @ p[name], config.heads) for name in names)
        q, k, v = self.normalised(q, k, v)
        scale = self.scale(p)
        keys, values = self.extended(state.caches[layer], k, v, config.cache)
        state.caches[layer] = self.cached(
            state.caches[layer], keys, values, k, v, config
        )
        T, S = x.shape[1], keys.shape[2]
        bias, mask = self.bias(p["bias"], T, S), self.mask(state.age, T, S)
        local = attend(q, keys, values, scale, bias, mask)
        if not self.remembers(config, state, layer):
            return self.projected(local, p)
        joint = keys, values, bias, mask
        mixed = self.mixed(p, config.neighbours, state, q, scale, local, joint)
        self.written(state.memory, q, k, v, keys, values)
        return mixed

    def normalised(self, q, k, v):
        return l2_normalize(q), l2_normalize(k), v

    def scale(self, p):
        return np.exp(p["log_scale"])

    def extended(self, cache, k, v, C):
        return extend_cache(cache, k, v, C + k.shape[2])

    def cached(self, before, keys, values, k, v, config):
        return extend_cache(None, keys, values, config.cache)

    def bias(self, table, T, S):
        return relative_bias(table, T, S)

    def mask(self, age, T, S):
        return document_mask(age, T, S)

    def remembers(self, config, state, layer):
        return layer == config.memory_layer and state.memory

    def mixed(self, p, K, state, q, scale, local, joint):
        remembered, state.retrieved = self.remember(state.memory, q, K, scale)
        mixed = mix(remembered, local, p["gate"], state.retrieved[2])
        return self.projected(mixed, p)

    def written(self, memory, q, k, v, keys, values):
        memory.write(k, v)

    def projected(self, mixed, p):
        return merge_heads(mixed) @ p["output"]

    def forward(self, params, config, tokens, state=None, starts=None):
        B, T = self.checked(tokens, config)
        if state is None:
            state = self.first(config, B, params["embedding"].dtype)
        starts = np.zeros(B, bool) if starts is None else starts
        state = self.started(state, starts)
        x = self.embedded(params["embedding"][tokens], config.embed)
        for layer in range(config.layers):
            p = layer_of(params, layer)
            h = self.before_attention(x, p)
            x = self.added(x, h, self.attention_layer(p, config, h, state, layer))
            x = x + self.hidden(self.before_mlp(x, h, p) @ p["up"]) @ p["down"]
        self.aged(state, T)
        x = self.at_the_end(x, params["norm"])
        return self.divided(x @ params["embedding"].T, config.embed), state

    def checked(self, tokens, config):
        return check_tokens(tokens, config)

    def first(self, config, B, dtype):
        return first_state(config, B, dtype)

    def started(self, state, starts):
        return start_documents(state, starts)

    def embedded(self, x, E):
        return x

    def before_attention(self, x, p):
        return self.rms_norm(x, p["attention_norm"])

    def added(self, x, h, attended):
        return x + attended

    def before_mlp(self, x, h, p):
        return self.rms_norm(x, p["mlp_norm"])

    def hidden(self, x):
        return np.maximum(x, 0)

    def aged(self, state, T):
        state.age += T

    def at_the_end(self, x, gain):
        return self.rms_norm(x, gain)

    def divided(self, logits, E):
        return logits / np.sqrt(E).astype(logits.dtype)

    def token_losses(self, logits, targets):
        logits = self.moved(logits)
        nats = np.log(np.exp(logits).sum(axis=-1))
        nats = nats - np.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]
        return self.counted(nats, targets >= 0)

    def moved(self, logits):
        return logits - logits.max(axis=-1, keepdims=True)

    def counted(self, nats, there):
        return np.where(there, nats, 0)

    def loss(self, logits, targets):
        return self.averaged(self.token_losses(logits, targets), targets >= 0)

    def averaged(self, nats, there):
        return nats.sum() / max(1, there.sum())


class MeanSubtracted(Parts):
    """this is a layer norm: an RMS norm does not subtract the mean."""

    def rms_norm(self, x, gain, eps=1e-6):
        return super().rms_norm(x - x.mean(axis=-1, keepdims=True), gain, eps)


class SumOfSquares(Parts):
    """x is divided by its length: divide it by the root of the mean square, which is
    smaller by a factor of √E."""

    def root(self, x, eps):
        return np.sqrt((x * x).sum(axis=-1, keepdims=True) + eps)


class RootForgotten(Parts):
    """x is divided by its mean square: divide it by the root of that."""

    def root(self, x, eps):
        return super().root(x, eps) ** 2


class MeanOverEverything(Parts):
    """the mean is taken over all tokens: take it over the channels of each token."""

    def root(self, x, eps):
        return np.sqrt((x * x).mean() + eps)


class EpsOutsideTheRoot(Parts):
    """eps is added to the root: add it to the mean square, under the root."""

    def root(self, x, eps):
        return np.sqrt((x * x).mean(axis=-1, keepdims=True)) + eps


class EpsAsABound(Parts):
    """eps is a lower bound here, as in l2_normalize: add it to the mean square, under
    the root."""

    def root(self, x, eps):
        return np.sqrt(np.maximum((x * x).mean(axis=-1, keepdims=True), eps))


class EpsFixed(Parts):
    """the argument `eps` has no effect: 1e-6 is only its default."""

    def root(self, x, eps):
        return super().root(x, 1e-6)


class GainForgotten(Parts):
    """the gain has no effect: multiply the channels by it."""

    def rms_norm(self, x, gain, eps=1e-6):
        return x / self.root(x, eps)


class GainPlusOne(Parts):
    """the channels are multiplied by 1 + gain: multiply them by the gain itself."""

    def rms_norm(self, x, gain, eps=1e-6):
        return super().rms_norm(x, 1 + gain, eps)


class EmptySlotsSearched(Parts):
    """slots that hold nothing of this document are searched: search only the valid
    ones."""

    def searched(self, memory, q, K):
        return memory.searcher.topk(q, memory.keys, memory.valid | True, K)


class AlwaysSearchedExactly(Parts):
    """the memory is always searched exactly: use its own search, which the
    configuration chooses."""

    def searched(self, memory, q, K):
        return exact_topk(q, memory.keys, memory.valid, K)


class RowsOfTheFirstHead(Parts):
    """all heads read the rows of head 0: an index belongs to the head that searched."""

    def looked_up(self, array, index):
        return super().looked_up(np.repeat(array[:, :1], array.shape[1], axis=1), index)


class KeysOfTheFirstHead(RowsOfTheFirstHead):
    def values(self, array, index):
        return Parts.looked_up(self, array, index)


class RowsOfTheFirstStream(Parts):
    """all streams read the rows of stream 0: an index belongs to the stream that
    searched."""

    def looked_up(self, array, index):
        return super().looked_up(np.repeat(array[:1], len(array), axis=0), index)


class RowsOfAllHeads(Parts):
    """every index is looked up in every stream and head: look it up only in the ones
    that searched."""

    def looked_up(self, array, index):
        return array[:, :, index]


class ValuesOfTheFirstHead(Parts):
    """values are looked up otherwise than keys, all in head 0: both belong to the head
    that searched."""

    def values(self, array, index):
        return super().values(np.repeat(array[:, :1], array.shape[1], axis=1), index)


class ValuesOfTheFirstStream(Parts):
    """values are looked up otherwise than keys, all in stream 0: both belong to the
    stream that searched."""

    def values(self, array, index):
        return super().values(np.repeat(array[:1], len(array), axis=0), index)


class ValuesOfTheNextSlot(Parts):
    """values are looked up otherwise than keys, one slot further on: a key and its
    value lie in the same slot."""

    def values(self, array, index):
        return super().values(array, (index + 1) % array.shape[2])


class ValuesOfTheSlotBefore(Parts):
    """values are looked up otherwise than keys, one slot before: a key and its value
    lie in the same slot."""

    def values(self, array, index):
        return super().values(array, index - 1)


class ValuesOfTheFirstQuery(Parts):
    """values are looked up otherwise than keys, by the index of query 0: each query has
    its own."""

    def values(self, array, index):
        return super().values(array, np.broadcast_to(index[:, :, :1], index.shape))


class ValuesByIndexOfTheFirstHead(Parts):
    """values are looked up otherwise than keys, by the index of head 0: each head has
    its own."""

    def values(self, array, index):
        return super().values(array, np.broadcast_to(index[:, :1], index.shape))


class KeysAndValuesExchanged(Parts):
    """keys and values of the memory are exchanged: keys are compared, values are
    summed."""

    def rows(self, memory, index):
        return super().rows(memory, index)[::-1]


class MemoryWithoutScale(Parts):
    """memories are weighed without the scale: use the same scale as in local
    attention."""

    def read(self, q, k, v, found, scale):
        return super().read(q, k, v, found, np.ones_like(scale))


class FoundIgnoredByReading(Parts):
    """memories that were not found are read too: pass `found` on to
    attend_to_memory."""

    def read(self, q, k, v, found, scale):
        return super().read(q, k, v, np.ones_like(found), scale)


class KeysNotNormalised(Parts):
    """the keys are not normalised: normalise both queries and keys."""

    def normalised(self, q, k, v):
        return l2_normalize(q), k, v


class QueriesNotNormalised(Parts):
    """the queries are not normalised: normalise both queries and keys."""

    def normalised(self, q, k, v):
        return q, l2_normalize(k), v


class NothingNormalised(Parts):
    """neither queries nor keys are normalised: normalise both."""

    def normalised(self, q, k, v):
        return q, k, v


class ValuesNormalised(Parts):
    """the values are normalised too: normalise only queries and keys."""

    def normalised(self, q, k, v):
        return l2_normalize(q), l2_normalize(k), l2_normalize(v)


class NormalisedOverAllHeads(Parts):
    """queries and keys have length 1 over all heads together: normalise each head by
    itself."""

    def normalised(self, q, k, v):
        H = q.shape[1]
        q, k = (split_heads(l2_normalize(merge_heads(x)), H) for x in (q, k))
        return q, k, v


class LogScaleAsScale(Parts):
    """the logarithm of the scale is used as the scale: take its exponential."""

    def scale(self, p):
        return p["log_scale"]


class CacheNeverRead(Parts):
    """the cache has no effect: put its keys and values before those of the segment."""

    def extended(self, cache, k, v, C):
        return k, v


class CacheReadButNotKept(CacheNeverRead):
    def cached(self, before, keys, values, k, v, config):
        return extend_cache(before, k, v, config.cache)


class SegmentCountedInTheCache(Parts):
    """the segment's own tokens are counted among the C: a segment attends to C + T
    keys."""

    def extended(self, cache, k, v, C):
        return extend_cache(cache, k, v, C)


class CacheNeverKept(Parts):
    """the next segment gets no cache: keep the last C keys and values for it."""

    def cached(self, before, keys, values, k, v, config):
        return before


class CacheOfOneSegment(Parts):
    """the cache holds only the last segment: its C tokens may come from more than
    one."""

    def cached(self, before, keys, values, k, v, config):
        return extend_cache(None, k, v, config.cache)


class CacheNotCut(Parts):
    """the cache holds C + T tokens: keep only the last C for the next segment."""

    def cached(self, before, keys, values, k, v, config):
        return keys, values


class BiasWithoutTheCache(Parts):
    """the bias aligns the segment's first query with the first cached key: query i
    stands at key S − T + i."""

    def bias(self, table, T, S):
        return relative_bias(table, S, S)[:, :T]


class NoBias(Parts):
    """local attention has no relative bias: add it to the logits."""

    def bias(self, table, T, S):
        return None


class CacheOfAnotherDocument(Parts):
    """cached keys of the previous document are open: mask them by each stream's age."""

    def mask(self, age, T, S):
        return causal_mask(T, S)


class NoMask(Parts):
    """local attention has no mask: block the keys ahead, and those of another
    document."""

    def mask(self, age, T, S):
        return None


class LayersCountedFrom1(Parts):
    """layers are counted from 1: count them from 0 to find the memory layer."""

    def remembers(self, config, state, layer):
        return layer + 1 == config.memory_layer and state.memory


class MemoryInTheLastLayer(Parts):
    """the last layer uses the memory: the configuration says which layer does."""

    def remembers(self, config, state, layer):
        return layer == config.layers - 1 and state.memory


class MemoryInEveryLayer(Parts):
    """all layers use the memory: only the memory layer does, and only it has a gate."""

    def remembers(self, config, state, layer):
        return state.memory


class MemoryNeverUsed(Parts):
    """the memory has no effect: search it in the memory layer, and write to it."""

    def remembers(self, config, state, layer):
        return False


class WrittenBeforeSearched(Parts):
    """the segment is written before the search, so a token finds itself and later
    tokens: search first."""

    def mixed(self, p, K, state, q, scale, local, joint):
        state.memory.write(*(x[:, :, -q.shape[2] :] for x in joint[:2]))
        return super().mixed(p, K, state, q, scale, local, joint)

    def written(self, memory, q, k, v, keys, values):
        pass


class RetrievedNotKept(Parts):
    """what the search returned is lost: keep it in the state."""

    def mixed(self, p, K, state, q, scale, local, joint):
        before = state.retrieved
        mixed = super().mixed(p, K, state, q, scale, local, joint)
        state.retrieved = before
        return mixed


class GateReversed(Parts):
    """remembered and local are exchanged in the mix: the gate is the share of
    remembered."""

    def mixed(self, p, K, state, q, scale, local, joint):
        remembered, state.retrieved = self.remember(state.memory, q, K, scale)
        found = state.retrieved[2]
        return self.projected(mix(local, remembered, p["gate"], found), p)


class NoGate(Parts):
    """remembered and local are added: mix them by the gate of each head."""

    def mixed(self, p, K, state, q, scale, local, joint):
        remembered, state.retrieved = self.remember(state.memory, q, K, scale)
        return self.projected(remembered + local, p)


class OneSoftmaxForAll(Parts):
    """one softmax weighs local keys and memories together: each has a softmax of its
    own, and the gate mixes the two results."""

    def mixed(self, p, K, state, q, scale, local, joint):
        keys, values, bias, mask = joint
        _, state.retrieved = self.remember(state.memory, q, K, scale)
        k, v = self.rows(state.memory, state.retrieved[1])
        scale = scale[:, None, None]
        near = self.near(scale * (q @ keys.swapaxes(-1, -2)), bias)
        far = scale * (k @ q[..., None])[..., 0]
        both = np.where(mask, near, -np.inf), np.where(state.retrieved[2], far, -np.inf)
        weight = softmax(np.concatenate(both, axis=-1))
        S = keys.shape[2]
        near, far = weight[..., :S] @ values, (weight[..., None, S:] @ v)[..., 0, :]
        return self.projected(near + far, p)

    def near(self, logits, bias):
        return logits + bias


class GateAfterTheProjection(Parts):
    """the gate is applied after the output projection: mix each head's own outputs
    before merge_heads."""

    def mixed(self, p, K, state, q, scale, local, joint):
        remembered, state.retrieved = self.remember(state.memory, q, K, scale)
        H, found = q.shape[1], state.retrieved[2]
        halves = (split_heads(self.projected(x, p), H) for x in (remembered, local))
        return merge_heads(mix(*halves, self.gates(p["gate"]), found))

    def gates(self, gate_logit):
        return gate_logit


class MeanGateAfterTheProjection(GateAfterTheProjection):
    def gates(self, gate_logit):
        return np.full_like(gate_logit, logit_of(gate_value(gate_logit).mean()))


class MeanLogitAfterTheProjection(GateAfterTheProjection):
    def gates(self, gate_logit):
        return np.full_like(gate_logit, gate_logit.mean())


class FirstGateForAll(Parts):
    """all heads use the gate of head 0: each head has its own."""

    def mixed(self, p, K, state, q, scale, local, joint):
        p = p | dict(gate=np.full_like(p["gate"], p["gate"][0]))
        return super().mixed(p, K, state, q, scale, local, joint)


class BiasOnRetrieved(Parts):
    """a position bias is added to the logits of memories: they carry no position, so
    only local logits get a bias."""

    def mixed(self, p, K, state, q, scale, local, joint):
        _, state.retrieved = self.remember(state.memory, q, K, scale)
        _, index, found = state.retrieved
        k, v = self.rows(state.memory, index)
        logits = scale[:, None, None] * (k @ q[..., None])[..., 0]
        logits = logits + self.far_bias(p["bias"], index, joint[2], state.memory)
        weight = softmax(np.where(found, logits, -np.inf))
        remembered = (weight[..., None, :] @ v)[..., 0, :]
        return self.projected(mix(remembered, local, p["gate"], found), p)

    def far_bias(self, table, index, bias, memory):
        return relative_bias(table, *index.shape[2:])


class BiasByRank(BiasOnRetrieved):
    def far_bias(self, table, index, bias, memory):
        return table[: index.shape[-1]].T[:, None]


class BiasByAge(BiasOnRetrieved):
    def far_bias(self, table, index, bias, memory):
        T = index.shape[2]
        now = memory.written[:, None, None, None] + np.arange(T)[:, None]
        M = memory.keys.shape[2]
        last = memory.written[:, None, None, None] - 1
        age = now - (last - (last - index) % M)
        rows = table[relative_position_bucket(age, len(table))]
        head = np.arange(index.shape[1])[:, None, None, None]
        return np.take_along_axis(rows, np.broadcast_to(head, (*index.shape, 1)), -1)[
            ..., 0
        ]


class NeverWritten(Parts):
    """the memory stays empty: write the segment's keys and values after the search."""

    def written(self, memory, q, k, v, keys, values):
        pass


class CacheWrittenAgain(Parts):
    """the cached tokens are written to the memory again: write only those of the
    segment."""

    def written(self, memory, q, k, v, keys, values):
        memory.write(keys, values)


class QueriesStored(Parts):
    """queries are stored in place of keys: store the keys, which later queries are
    compared with."""

    def written(self, memory, q, k, v, keys, values):
        memory.write(q, v)


class KeysStoredAsValues(Parts):
    """keys are stored in place of values: store the values, which are summed."""

    def written(self, memory, q, k, v, keys, values):
        memory.write(k, k)


class KeysAndValuesStoredInEachOther(Parts):
    """keys and values are exchanged when they are written: `write` takes the keys
    first."""

    def written(self, memory, q, k, v, keys, values):
        memory.write(v, k)


class NoOutputProjection(Parts):
    """the output projection is missing: apply it after merge_heads."""

    def projected(self, mixed, p):
        return merge_heads(mixed)


class OutputTransposed(Parts):
    """the output projection is transposed: rows are multiplied by it, x @ W."""

    def projected(self, mixed, p):
        return merge_heads(mixed) @ p["output"].T


class MergedByReshape(Parts):
    """a reshape alone mixes heads and tokens: use merge_heads."""

    def projected(self, mixed, p):
        B, H, T, D = mixed.shape
        return mixed.reshape(B, T, H * D) @ p["output"]


class TokensNotChecked(Parts):
    """tokens are not checked, and −1 would read the last row of the embedding: use
    check_tokens."""

    def checked(self, tokens, config):
        return tokens.shape


class MemoryInSinglePrecision(Parts):
    """the memory is always float32: give it the dtype of the weights."""

    def first(self, config, B, dtype):
        return first_state(config, B)


class StartsIgnored(Parts):
    """`starts` has no effect: a stream that starts a document must not see the one
    before."""

    def started(self, state, starts):
        return start_documents(state, np.zeros_like(starts))


class OneStartClearsAll(Parts):
    """when one stream starts a document, all streams are cleared: clear only that
    one."""

    def started(self, state, starts):
        return start_documents(state, np.full_like(starts, np.any(starts)))


class EverySegmentStarts(Parts):
    """every segment clears memory and age: clear them only where a document starts."""

    def started(self, state, starts):
        return start_documents(state, np.ones_like(starts))


class StateChangedInPlace(Parts):
    """the state that was passed in is changed: start_documents makes a copy, so call it
    every time, with or without `starts`."""

    def started(self, state, starts):
        return start_documents(state, starts) if np.any(starts) else state


class MemorySurvivesTheStart(Parts):
    """the memory is not cleared where a document starts, so it still finds the document
    before: clear it."""

    def started(self, state, starts):
        state = start_documents(state, np.zeros_like(starts))
        state.age = np.where(starts, 0, state.age)
        return state


class AgeSurvivesTheStart(Parts):
    """the age is not reset where a document starts, so cached keys of the document
    before stay open: set it to 0."""

    def started(self, state, starts):
        age = state.age
        state = start_documents(state, starts)
        state.age = age.copy()
        return state


class ClearedAfterTheSearch(MemorySurvivesTheStart):
    """the memory is cleared after the segment has been read: clear first, then search,
    then write."""

    def forward(self, params, config, tokens, state=None, starts=None):
        logits, state = super().forward(params, config, tokens, state, starts)
        if starts is not None and np.any(starts):
            state = start_documents(state, starts)
        return logits, state


class EmbeddingScaled(Parts):
    """the embeddings are multiplied by √E: use them as they are."""

    def embedded(self, x, E):
        return x * E**0.5


class AttentionWithoutNorm(Parts):
    """attention reads the residual stream as it is: normalise it first."""

    def before_attention(self, x, p):
        return x


class NoResidual(Parts):
    """the output of attention replaces the residual stream: add it to the stream."""

    def added(self, x, h, attended):
        return attended


class ResidualOfTheNorm(Parts):
    """the output of attention is added to the normalised stream: add it to the residual
    stream itself."""

    def added(self, x, h, attended):
        return h + attended


class ParallelLayers(Parts):
    """both halves of a layer read the same input: the second must read the stream after
    attention was added to it."""

    def before_mlp(self, x, h, p):
        return h / p["attention_norm"] * p["mlp_norm"]


class MlpWithoutNorm(Parts):
    """the second half of a layer reads the residual stream as it is: normalise it
    first."""

    def before_mlp(self, x, h, p):
        return x


class SameNormTwice(Parts):
    """both halves of a layer use `attention_norm`: the second has a gain of its own,
    `mlp_norm`."""

    def before_mlp(self, x, h, p):
        return self.rms_norm(x, p["attention_norm"])


class NoRelu(Parts):
    """the ReLU is missing: apply it between the projections `up` and `down`."""

    def hidden(self, x):
        return x


class SquaredRelu(Parts):
    """the ReLU is squared: apply it as it is."""

    def hidden(self, x):
        return np.maximum(x, 0) ** 2


class TanhForRelu(Parts):
    """a tanh stands between the projections `up` and `down`: use a ReLU."""

    def hidden(self, x):
        return np.tanh(x)


class GeluForRelu(Parts):
    """a GELU stands between the projections `up` and `down`: use a ReLU."""

    def hidden(self, x):
        return x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


class AgeStandsStill(Parts):
    """the age never grows, so cached tokens seem to belong to another document: count
    the tokens read."""

    def aged(self, state, T):
        pass


class AgeCountsSegments(Parts):
    """the age counts segments: it must count tokens."""

    def aged(self, state, T):
        state.age += 1


class NoLastNorm(Parts):
    """the last norm is missing: normalise the residual stream before the logits."""

    def at_the_end(self, x, gain):
        return x


class LogitsNotDivided(Parts):
    """the logits are not divided by √E: divide them, so that they are of order 1."""

    def divided(self, logits, E):
        return logits


class LogitsDividedByE(Parts):
    """the logits are divided by E: divide them by √E."""

    def divided(self, logits, E):
        return logits / E


class DoublePrecision(Parts):
    """float32 weights give float64 logits: np.sqrt of a whole number is float64, so
    convert it."""

    def divided(self, logits, E):
        return logits / np.sqrt(E)


class NoMaximumSubtracted(Parts):
    """exp overflows for large logits: subtract the largest logit of each token first,
    which changes no loss."""

    def moved(self, logits):
        return logits


class NoMaximumIsNan(NoMaximumSubtracted):
    def counted(self, nats, there):
        return super().counted(np.where(np.isinf(nats), np.nan, nats), there)


class Bits(Parts):
    """the losses are in bits: use the natural logarithm, which gives nats."""

    def counted(self, nats, there):
        return super().counted(nats / np.log(2), there)


class LossesNegative(Parts):
    """the losses are negative: they are minus the logarithm of a probability."""

    def counted(self, nats, there):
        return super().counted(-nats, there)


class PaddingCosts(Parts):
    """targets of −1 are treated as a word: they must cost 0."""

    def counted(self, nats, there):
        return nats


class PaddingCostsTheFirstWord(PaddingCosts):
    def token_losses(self, logits, targets):
        return super().token_losses(logits, np.maximum(targets, 0))


class PaddingCounted(Parts):
    """targets of −1 are counted in the mean: divide by the number of the other
    targets."""

    def averaged(self, nats, there):
        return nats.mean()


class NotDivided(Parts):
    """this is the sum of the losses: take their mean over the targets that are not
    −1."""

    def averaged(self, nats, there):
        return nats.sum()


class NoTargetsIsNan(Parts):
    """without any target the mean is 0 / 0: it must be 0."""

    def averaged(self, nats, there):
        return nats.sum() / there.sum()
