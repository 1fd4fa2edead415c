"""Stochastic gradient descent and Adam, as scikit-learn's MLP runs them.

The state lives beside each parameter: one number for SGD with momentum, two for Adam.
"""

from typing import NamedTuple

import numpy as np

from sklearn_sparse_nn.engine.compilation import inner

SGD, ADAM = 0, 1


class OptimiserState(NamedTuple):
    """State beside the weights and the intercepts of a network, float32.

    `second` arrays are empty for SGD. `importances` are those of `engine.terms`, and
    `held` those of `engine.held`; both are empty where nobody asks for them.
    """

    first: np.ndarray
    second: np.ndarray
    intercepts_first: np.ndarray
    intercepts_second: np.ndarray
    importances: np.ndarray
    held: np.ndarray


class Step(NamedTuple):
    """What one parameter update depends on besides gradient and state.

    `rate` is the learning rate; for Adam, with its bias correction.
    """

    kind: int
    rate: np.float32
    momentum: np.float32
    nesterov: bool
    beta_1: np.float32
    beta_2: np.float32
    adam_epsilon: np.float32


def new_state(solver, n_connections, n_neurons):
    """The state of a network that has not been trained yet: zeros."""
    n_moments = {"sgd": (1, 0), "adam": (1, 1)}[solver]
    return OptimiserState(
        *(np.zeros(n * n_connections, dtype=np.float32) for n in n_moments),
        *(np.zeros(n * n_neurons, dtype=np.float32) for n in n_moments),
        importances=np.zeros(0, dtype=np.float32),
        held=np.zeros(0, dtype=np.float32),
    )


def optimiser_step(parameters):
    """The step that the parameters of an epoch describe; what they lack is not used."""

    def number(name):
        return np.float32(getattr(parameters, name, 0))

    return Step(
        kind=ADAM if getattr(parameters, "solver", "sgd") == "adam" else SGD,
        rate=number("learning_rate"),
        momentum=number("momentum"),
        nesterov=bool(getattr(parameters, "nesterovs_momentum", False)),
        beta_1=number("beta_1"),
        beta_2=number("beta_2"),
        adam_epsilon=number("adam_epsilon"),
    )


@inner(fastmath={"reassoc"})
def regularise(gradient, weights, alpha, scale):
    """Make a mean of summed gradients, with L2; return the sum of squared weights."""
    squares = np.float32(0)
    for i in range(len(weights)):
        gradient[i] = (gradient[i] + alpha * weights[i]) * scale
        squares += weights[i] * weights[i]
    return squares


@inner
def change(parameters, first, second, gradient, step):
    """Change `parameters` and their optimiser state in place."""
    if step.kind == SGD:
        _sgd(parameters, first, gradient, step)
    else:
        _adam(parameters, first, second, gradient, step)


@inner
def _sgd(parameters, velocities, gradient, step):
    momentum, rate = step.momentum, step.rate
    # Nesterov's momentum looks one step ahead.
    ahead = momentum if step.nesterov else np.float32(1)
    now = rate if step.nesterov else np.float32(0)
    for i in range(len(parameters)):
        velocity = momentum * velocities[i] - rate * gradient[i]
        velocities[i] = velocity
        parameters[i] += ahead * velocity - now * gradient[i]


@inner
def _adam(parameters, means, squares, gradient, step):
    beta_1, beta_2, one = step.beta_1, step.beta_2, np.float32(1)
    for i in range(len(parameters)):
        g = gradient[i]
        mean = beta_1 * means[i] + (one - beta_1) * g
        square = beta_2 * squares[i] + (one - beta_2) * g * g
        means[i], squares[i] = mean, square
        parameters[i] -= step.rate * mean / (np.sqrt(square) + step.adam_epsilon)


@inner
def corrected(step, n_updates):
    """The step with Adam's bias correction for update number `n_updates`."""
    rate = np.float64(step.rate)
    if step.kind == ADAM:
        rate *= np.sqrt(1 - np.float64(step.beta_2) ** n_updates)
        rate /= 1 - np.float64(step.beta_1) ** n_updates
    return Step(
        step.kind,
        np.float32(rate),
        step.momentum,
        step.nesterov,
        step.beta_1,
        step.beta_2,
        step.adam_epsilon,
    )
