"""Local connections on a ring: small-world and receptive-field graphs.

The inputs of a layer lie evenly on a ring, and so do its neurons. Each neuron begins
with as many connections as the others, but for one, before any of them move.
"""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval

from sklearn_sparse_nn.topology.cells import number_of_connections, rows_of_cells
from sklearn_sparse_nn.topology.sampling import rows_filled_up

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator

    from sklearn_sparse_nn._types import Floats, Structure

# How often connections of a neuron are drawn again that are there already.
_ROUNDS = 8


class WattsStrogatz(BaseEstimator):
    """Bipartite small-world connections of Watts and Strogatz.

    Every neuron is connected to the inputs that are next to it on a ring [1]_. Then
    some connections move to random places. As many begin as with `ErdosRenyi`. It makes
    sense where the order of the features does, as in signals. In [2]_ it is BSW.

    Parameters
    ----------
    shortcuts : float, default=0.1
        Fraction of the connections that move, in the range [0, 1]: the beta of [1]_.
        Few suffice to make the world small; with 1, all are random.

    References
    ----------
    .. [1] Watts and Strogatz, "Collective dynamics of small-world networks", Nature
       393, 1998.
    .. [2] Zhang et al., "Brain network science modelling of sparse neural networks
       enables Transformers and LLMs to perform as fully connected", NeurIPS 2025.
       :arxiv:`2501.19107`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sparse_nn.topology import WattsStrogatz
    >>> rng = np.random.default_rng(0)
    >>> indptr, indices = WattsStrogatz(shortcuts=0).connect(8, 8, epsilon=1.5, rng=rng)
    >>> indices.reshape(8, 3)[2:4]
    array([[1, 2, 3],
           [2, 3, 4]], dtype=uint32)
    """

    _parameter_constraints: dict = {"shortcuts": [Interval(Real, 0, 1, closed="both")]}

    def __init__(self, shortcuts: float = 0.1) -> None:
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
        cells = _nearest(n_inputs, _equal_degrees(n_inputs, n_neurons, epsilon))
        stay = cells[rng.random(len(cells)) >= self.shortcuts]
        return rows_filled_up(stay, len(cells), (n_inputs, n_neurons), rng)


class BRF(BaseEstimator):
    """Bipartite receptive fields (BRF).

    Every neuron prefers inputs that are near it on a ring, and reaches others the more
    rarely the farther they are [1]_: with chances in proportion to
    ``(1 + distance) ** -((1 - randomness) / randomness)``. As many connections begin as
    with `ErdosRenyi`.

    In the authors' code, the inputs choose where they are fewer than the neurons. Here
    the neurons always do.

    Parameters
    ----------
    randomness : float, default=0.3
        From only the nearest inputs (0) to any (1).

    References
    ----------
    .. [1] Zhang et al., "Brain network science modelling of sparse neural networks
       enables Transformers and LLMs to perform as fully connected", NeurIPS 2025.
       :arxiv:`2501.19107`.

    Examples
    --------
    >>> from sklearn_sparse_nn import SETClassifier
    >>> from sklearn_sparse_nn.topology import BRF
    >>> clf = SETClassifier(topology=BRF(randomness=0.2), evolution="chts")
    """

    _parameter_constraints: dict = {"randomness": [Interval(Real, 0, 1, closed="both")]}

    def __init__(self, randomness: float = 0.3) -> None:
        self.randomness = randomness

    def connect(
        self,
        n_inputs: int,
        n_neurons: int,
        epsilon: float,
        rng: Generator,
        spread: Callable[[], Floats] | None = None,
    ) -> Structure:
        """Draw the connections; see `ErdosRenyi.connect`."""
        degrees = _equal_degrees(n_inputs, n_neurons, epsilon)
        shape = n_inputs, n_neurons
        if self.randomness == 0:
            return rows_of_cells(_nearest(n_inputs, degrees), *shape)
        steps = np.arange(n_inputs)
        distances = np.minimum(steps, n_inputs - steps)
        logarithms = np.log1p(distances) * (1 - 1 / self.randomness)
        ends = np.cumsum(np.exp(logarithms))
        centers = _centers(n_inputs, n_neurons).astype(np.int64)

        # The first distinct inputs of endless draws: the same as without replacement.
        cells, missing = np.zeros(0, dtype=np.int64), degrees
        for _ in range(_ROUNDS):
            neurons = np.repeat(np.arange(n_neurons), missing)
            steps = np.searchsorted(ends, rng.random(len(neurons)) * ends[-1])
            inputs = (centers[neurons] + np.minimum(steps, n_inputs - 1)) % n_inputs
            cells = np.union1d(cells, neurons * n_inputs + inputs)
            missing = degrees - np.bincount(cells // n_inputs, minlength=n_neurons)
        cells = _last_draws(cells, missing, logarithms, centers, rng)
        return rows_of_cells(cells, *shape)


def _last_draws(cells, missing, logarithms, centers, rng):
    """The cells and, for neurons that miss some, others: one neuron after the other."""
    n_inputs = len(logarithms)
    indptr, indices = rows_of_cells(cells, n_inputs, len(missing))
    drawn = [cells]
    for neuron in np.flatnonzero(missing):
        # The highest sums with noise of the Gumbel distribution are the next draws.
        luck = np.roll(logarithms, centers[neuron]) + rng.gumbel(size=n_inputs)
        luck[indices[indptr[neuron] : indptr[neuron + 1]]] = -np.inf
        inputs = np.argpartition(-luck, missing[neuron] - 1)[: missing[neuron]]
        drawn.append(neuron * n_inputs + inputs)
    return np.sort(np.concatenate(drawn))


def _equal_degrees(n_inputs, n_neurons, epsilon):
    n_connections = number_of_connections(n_inputs, n_neurons, epsilon)
    return np.diff(np.arange(n_neurons + 1) * n_connections // n_neurons)


def _centers(n_inputs, n_neurons):
    return (np.arange(n_neurons) + 0.5) * n_inputs / n_neurons


def _nearest(n_inputs, degrees):
    """Ascending cells of the inputs that are nearest to each neuron."""
    n_neurons = len(degrees)
    starts = np.floor(_centers(n_inputs, n_neurons) - degrees / 2).astype(np.int64)
    neurons = np.repeat(np.arange(n_neurons), degrees)
    ranks = np.arange(len(neurons)) - np.repeat(np.cumsum(degrees) - degrees, degrees)
    return np.sort(neurons * n_inputs + (starts[neurons] + ranks) % n_inputs)
