"""The whole model: all parts in order, and the state that is passed on."""

from types import SimpleNamespace

import numpy as np

from ...config import Config
from ...init import init_params, layer_of
from ..case import Call, Output, Result, Step, example, instead_of, law, same

B, T = 3, 4
SIZES = dict(vocab=13, layers=3, heads=2, embed=10, segment=T)
SIZES |= dict(cache=7, memory=9, memory_layer=1, neighbours=6)  # T divides neither
STARTS = np.array([[0, 0, 0], [0, 0, 0], [0, 0, 1], [1, 0, 0]], dtype=bool)
AGE = T * np.array([1, 4, 2])  # of each stream after four segments with STARTS
SHARES = np.log([1.0, 2.0, 5.0])  # logits of the probabilities 1/8, 2/8 and 5/8


def config(**changes):
    """The configuration of a small model, as plain values."""
    made = Config(**SIZES | changes)
    return SimpleNamespace(**vars(made), head=made.head)


def weights(rng, config, dtype=float):
    """Weights that are not zero; gates and scales differ from head to head."""
    fresh = init_params(config, seed=int(rng.integers(1000)))
    moved = {name: w + 0.3 * rng.normal(size=w.shape) for name, w in fresh.items()}
    return {name: w.astype(dtype) for name, w in moved.items()}


def text(rng, segments=1):
    """Tokens of all streams: (B, segments · T)."""
    return rng.integers(SIZES["vocab"], size=(B, segments * T))


def vectors(rng, tokens, length=None):
    """Random vectors (B, H, tokens, D), all of one length if it is given."""
    x = rng.normal(size=(B, 2, tokens, 5))
    return length * x / np.linalg.norm(x, axis=-1, keepdims=True) if length else x


def forward(params, config, tokens, after=None, starts=None):
    """The call that reads a segment, with the state from call number `after`."""
    state = None if after is None else Result(after, (1,))
    return Call("forward", (params, config, tokens, state, starts))


def reading(params, config, tokens, starts=STARTS, first=0):
    """The calls that read tokens segment by segment; `first` numbers the first one."""
    parts = np.split(tokens, tokens.shape[1] // T, axis=1)
    return [
        forward(params, config, part, first + i - 1 if i else None, starts[i])
        for i, part in enumerate(parts)
    ]


def in_two(rng):
    """Ten tokens read at once, then as six and four, without a memory."""
    small = config(memory=0, cache=10)
    params, tokens = weights(rng, small), text(rng, 3)[:, :10]
    return [
        forward(params, small, tokens),
        forward(params, small, tokens[:, :6]),
        forward(params, small, tokens[:, 6:], 1),
    ]


def first_segment(rng):
    """The first segment, without a memory and with one."""
    params, tokens = weights(rng, config()), text(rng)
    return [forward(params, config(memory=M), tokens) for M in (0, 9)]


def in_company(rng):
    """Two segments of a stream alone, then beside one that starts a document."""
    params, tokens = weights(rng, config()), text(rng, 2)
    starts = np.array([[0, 0, 0], [1, 0, 0]], dtype=bool)
    alone = reading(params, config(), tokens[1:2], starts[:, 1:2])
    return alone + reading(params, config(), tokens, starts, len(alone))


def in_company_and_alone(results, _):
    """The logits of that stream, beside others and alone."""
    logits = [result[0] for result in results]
    return np.stack([x[1] for x in logits[2:]]), np.stack([x[0] for x in logits[:2]])


def again(rng):
    """A segment read twice from the same state."""
    params, tokens = weights(rng, config()), text(rng, 2)
    later = [forward(params, config(), tokens[:, T:], 0) for _ in range(2)]
    return [forward(params, config(), tokens[:, :T]), *later]


def memory_of(rng, config, first=0):
    """Five calls that make and fill a memory; call number `first` + 1 returns it.

    Its first stream starts a document between the two writes.
    """
    memory = Result(first + 1)
    return [
        Call("first_state", (config, B, "float64")),
        Call("memory", on=Result(first)),
        Call("write", (vectors(rng, 7, 1), vectors(rng, 7)), on=memory),
        Call("clear", (np.array([True, False, False]),), on=memory),
        Call("write", (vectors(rng, T, 1), vectors(rng, T)), on=memory),
    ]


def remembering(rng):
    """Queries to a memory searched exactly, one searched by LSH, and an empty one."""
    q, scale = vectors(rng, T, 1), np.array([3.0, 9.0])
    lsh = config(search="lsh", bits=2, probes=1)
    return [
        *memory_of(rng, config()),
        *memory_of(rng, lsh, 5),
        Call("remember", (Result(1), q, 6, scale)),
        Call("remember", (Result(6), q, 5, scale)),
        Call("clear", (np.ones(B, bool),), on=Result(1)),
        Call("remember", (Result(1), q, 6, scale)),
    ]


def one_layer(rng):
    """The memory layer and the layer above it, with streams of three ages."""
    params, x = weights(rng, config()), rng.normal(size=(B, T, SIZES["embed"]))
    caches = [None, (vectors(rng, 7, 1), vectors(rng, 7)), None]
    age = np.array([4, 11, 7])
    return [
        *memory_of(rng, config()),
        Call("State", (age, caches, Result(1))),
        Call("attention_layer", (layer_of(params, 1), config(), x, Result(5), 1)),
        Call("attention_layer", (layer_of(params, 2), config(), x, Result(5), 2)),
        Call("caches", on=Result(5)),
        Call("retrieved", on=Result(5)),
        *(Call(name, on=Result(1)) for name in ("keys", "values", "valid")),
    ]


def documents(rng):
    """Four segments of three streams, two of which start a document midway."""
    params = weights(rng, config())
    return [
        *reading(params, config(), text(rng, 4)),
        Call("age", on=Result(3, (1,))),
        Call("caches", on=Result(3, (1,))),
    ]


def of_this_document(results, calls):
    """The results, with zeros for the cached tokens that the mask closes."""
    *others, caches = results
    tokens = np.arange(SIZES["cache"]) >= SIZES["cache"] - AGE[:, None]  # (B, C)
    shown = tokens[:, None, :, None]
    return [*others, [tuple(np.where(shown, x, 0) for x in pair) for pair in caches]]


def edges(rng):
    """float32, no cache, a memory smaller than a segment, and invalid tokens."""
    small = config(layers=1, cache=0, memory=3, memory_layer=0)
    params, tokens = weights(rng, small, np.float32), text(rng, 2)
    return [
        forward(params, small, tokens[:, :T]),
        forward(params, small, tokens[:, T:], 0),
        forward(params, small, tokens[0]),
        forward(params, small, tokens - SIZES["vocab"]),
        forward(params, small, tokens + SIZES["vocab"]),
    ]


def together(rng):
    """Three segments, in which a document starts, and the loss of the last one."""
    params, targets = weights(rng, config()), text(rng)
    targets[1, 2:] = -1
    return [
        *reading(params, config(), text(rng, 3)),
        Call("token_losses", (Result(2, (0,)), targets)),
        Call("loss", (Result(2, (0,)), targets)),
    ]


LOGITS = Output("logit", "stream token word")
NATS = Output("nats", "stream token")
ATTENDED = Output("output", "stream token channel")
SCORES = Output("score", "stream head query place")
INDEX = Output("index", "stream head query place")
FOUND = Output("found", "stream head query place", ("not found", "found"))
STORED = "stream head slot channel"

CASES = (
    example(
        "rms_norm_by_hand",
        1,
        "1 and 7 have a mean square of 25; with eps = 11, the root is 6",
        [
            Call(
                "rms_norm",
                (np.array([[1.0, 7.0], [3.0, 1.0]]), np.array([6.0, 12.0]), 11.0),
            ),
            Call("rms_norm", (np.zeros((2, 3)), np.ones(3))),
        ],
        np.array([[1.0, 14.0], [4.5, 3.0]]),
        np.zeros((2, 3)),
    ),
    example(
        "losses_by_hand",
        1,
        "probabilities of 1/4 and 1/8 cost ln 4 and ln 8; a target of −1 costs nothing",
        [
            Call(
                "token_losses",
                (
                    np.array([[SHARES, SHARES + 1000, SHARES]]),
                    np.array([[1, 0, -1]]),
                ),
            ),
            Call("loss", (np.tile(SHARES, (1, 3, 1)), np.array([[1, 0, -1]]))),
            Call("loss", (np.tile(SHARES, (1, 2, 1)), np.array([[-1, -1]]))),
        ],
        np.array([[np.log(4), np.log(8), 0]]),
        np.log(32) / 2,
        0.0,
    ),
    law(
        "in_two_segments",
        1,
        "reading two segments with a cache is the same as reading one long segment",
        in_two,
        lambda results, _: (
            np.concatenate([results[1][0], results[2][0]], axis=1),
            results[0][0],
        ),
        LOGITS,
    ),
    law(
        "first_segment",
        1,
        "the first segment finds nothing, not even itself, as if there were no memory",
        first_segment,
        lambda results, _: (results[1][0], results[0][0]),
        LOGITS,
    ),
    law(
        "in_company",
        1,
        "a stream's logits do not depend on other streams, even if these start a "
        "document",
        in_company,
        in_company_and_alone,
        Output("logit", "segment token word"),
    ),
    law(
        "state_unchanged",
        1,
        "the state that is passed in is not changed",
        again,
        lambda results, _: (results[2][0], results[1][0]),
        LOGITS,
    ),
    same(
        "remember",
        1,
        "each query gets the rows of its own stream and head; an empty memory gives 0",
        remembering,
    ),
    same(
        "attention_layer",
        1,
        "cache and memory are used, and the memory is written after the search",
        one_layer,
    ),
    same(
        "documents",
        1,
        "over four segments, each start clears only the stream whose document starts",
        documents,
        of_this_document,
    ),
    same(
        "edges",
        1,
        "float32 in, float32 out; ValueError for tokens that are not a segment",
        edges,
    ),
    same(
        "together",
        0,
        "your model runs on your own files from the earlier steps",
        together,
        alone=False,
    ),
)

MISTAKES = (
    *instead_of(
        "return gain * x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + eps)",
        (
            "mean_taken_off",
            "x = x - x.mean(axis=-1, keepdims=True)\n"
            "    return gain * x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + eps)",
            "this is a layer norm: an RMS norm does not subtract the mean.",
        ),
        (
            "sum_of_squares",
            "return gain * x / np.sqrt((x * x).sum(axis=-1, keepdims=True) + eps)",
            "x is divided by its length: divide it by the root of the mean square, "
            "which is smaller by a factor of √E.",
        ),
        (
            "mean_over_everything",
            "return gain * x / np.sqrt((x * x).mean() + eps)",
            "the mean is taken over all tokens: take it over the channels of each "
            "token.",
        ),
        (
            "eps_outside_the_root",
            "return gain * x / (np.sqrt((x * x).mean(axis=-1, keepdims=True)) + eps)",
            "eps is added to the root: add it to the mean square, under the root.",
        ),
        (
            "gain_forgotten",
            "return x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + eps)",
            "the gain has no effect: multiply the channels by it.",
        ),
    ),
    *instead_of(
        "retrieved = memory.search(q, K)",
        (
            "empty_slots_searched",
            "retrieved = memory.searcher.topk(\n"
            "        q, memory.keys, memory.valid | True, K\n    )",
            "slots that hold nothing of this document are searched: search only the "
            "valid ones.",
        ),
        (
            "always_searched_exactly",
            'exact = SEARCHES["exact"](None)\n'
            "    retrieved = exact.topk(q, memory.keys, memory.valid, K)",
            "the memory is always searched exactly: use its own search, which the "
            "configuration chooses.",
        ),
    ),
    *instead_of(
        "stream, head = np.ogrid[: q.shape[0], : q.shape[1]]",
        (
            "rows_of_the_first_head",
            "stream, head = np.ogrid[: q.shape[0], :1]",
            "all heads read the rows of head 0: an index belongs to the head that "
            "searched.",
        ),
        (
            "rows_of_the_first_stream",
            "stream, head = np.ogrid[:1, : q.shape[1]]",
            "all streams read the rows of stream 0: an index belongs to the stream "
            "that searched.",
        ),
    ),
    *instead_of(
        "k, v = memory.keys[rows], memory.values[rows]  # (B, H, T, K, D)",
        (
            "rows_of_all_heads",
            "k, v = memory.keys[:, :, index], memory.values[:, :, index]",
            "every index is looked up in every stream and head: look it up only in "
            "the ones that searched.",
        ),
        (
            "keys_and_values_exchanged",
            "v, k = memory.keys[rows], memory.values[rows]",
            "keys and values of the memory are exchanged: keys are compared, values "
            "are summed.",
        ),
    ),
    *instead_of(
        "return attend_to_memory(q, k, v, found, scale), retrieved",
        (
            "memory_without_scale",
            "return attend_to_memory(q, k, v, found, scale**0), retrieved",
            "memories are weighed without the scale: use the same scale as in local "
            "attention.",
        ),
    ),
    *instead_of(
        "q, k = l2_normalize(q), l2_normalize(k)",
        (
            "keys_not_normalised",
            "q = l2_normalize(q)",
            "the keys are not normalised: normalise both queries and keys.",
        ),
        (
            "queries_not_normalised",
            "k = l2_normalize(k)",
            "the queries are not normalised: normalise both queries and keys.",
        ),
        (
            "values_normalised",
            "q, k, v = l2_normalize(q), l2_normalize(k), l2_normalize(v)",
            "the values are normalised too: normalise only queries and keys.",
        ),
        (
            "normalised_over_all_heads",
            "q, k = (\n"
            "        split_heads(l2_normalize(merge_heads(y)), config.heads)\n"
            "        for y in (q, k)\n    )",
            "queries and keys have length 1 over all heads together: normalise each "
            "head by itself.",
        ),
    ),
    *instead_of(
        'scale = np.exp(p["log_scale"])  # (H,)',
        (
            "log_scale_as_scale",
            'scale = p["log_scale"]',
            "the logarithm of the scale is used as the scale: take its exponential.",
        ),
    ),
    *instead_of(
        "keys, values = extend_cache(state.caches[layer], k, v, config.cache + T)",
        (
            "cache_never_read",
            "keys, values = k, v",
            "the cache has no effect: put its keys and values before those of the "
            "segment.",
        ),
        (
            "segment_counted_in_the_cache",
            "keys, values = extend_cache(state.caches[layer], k, v, config.cache)",
            "the segment's own tokens are counted among the C: a segment attends to C "
            "+ T keys.",
        ),
    ),
    *instead_of(
        "state.caches[layer] = extend_cache(None, keys, values, config.cache)",
        (
            "cache_never_kept",
            "pass",
            "the next segment gets no cache: keep the last C keys and values for it.",
        ),
        (
            "cache_of_one_segment",
            "state.caches[layer] = extend_cache(None, k, v, config.cache)",
            "the cache holds only the last segment: its C tokens may come from more "
            "than one.",
        ),
        (
            "cache_not_cut",
            "state.caches[layer] = keys, values",
            "the cache holds C + T tokens: keep only the last C for the next segment.",
        ),
    ),
    *instead_of(
        'bias, mask = relative_bias(p["bias"], T, S), document_mask(state.age, T, S)',
        (
            "bias_without_the_cache",
            'bias = relative_bias(p["bias"], S, S)[:, :T]\n'
            "    mask = document_mask(state.age, T, S)",
            "the bias aligns the segment's first query with the first cached key: "
            "query i stands at key S − T + i.",
        ),
        (
            "cache_of_another_document",
            'bias = relative_bias(p["bias"], T, S)\n'
            "    mask = document_mask(state.age + S, T, S)",
            "cached keys of the previous document are open: mask them by each "
            "stream's age.",
        ),
        (
            "no_bias",
            "bias, mask = None, document_mask(state.age, T, S)",
            "local attention has no relative bias: add it to the logits.",
        ),
    ),
    *instead_of(
        "if layer == config.memory_layer and state.memory:",
        (
            "memory_layer_counted_from_1",
            "if layer + 1 == config.memory_layer and state.memory:",
            "layers are counted from 1: count them from 0 to find the memory layer.",
        ),
        (
            "memory_in_every_layer",
            "if state.memory:",
            "all layers use the memory: only the memory layer does, and only it has a "
            "gate.",
        ),
    ),
    *instead_of(
        "remembered, state.retrieved = remember(state.memory, q, K, scale)\n"
        '        mixed = mix(remembered, local, p["gate"], '
        "found=state.retrieved[2])\n        state.memory.write(k, v)",
        (
            "written_before_searched",
            "state.memory.write(k, v)\n"
            "        remembered, state.retrieved = "
            "remember(state.memory, q, K, scale)\n"
            '        mixed = mix(remembered, local, p["gate"], '
            "found=state.retrieved[2])",
            "the segment is written before the search, so a token finds itself and "
            "later tokens: search first.",
        ),
        (
            "retrieved_not_kept",
            "remembered, retrieved = remember(state.memory, q, K, scale)\n"
            '        mixed = mix(remembered, local, p["gate"], found=retrieved[2])\n'
            "        state.memory.write(k, v)",
            "what the search returned is lost: keep it in the state.",
        ),
    ),
    *instead_of(
        'mixed = mix(remembered, local, p["gate"], found=state.retrieved[2])',
        (
            "gate_turned_round",
            'mixed = mix(local, remembered, p["gate"], found=state.retrieved[2])',
            "remembered and local are exchanged in the mix: the gate is the share of "
            "remembered.",
        ),
    ),
    *instead_of(
        "state.memory.write(k, v)",
        (
            "never_written",
            "pass",
            "the memory stays empty: write the segment's keys and values after the "
            "search.",
        ),
        (
            "cache_written_again",
            "state.memory.write(keys, values)",
            "the cached tokens are written to the memory again: write only those of "
            "the segment.",
        ),
        (
            "queries_stored",
            "state.memory.write(q, v)",
            "queries are stored in place of keys: store the keys, which later queries "
            "are compared with.",
        ),
    ),
    *instead_of(
        'return merge_heads(mixed) @ p["output"]',
        (
            "no_output_projection",
            "return merge_heads(mixed)",
            "the output projection is missing: apply it after merge_heads.",
        ),
        (
            "merged_by_reshape",
            'return mixed.reshape(x.shape) @ p["output"]',
            "a reshape alone mixes heads and tokens: use merge_heads.",
        ),
    ),
    *instead_of(
        "B, T = check_tokens(tokens, config)",
        (
            "tokens_not_checked",
            "B, T = tokens.shape",
            "tokens are not checked, and −1 would read the last row of the embedding: "
            "use check_tokens.",
        ),
    ),
    *instead_of(
        'state = first_state(config, B, params["embedding"].dtype)',
        (
            "memory_in_single_precision",
            "state = first_state(config, B)",
            "the memory is always float32: give it the dtype of the weights.",
        ),
    ),
    *instead_of(
        "state = start_documents(state, np.zeros(B, bool) if starts is None else "
        "starts)",
        (
            "starts_ignored",
            "state = start_documents(state, np.zeros(B, bool))",
            "`starts` has no effect: a stream that starts a document must not see the "
            "one before.",
        ),
        (
            "one_start_clears_all",
            "some = starts is not None and starts.any()\n"
            "    state = start_documents(state, np.full(B, some))",
            "when one stream starts a document, all streams are cleared: clear only "
            "that one.",
        ),
        (
            "state_changed_in_place",
            "state = state if starts is None else start_documents(state, starts)",
            "without `starts`, the state that was passed in is changed: "
            "start_documents makes a copy, so call it every time.",
        ),
        (
            "memory_survives_the_start",
            "starts = np.zeros(B, bool) if starts is None else starts\n"
            "    state = start_documents(state, starts & False)\n"
            "    state.age = np.where(starts, 0, state.age)",
            "the memory is not cleared where a document starts, so it still finds the "
            "document before: clear it.",
        ),
        (
            "cleared_after_the_search",
            "starts = np.zeros(B, bool) if starts is None else starts\n"
            "    state = start_documents(state, starts & False)\n"
            "    if starts.any():\n"
            "        state.age = np.where(starts, 0, state.age)\n"
            "        logits, state = forward(params, config, tokens, state)\n"
            "        return logits, start_documents(state, starts)",
            "the memory is cleared after the segment has been read: clear first, then "
            "search, then write.",
        ),
    ),
    *instead_of(
        'x = params["embedding"][tokens]  # (B, T, E)',
        (
            "embedding_scaled",
            'x = params["embedding"][tokens] * config.embed**0.5',
            "the embeddings are multiplied by √E: use them as they are.",
        ),
    ),
    *instead_of(
        'h = rms_norm(x, p["attention_norm"])',
        (
            "attention_without_norm",
            "h = x",
            "attention reads the residual stream as it is: normalise it first.",
        ),
    ),
    *instead_of(
        "x = x + attention_layer(p, config, h, state, layer)",
        (
            "no_residual",
            "x = attention_layer(p, config, h, state, layer)",
            "the output of attention replaces the residual stream: add it to the "
            "stream.",
        ),
        (
            "residual_of_the_norm",
            "x = h + attention_layer(p, config, h, state, layer)",
            "the output of attention is added to the normalised stream: add it to the "
            "residual stream itself.",
        ),
    ),
    *instead_of(
        'h = rms_norm(x, p["mlp_norm"])',
        (
            "parallel_layers",
            'h = h / p["attention_norm"] * p["mlp_norm"]',
            "both halves of a layer read the same input: the second must read the "
            "stream after attention was added to it.",
        ),
    ),
    *instead_of(
        'x = x + np.maximum(h @ p["up"], 0) @ p["down"]',
        (
            "no_relu",
            'x = x + h @ p["up"] @ p["down"]',
            "the ReLU is missing: apply it between the projections `up` and `down`.",
        ),
    ),
    *instead_of(
        "state.age += T",
        (
            "age_stands_still",
            "pass",
            "the age never grows, so cached tokens seem to belong to another "
            "document: count the tokens read.",
        ),
        (
            "age_counts_segments",
            "state.age += 1",
            "the age counts segments: it must count tokens.",
        ),
    ),
    *instead_of(
        'x = rms_norm(x, params["norm"])',
        (
            "no_last_norm",
            "pass",
            "the last norm is missing: normalise the residual stream before the "
            "logits.",
        ),
    ),
    *instead_of(
        'return x @ params["embedding"].T / np.sqrt(config.embed).astype(x.dtype), '
        "state",
        (
            "logits_not_divided",
            'return x @ params["embedding"].T, state',
            "the logits are not divided by √E: divide them, so that they are of order "
            "1.",
        ),
        (
            "double_precision",
            'return x @ params["embedding"].T / np.sqrt(config.embed), state',
            "float32 weights give float64 logits: np.sqrt of a whole number is "
            "float64, so convert it.",
        ),
    ),
    *instead_of(
        "logits = logits - logits.max(axis=-1, keepdims=True)",
        (
            "no_maximum_subtracted",
            "pass",
            "exp overflows for large logits: subtract the largest logit of each token "
            "first, which changes no loss.",
        ),
    ),
    *instead_of(
        "return np.where(targets >= 0, nats, 0)",
        (
            "bits_for_nats",
            "return np.where(targets >= 0, nats / np.log(2), 0)",
            "the losses are in bits: use the natural logarithm, which gives nats.",
        ),
        (
            "padding_costs",
            "return nats",
            "targets of −1 are treated as the last word: they must cost 0.",
        ),
    ),
    *instead_of(
        "return token_losses(logits, targets).sum() / max(1, (targets >= 0).sum())",
        (
            "padding_counted",
            "return token_losses(logits, targets).mean()",
            "targets of −1 are counted in the mean: divide by the number of the other "
            "targets.",
        ),
        (
            "not_divided",
            "return token_losses(logits, targets).sum()",
            "this is the sum of the losses: take their mean over the targets that are "
            "not −1.",
        ),
        (
            "no_targets_is_nan",
            "return token_losses(logits, targets).sum() / (targets >= 0).sum()",
            "without any target the mean is 0 / 0: it must be 0.",
        ),
    ),
)

STEP = Step(
    name="model",
    title="The whole model",
    module="model",
    chapter="08_model",
    todo=(
        "rms_norm",
        "remember",
        "attention_layer",
        "forward",
        "token_losses",
        "loss",
    ),
    given=("State", "first_state", "start_documents", "check_tokens", "check_params"),
    outputs=dict(
        rms_norm=Output("normalised", "token channel"),
        remember=(
            Output("remembered", "stream head query channel"),
            (SCORES, INDEX, FOUND),
        ),
        attention_layer=ATTENDED,
        forward=(LOGITS, Output("state")),
        token_losses=NATS,
        loss=Output("loss"),
        age=Output("age", "stream"),
        caches=Output("cached", "stream head token channel"),
        retrieved=(SCORES, INDEX, FOUND),
        keys=Output("stored key", STORED),
        values=Output("stored value", STORED),
        valid=Output("valid", "stream slot", ("empty", "valid")),
    ),
    cases=CASES,
    mistakes=MISTAKES,
)
