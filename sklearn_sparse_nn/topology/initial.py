"""How the connections of a layer begin.

A topology is any object with a method ``connect(n_inputs, n_neurons, epsilon, rng,
spread)`` that returns the `indptr` and `indices` of a CSR matrix of shape (n_neurons,
n_inputs), indices ascending within a row. `ErdosRenyi` and `Dense` are two.

One that tells layers apart has a method ``of_layer(layer, sizes)`` instead, which
returns the topology of one layer. That may have an attribute `weights`, the initial
weights of its connections, float32, or None. `given.FromArrays` is one.

One that depends on the data has a method ``of_data(X, predicts)``, which returns either
of these; `predicts` says whether the outputs are predictions, or restore the features.
`correlated.CSTI` is one.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator

from sklearn_sparse_nn.topology.cells import number_of_connections
from sklearn_sparse_nn.topology.sampling import sorted_sample

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator

    from sklearn_sparse_nn._types import Floats, Structure

# Rows are drawn in blocks of about this many connections, so that what is drawn takes
# little memory beside the indices themselves.
_BLOCK = 2**22


class ErdosRenyi(BaseEstimator):
    """Sparse random connections: every cell is equally likely to hold one.

    The number of connections of a layer is ``epsilon * (n_inputs + n_neurons)``, but
    at most ``n_inputs * n_neurons``, so that it grows with the number of neurons and
    not with the number of pairs of them [1]_.

    References
    ----------
    .. [1] Mocanu et al., "Scalable training of artificial neural networks with adaptive
       sparse connectivity inspired by network science", Nature Communications 9, 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sparse_nn.topology import ErdosRenyi
    >>> rng = np.random.default_rng(0)
    >>> indptr, indices = ErdosRenyi().connect(1000, 500, epsilon=4, rng=rng)
    >>> len(indices)
    6000
    """

    _parameter_constraints: dict = {}

    def connect(
        self,
        n_inputs: int,
        n_neurons: int,
        epsilon: float,
        rng: Generator,
        spread: Callable[[], Floats] | None = None,
    ) -> Structure:
        """Draw the connections of a layer.

        Parameters
        ----------
        n_inputs, n_neurons : int
            Size of the layer.
        epsilon : float
            Connections per neuron, inputs counted as neurons.
        rng : numpy.random.Generator
        spread : callable or None
            ``spread()`` is the standard deviation of each input over the data. None
            where it is not known, as behind the first layer.

        Returns
        -------
        indptr : ndarray of int64, shape (n_neurons + 1,)
        indices : ndarray of uint32, shape (n_connections,)
        """
        n_connections = number_of_connections(n_inputs, n_neurons, epsilon)
        n_blocks = min(n_neurons, -(-n_connections // _BLOCK)) or 1
        bounds = np.arange(n_blocks + 1) * n_neurons // n_blocks
        # How many of the connections fall into each block of rows.
        share = _split(n_connections, np.diff(bounds) * n_inputs, rng)
        indptr = np.zeros(n_neurons + 1, dtype=np.int64)
        indices = np.empty(n_connections, dtype=np.uint32)
        start = 0
        for (first, last), size in zip(pairwise(bounds), share):
            cells = sorted_sample((last - first) * n_inputs, size, rng)
            degrees = np.bincount(cells // n_inputs, minlength=last - first)
            indptr[first + 1 : last + 1] = degrees
            indices[start : start + size] = cells % n_inputs
            start += size
        return np.cumsum(indptr, out=indptr), indices


class Dense(BaseEstimator):
    """Every neuron is connected to every input: a baseline for small layers."""

    _parameter_constraints: dict = {}

    def connect(
        self,
        n_inputs: int,
        n_neurons: int,
        epsilon: float,
        rng: Generator,
        spread: Callable[[], Floats] | None = None,
    ) -> Structure:
        """Connect everything; see `ErdosRenyi.connect`."""
        indices = np.tile(np.arange(n_inputs, dtype=np.uint32), n_neurons)
        return np.arange(n_neurons + 1) * n_inputs, indices


def _split(n_drawn, block_cells, rng):
    """How many of `n_drawn` distinct cells fall into each block of cells."""
    shares = []
    remaining = sum(int(cells) for cells in block_cells)
    for cells in block_cells[:-1]:
        remaining -= int(cells)
        share = _hypergeometric(int(cells), remaining, n_drawn, rng)
        shares.append(share)
        n_drawn -= share
    return [*shares, n_drawn]


def _hypergeometric(n_good, n_bad, n_drawn, rng):
    # NumPy's generator ends at 1e9 cells. Beyond, drawing without replacement is, but
    # for the variance, drawing with it; the bounds keep what is left feasible.
    if n_good + n_bad < 10**9:
        return int(rng.hypergeometric(n_good, n_bad, n_drawn))
    density = n_drawn / (n_good + n_bad)
    mean = n_good * density
    variance = mean * (1 - density) * n_bad / (n_good + n_bad)
    share = round(rng.normal(mean, np.sqrt(variance)))
    return min(max(share, n_drawn - n_bad, 0), n_good, n_drawn)
