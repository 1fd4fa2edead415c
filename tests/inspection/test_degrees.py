import numpy as np
from hypothesis import given
from sklearn.datasets import load_digits

from sklearn_sparse_nn import SETClassifier, SETRBMTransformer
from sklearn_sparse_nn.inspection import neuron_degrees
from tests.inspection.helpers import Network, layer_masks


@given(layer_masks())
def test_degrees_are_sums_of_rows_and_columns(masks):
    for layer, mask in enumerate(masks):
        inputs, neurons = neuron_degrees(Network(masks), layer)
        np.testing.assert_array_equal(inputs, mask.sum(axis=1))
        np.testing.assert_array_equal(neurons, mask.sum(axis=0))


def test_a_connection_of_weight_zero_counts():
    X, y = load_digits(return_X_y=True)
    clf = SETClassifier((50,), epsilon=5, max_iter=3, random_state=0).fit(X / 16, y)
    clf._network.layers.weights[:5] = 0
    inputs, neurons = neuron_degrees(clf)
    assert inputs.sum() == neurons.sum() == clf.n_connections_[0]


def test_degrees_of_boltzmann_machines():
    X, _ = load_digits(return_X_y=True)
    rbm = SETRBMTransformer(20, epsilon=5, n_iter=1, random_state=0).fit(X / 16)
    visible, hidden = neuron_degrees(rbm)
    np.testing.assert_array_equal(visible, rbm.visible_degree_)
    np.testing.assert_array_equal(hidden, np.diff(rbm.components_.indptr))
