import numpy as np
import pytest
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

from sklearn_sparse_nn.engine.optimisers import (
    ADAM,
    SGD,
    Step,
    change,
    new_state,
    regularise,
)
from tests.engine.helpers import called

N, N_STEPS = 37, 8

_change, _regularise = called(change), called(regularise)


def _step(kind, rate, momentum=0.0, nesterov=False, beta_1=0.9, beta_2=0.999):
    f = np.float32
    return Step(kind, f(rate), f(momentum), nesterov, f(beta_1), f(beta_2), f(1e-8))


def _random(seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=N), rng.normal(size=(N_STEPS, N))


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("nesterov", [False, True])
def test_sgd_steps_like_scikit_learn(momentum, nesterov):
    start, gradients = _random()
    expected, parameters = [start.copy()], start.astype(np.float32)
    optimizer = SGDOptimizer(expected, 0.1, momentum=momentum, nesterov=nesterov)
    state = new_state("sgd", N, 0)
    step = _step(SGD, 0.1, momentum, nesterov)
    for gradient in gradients:
        optimizer.update_params(expected, [gradient])
        gradient = gradient.astype(np.float32)
        _change(parameters, state.first, state.second, gradient, step)
        np.testing.assert_allclose(parameters, expected[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("beta_1, beta_2", [(0.9, 0.999), (0.5, 0.9), (0.0, 0.99)])
def test_adam_steps_like_scikit_learn(beta_1, beta_2):
    start, gradients = _random()
    expected, parameters = [start.copy()], start.astype(np.float32)
    optimizer = AdamOptimizer(expected, 0.1, beta_1, beta_2)
    state = new_state("adam", N, 0)
    for t, gradient in enumerate(gradients, start=1):
        optimizer.update_params(expected, [gradient])
        rate = 0.1 * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
        step = _step(ADAM, rate, beta_1=beta_1, beta_2=beta_2)
        gradient = gradient.astype(np.float32)
        _change(parameters, state.first, state.second, gradient, step)
        np.testing.assert_allclose(parameters, expected[0], rtol=1e-5, atol=1e-5)


def test_adam_leaves_parameters_that_never_had_a_gradient():
    parameters = np.ones(N, dtype=np.float32)
    zeros = np.zeros(N, dtype=np.float32)
    _change(parameters, zeros.copy(), zeros.copy(), zeros, _step(ADAM, 0.1))
    assert (parameters == 1).all()


@pytest.mark.parametrize("alpha, scale", [(0.0, 1.0), (0.3, 0.125), (2.0, 1 / 3)])
def test_regularise_adds_l2_and_takes_the_mean(alpha, scale):
    weights, gradients = _random()
    weights, gradient = weights.astype(np.float32), gradients[0].astype(np.float32)
    expected = (gradient + alpha * weights) * scale
    padded = np.append(gradient, np.float32(7))
    squares = _regularise(padded, weights, np.float32(alpha), np.float32(scale))
    np.testing.assert_allclose(padded[:-1], expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(squares, np.sum(weights**2), rtol=1e-5)
    assert padded[-1] == 7


@pytest.mark.parametrize("solver, n_second", [("sgd", 0), ("adam", 1)])
def test_new_state_is_zeros_beside_each_parameter(solver, n_second):
    state = new_state(solver, 5, 3)
    lengths = [5, 5 * n_second, 3, 3 * n_second, 0, 0]
    assert [len(array) for array in state] == lengths
    assert all(array.dtype == np.float32 and not array.any() for array in state)
