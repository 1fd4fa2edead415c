"""Whether a network is a small world."""

from __future__ import annotations

from itertools import pairwise
from numbers import Integral
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import dijkstra
from sklearn.utils import check_random_state, check_scalar

from sklearn_sparse_nn.inspection._fitted import layer_matrices
from sklearn_sparse_nn.topology.sampling import sorted_sample

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from sklearn_sparse_nn._types import RandomState

# Pairs of neurons that are looked at together.
_PAIRS = 2**22


class SmallWorld(NamedTuple):
    """Small-world coefficients of a network: see `small_world`.

    Attributes
    ----------
    clustering : float
        Share of the paths of three connections whose ends are connected, too.
    path_length : float
        Mean number of connections between two neurons, of those that can be reached.
    sigma : float
        Clustering by that of random graphs, divided by path length by theirs. Above 1
        in a small world; NaN if random graphs have no clusters.
    omega : float
        Path length of random graphs by that of the network, less clustering by that of
        a lattice. Near 0 in a small world, near 1 in a random graph, near -1 in a
        lattice; NaN if the lattice has no clusters.
    """

    clustering: float
    path_length: float
    sigma: float
    omega: float


def small_world(
    estimator: BaseEstimator,
    *,
    n_random: int = 5,
    n_sources: int = 100,
    random_state: RandomState = None,
) -> SmallWorld:
    """Measure clustering and path lengths of the graph of a network.

    In a small world neighbours have common neighbours, as in a lattice, and yet all are
    few steps apart, as in a random graph. Layers know no triangles, on which the
    coefficient of Watts and Strogatz counts: the smallest circles have four
    connections, and clustering is the share of the paths of three connections that
    such a circle closes [1]_. Directions of connections do not count.

    Parameters
    ----------
    estimator : estimator
        See :func:`neuron_degrees`. All of its layers are one graph.
    n_random : int, default=5
        How many random graphs, with as many connections in each layer, to compare with.
    n_sources : int, default=100
        From how many neurons to measure paths: of more, so many are drawn. Neurons
        without a connection do not count.
    random_state : int, RandomState instance or None, default=None
        Of random graphs and neurons. Pass an int for reproducible results.

    Returns
    -------
    coefficients : SmallWorld
        A named tuple `clustering`, `path_length`, `sigma` [2]_, `omega` [3]_.

    Raises
    ------
    TypeError
        If the estimator holds no network, or more than one.
    ValueError
        If the network has no connection.

    Notes
    -----
    The lattice connects each neuron to the inputs that are nearest to its place in the
    layer, as many as it has. Time is in proportion to `n_sources` times the
    connections, and to the number of paths of two connections: from layer to layer, and
    to a layer and back, from that of its two sides where they are fewer.

    References
    ----------
    .. [1] Robins and Alexander, "Small worlds among interlocking directors: network
       structure and distance in bipartite graphs", Computational & Mathematical
       Organization Theory 10, 2004.
    .. [2] Humphries and Gurney, "Network 'small-world-ness': a quantitative method for
       determining canonical network equivalence", PLoS ONE 3, 2008.
    .. [3] Telesford, Joyce, Hayasaka, Burdette and Laurienti, "The ubiquity of
       small-world networks", Brain Connectivity 1, 2011. :arxiv:`1109.5454`

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_sparse_nn import SETClassifier
    >>> from sklearn_sparse_nn.inspection import small_world
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = SETClassifier((100, 100), epsilon=5, max_iter=5, random_state=0)
    >>> coefficients = small_world(clf.fit(X / 16, y), random_state=0)
    >>> 1.5 < coefficients.path_length < 4
    True
    """
    check_scalar(n_random, "n_random", Integral, min_val=1)
    check_scalar(n_sources, "n_sources", Integral, min_val=1)
    layers = layer_matrices(estimator, "small_world")
    if not any(layer.nnz for layer in layers):
        raise ValueError("The network has no connection.")
    random_state = check_random_state(random_state)

    def measure(layers):
        graph = _graph(layers)
        length = _path_length(graph, n_sources, random_state)
        return np.array([_clustering(graph, layers), length])

    clustering, length = measure(layers)
    randoms = [
        measure([_random_layer(each, random_state) for each in layers])
        for _ in range(n_random)
    ]
    random_clustering, random_length = np.mean(randoms, axis=0)
    lattice = [_lattice(each) for each in layers]
    lattice_clustering = _clustering(_graph(lattice), lattice)
    sigma = _ratio(clustering, random_clustering) / (length / random_length)
    omega = random_length / length - _ratio(clustering, lattice_clustering)
    return SmallWorld(*map(float, (clustering, length, sigma, omega)))


def _ratio(a, b):
    return a / b if b else np.nan


def _graph(layers):
    """The neurons of all layers as one graph, connections in both directions."""
    sizes = [layers[0].shape[0], *(each.shape[1] for each in layers)]
    first = np.cumsum([0, *sizes])
    rows, columns = [], []
    for layer, weights in enumerate(layers):
        inputs, neurons = weights.tocoo().coords
        rows.append(first[layer] + inputs)
        columns.append(first[layer + 1] + neurons)
    rows, columns = np.concatenate(rows), np.concatenate(columns)
    ends = np.append(rows, columns), np.append(columns, rows)
    return sparse.csr_array((np.ones(len(ends[0])), ends), shape=(first[-1],) * 2)


def _clustering(graph, layers):
    """Share of the paths of three connections that a circle of four closes."""
    degrees = np.diff(graph.indptr)
    ends = np.repeat(degrees - 1, degrees) * (degrees[graph.indices] - 1)
    n_paths = ends.sum(dtype=np.float64) / 2
    patterns = [_pattern(each) for each in layers]
    n_circles = sum(map(_n_circles_within, patterns))
    n_circles += sum(_n_pairs_of_paths(a, b) for a, b in pairwise(patterns))
    return 4 * n_circles / n_paths if n_paths else 0.0


def _n_circles_within(layer):
    """Circles of two inputs and two neurons of a layer."""
    degrees = [layer.sum(axis=axis) for axis in (0, 1)]
    # Over pairs of the side between which there are fewer paths.
    if np.square(degrees[0]).sum() > np.square(degrees[1]).sum():
        layer, degrees = layer.T.tocsr(), degrees[::-1]
    there_and_back = (degrees[1] * (degrees[1] - 1) / 2).sum()
    return (_n_pairs_of_paths(layer, layer.T.tocsr()) - there_and_back) / 2


def _n_pairs_of_paths(first, second):
    """Pairs of paths of one connection of each that have the same ends."""
    n_pairs, block = 0.0, max(1, _PAIRS // second.shape[1])
    for start in range(0, first.shape[0], block):
        n_paths = (first[start : start + block] @ second).data
        n_pairs += (n_paths * (n_paths - 1) / 2).sum()
    return n_pairs


def _pattern(layer):
    ones = np.ones(layer.nnz)
    return sparse.csr_array((ones, layer.indices, layer.indptr), shape=layer.shape)


def _path_length(graph, n_sources, random_state):
    """Mean length of the shortest paths from some neurons to those they can reach."""
    # SciPy 1.13 takes no other integers here.
    numbers = [each.astype(np.int32) for each in (graph.indices, graph.indptr)]
    graph = sparse.csr_array((graph.data, *numbers), shape=graph.shape)
    sources = np.flatnonzero(np.diff(graph.indptr))
    if len(sources) > n_sources:
        sources = random_state.choice(sources, n_sources, replace=False)
    total = n_pairs = 0
    block = max(1, _PAIRS // graph.shape[0])
    for start in range(0, len(sources), block):
        here = sources[start : start + block]
        lengths = dijkstra(graph, indices=here, unweighted=True)
        lengths = lengths[np.isfinite(lengths) & (lengths > 0)]
        total, n_pairs = total + lengths.sum(), n_pairs + len(lengths)
    return total / n_pairs


def _random_layer(weights, random_state):
    """A layer of as many connections anywhere, of the same shape."""
    n_cells = weights.shape[0] * weights.shape[1]
    rng = np.random.default_rng(random_state.randint(np.iinfo(np.int32).max))
    cells = sorted_sample(n_cells, weights.nnz, rng)
    return _layer_of(np.divmod(cells, weights.shape[1]), weights.shape)


def _lattice(weights):
    """A layer whose neurons have as many inputs as before, those next to them."""
    n_inputs, n_neurons = weights.shape
    degrees = np.bincount(weights.indices, minlength=n_neurons)
    neurons = np.repeat(np.arange(n_neurons), degrees)
    place = np.arange(len(neurons)) - np.repeat(np.cumsum(degrees) - degrees, degrees)
    first = np.arange(n_neurons) * n_inputs // n_neurons - degrees // 2
    inputs = (np.repeat(first, degrees) + place) % n_inputs
    return _layer_of((inputs, neurons), weights.shape)


def _layer_of(ends, shape):
    return sparse.csr_array((np.ones(len(ends[0])), ends), shape=shape)
