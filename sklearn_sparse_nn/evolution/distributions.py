"""How a number of connections is spread over the layers of a network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from sklearn_sparse_nn._types import DistributionName, Ints
    from sklearn_sparse_nn.evolution.layer import EvolvingLayer


class Distribution(BaseEstimator, ABC):
    """Base class of the distributions.

    ``distribution(layers, n_connections)`` says how many of `n_connections` each of the
    `layers`, a list of `EvolvingLayer`, is to have. A layer that would have more than
    it has cells is fully connected, and the others share the rest.
    """

    @abstractmethod
    def __call__(self, layers: list[EvolvingLayer], n_connections: int) -> Ints:
        """Number of connections of each layer, ndarray of int64."""


class UniformDensity(Distribution):
    """Every layer has the same density.

    Examples
    --------
    >>> from sklearn_sparse_nn.evolution import UniformDensity
    >>> UniformDensity()
    UniformDensity()
    """

    def __call__(self, layers: list[EvolvingLayer], n_connections: int) -> Ints:
        """See `Distribution`."""
        n_cells = [layer.n_cells for layer in layers]
        return share_out(n_connections, n_cells, n_cells)


class ErdosRenyiDensity(Distribution):
    """A layer has connections in proportion to its neurons, inputs counted as neurons.

    This is how `epsilon` spreads connections at first. For layers of neurons it is also
    the Erdős–Rényi–kernel distribution [1]_, which differs from it in convolutions.

    References
    ----------
    .. [1] Evci, Gale, Menick, Castro and Elsen, "Rigging the lottery: making all
       tickets winners", ICML 2020. :arxiv:`1911.11134`.

    Examples
    --------
    >>> from sklearn_sparse_nn.evolution import ErdosRenyiDensity
    >>> ErdosRenyiDensity()
    ErdosRenyiDensity()
    """

    def __call__(self, layers: list[EvolvingLayer], n_connections: int) -> Ints:
        """See `Distribution`."""
        shares = [layer.n_inputs + layer.n_neurons for layer in layers]
        return share_out(n_connections, shares, [layer.n_cells for layer in layers])


class GlobalMagnitude(Distribution):
    """The largest weights of the network stay, in whatever layer they are.

    Examples
    --------
    >>> from sklearn_sparse_nn.evolution import GlobalMagnitude
    >>> GlobalMagnitude()
    GlobalMagnitude()
    """

    def __call__(self, layers: list[EvolvingLayer], n_connections: int) -> Ints:
        """See `Distribution`. No layer has more connections than it has now."""
        if not layers:
            return np.zeros(0, dtype=np.int64)
        magnitudes = [np.abs(layer.weights) for layer in layers]
        return count_highest(magnitudes, n_connections)


DISTRIBUTIONS: dict[str, type[Distribution]] = {
    "uniform": UniformDensity,
    "erdos_renyi": ErdosRenyiDensity,
    "global": GlobalMagnitude,
}


def distribution_of(distribution: DistributionName | Distribution) -> Distribution:
    """A distribution, whether it or its name was given."""
    if isinstance(distribution, str):
        return DISTRIBUTIONS[distribution]()
    return distribution


def count_highest(scores, n):
    """How many of the `n` highest scores of a network are in each layer.

    Parameters
    ----------
    scores : list of ndarray of float, one of shape (n_connections,) for each layer
        At least one layer. NaN counts as minus infinity.
    n : int
        All are counted if there are fewer.

    Returns
    -------
    numbers : ndarray of int64, shape (n_layers,)
        Of scores that are equal to the lowest of the `n` highest, each layer has its
        share: nothing is random, and who asks again gets the same answer.
    """
    scores = [np.where(np.isnan(each), -np.inf, each) for each in scores]
    n_all = sum(map(len, scores))
    if not 0 < n < n_all:
        return np.array([len(each) if n > 0 else 0 for each in scores], dtype=np.int64)
    threshold = np.partition(np.concatenate(scores), n_all - n)[n_all - n]
    above = np.array([np.count_nonzero(each > threshold) for each in scores])
    ties = [np.count_nonzero(each == threshold) for each in scores]
    return above + share_out(n - above.sum(), ties, ties)


def share_out(total: int, shares: ArrayLike, room: ArrayLike) -> Ints:
    """Share out a number of connections among layers.

    Parameters
    ----------
    total : int
        Number of connections.
    shares : sequence of float, length n_layers
        In which proportion; none is negative. One that is not finite counts as zero.
    room : sequence of int, length n_layers
        How many there is room for in each layer. What does not fit goes to the others.

    Returns
    -------
    numbers : ndarray of int64, shape (n_layers,)
        Their sum is `total`, or less if there is no room for more.
    """
    shares, room = np.asarray(shares, dtype=float), np.asarray(room, dtype=np.int64)
    shares = np.where(np.isfinite(shares), shares, 0)
    shares = shares / (shares.max(initial=0) or 1)  # their sum is finite
    numbers, open_layers = np.zeros(len(room)), np.ones(len(room), dtype=bool)
    while open_layers.any():
        left = total - numbers[~open_layers].sum()
        weights = np.where(open_layers, shares, 0)
        if not weights.sum():
            weights = np.where(open_layers, room, 0)
        wanted = left * (weights / (weights.sum() or 1))
        full = open_layers & (wanted >= room)
        numbers[open_layers] = wanted[open_layers]
        if not full.any():
            break
        numbers[full] = room[full]
        open_layers &= ~full
    return _rounded(numbers, min(total, int(room.sum())), room)


def _rounded(numbers, total, room):
    """Round down, then up where most was lost, so that the sum is `total`."""
    floors = np.minimum(np.floor(numbers + 1e-9).astype(np.int64), room)
    order = np.argsort(floors - numbers, kind="stable")
    while (missing := total - floors.sum()) > 0:
        more = order[floors[order] < room[order]][:missing]
        floors[more] += 1
    return floors
