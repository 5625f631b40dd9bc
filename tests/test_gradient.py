"""The backward pass by hand: finite differences and torch's autograd agree with it."""

import numpy as np
import pytest

from minimt import gate, gradient

B, H, T, K, D = 2, 3, 4, 5, 6


@pytest.fixture
def some(rng):
    """Inputs of both functions; some queries found few memories, some none."""
    found = rng.random((B, H, T, K)) < 0.6
    found[0, 1, 2] = False
    return dict(
        q=rng.normal(size=(B, H, T, D)),
        k=rng.normal(size=(B, H, T, K, D)),
        v=rng.normal(size=(B, H, T, K, D)),
        scale=rng.uniform(0.5, 2, size=H),
        remembered=rng.normal(size=(B, H, T, D)),
        local=rng.normal(size=(B, H, T, D)),
        gate_logit=rng.normal(size=H),
        found=found,
        grad=rng.normal(size=(B, H, T, D)),
    )


def slope(function, x, grad, eps=1e-6):
    """The gradient of Σ grad · function(x), by central differences."""
    slopes = np.empty_like(x)
    for place in np.ndindex(x.shape):
        ahead, behind = x.copy(), x.copy()
        ahead[place] += eps
        behind[place] -= eps
        slopes[place] = (grad * (function(ahead) - function(behind))).sum() / (2 * eps)
    return slopes


def test_the_query_s_gradient_is_the_slope(some):
    k, v, found, scale, grad = (some[n] for n in "k v found scale grad".split())
    dq = gradient.attend_to_memory_backward(some["q"], k, v, found, scale, grad)
    read = slope(
        lambda q: gate.attend_to_memory(q, k, v, found, scale), some["q"], grad
    )
    assert np.allclose(dq, read, atol=1e-7)
    assert not dq[0, 1, 2].any() and dq.any()


@pytest.mark.parametrize("name", ["remembered", "local", "gate_logit"])
def test_the_gate_s_gradients_are_the_slopes(some, name):
    names = "remembered local gate_logit".split()
    found, grad = some["found"], some["grad"]
    parts = {name: some[name] for name in names}
    given = dict(zip(names, gradient.mix_backward(**parts, found=found, grad=grad)))

    def mixed(x):
        return gate.mix(**(parts | {name: x}), found=found)

    assert given[name].shape == parts[name].shape
    assert np.allclose(given[name], slope(mixed, parts[name], grad), atol=1e-7)


def test_autograd_agrees(some, torch_model):
    torch = torch_model.torch
    t = {name: torch.from_numpy(x) for name, x in some.items()}
    for name in ("q", "gate_logit", "local"):
        t[name].requires_grad_()
    read = torch_model.attend_to_memory(t["q"], t["k"], t["v"], t["found"], t["scale"])
    torch_model.mix(read, t["local"], t["gate_logit"], t["found"]).backward(t["grad"])
    s = some
    read = gate.attend_to_memory(s["q"], s["k"], s["v"], s["found"], s["scale"])
    dread, dlocal, dgate = gradient.mix_backward(
        read, s["local"], s["gate_logit"], s["found"], s["grad"]
    )
    dq = gradient.attend_to_memory_backward(
        s["q"], s["k"], s["v"], s["found"], s["scale"], dread
    )
    for name, mine in dict(q=dq, local=dlocal, gate_logit=dgate).items():
        assert np.allclose(t[name].grad.numpy(), mine, atol=1e-10)
