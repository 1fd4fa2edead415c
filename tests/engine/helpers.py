"""What the tests of the kernels share."""

from numba import njit

from sklearn_sparse_nn.engine.activations import Activation, hidden_activations


def called(function):
    """A function that only compiled functions call, for Python.

    It must not return arrays: it does not count references to them, but this does.
    """

    @njit
    def call(*args):
        return function(*args)

    return call


def activation_of(name, keeps_slope=False, layer=0):
    """The activation of one of three hidden layers."""
    kinds, left_slopes = hidden_activations(name, 4)
    return Activation(kinds[layer], left_slopes[layer], keeps_slope)
