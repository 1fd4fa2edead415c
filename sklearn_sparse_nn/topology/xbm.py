"""Complex-network topology: scale-free and small-world from the beginning."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval

from sklearn_sparse_nn.topology.cells import number_of_connections
from sklearn_sparse_nn.topology.sampling import rows_filled_up

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator

    from sklearn_sparse_nn._types import Floats, Structure

# How often half-edges of pairs that are connected already are put down again.
_ROUNDS = 8


class XBM(BaseEstimator):
    """Scale-free, small-world connections after the statistics of the data.

    Degrees of both sides follow a power law [1]_. The more an input varies over the
    data, the more connections it gets. Every neuron has a place along the inputs and
    prefers those near it: neighbouring inputs, like pixels, are seen together. As many
    connections begin as with `ErdosRenyi`. Trained with ``evolution="static"``, it is a
    machine like the complex Boltzmann machine (XBM) of the paper: it follows the idea,
    and is a construction of our own. The graphs are meant to have the same properties,
    not the same distribution.

    Connections are drawn as half-edges: each neuron and each input has as many as its
    degree and puts them down around its place; from left to right, those of the neurons
    meet those of the inputs. Half-edges of pairs that meet again are put down again, a
    few times; what is left is connected at random. This takes time in proportion to the
    number of connections, but for a sort.

    Parameters
    ----------
    exponent : float, default=3.0
        Exponent of the power law of the degrees, greater than 1. Those of natural
        networks lie between 2 and 3, which is that of growth by preferential
        attachment. Degrees end at about the root of the number of connections.
    neighbourhood : float, default=0.03
        Standard deviation of the places of the half-edges of one neuron or input, as a
        fraction of its layer.
    shortcuts : float, default=0.1
        Fraction of the connections that ignore distance. Few of them suffice to make
        the world small. Choose 1 where the order of the features means nothing.

    References
    ----------
    .. [1] Mocanu et al., "A topological insight into restricted Boltzmann machines",
       Machine Learning 104, 2016. :arxiv:`1604.05978`.

    Examples
    --------
    >>> from sklearn_sparse_nn import SETRBMTransformer
    >>> from sklearn_sparse_nn.topology import XBM
    >>> rbm = SETRBMTransformer(topology=XBM(exponent=2.5), evolution="static")
    """

    _parameter_constraints: dict = {
        "exponent": [Interval(Real, 1, None, closed="neither")],
        "neighbourhood": [Interval(Real, 0, None, closed="left")],
        "shortcuts": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(
        self, exponent: float = 3.0, neighbourhood: float = 0.03, shortcuts: float = 0.1
    ) -> None:
        self.exponent = exponent
        self.neighbourhood = neighbourhood
        self.shortcuts = shortcuts

    def connect(
        self,
        n_inputs: int,
        n_neurons: int,
        epsilon: float,
        rng: Generator,
        spread: Callable[[], Floats] | None = None,
    ) -> Structure:
        """Draw the connections; see `ErdosRenyi.connect`."""
        n_connections = number_of_connections(n_inputs, n_neurons, epsilon)
        variation = rng.random(n_inputs) if spread is None else spread()
        of_inputs = np.empty(n_inputs, dtype=np.int64)
        # Equal variation in random order: the first of equal inputs is not special.
        order = np.lexsort([rng.random(n_inputs), -variation])
        of_inputs[order] = self._degrees(n_inputs, n_connections, n_neurons)
        of_neurons = rng.permutation(self._degrees(n_neurons, n_connections, n_inputs))

        cells = np.zeros(0, dtype=np.int64)
        left_inputs, left_neurons = of_inputs, of_neurons
        for _ in range(_ROUNDS):
            inputs = self._half_edges(left_inputs, rng)
            neurons = self._half_edges(left_neurons, rng)
            cells = np.union1d(cells, neurons * n_inputs + inputs)
            taken_neurons, taken_inputs = np.divmod(cells, n_inputs)
            left_inputs = of_inputs - np.bincount(taken_inputs, minlength=n_inputs)
            left_neurons = of_neurons - np.bincount(taken_neurons, minlength=n_neurons)
        return rows_filled_up(cells, n_connections, (n_inputs, n_neurons), rng)

    def _degrees(self, n, n_connections, largest):
        """Degrees of a power law, in descending order, that sum to `n_connections`.

        None exceeds `largest`, nor, unless all do, the structural cutoff: between hubs
        with more connections than its root, more connections would be expected than
        fit.
        """
        cutoff = max(np.sqrt(n_connections), n_connections / n)
        largest = min(largest, int(np.ceil(cutoff)))
        ranks = (np.arange(n) + 0.5) / n
        shape = ranks ** (-1 / (self.exponent - 1))
        # What the largest degrees may not take is shared among the others.
        low, high = 0.0, float(largest) / shape[-1]
        for _ in range(60):
            scale = (low + high) / 2
            too_many = np.minimum(scale * shape, largest).sum() > n_connections
            low, high = (low, scale) if too_many else (scale, high)
        ends = np.round(np.cumsum(np.minimum(high * shape, largest)))
        ends = np.minimum(ends, n_connections)
        ends[-1] = n_connections
        return np.diff(ends, prepend=0).astype(np.int64)

    def _half_edges(self, degrees, rng):
        """Owner of each half-edge, from left to right."""
        owners = np.repeat(np.arange(len(degrees)), degrees)
        places = owners / len(degrees)
        places += rng.normal(0, self.neighbourhood, len(places))
        anywhere = rng.random(len(places)) < self.shortcuts
        places[anywhere] = rng.random(np.count_nonzero(anywhere))
        return owners[np.argsort(places, kind="stable")]
