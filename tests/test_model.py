"""The whole NumPy model: laws that hold whatever the weights are."""

from dataclasses import replace

import numpy as np
import pytest
from models import CONFIG, params_of, stream

from minimt.model import Config, forward, init_params, loss, token_losses


def run(params, config, segments):
    """The logits of a stream of (tokens, starts) segments, side by side: (B, ΣT, V)."""
    logits, state = [], None
    for tokens, starts in segments:
        out, state = forward(params, config, tokens, state, starts)
        logits.append(out)
    return np.concatenate(logits, axis=1)


def test_two_segments_with_a_cache_are_one_long_segment(rng):
    config = replace(CONFIG, cache=10, memory=0)
    params, tokens = params_of(config), rng.integers(config.vocab, size=(3, 10))
    start, go_on = np.ones(3, bool), np.zeros(3, bool)
    parts = [(tokens[:, :4], start), (tokens[:, 4:], go_on)]
    long, _ = forward(params, config, tokens)
    np.testing.assert_allclose(run(params, config, parts), long, atol=1e-12)


def test_a_memory_of_everything_behind_an_open_gate_is_attention_to_the_past(rng):
    """Every past token retrieved and gate 1: one layer, computed densely beside it."""
    config = replace(
        CONFIG, layers=1, memory_layer=0, cache=0, memory=40, neighbours=40
    )
    params = params_of(config)
    params["layers.0.gate"] = np.full(config.heads, 500.0)
    first, second = rng.integers(config.vocab, size=(2, 3, 5))
    _, state = forward(params, config, first)
    logits, _ = forward(params, config, second, state)

    p = {name.removeprefix("layers.0."): w for name, w in params.items()}

    def norm(x, gain):
        return gain * x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6)

    def heads(tokens, name, unit):
        x = norm(p["embedding"][tokens], p["attention_norm"]) @ p[name]
        x = x.reshape(3, 5, config.heads, config.head)
        return x / np.linalg.norm(x, axis=-1, keepdims=True) if unit else x

    q, k = heads(second, "query", True), heads(first, "key", True)
    weights = np.exp(np.einsum("bthd,bshd,h->bhts", q, k, np.exp(p["log_scale"])))
    weights /= weights.sum(-1, keepdims=True)
    out = np.einsum("bhts,bshd->bthd", weights, heads(first, "value", False))
    x = p["embedding"][second] + out.reshape(3, 5, -1) @ p["output"]
    x = x + np.maximum(norm(x, p["mlp_norm"]) @ p["up"], 0) @ p["down"]
    dense = norm(x, p["norm"]) @ p["embedding"].T / np.sqrt(config.embed)
    np.testing.assert_allclose(logits, dense, atol=1e-11)


def test_a_closed_gate_equals_no_memory(rng):
    params, segments = params_of(CONFIG), list(stream(rng, CONFIG, 6))
    params["layers.1.gate"] = np.full(CONFIG.heads, -500.0)
    without = run(params, replace(CONFIG, memory=0), segments)
    np.testing.assert_allclose(run(params, CONFIG, segments), without, atol=1e-12)


def test_memory_changes_what_is_predicted_only_from_the_second_segment_on(rng):
    params, segments = params_of(CONFIG), list(stream(rng, CONFIG, 3, starts=0))
    change = run(params, CONFIG, segments) - run(
        params, replace(CONFIG, memory=0), segments
    )
    assert np.abs(change[:, :5]).max() == 0
    assert np.abs(change[:, 5:]).max(axis=(0, 2)).min() > 1e-6


def test_permuting_the_streams_permutes_the_results(rng):
    params, segments = params_of(CONFIG), list(stream(rng, CONFIG, 8))
    order = np.array([2, 0, 1])
    moved = [(tokens[order], starts[order]) for tokens, starts in segments]
    expected = run(params, CONFIG, segments)[order]
    np.testing.assert_allclose(run(params, CONFIG, moved), expected, atol=1e-12)


def test_a_stream_never_depends_on_its_neighbours(rng):
    params, segments = params_of(CONFIG), list(stream(rng, CONFIG, 8))
    alone = [(tokens[1:2], starts[1:2]) for tokens, starts in segments]
    together = run(params, CONFIG, segments)[1:2]
    np.testing.assert_allclose(run(params, CONFIG, alone), together, atol=1e-12)


def test_a_document_start_forgets_all_that_was_read(rng):
    params = params_of(CONFIG)
    old, new = stream(rng, CONFIG, 4, starts=0), list(stream(rng, CONFIG, 4, starts=0))
    new[0] = new[0][0], np.array([True, True, True])
    after_others = run(params, CONFIG, [*old, *new])[:, 20:]
    np.testing.assert_allclose(after_others, run(params, CONFIG, new), atol=1e-12)


def test_no_token_sees_the_ones_after_it(rng):
    params, segments = params_of(CONFIG), list(stream(rng, CONFIG, 4))
    changed = [(tokens.copy(), starts) for tokens, starts in segments]
    changed[3][0][:, 3] = (changed[3][0][:, 3] + 1) % CONFIG.vocab
    difference = run(params, CONFIG, segments) - run(params, CONFIG, changed)
    assert np.abs(difference[:, :18]).max() == 0
    assert np.abs(difference[:, 18:]).max() > 1e-6


def test_lsh_with_one_cell_is_exact_search(rng):
    params, segments = params_of(CONFIG), list(stream(rng, CONFIG, 6))
    lsh = replace(CONFIG, search="lsh", bits=0, probes=1)
    expected = run(params, CONFIG, segments)
    np.testing.assert_allclose(run(params, lsh, segments), expected, atol=1e-12)


def test_forward_leaves_its_inputs_unchanged(rng):
    params = params_of(CONFIG)
    first, second = stream(rng, CONFIG, 2, starts=0)
    _, state = forward(params, CONFIG, *first[:1])
    once, _ = forward(params, CONFIG, second[0], state)
    twice, _ = forward(params, CONFIG, second[0], state, np.zeros(3, bool))
    np.testing.assert_array_equal(once, twice)


def test_memory_can_be_smaller_than_a_segment(rng):
    config = replace(CONFIG, memory=3, neighbours=8)
    logits = run(params_of(config), config, stream(rng, config, 5))
    assert np.isfinite(logits).all()


@pytest.mark.parametrize("init", ["random", "primed", "induction"])
def test_only_a_written_lookup_makes_a_second_reading_cheap_before_training(rng, init):
    sizes = dict(vocab=200, segment=16, memory=512, memory_layer=1, layers=2)
    config = Config(**sizes, init=init)
    document = rng.permutation(200)[None, :192]
    twice = np.concatenate([document, document], axis=1)
    params, nats, state = init_params(config, seed=1), [], None
    for at in range(0, 368, 16):
        tokens, targets = twice[:, at : at + 16], twice[:, at + 1 : at + 17]
        logits, state = forward(params, config, tokens, state)
        nats.append(token_losses(logits, targets).mean())
    saved = np.mean(nats[:12]) - np.mean(nats[12:])
    assert saved > 2 if init == "induction" else abs(saved) < 0.5


def test_initial_weights_are_seeded_and_float32():
    again = init_params(CONFIG, seed=3)
    for name, weights in init_params(CONFIG, seed=3).items():
        np.testing.assert_array_equal(weights, again[name])
        assert weights.dtype == np.float32
    other = init_params(CONFIG, seed=4)
    assert np.abs(other["embedding"] - again["embedding"]).max() > 0.1


@pytest.mark.parametrize("heads", [1, 2, 3, 5])
@pytest.mark.parametrize("embed", [1, 2, 6])
def test_every_shape_has_initial_weights(heads, embed):
    config = replace(CONFIG, heads=heads, embed=heads * embed)
    logits, _ = forward(init_params(config), config, np.ones((2, 5), int))
    assert np.isfinite(logits).all()


def test_the_loss_is_the_mean_negative_log_likelihood_of_the_targets(rng):
    logits, targets = rng.normal(size=(2, 3, 7)), rng.integers(7, size=(2, 3))
    targets[1, 2] = -1
    nats = []
    for b, t in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]:
        weights = [np.exp(x) for x in logits[b, t]]
        nats.append(-np.log(weights[targets[b, t]] / sum(weights)))
    assert abs(loss(logits + 1e3, targets) - np.mean(nats)) < 1e-10
    assert token_losses(logits, targets)[1, 2] == 0
    assert loss(logits, np.full((2, 3), -1)) == 0


@pytest.mark.parametrize(
    "tokens", [np.zeros(4, int), np.zeros((2, 0), int), np.full((2, 3), 23), -np.eye(2)]
)
def test_tokens_of_a_wrong_shape_or_value_are_refused(tokens):
    with pytest.raises(ValueError, match="tokens must"):
        forward(init_params(CONFIG), CONFIG, tokens.astype(int))


def test_parameters_of_another_configuration_are_refused(rng):
    tokens = rng.integers(CONFIG.vocab, size=(2, 3))
    changes = dict(layers=CONFIG.layers + 1, vocab=CONFIG.vocab - 1, heads=1)
    for name, value in changes.items():
        other = replace(CONFIG, **{name: value})
        with pytest.raises(ValueError, match=r"parameters|must have shape"):
            forward(params_of(CONFIG), other, tokens % other.vocab)


@pytest.mark.parametrize("starts", [[True], [True] * 3, [[True, False]]])
def test_starts_and_states_of_other_streams_are_refused(rng, small_model, starts):
    torch, tokens = (
        pytest.importorskip("torch"),
        rng.integers(CONFIG.vocab, size=(2, 3)),
    )
    _, state = forward(params_of(CONFIG), CONFIG, tokens[:1])
    with pytest.raises(ValueError, match=r"state\.age must have shape"):
        forward(params_of(CONFIG), CONFIG, tokens, state)
    with pytest.raises(ValueError, match="starts must have shape"):
        forward(params_of(CONFIG), CONFIG, tokens, None, np.array(starts))
    with pytest.raises(ValueError, match="starts must have shape"):
        small_model(torch.from_numpy(tokens), None, torch.tensor(starts))
    with pytest.raises(ValueError, match=r"state\.age must have shape"):
        small_model(torch.from_numpy(tokens), small_model.first_state(1))
