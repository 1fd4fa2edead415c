import sys

import numpy as np
import pandas as pd
import pytest

from sklearn_sparse_nn import SETClassifier, SETRBMTransformer
from sklearn_sparse_nn.inspection import to_networkx
from tests.estimators.battery import samples


def test_the_graph_is_the_network():
    pytest.importorskip("networkx")
    X, y = samples()
    frame = pd.DataFrame(X).add_prefix("gene")
    clf = SETClassifier((20, 10), epsilon=2, max_iter=2, random_state=0).fit(frame, y)
    graph = to_networkx(clf)
    assert graph.is_directed()
    assert [graph.nodes[0, i]["name"] for i in range(25)] == list(frame.columns)
    for layer, weights in enumerate(clf.coefs_):
        here = [(layer, i) for i in range(weights.shape[0])]
        following = [(layer + 1, j) for j in range(weights.shape[1])]
        assert all(graph.nodes[node]["layer"] == layer + 1 for node in following)
        found = np.zeros(weights.shape)
        for (_, i), (_, j), weight in graph.subgraph(here + following).edges.data(
            "weight"
        ):
            found[i, j] = weight
        np.testing.assert_array_equal(found, weights.toarray())
    assert graph.number_of_edges() == clf.n_connections_.sum()
    assert len(graph) == 25 + 20 + 10 + clf.n_outputs_


def test_connections_of_a_boltzmann_machine_have_no_direction():
    pytest.importorskip("networkx")
    X, _ = samples()
    rbm = SETRBMTransformer(9, epsilon=2, n_iter=1, random_state=0).fit(X)
    graph = to_networkx(rbm)
    assert not graph.is_directed()
    assert graph.number_of_edges() == np.sum(rbm.n_connections_)
    inputs, neurons = rbm.components_.T.nonzero()
    weight = graph.edges[(1, neurons[0]), (0, inputs[0])]["weight"]
    assert weight == pytest.approx(rbm.components_.toarray()[neurons[0], inputs[0]])


def test_without_networkx_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "networkx", None)
    X, y = samples()
    clf = SETClassifier((20,), max_iter=1, random_state=0).fit(X, y)
    with pytest.raises(ImportError, match="pip install networkx"):
        to_networkx(clf)
