"""Random weights that keep the variance of activations.

A neuron with `d` connections needs weights of variance ``gain² / d``. In a sparse layer
`d` differs from neuron to neuron, and is far below the number of inputs.
"""

import numpy as np

from sklearn_sparse_nn.engine.activations import LEFT_SLOPES
from sklearn_sparse_nn.topology.cells import neuron_blocks


def activation_gain(activation, all_relu_slope=0.6):
    """The gain that makes up for what the activation function takes away.

    A slope of `s` left of 0 keeps ``(1 + s²) / 2`` of the variance, whatever its sign:
    ReLU keeps half of it (He et al., 2015).
    """
    slopes = LEFT_SLOPES | {"all_relu": all_relu_slope}
    if activation not in slopes:
        return 1.0
    return np.sqrt(2 / (1 + slopes[activation] ** 2))


def random_weights(fan_in, gain, rng):
    """Draw one weight per connection, uniform with variance ``gain² / fan_in``.

    Parameters
    ----------
    fan_in : ndarray of int, shape (n_connections,)
        Number of connections of the neuron that each connection leads to.
    gain : float
        See `activation_gain`.
    rng : numpy.random.Generator

    Returns
    -------
    weights : ndarray of float32, shape (n_connections,)
    """
    bound = (
        np.sqrt(np.float32(3)) * np.float32(gain) / np.sqrt(fan_in, dtype=np.float32)
    )
    return bound * (2 * rng.random(len(fan_in), dtype=np.float32) - 1)


def draw_weights(weights, indptr, gain, rng):
    """Draw the weights of a new layer, the same as `random_weights` would.

    They are drawn in blocks, straight to where they belong.

    Parameters
    ----------
    weights : ndarray of float32, shape (n_connections,)
        Is filled.
    indptr : ndarray of int64, shape (n_neurons + 1,)
        Where the connections of each neuron start, from 0.
    gain, rng
        See `random_weights`.
    """
    degrees = np.diff(indptr)
    for first, last in neuron_blocks(indptr):
        fan_in = np.repeat(degrees[first:last], degrees[first:last])
        block = slice(indptr[first], indptr[last])
        weights[block] = random_weights(fan_in, gain, rng)
