"""Dynamic sparse reparameterization against a dense twin."""

import numpy as np
import pytest

from sklearn_sparse_nn.evolution import DSR
from tests.evolution.seen import ask, seen_layer


def _layers(zeta=0.3):
    shapes = [(60, 50), (200, 60), (10, 200)]
    seen = [seen_layer(s, 0.2, i, index=i, zeta=zeta) for i, s in enumerate(shapes)]
    return [list(each) for each in zip(*seen)]


@pytest.mark.parametrize(
    "threshold, factor", [(0.01, 2), (0.38, 1), (0.385, 1), (0.5, 0.5)]
)
def test_one_threshold_prunes_all_layers_and_is_corrected(threshold, factor):
    layers, masks, weights, _ = _layers()
    rule = DSR(threshold)
    goes, grows = ask(rule, layers)
    for mask, weight, gone in zip(masks, weights, goes):
        np.testing.assert_array_equal(gone, mask & (np.abs(weight) < threshold))
    assert rule.threshold_ == threshold * factor
    left = np.array([(m & ~g).sum() for m, g in zip(masks, goes)])
    total, numbers = sum(g.sum() for g in goes), [g.sum() for g in grows]
    assert sum(numbers) == total
    np.testing.assert_allclose(numbers, total * left / left.sum(), atol=1.01)
    assert not any((g & m).any() for g, m in zip(grows, masks))


def test_a_layer_that_has_lost_all_is_given_some_back():
    layers, *_ = _layers()
    layers[2].weights = layers[2].weights * 1e-3
    goes, grows = ask(DSR(0.2), layers)
    assert goes[2].sum() == layers[2].n_connections and 0 < goes[1].mean() < 1
    assert grows[2].sum() > 0.1 * goes[2].sum()


def test_a_small_layer_that_has_lost_all_gets_one_back():
    shapes = [(100, 200), (1, 100)]
    seen = [seen_layer(s, 0.2, i, index=i, zeta=0.02) for i, s in enumerate(shapes)]
    layers = [layer for layer, *_ in seen]
    layers[1].weights = layers[1].weights * 1e-6
    goes, grows = ask(DSR(1e-2), layers)
    assert goes[1].sum() == layers[1].n_connections
    # Its share of what all have left would be less than half a connection.
    assert grows[1].sum() == 1
    assert sum(each.sum() for each in grows) == sum(each.sum() for each in goes)


def test_a_threshold_that_is_too_large_spares_the_largest():
    layers, masks, weights, _ = _layers(zeta=0.1)
    rule = DSR(threshold=100.0)
    goes, _ = ask(rule, layers)
    flat = np.concatenate([np.abs(w[m]) for w, m in zip(weights, masks)])
    gone = np.concatenate([np.abs(w[g]) for w, g in zip(weights, goes)])
    np.testing.assert_array_equal(
        np.sort(gone), np.sort(flat)[: 2 * int(len(flat) / 10)]
    )
    assert rule.threshold_ == 50
