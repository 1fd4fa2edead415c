import matplotlib
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError

from sklearn_sparse_nn import (
    QuickSelectionSelector,
    SETClassifier,
    SETRBMTransformer,
)
from sklearn_sparse_nn.evolution import ITOP
from sklearn_sparse_nn.inspection import (
    FeatureStrengthDisplay,
    exploration_rate,
    neuron_degrees,
    topology_distance,
)

matplotlib.use("Agg")


@pytest.fixture(scope="module")
def digits_network():
    X, y = load_digits(return_X_y=True)
    return SETClassifier((50,), epsilon=5, max_iter=3, random_state=0).fit(X / 16, y)


def test_degrees_count_the_connections(digits_network):
    weights = digits_network.coefs_[0].toarray() != 0
    stored = digits_network.coefs_[0].copy()
    stored.data[:] = 1
    inputs, neurons = neuron_degrees(digits_network, layer=0)
    np.testing.assert_array_equal(inputs, stored.toarray().sum(axis=1))
    np.testing.assert_array_equal(neurons, stored.toarray().sum(axis=0))
    assert inputs.sum() == digits_network.n_connections_[0] >= weights.sum()


def test_distance_of_topologies(digits_network):
    X, y = load_digits(return_X_y=True)
    other = SETClassifier((50,), epsilon=5, max_iter=1, random_state=1).fit(X, y)
    distance = topology_distance(digits_network, other)
    a, b = (set(zip(*m.coefs_[0].nonzero())) for m in (digits_network, other))
    assert (distance > 0).all() and (distance < 1).all()
    assert distance[0] == pytest.approx(1 - len(a & b) / len(a | b), abs=0.02)
    with pytest.raises(ValueError, match="different shapes"):
        topology_distance(
            other, SETClassifier((40,), max_iter=1, random_state=1).fit(X, y)
        )


@pytest.mark.parametrize("zeta, most", [(0.1, 0.9), (0.9, 1.0)])
def test_what_has_been_tried_is_counted(zeta, most):
    X, y = load_digits(return_X_y=True)
    clf = SETClassifier((30,), epsilon=7, zeta=zeta, evolution=ITOP(interval=2))
    clf.set_params(batch_size=200, random_state=0)
    tried = [np.zeros((64, 30), dtype=bool), np.zeros((30, 10), dtype=bool)]
    for chunk in range(9):  # one mini-batch each, so that no network is missed
        clf.partial_fit(X[:200] / 16, y[:200], classes=range(10))
        for seen, weights in zip(tried, clf.coefs_):
            pattern = weights.tocoo()
            seen[pattern.row, pattern.col] = True
        rates = exploration_rate(clf)
        np.testing.assert_array_equal(rates, [seen.mean() for seen in tried])
        assert chunk > 1 or (rates == clf.density_).all()
    assert clf.density_[0] < rates[0] <= most and (rates[0] == 1) == (most == 1)


@pytest.mark.parametrize("rule", ["set", "rigl"])
def test_other_rules_keep_no_record_of_what_has_been_tried(rule):
    X, y = load_digits(return_X_y=True)
    clf = SETClassifier(20, evolution=rule, max_iter=1)
    with pytest.raises(NotFittedError):
        exploration_rate(clf)
    with pytest.raises(ValueError, match=f"itop' only. Got '{rule}' instead"):
        exploration_rate(clf.fit(X / 16, y))


def test_degrees_and_distance_of_boltzmann_machines():
    X, _ = load_digits(return_X_y=True)
    first, second = (
        SETRBMTransformer(20, epsilon=5, n_iter=n, random_state=0).fit(X / 16)
        for n in (1, 4)
    )
    visible, hidden = neuron_degrees(first)
    np.testing.assert_array_equal(visible, first.visible_degree_)
    np.testing.assert_array_equal(hidden, np.diff(first.components_.indptr))
    assert not topology_distance(first, first).any()
    assert 0.2 < topology_distance(first, second)[0] < 1


def test_display_draws_bars_or_an_image(digits_network):
    display = FeatureStrengthDisplay.from_estimator(digits_network, n_features=7)
    assert len(display.ax_.patches) == 7
    assert max(p.get_width() for p in display.ax_.patches) == pytest.approx(
        digits_network.feature_strength_.max()
    )
    image = FeatureStrengthDisplay.from_estimator(digits_network, image_shape=(8, 8))
    assert image.ax_.images[0].get_array().shape == (8, 8)
    matplotlib.pyplot.close("all")


def test_display_of_a_boltzmann_machine():
    X, _ = load_digits(return_X_y=True)
    rbm = SETRBMTransformer(20, epsilon=5, n_iter=1, random_state=0).fit(X / 16)
    display = FeatureStrengthDisplay.from_estimator(rbm, image_shape=(8, 8))
    drawn = display.ax_.images[0].get_array()
    np.testing.assert_allclose(drawn.ravel(), rbm.visible_strength_)


def test_display_of_an_unfitted_estimator():
    with pytest.raises(NotFittedError):
        FeatureStrengthDisplay.from_estimator(SETClassifier())


def test_display_of_a_selector_draws_its_importances():
    X, _ = load_digits(return_X_y=True)
    selector = QuickSelectionSelector(5, n_hidden=20, max_iter=3, random_state=0)
    display = FeatureStrengthDisplay.from_estimator(selector.fit(X), n_features=5)
    widths = [p.get_width() for p in display.ax_.patches]
    np.testing.assert_allclose(widths, np.sort(selector.importances_)[-5:])
    assert display.ax_.get_xlabel() == "Importance"
    matplotlib.pyplot.close("all")
