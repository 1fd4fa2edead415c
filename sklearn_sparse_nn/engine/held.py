"""Weights that are held: they learn, and the passes over the network do without them.

For a connection that is held, the weight is zero and `held` has its value; for any
other, `held` is zero. So the passes need to know nothing of it. A value of zero is held
as the least positive number, as a zero would say that the connection is not held.
"""

import numpy as np

from sklearn_sparse_nn.engine.compilation import inner

_LEAST = np.finfo(np.float32).tiny


def hold(weights, held, is_held):
    """Choose anew which weights are held, in place; the values stay.

    Parameters
    ----------
    weights, held : ndarray of float32, shape (n_connections,)
    is_held : ndarray of bool, shape (n_connections,)
    """
    values = weights + held
    apart = np.where(values == 0, _LEAST, values)
    np.copyto(weights, np.where(is_held, np.float32(0), values))
    np.copyto(held, np.where(is_held, apart, np.float32(0)))


@inner
def release(weights, held):
    """Put the weights that are held where an update looks for weights.

    `held` may be empty: no weight of the network is held then.
    """
    for i in range(len(held)):
        weights[i] += held[i]


@inner
def hold_again(weights, held):
    """Undo `release`, after an update."""
    zero, least = np.float32(0), _LEAST
    for i in range(len(held)):
        if held[i] != zero:
            held[i] = weights[i] if weights[i] != zero else least
            weights[i] = zero
