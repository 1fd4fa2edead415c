"""A fitted network as a graph of networkx."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from sklearn_sparse_nn.inspection._fitted import (
    find_network,
    input_names,
    layer_matrices,
)

if TYPE_CHECKING:
    from networkx import Graph
    from sklearn.base import BaseEstimator


def to_networkx(estimator: BaseEstimator) -> Graph:
    """Make a networkx graph of the neurons and the connections of a network.

    Parameters
    ----------
    estimator : estimator
        See :func:`neuron_degrees`.

    Returns
    -------
    graph : networkx.DiGraph or networkx.Graph
        A node is ``(layer, number)``, layer 0 being that of the features. It has the
        attributes `layer`, and of features `name`. Edges go from inputs to neurons and
        have the attribute `weight`. Of a Boltzmann machine, whose connections work in
        both directions, a graph without directions.

    Raises
    ------
    ImportError
        If networkx is not installed.
    TypeError
        If the estimator holds no network, or more than one.

    Notes
    -----
    networkx keeps some hundred bytes for each connection. For large networks, use
    `coefs_`.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_sparse_nn import SETClassifier
    >>> from sklearn_sparse_nn.inspection import to_networkx
    >>> X, y = load_wine(return_X_y=True)
    >>> clf = SETClassifier((50,), epsilon=2, max_iter=5, random_state=0)
    >>> graph = to_networkx(clf.fit(scale(X), y))
    >>> graph.number_of_nodes() == 13 + 50 + 3
    True
    >>> graph.number_of_edges() - clf.n_connections_.sum()
    np.int64(0)
    >>> graph.nodes[0, 12]
    {'layer': 0, 'name': 'x12'}
    """
    try:
        import networkx as nx
    except ImportError as error:
        raise ImportError(
            "to_networkx requires networkx. You can install it with "
            "`pip install networkx`."
        ) from error
    layers = layer_matrices(estimator, "to_networkx")
    is_layered = hasattr(find_network(estimator, "to_networkx"), "coefs_")
    graph = nx.DiGraph() if is_layered else nx.Graph()
    names = input_names(estimator, layers[0].shape[0])
    graph.add_nodes_from(
        ((0, i), {"layer": 0, "name": name}) for i, name in enumerate(names)
    )
    for layer, weights in enumerate(layers, start=1):
        graph.add_nodes_from(
            ((layer, j), {"layer": layer}) for j in range(weights.shape[1])
        )
    graph.add_weighted_edges_from(
        chain.from_iterable(map(_edges, range(len(layers)), layers))
    )
    return graph


def _edges(layer, weights):
    inputs, neurons = (ends.tolist() for ends in weights.tocoo().coords)
    for i, j, weight in zip(inputs, neurons, weights.data.tolist()):
        yield (layer, i), (layer + 1, j), weight
