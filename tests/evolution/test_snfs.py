"""Sparse momentum against a dense twin."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from sklearn_sparse_nn import SETClassifier
from sklearn_sparse_nn.evolution import SNFS
from tests.evolution.seen import ask, seen_layer


@pytest.mark.parametrize("adam", [False, True])
def test_layers_share_by_momentum_and_cells_by_gradient(adam):
    seen, rng = [], np.random.default_rng(5)
    for index, shape in enumerate([(60, 50), (200, 60), (10, 200)]):
        layer, *dense = seen_layer(shape, 0.1, index, index=index, zeta=0.5)
        layer.first_moments = rng.normal(size=layer.n_connections) * (index + 1)
        squares = rng.random(layer.n_connections) + 0.1
        layer.second_moments = squares if adam else np.zeros(0)
        seen.append((layer, *dense))
    goes, grows = ask(SNFS(), [layer for layer, *_ in seen])
    speeds = []
    for (layer, mask, weights, gradient), gone, grown in zip(seen, goes, grows):
        n = int(0.5 * mask.sum())
        smallest = np.sort(np.abs(weights[mask]))[:n]
        np.testing.assert_array_equal(np.sort(np.abs(weights[gone])), smallest)
        largest = np.sort(np.abs(gradient[~mask]))[::-1][: grown.sum()]
        np.testing.assert_allclose(
            np.sort(np.abs(gradient[grown]))[::-1], largest, rtol=1e-5
        )
        assert not (grown & mask).any()
        root = np.sqrt(layer.second_moments) if adam else 1
        speeds.append(np.mean(np.abs(layer.first_moments) / root))
    total = sum(gone.sum() for gone in goes)
    numbers = [grown.sum() for grown in grows]
    assert sum(numbers) == total
    np.testing.assert_allclose(
        numbers, total * np.array(speeds) / np.sum(speeds), atol=1.01
    )


def test_before_the_first_update_of_a_warm_start_layers_keep_their_numbers():
    X, y = load_digits(return_X_y=True)
    clf = SETClassifier((300, 50), epsilon=2, evolution="snfs", max_iter=1)
    clf.set_params(warm_start=True, random_state=0)
    before = clf.fit(X / 16, y).n_connections_
    for _ in range(5):
        clf.fit(X / 16, y)
    np.testing.assert_array_equal(clf.n_connections_, before)
