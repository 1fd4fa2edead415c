"""Importance pruning: which neurons lose their connections, and when."""

import numpy as np
import pytest
from sklearn.utils._param_validation import InvalidParameterError

from sklearn_sparse_nn import SETClassifier
from sklearn_sparse_nn.evolution import SET, ImportancePruning, TrainingClock
from tests import naive
from tests.estimators.battery import samples
from tests.evolution.seen import ask, seen_layer

SHAPES = [((30, 20), (10, 30)), ((150, 120), (100, 150))]


def _layers(shapes, density, epoch=6):
    return [
        seen_layer(shape, density, index, index, epoch, n_layers=len(shapes) + 1)
        for index, shape in enumerate(shapes)
    ]


def _now(rule, layers):
    """Ask a rule that is due."""
    assert rule.is_due(layers[0].clock)
    return ask(rule, layers)


@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("density", [0.05, 0.4])
@pytest.mark.parametrize("fraction", [0.0, 0.25, 1.0])
def test_the_weakest_neurons_lose_all_and_the_rest_follows_set(
    shapes, density, fraction
):
    layers, masks, weights, _ = zip(*_layers(shapes, density))
    goes, grows = _now(ImportancePruning(fraction), layers)
    for mask, w, gone, grown in zip(masks, weights, goes, grows):
        n_weak = int(fraction * len(mask))
        weak = np.zeros(len(mask), dtype=bool)
        weak[np.argsort(np.abs(w).sum(axis=1), kind="stable")[:n_weak]] = True
        np.testing.assert_array_equal(gone[weak], mask[weak])
        n_weak = mask[weak].sum()
        n = min(int(0.3 * mask.sum()), mask.sum() - n_weak)
        rest = w[~weak][mask[~weak]]
        expected = naive.set_pruned(rest, n / max(len(rest), 1) + 1e-9, n)
        found = np.sort(w[~weak][gone[~weak]])
        np.testing.assert_array_equal(found, expected)
        assert grown.sum() == gone.sum() - n_weak
        assert not (grown & mask).any()


def test_the_output_layer_keeps_its_connections():
    layer, mask, *_ = seen_layer((30, 20), 0.4, epoch=6, index=1, n_layers=2)
    (gone,), (grown,) = _now(ImportancePruning(0.5, output_layer=True), [layer])
    assert 0 < gone.sum() == grown.sum() < 0.4 * mask.sum()
    assert not ImportancePruning().evolves(layer)


def _times(rule, clocks):
    return [n for n, clock in enumerate(clocks) if rule.is_due(clock) and rule._is_time]


def _epochs(n, updates=100, max_epochs=20):
    return [TrainingClock(e, max_epochs, 100 * e, updates) for e in range(n)]


def test_neurons_lose_their_connections_now_and_then():
    rule = ImportancePruning(begin=0.4, period=3)
    assert _times(rule, _epochs(20)) == [8, 11, 14, 17]
    # Another fit, which is a warm start.
    assert _times(rule, _epochs(20)) == [8, 11, 14, 17]
    assert _times(rule, _epochs(20, updates=9)) == []
    assert _times(rule, _epochs(9) + _epochs(9)) == [8, 17]


def test_within_epochs_it_is_time_once():
    rule = ImportancePruning(begin=0.0, period=2, interval=5)
    clocks = [TrainingClock(e, 9, 0, 5, s) for e in range(4) for s in (0, 0.3, 0.6)]
    assert _times(rule, clocks) == [0, 6]


def test_partial_fit_counts_calls_if_it_begins_at_once():
    calls = _epochs(10, max_epochs=None)
    assert _times(ImportancePruning(period=4), calls) == []
    assert _times(ImportancePruning(begin=0.0, period=4), calls) == [0, 4, 8]


def test_a_fit_ends_with_fewer_connections_and_neurons():
    def fit(rule):
        clf = SETClassifier(
            (60, 50),
            evolution=rule,
            epsilon=5,
            batch_size=10,
            max_iter=20,
            n_iter_no_change=np.inf,
            random_state=0,
        )
        return clf.fit(*samples())

    all_of_them = fit(SET(output_layer=False)).n_connections_
    clf = fit(ImportancePruning(0.3, period=5))
    assert (clf.n_connections_[:-1] < 0.9 * all_of_them[:-1]).all()
    assert clf.n_connections_[-1] == all_of_them[-1]
    same = fit(ImportancePruning(0.0, period=5))
    np.testing.assert_array_equal(same.n_connections_, all_of_them)


@pytest.mark.parametrize(
    "rule, message",
    [
        (ImportancePruning(1.5), "'fraction' parameter of ImportancePruning"),
        (ImportancePruning(begin=-0.1), "'begin' parameter of ImportancePruning"),
        (ImportancePruning(period=0), "'period' parameter of ImportancePruning"),
        (ImportancePruning(min_updates=-1), "'min_updates' parameter of Importance"),
    ],
)
def test_wrong_parameters_are_named(rule, message):
    with pytest.raises(InvalidParameterError, match=message):
        SETClassifier(evolution=rule).fit(np.eye(4), [0, 1, 0, 1])
