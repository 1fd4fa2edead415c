"""Stochastic gradient descent and Adam, as scikit-learn's MLP runs them.

The state lives beside each parameter: one number for SGD with momentum, two for Adam.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

SGD, ADAM = 0, 1


class OptimiserState(NamedTuple):
    """State beside the weights and the intercepts of a network, float32.

    `second` arrays are empty for SGD.
    """

    first: np.ndarray
    second: np.ndarray
    intercepts_first: np.ndarray
    intercepts_second: np.ndarray


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
    )


@njit(fastmath={"reassoc"})
def regularise(gradient, weights, start, n, alpha, scale):
    """Make a mean of summed gradients, with L2; return the sum of squared weights."""
    squares = np.float32(0)
    for i in range(n):
        weight = weights[start + i]
        gradient[i] = (gradient[i] + alpha * weight) * scale
        squares += weight * weight
    return squares


@njit
def _sgd(parameters, first, start, gradient, n, step):
    for i in range(n):
        k = start + i
        velocity = step.momentum * first[k] - step.rate * gradient[i]
        first[k] = velocity
        if step.nesterov:
            velocity = step.momentum * velocity - step.rate * gradient[i]
        parameters[k] += velocity


@njit
def _adam(parameters, first, second, start, gradient, n, step):
    one = np.float32(1)
    for i in range(n):
        k = start + i
        g = gradient[i]
        m = step.beta_1 * first[k] + (one - step.beta_1) * g
        v = step.beta_2 * second[k] + (one - step.beta_2) * g * g
        first[k] = m
        second[k] = v
        parameters[k] -= step.rate * m / (np.sqrt(v) + step.adam_epsilon)


@njit
def update(parameters, first, second, start, gradient, n, step):
    """Update parameters `start` to `start + n` with `gradient[:n]`, in place."""
    if step.kind == SGD:
        _sgd(parameters, first, start, gradient, n, step)
    else:
        _adam(parameters, first, second, start, gradient, n, step)
