"""Activation functions of the hidden layers, on vectors in registers.

ReLU, leaky ReLU, All-ReLU and the identity are one function, `x` where `x > 0` and
`left_slope * x` elsewhere. The logistic function is ``(1 + tanh(x / 2)) / 2``.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from sklearn_sparse_nn.engine.compilation import inner
from sklearn_sparse_nn.engine.simd import vector_operations

PIECEWISE_LINEAR, TANH, LOGISTIC = range(3)
IDENTITY = PIECEWISE_LINEAR, np.float32(1)  # kind and left slope

#: Slopes left of 0 that are the same in all hidden layers.
LEFT_SLOPES = {"relu": 0.0, "leaky_relu": 0.01, "identity": 1.0}

ACTIVATIONS = ("relu", "all_relu", "leaky_relu", "tanh", "logistic", "identity")


class Activation(NamedTuple):
    """What the kernels do with the sum of a neuron."""

    kind: int
    left_slope: np.float32
    keeps_slope: bool  # whether the slope at the sum is stored, too


def activation_names(activation, n_hidden):
    """Name of the activation of each hidden layer.

    Parameters
    ----------
    activation : str or sequence of str
        One of `ACTIVATIONS`, or one for each layer.
    n_hidden : int
        Number of hidden layers.

    Returns
    -------
    names : list of str, length n_hidden

    Raises
    ------
    ValueError
        If there are more or fewer names than hidden layers, or if one is unknown.
    """
    same = isinstance(activation, str)
    names = [activation] * n_hidden if same else [str(name) for name in activation]
    if len(names) != n_hidden:
        raise ValueError(
            f"activation must be a name, or one for each of the {n_hidden} hidden "
            f"layers, got {len(names)}: {names}."
        )
    for name in names:
        if name not in ACTIVATIONS:
            raise ValueError(f"activation must be among {ACTIVATIONS}, got {name!r}.")
    return names


def hidden_activations(activation, n_layers, all_relu_slope=0.6):
    """Kind and left slope of the activation of each layer; the output is linear.

    Parameters
    ----------
    activation : str or sequence of str
        See `activation_names`. All-ReLU [1]_ turns the sign of its left slope from
        layer to layer, so that negative values neither die nor bias the next layer.
    n_layers : int
        Number of layers, the output layer included.
    all_relu_slope : float, default=0.6
        The slope of All-ReLU left of 0 is ``-all_relu_slope`` in the first hidden
        layer, ``+all_relu_slope`` in the second, and so on in turns.

    Returns
    -------
    kinds : ndarray of int64, shape (n_layers,)
    left_slopes : ndarray of float32, shape (n_layers,)

    References
    ----------
    .. [1] Curci, Mocanu and Pechenizkiy, "Truly Sparse Neural Networks at Scale",
       2021, :arxiv:`2102.01732`.
    """
    pairs = [
        (
            {"tanh": TANH, "logistic": LOGISTIC}.get(name, PIECEWISE_LINEAR),
            _left_slope(name, layer, all_relu_slope),
        )
        for layer, name in enumerate(activation_names(activation, n_layers - 1))
    ]
    kinds, left_slopes = zip(*pairs, IDENTITY)
    return np.array(kinds), np.array(left_slopes, dtype=np.float32)


def _left_slope(name, layer, all_relu_slope):
    if name == "all_relu":
        return all_relu_slope if layer % 2 else -all_relu_slope
    return LEFT_SLOPES.get(name, 0.0)


# tanh(x) = x P(u) / Q(u), u = (x / BOUND)², by reweighted least squares on
# [-BOUND, BOUND]: 3.4e-7 from tanh at most, which is rounding. It may pass 1, hence the
# clamp. Beyond BOUND, float32 tanh is 1.
_BOUND = np.float32(9)
_P = np.float32([1.0, 10.8386326, 22.9345722, 10.9525347, 0.574876726])
_Q = np.float32([1.0, 37.8386192, 169.778946, 174.612335, 33.4756355])
_P0, _P1, _P2, _P3, _P4 = _P
_Q0, _Q1, _Q2, _Q3, _Q4 = _Q
_INVERSE_BOUND = np.float32(1) / _BOUND
_HALF, _ONE, _MINUS_ONE, _ZERO = np.float32([0.5, 1, -1, 0])


@lru_cache
def activation_of_width(lanes):
    """A function that activates a tile of `lanes` samples of one neuron.

    It stores the activation in `out` and, if asked to, its slope at `z` in `slopes`,
    which is what the backward pass needs whatever the function.
    """
    v = vector_operations(lanes)

    @inner(forceinline=True)
    def tanh(x):
        # `x` comes second: not a number is neither larger nor smaller, and stays.
        x = v.minimum(v.broadcast(_BOUND), v.maximum(v.broadcast(-_BOUND), x))
        u = v.multiply(x, v.broadcast(_INVERSE_BOUND))
        u = v.multiply(u, u)
        p = v.fma(v.broadcast(_P4), u, v.broadcast(_P3))
        p = v.fma(p, u, v.broadcast(_P2))
        p = v.fma(p, u, v.broadcast(_P1))
        p = v.fma(p, u, v.broadcast(_P0))
        q = v.fma(v.broadcast(_Q4), u, v.broadcast(_Q3))
        q = v.fma(q, u, v.broadcast(_Q2))
        q = v.fma(q, u, v.broadcast(_Q1))
        q = v.fma(q, u, v.broadcast(_Q0))
        a = v.divide(v.multiply(x, p), q)
        return v.minimum(v.broadcast(_ONE), v.maximum(v.broadcast(_MINUS_ONE), a))

    @inner(forceinline=True)
    def activate(z, out, slopes, offset, activation):
        one = v.broadcast(_ONE)
        if activation.kind == PIECEWISE_LINEAR:
            left = v.broadcast(activation.left_slope)
            a = v.where_positive(z, z, v.multiply(left, z))
            slope = v.where_positive(z, one, left)
        elif activation.kind == TANH:
            a = tanh(z)
            slope = v.fma(v.multiply(a, v.broadcast(_MINUS_ONE)), a, one)
        else:
            half = v.broadcast(_HALF)
            a = v.fma(tanh(v.multiply(z, half)), half, half)
            slope = v.fma(v.multiply(a, v.broadcast(_MINUS_ONE)), a, a)
        v.store(out, offset, a)
        if activation.keeps_slope:
            v.store(slopes, offset, slope)

    return activate
