"""Gradual pruning by magnitude and by LAMP, against dense twins."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.utils._param_validation import InvalidParameterError

from sklearn_sparse_nn import SETClassifier
from sklearn_sparse_nn.evolution import GMP, LAMP, TrainingClock
from tests.estimators.battery import samples
from tests.evolution.seen import ask
from tests.evolution.test_layer import layer_of

RULES = {
    "global": GMP(0.2),
    "uniform": GMP(0.2, distribution="uniform"),
    "lamp": LAMP(0.2),
}
each_rule = pytest.mark.parametrize("name", RULES)


def layers_at(epoch, seed=0, shapes=((30, 20), (10, 30), (4, 10)), density=0.6):
    """Layers of a network whose weights differ in scale, after some of 100 epochs."""
    rng = np.random.default_rng(seed)
    layers = []
    for index, shape in enumerate(shapes):
        mask = rng.random(shape) < density
        weights = rng.normal(scale=3.0**index, size=mask.sum())
        clock = TrainingClock(epoch, 100, 1000, 100)
        more = {"index": index, "n_layers": len(shapes), "clock": clock}
        layers.append(layer_of(mask, weights, seed, **more))
    return layers


def what_stays(rule, layers):
    """Masks of the connections that stay, by the rule."""
    _, grown = ask(rule, layers)
    assert not any(mask.any() for mask in grown)
    return [~layer.pruned for layer in layers]


def twin(name, weights, fraction):
    """The same by sorting all scores."""
    if name == "uniform":
        return [rank(np.abs(w)) < round(fraction * len(w)) for w in weights]
    scores = [np.abs(w) if name == "global" else lamp(w) for w in weights]
    kept = rank(np.concatenate(scores)) < round(fraction * sum(map(len, weights)))
    return np.split(kept, np.cumsum([len(w) for w in weights])[:-1])


def rank(scores):
    """Place of each score, from the highest."""
    places = np.empty(len(scores), dtype=int)
    places[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
    return places


def lamp(weights):
    squares = np.asarray(weights, dtype=float) ** 2
    return np.array([square / squares[squares >= square].sum() for square in squares])


@each_rule
@settings(max_examples=20)
@given(seed=st.integers(0, 2**32), epoch=st.integers(0, 99))
def test_what_stays_is_as_by_the_twin(name, seed, epoch):
    layers = layers_at(epoch, seed)
    fraction = 0.2 + 0.8 * max(0, 1 - epoch / 70) ** 3
    expected = twin(name, [layer.weights for layer in layers], fraction)
    for found, kept in zip(what_stays(clone(RULES[name]), layers), expected):
        np.testing.assert_array_equal(found, kept)


@each_rule
def test_what_stays_in_large_layers_is_as_by_the_twin(name):
    # NumPy sorts small arrays where it should only select.
    layers = layers_at(30, shapes=((150, 120), (40, 150)))
    assert layers[0].n_connections > 10_000
    fraction = 0.2 + 0.8 * (4 / 7) ** 3
    expected = twin(name, [layer.weights for layer in layers], fraction)
    for found, kept in zip(what_stays(clone(RULES[name]), layers), expected):
        np.testing.assert_array_equal(found, kept)


@pytest.mark.parametrize("seed", range(5))
def test_magnitude_empties_a_layer_of_small_weights_and_lamp_does_not(seed):
    by_magnitude = what_stays(GMP(0.02), layers_at(99, seed))
    by_lamp = what_stays(LAMP(0.02), layers_at(99, seed))
    assert by_magnitude[0].sum() == 0
    assert min(mask.sum() for mask in by_lamp) > 0


def test_lamp_keeps_a_connection_of_layers_of_equal_weights():
    clock = {"clock": TrainingClock(99, 100, 1000, 100)}
    ones = np.ones((5, 6), dtype=bool)
    layers = [
        layer_of(ones, np.full(30, w), index=i, **clock) for i, w in ((0, 1), (1, 9))
    ]
    assert [mask.sum() for mask in what_stays(LAMP(0.1), layers)] == [3, 3]


def test_lamp_of_weights_of_zero_is_zero():
    layer = layer_of(np.ones((2, 3), dtype=bool), np.zeros(6))
    np.testing.assert_array_equal(LAMP().compared_scores(layer), np.zeros(6))


def fit(rule, **parameters):
    defaults = {"max_iter": 10, "n_iter_no_change": np.inf, "random_state": 0}
    clf = SETClassifier((40, 30), evolution=rule, **(defaults | parameters))
    return clf.fit(*samples())


@pytest.mark.parametrize("rule", ["gmp", "lamp", "granet"])
@pytest.mark.parametrize("more", [{}, {"density": 1.0}, {"epsilon": 3}])
def test_a_fifth_of_the_connections_is_left_by_default(rule, more):
    begun = fit("static", **more).n_connections_.sum()
    assert fit(rule, **more).n_connections_.sum() == round(0.2 * begun)


@pytest.mark.parametrize("interval", [1, 3, 7])
def test_pruning_within_epochs_ends_at_the_same_number(interval):
    rule = GMP(0.3, "uniform", begin=0.1, end=0.5, interval=interval)
    begun = fit("static", batch_size=30).n_connections_
    left = fit(rule, batch_size=30).n_connections_
    np.testing.assert_array_equal(left, np.rint(0.3 * begun))


@pytest.mark.parametrize("rule", ["gmp", "lamp", "granet"])
def test_partial_fit_has_no_end_and_no_number_falls(rule):
    X, y = samples()
    clf = SETClassifier((20,), evolution=rule, random_state=0)
    begun = clf.partial_fit(X, y, classes=[0, 1]).n_connections_
    for _ in range(5):
        clf.partial_fit(X, y)
    np.testing.assert_array_equal(clf.n_connections_, begun)


def test_a_warm_start_stays_as_sparse_and_may_leave_the_output_layer_alone():
    clf = fit(GMP(0.3), warm_start=True)
    left = clf.n_connections_.copy()
    np.testing.assert_array_equal(clf.fit(*samples()).n_connections_, left)
    clf.set_params(evolution__final_fraction=0.2, evolution__output_layer=False)
    now = clf.fit(*samples()).n_connections_
    assert now[:-1].sum() < left[:-1].sum() and now[-1] == left[-1]


def test_the_output_layer_keeps_its_connections_if_it_is_to():
    begun = fit("static").n_connections_
    left = fit(GMP(output_layer=False)).n_connections_
    assert left[-1] == begun[-1] and left[:-1].sum() == round(0.2 * begun[:-1].sum())


@pytest.mark.parametrize(
    "rule, message",
    [
        (GMP(0.0), "'final_fraction' parameter of GMP"),
        (GMP(distribution="local"), "'distribution' parameter of GMP"),
        (LAMP(1.5), "'final_fraction' parameter of LAMP"),
        (GMP(begin=0.8), "must begin before it ends"),
        (LAMP(interval=0), "'interval' parameter of LAMP"),
        (GMP(output_layer="no"), "'output_layer' parameter of GMP"),
    ],
)
def test_wrong_parameters_are_named(rule, message):
    with pytest.raises(InvalidParameterError, match=message):
        fit(rule)
