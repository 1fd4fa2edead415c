"""Complex-network topology: scale-free and small-world from the beginning."""

from dataclasses import dataclass

import numpy as np

from sklearn_sparse_nn.topology.sampling import sample_empty_cells


@dataclass(frozen=True)
class XBM:
    """Scale-free, small-world connections after the statistics of the data [1]_.

    Degrees of both sides follow a power law. The more an input varies over the data,
    the more connections it gets. Every neuron has a place along the inputs and prefers
    those near it: neighbouring inputs, like pixels, are seen together. As many
    connections begin as with `ErdosRenyi`. Trained with ``evolution="static"``, this is
    the complex Boltzmann machine (XBM) of the paper.

    Connections are drawn as half-edges: each neuron and each input has as many as its
    degree and puts them down around its place; from left to right, those of the neurons
    meet those of the inputs. Pairs that meet twice are moved to random empty places, so
    that some degrees are slightly off. This takes time in proportion to the number of
    connections, but for a sort.

    Parameters
    ----------
    exponent : float, default=3.0
        Exponent of the power law of the degrees, greater than 1. The smaller, the
        heavier is the tail. 3 is that of growth by preferential attachment.
    neighbourhood : float, default=0.03
        Standard deviation of the places of the half-edges of one neuron or input, as a
        fraction of its layer.
    shortcuts : float, default=0.1
        Fraction of the connections that ignore distance. Few of them suffice to make
        the world small.

    References
    ----------
    .. [1] Mocanu et al., "A topological insight into restricted Boltzmann machines",
       Machine Learning 104, 2016. arXiv:1604.05978.

    Examples
    --------
    >>> from sklearn_sparse_nn import SETRBMTransformer
    >>> from sklearn_sparse_nn.topology import XBM
    >>> rbm = SETRBMTransformer(topology=XBM(exponent=2.5), evolution="static")
    """

    exponent: float = 3.0
    neighbourhood: float = 0.03
    shortcuts: float = 0.1

    def connect(self, n_inputs, n_neurons, epsilon, rng, spread=None):
        """Draw the connections; see `ErdosRenyi.connect`."""
        n_cells = n_inputs * n_neurons
        n_connections = min(n_cells, round(epsilon * (n_inputs + n_neurons)))
        variation = rng.random(n_inputs) if spread is None else spread()
        of_inputs = np.empty(n_inputs, dtype=np.int64)
        # Equal variation in random order: the first of equal inputs is not special.
        order = np.lexsort([rng.random(n_inputs), -variation])
        of_inputs[order] = self._degrees(n_inputs, n_connections, n_neurons)
        of_neurons = rng.permutation(self._degrees(n_neurons, n_connections, n_inputs))

        inputs = self._half_edges(of_inputs, rng)
        neurons = self._half_edges(of_neurons, rng)
        cells = np.unique(neurons * n_inputs + inputs)
        indptr, indices = _rows(cells, n_inputs, n_neurons)
        n_missing = n_connections - len(cells)
        more = sample_empty_cells(indptr, indices, n_inputs, n_missing, rng)
        return _rows(np.sort(np.concatenate([cells, more])), n_inputs, n_neurons)

    def _degrees(self, n, n_connections, largest):
        """Degrees of a power law, in descending order, that sum to `n_connections`."""
        ranks = (np.arange(n) + 0.5) / n
        shape = ranks ** (-1 / (self.exponent - 1))
        # What the largest degrees may not take is shared among the others.
        low, high = 0.0, float(largest) / shape[-1]
        for _ in range(60):
            scale = (low + high) / 2
            too_many = np.minimum(scale * shape, largest).sum() > n_connections
            low, high = (low, scale) if too_many else (scale, high)
        ends = np.round(np.cumsum(np.minimum(high * shape, largest)))
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


def _rows(cells, n_inputs, n_neurons):
    """The CSR structure of ascending cells."""
    indptr = np.searchsorted(cells, np.arange(n_neurons + 1) * n_inputs)
    return indptr, (cells % n_inputs).astype(np.uint32)
