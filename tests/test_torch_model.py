"""The torch twin: it agrees with NumPy in what it computes and in what it learns."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from models import CONFIG, params_of, stream

from minimt import model
from minimt.torch_model import MemorizingTransformer, loss, token_losses

CONFIGS = [
    CONFIG,
    replace(CONFIG, memory=128, segment=40, cache=0, neighbours=5),
    replace(CONFIG, memory=0),
    replace(CONFIG, search="lsh", bits=2, probes=4),
    replace(CONFIG, memory_layer=2, neighbours=20, memory=4, cache=2),
]


def tensors(segment):
    return tuple(torch.from_numpy(x) for x in segment)


def twin_of(config, params):
    return MemorizingTransformer(config).load_numpy(params)


@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-10), (np.float32, 1e-5)])
@pytest.mark.parametrize("config", CONFIGS)
def test_twins_agree_over_streams_with_starts_in_mid_batch(
    rng, config, dtype, tolerance
):
    """To the tolerance, as a part of the largest logit."""
    params = {name: w.astype(dtype) for name, w in params_of(config).items()}
    twin, state, twin_state = twin_of(config, params), None, None
    for tokens, starts in stream(rng, config, 12):
        expected, state = model.forward(params, config, tokens, state, starts)
        logits, twin_state = twin(*tensors([tokens]), twin_state, *tensors([starts]))
        assert expected.dtype == dtype
        assert logits.detach().numpy().dtype == dtype
        atol = tolerance * np.abs(expected).max()
        assert np.abs(logits.detach().numpy() - expected).max() <= atol
        targets = rng.integers(-1, config.vocab, size=tokens.shape)
        np.testing.assert_allclose(
            loss(logits, *tensors([targets])).detach(),
            model.loss(expected, targets),
            atol=atol,
        )
        np.testing.assert_allclose(
            token_losses(logits, *tensors([targets])).detach(),
            model.token_losses(expected, targets),
            atol=atol,
        )


def gradient(config, params, segments, targets):
    """The gradient of the last segment's loss, by torch: {name: array}."""
    twin, state = twin_of(config, params), None
    for tokens, starts in segments:
        logits, state = twin(*tensors([tokens]), state, *tensors([starts]))
    loss(logits, *tensors([targets])).backward()
    learned = {name: p.grad for name, p in twin.named_parameters()}
    return {name: grad.numpy() for name, grad in learned.items() if grad is not None}


def slope(function, params, name, direction, step=1e-6):
    """The central difference of a function of the parameters along a direction."""
    up = params | {name: params[name] + step * direction}
    down = params | {name: params[name] - step * direction}
    return (function(up) - function(down)) / (2 * step)


@pytest.mark.parametrize("config", [CONFIG, replace(CONFIG, memory=128)])
def test_torch_gradient_is_the_slope_of_the_numpy_loss_with_the_past_constant(
    rng, config
):
    params, segments = params_of(config), list(stream(rng, config, 4))
    targets = rng.integers(config.vocab, size=(3, config.segment))
    state = None
    for tokens, starts in segments[:-1]:
        _, state = model.forward(params, config, tokens, state, starts)
    tokens, starts = segments[-1]

    def last_loss(params):
        logits, _ = model.forward(params, config, tokens, state, starts)
        return model.loss(logits, targets)

    learned = gradient(config, params, segments, targets)
    assert learned.keys() == params.keys()
    for name, grad in learned.items():
        direction = rng.normal(size=grad.shape)
        expected = slope(last_loss, params, name, direction)
        assert abs((grad * direction).sum() - expected) < 1e-7, name
        assert abs(expected) > 1e-9, name


@pytest.mark.parametrize("part", ["cache", "memory"])
def test_no_gradient_flows_into_the_past(rng, part):
    """Were the past part of the gradient, it would be the slope of reading it all."""
    config = replace(CONFIG, **{"memory" if part == "cache" else "cache": 0})
    params, segments = params_of(config), list(stream(rng, config, 3, starts=0))
    targets = rng.integers(config.vocab, size=(3, config.segment))

    def loss_of_reading_all(params):
        state = None
        for tokens, starts in segments:
            logits, state = model.forward(params, config, tokens, state, starts)
        return model.loss(logits, targets)

    name = "layers.1.value"
    grad = gradient(config, params, segments, targets)[name]
    through = slope(loss_of_reading_all, params, name, grad)
    assert abs(through - (grad**2).sum()) > 1e-3 * abs(through)


def test_gate_learns_only_where_something_was_found(rng):
    params, (first, second) = params_of(CONFIG), stream(rng, CONFIG, 2, starts=0)
    targets = rng.integers(CONFIG.vocab, size=(3, CONFIG.segment))
    empty = gradient(CONFIG, params, [first], targets)
    full = gradient(CONFIG, params, [first, second], targets)
    assert np.abs(empty["layers.1.gate"]).max() == 0
    assert np.abs(full["layers.1.gate"]).min() > 1e-6
    assert all(np.isfinite(grad).all() for grad in empty.values())


def test_weights_move_both_ways():
    params = params_of(CONFIG)
    back = twin_of(CONFIG, params).to_numpy()
    assert back.keys() == params.keys()
    for name in params:
        np.testing.assert_array_equal(back[name], params[name])
        assert not np.shares_memory(back[name], params[name])


def test_both_start_from_the_same_weights():
    twin = MemorizingTransformer(CONFIG, seed=5).to_numpy()
    for name, weights in model.init_params(CONFIG, seed=5).items():
        np.testing.assert_array_equal(twin[name], weights)
