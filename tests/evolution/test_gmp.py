"""What defines gradual magnitude pruning and LAMP: how many go, and which."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils._param_validation import InvalidParameterError

from sklearn_sparse_nn import SETClassifier
from sklearn_sparse_nn.evolution import GMP, LAMP, TrainingClock
from tests.estimators.battery import samples
from tests.evolution.test_layer import layer_of

RULES = {
    "global": GMP(0.2),
    "uniform": GMP(0.2, distribution="uniform"),
    "lamp": LAMP(0.2),
}


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


def ask(rule, layers):
    """Masks of what stays, by the rule."""
    for layer, n in zip(layers, rule.n_pruned(layers)):
        layer.n_to_prune = n
    for layer in layers:
        layer.pruned = rule.prune(layer)
    assert rule.n_grown(layers) == [0] * len(layers)
    return [~layer.pruned for layer in layers]


def twin(name, weights, n_first, fraction):
    """The same by sorting all scores."""
    if name == "uniform":
        return [rank(np.abs(w)) < round(fraction * n) for w, n in zip(weights, n_first)]
    scores = [np.abs(w) if name == "global" else lamp(w) for w in weights]
    kept = rank(np.concatenate(scores)) < round(fraction * sum(n_first))
    return np.split(kept, np.cumsum([len(w) for w in weights])[:-1])


def rank(scores):
    """Place of each score, from the highest."""
    places = np.empty(len(scores), dtype=int)
    places[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
    return places


def lamp(weights):
    squares = np.asarray(weights, dtype=float) ** 2
    return [square / squares[squares >= square].sum() for square in squares]


@pytest.mark.parametrize("name", RULES)
@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32), epoch=st.integers(0, 99))
def test_what_stays_is_as_by_the_twin(name, seed, epoch):
    rule, layers = RULES[name], layers_at(epoch, seed)
    rule._n_first = None
    n_first = [layer.n_connections for layer in layers]
    left = max(0, 1 - epoch / 70)
    expected = twin(
        name, [layer.weights for layer in layers], n_first, 0.2 + 0.8 * left**3
    )
    for found, kept in zip(ask(rule, layers), expected):
        np.testing.assert_array_equal(found, kept)


@pytest.mark.parametrize("name", RULES)
def test_what_stays_in_large_layers_is_as_by_the_twin(name):
    layers = layers_at(30, shapes=((200, 150), (40, 200)))
    n_first = [layer.n_connections for layer in layers]
    fraction = 0.2 + 0.8 * (4 / 7) ** 3
    rule = type(RULES[name])(**RULES[name].get_params())
    if name == "lamp":
        layers = [_smaller(layer) for layer in layers]
        n_first = [layer.n_connections for layer in layers]
    expected = twin(name, [layer.weights for layer in layers], n_first, fraction)
    for found, kept in zip(ask(rule, layers), expected):
        np.testing.assert_array_equal(found, kept)


def _smaller(layer):
    """The twin of LAMP compares each weight with each."""
    return layer if layer.n_connections < 20_000 else layers_at(30, density=1.0)[0]


@pytest.mark.parametrize("seed", range(5))
def test_magnitude_empties_a_layer_of_small_weights_and_lamp_does_not(seed):
    kept = {name: ask(rule, layers_at(99, seed)) for name, rule in _tiny().items()}
    assert kept["global"][0].sum() == 0
    assert min(mask.sum() for mask in kept["lamp"]) > 0


def _tiny():
    return {"global": GMP(0.02), "lamp": LAMP(0.02)}


def test_lamp_of_weights_of_zero_is_zero():
    layer = layer_of(np.ones((2, 3), dtype=bool), np.zeros(6))
    np.testing.assert_array_equal(LAMP().connection_scores(layer), np.zeros(6))


def fit(rule, **parameters):
    defaults = {"max_iter": 10, "n_iter_no_change": np.inf, "random_state": 0}
    clf = SETClassifier((40, 30), evolution=rule, **(defaults | parameters))
    return clf.fit(*samples())


@pytest.mark.parametrize("rule", ["gmp", "lamp"])
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


def test_partial_fit_prunes_nothing():
    X, y = samples()
    clf = SETClassifier((20,), evolution="gmp", random_state=0)
    begun = clf.partial_fit(X, y, classes=[0, 1]).n_connections_
    for _ in range(5):
        clf.partial_fit(X, y)
    np.testing.assert_array_equal(clf.n_connections_, begun)


def test_a_warm_start_stays_as_sparse():
    clf = fit("gmp", warm_start=True)
    left = clf.n_connections_.copy()
    np.testing.assert_array_equal(clf.fit(*samples()).n_connections_, left)


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
