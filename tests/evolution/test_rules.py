import copy
import pickle
from dataclasses import dataclass, replace
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV
from sklearn.utils._param_validation import InvalidParameterError

from sklearn_sparse_nn import SETClassifier, evolution, topology
from sklearn_sparse_nn.evolution import (
    CHT,
    EVOLUTIONS,
    SET,
    EvolutionRule,
    EvolvingLayer,
    Static,
    TrainingClock,
)
from sklearn_sparse_nn.evolution import set as set_module
from tests import naive


def _clock(epoch=1, max_epochs=10, updates_since_rewiring=100):
    return TrainingClock(epoch, max_epochs, 1000, updates_since_rewiring)


def _layer(mask, seed=0, zeta=0.3, weights=None):
    """A layer of shape (n_neurons, n_inputs) with random weights."""
    rng = np.random.default_rng(seed)
    n = int(mask.sum())
    return EvolvingLayer(
        indptr=np.concatenate([[0], np.cumsum(mask.sum(axis=1))]),
        indices=np.nonzero(mask)[1].astype(np.uint32),
        weights=rng.normal(size=n).astype(np.float32) if weights is None else weights,
        index=0,
        n_inputs=mask.shape[1],
        zeta=zeta,
        clock=_clock(),
        gain=1.0,
        rng=rng,
        batch=None,
    )


KINDS = ["distinct", "equal", "some zero", "many zero", "all zero", "one side"]


def _weights(kind, n, seed=0):
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=n).astype(np.float32)
    weights += np.copysign(np.float32(1e-3), weights)
    if kind == "equal":
        weights = np.sign(weights) * rng.integers(1, 4, n).astype(np.float32)
    elif kind == "one side":
        weights = np.abs(weights)
    elif kind != "distinct":
        share = {"some zero": 0.1, "many zero": 0.6, "all zero": 1}[kind]
        # Zero of either sign: products of negative weights leave -0.0.
        weights[rng.random(n) < share] *= 0
    return weights


@st.composite
def layers(draw, max_density=1.0):
    shape = draw(st.integers(1, 20)), draw(st.integers(1, 20))
    seed = draw(st.integers(0, 2**32))
    mask = np.random.default_rng(seed).random(shape) < draw(st.floats(0, max_density))
    zeta = draw(st.sampled_from([0.0, 0.1, 0.3, 0.5, 1.0]))
    weights = _weights(draw(st.sampled_from(KINDS)), int(mask.sum()), seed)
    return mask, _layer(mask, seed, zeta, weights)


def _large_layer(kind="distinct", n=300_000, zeta=0.3):
    """A layer of 900 neurons with `n` of 900,000 connections."""
    mask = np.zeros(900_000, dtype=bool)
    mask[np.random.default_rng(1).choice(mask.size, n, replace=False)] = True
    return _layer(mask.reshape(900, 1000), zeta=zeta, weights=_weights(kind, n))


def _expect_pruned_as_by_the_twin(layer):
    pruned = SET().prune(layer)
    assert pruned.dtype == bool and pruned.shape == (layer.n_connections,)
    # As which of equal weights go is random, it is their values that are compared.
    expected = naive.set_pruned(layer.weights, layer.zeta, layer.n_empty_cells)
    np.testing.assert_array_equal(np.sort(layer.weights[pruned]), expected)


@settings(max_examples=200)
@given(layers())
def test_set_prunes_zeros_and_what_is_nearest_to_zero(mask_and_layer):
    _expect_pruned_as_by_the_twin(mask_and_layer[1])


@pytest.mark.parametrize("block", [set_module._BLOCK, 999])
@pytest.mark.parametrize("kind", KINDS)
def test_set_prunes_large_layers_like_small_ones(monkeypatch, kind, block):
    monkeypatch.setattr(set_module, "_BLOCK", block)
    # NumPy sorts small arrays where it should only select.
    _expect_pruned_as_by_the_twin(_large_layer(kind, n=20_000))


@pytest.mark.parametrize("kind", KINDS)
def test_set_prunes_layers_of_several_blocks_like_small_ones(kind):
    layer = _large_layer(kind)
    assert layer.n_connections > 2 * set_module._BLOCK
    _expect_pruned_as_by_the_twin(layer)


@settings(max_examples=100)
@given(layers(), st.integers(1, 9))
def test_set_prunes_the_same_in_blocks(mask_and_layer, block):
    _, layer = mask_and_layer
    same = replace(layer, rng=np.random.default_rng(5))
    expected = SET().prune(replace(layer, rng=np.random.default_rng(5)))
    with patch.object(set_module, "_BLOCK", block):
        np.testing.assert_array_equal(SET().prune(same), expected)


@pytest.mark.parametrize("kind", ["equal", "many zero"])
def test_set_prunes_the_same_in_large_blocks(monkeypatch, kind):
    expected = SET().prune(_large_layer(kind))
    monkeypatch.setattr(set_module, "_BLOCK", 10_007)
    np.testing.assert_array_equal(SET().prune(_large_layer(kind)), expected)


def test_set_prunes_the_fraction_zeta_of_each_sign():
    weights = np.float32([0.1, -5, 0.2, -6, 0.3, -7, 0.4, -8, 0.5, 0.6])
    mask = np.eye(10, dtype=bool)
    pruned = SET().prune(_layer(mask, zeta=0.5, weights=weights))
    np.testing.assert_array_equal(np.flatnonzero(pruned), [0, 1, 2, 3, 4])


def test_weights_of_zero_go_first_within_the_budget():
    weights = np.float32([0.1, -0.0, 0.2, 0, -1, -2, 0.3, 0.4, -3, -4])
    layer = _layer(np.eye(10, dtype=bool), zeta=0.4, weights=weights)
    np.testing.assert_array_equal(np.flatnonzero(SET().prune(layer)), [0, 1, 3, 4])
    layer = replace(layer, zeta=0.2)
    np.testing.assert_array_equal(np.flatnonzero(SET().prune(layer)), [1, 3])


def _counts_of_pruned(weights, zeta, n_draws):
    layer = _layer(np.eye(len(weights), dtype=bool), zeta=zeta, weights=weights)
    return sum(SET().prune(layer).astype(int) for _ in range(n_draws))


@pytest.mark.parametrize("block", [2**17, 4])
@pytest.mark.parametrize("value", [0, 1, -1])
def test_which_of_equal_weights_go_is_random(monkeypatch, value, block):
    monkeypatch.setattr(set_module, "_BLOCK", block)
    weights = np.repeat(np.float32([value, np.copysign(7, value)]), [11, 1])
    counts = _counts_of_pruned(np.roll(weights, 3), zeta=0.35, n_draws=2000)
    equal = counts[np.arange(12) != 2]
    assert counts.sum() == 8000 and equal.sum() == 8000
    # Drawn without replacement, 4 of 11.
    statistic = np.sum((equal - 8000 / 11) ** 2) / (2000 * 4 / 11 * 7 / 11 * 11 / 10)
    assert 1e-4 < chi2.sf(statistic, 10) < 1 - 1e-4


@pytest.mark.parametrize("kind, value", [("many zero", 0), ("equal", 1)])
def test_equal_weights_go_from_everywhere_in_a_large_layer(kind, value):
    layer = _large_layer(kind)
    pruned = SET().prune(layer)[layer.weights == value]
    share = pruned.mean()
    assert 0.3 < share < 0.95
    parts = np.array_split(pruned, 50)
    deviations = np.array([part.sum() - share * len(part) for part in parts])
    statistic = np.sum(deviations**2) / (len(parts[0]) * share * (1 - share))
    assert 1e-4 < chi2.sf(statistic, 49) < 1 - 1e-4


def test_set_survives_weights_that_are_no_numbers():
    weights = np.tile(np.float32([np.nan, np.inf, -np.inf, 1, -1]), 6)
    layer = _layer(np.eye(30, dtype=bool), zeta=0.4, weights=weights)
    assert np.unique(np.abs(weights[SET().prune(layer)])).tolist() == [1]


@pytest.mark.parametrize("shape", [(1, 1), (8, 1), (20, 30)])
def test_set_leaves_a_full_layer_alone(shape):
    layer = _layer(np.ones(shape, dtype=bool), zeta=0.5)
    assert not SET().prune(layer).any()


@settings(max_examples=100)
@given(layers())
def test_set_grows_as_many_as_it_prunes_where_there_was_nothing(mask_and_layer):
    mask, layer = mask_and_layer
    n_pruned = int(SET().prune(layer).sum())
    assert n_pruned <= layer.n_empty_cells
    cells = SET().grow(layer, n_pruned)
    assert len(cells) == n_pruned
    assert (np.diff(cells) > 0).all()
    assert not mask.ravel()[cells].any()


def test_set_prunes_a_nearly_full_layer_as_far_as_there_is_room():
    mask = np.ones((20, 20), dtype=bool)
    mask[:2] = False
    layer = _layer(mask, zeta=0.5)
    assert 39 <= SET().prune(layer).sum() <= 40
    layer = replace(layer, weights=np.zeros_like(layer.weights))
    assert SET().prune(layer).sum() == 40


def test_a_large_layer_keeps_its_number_of_connections():
    layer = _large_layer("some zero")
    n_pruned = int(SET().prune(layer).sum())
    assert 90_000 - 2 < n_pruned <= 90_000
    cells = SET().grow(layer, n_pruned)
    assert len(cells) == n_pruned and (np.diff(cells) > 0).all()
    assert not np.isin(cells, layer.cells, assume_unique=True).any()


@pytest.mark.parametrize("min_updates", [1, 10, 100])
def test_set_waits_for_enough_updates(min_updates):
    rule = SET(min_updates)
    assert rule.is_due(_clock(updates_since_rewiring=min_updates))
    assert not rule.is_due(_clock(updates_since_rewiring=min_updates - 1))


@pytest.mark.parametrize("epoch, max_epochs", [(0, 10), (9, 10), (10, 10), (3, None)])
def test_set_counts_updates_and_not_epochs(epoch, max_epochs):
    assert SET().is_due(_clock(epoch, max_epochs, updates_since_rewiring=10))
    assert not SET().is_due(_clock(epoch, max_epochs, updates_since_rewiring=9))


@pytest.mark.parametrize("epoch", [1, 10, 11])
def test_static_is_never_due(epoch):
    assert not Static().is_due(_clock(epoch))


def test_the_base_rule_is_always_due_and_prunes_nothing():
    layer = _layer(np.eye(5, dtype=bool))
    rule = EvolutionRule()
    assert rule.is_due(_clock(epoch=10))
    pruned = rule.prune(layer)
    assert pruned.shape == (5,) and pruned.dtype == bool and not pruned.any()
    assert len(rule.grow(layer, 0)) == 0


def test_new_weights_suit_the_neuron_that_they_lead_to():
    mask = np.zeros((3, 100_000), dtype=bool)
    mask[0, :4], mask[1, :100] = True, True
    layer = _layer(mask)
    cells = np.setdiff1d(np.arange(mask.size), np.flatnonzero(mask))
    weights = EvolutionRule().new_weights(layer, cells)
    assert weights.dtype == np.float32
    for neuron, fan_in in enumerate([4, 100, 1]):  # the last has no connection yet
        variance = weights[cells // 100_000 == neuron].var(dtype=np.float64)
        assert abs(variance * fan_in - 1) < 0.03


def test_set_grows_at_zero_or_at_random():
    layer = _layer(np.eye(10, dtype=bool))
    cells = SET().grow(layer, 5)
    zeros = SET().new_weights(layer, cells)
    assert zeros.dtype == np.float32 and zeros.tolist() == [0] * 5
    assert (SET(grown_weights="random").new_weights(layer, cells) != 0).all()


@settings(max_examples=50)
@given(layers())
def test_a_layer_knows_its_cells(mask_and_layer):
    mask, layer = mask_and_layer
    np.testing.assert_array_equal(layer.cells, np.flatnonzero(mask))
    assert layer.n_neurons == mask.shape[0]
    assert layer.n_connections == mask.sum()
    assert layer.n_empty_cells == mask.size - mask.sum()


@pytest.mark.parametrize("name", EVOLUTIONS)
def test_names_stand_for_rules(name):
    assert isinstance(EVOLUTIONS[name](), EvolutionRule)


@pytest.mark.parametrize("name", EVOLUTIONS)
def test_rules_have_parameters_like_estimators(name):
    rule = EVOLUTIONS[name]()
    rule._validate_params()
    assert repr(rule) == f"{type(rule).__name__}()"
    rule.seen = 3  # state
    for other in (copy.deepcopy(rule), pickle.loads(pickle.dumps(rule))):
        assert vars(other) == vars(rule)
    assert not hasattr(clone(rule), "seen")
    assert clone(rule).get_params() == rule.get_params()


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"min_updates": -1}, "'min_updates' parameter of SET must be an int in the"),
        ({"min_updates": 2.5}, "'min_updates' parameter of SET must be an int in the"),
        (
            {"grown_weights": "Random"},
            "The 'grown_weights' parameter of SET must be a str among "
            r"{'(zero|random)', '(zero|random)'}. Got 'Random' instead.",
        ),
    ],
)
def test_wrong_parameters_are_named(parameters, message):
    rule = SET(**parameters)
    with pytest.raises(InvalidParameterError, match=message):
        rule._validate_params()


def test_a_grid_search_reaches_the_parameters_of_a_rule():
    X, y = make_classification(60, random_state=0)
    clf = SETClassifier((10,), evolution=SET(), max_iter=2, random_state=0)
    search = GridSearchCV(clf, {"evolution__min_updates": [1, 10]}, cv=2).fit(X, y)
    best = search.best_estimator_.evolution
    assert best.min_updates == search.best_params_["evolution__min_updates"]
    assert clf.evolution.min_updates == 10
    assert repr(clf.set_params(evolution__min_updates=1).evolution) in repr(clf)


@pytest.mark.parametrize(
    "name, parameter, values",
    [
        ("rigl", "candidates", [None, 2]),
        ("snfs", "schedule", ["cosine", "linear"]),
        ("dsr", "threshold", [1e-4, 1e-2]),
        ("mest", "surplus", [0.0, 0.5]),
        ("itop", "interval", [2, 5]),
    ],
)
def test_a_grid_search_compares_rules_and_their_parameters(name, parameter, values):
    X, y = make_classification(60, random_state=0)
    clf = SETClassifier((10,), batch_size=10, epsilon=2, max_iter=4, random_state=0)
    parameter = f"evolution__{parameter}"
    grid = [
        {"evolution": ["set", name]},
        {"evolution": [EVOLUTIONS[name]()], parameter: values},
    ]
    search = GridSearchCV(clf, grid, cv=2).fit(X, y)
    tried = search.cv_results_
    assert list(tried["param_evolution"][:2]) == ["set", name]
    assert list(tried[f"param_{parameter}"][2:]) == values
    assert np.isfinite(tried["mean_test_score"]).all()


def test_a_rule_says_whether_it_uses_the_gradient():
    class Greedy(SET):
        """Says nothing: its parent does not speak for it."""

    class Modest(Greedy):
        uses_gradient = False

    class Child(Modest):
        pass

    assert EvolutionRule.uses_gradient
    assert not SET.uses_gradient and not Static.uses_gradient
    assert [c.uses_gradient for c in (Greedy, Modest, Child)] == [True, False, True]
    assert not SET.uses_gradient


# CHT and CHTs look at the output layer even if they leave it alone: see `test_cht`.
@pytest.mark.parametrize(
    "name",
    [
        name
        for name, rule in EVOLUTIONS.items()
        if "output_layer" in rule().get_params() and not issubclass(rule, CHT)
    ],
)
def test_the_output_layer_may_be_left_alone(name):
    first, last = (
        replace(_layer(np.eye(5, dtype=bool)), index=index, n_layers=2)
        for index in (0, 1)
    )
    alone = replace(last, index=0, n_layers=1)
    for output_layer in (True, False):
        rule = EVOLUTIONS[name](output_layer=output_layer)
        rule._validate_params()
        evolves = [rule.evolves(layer) for layer in (first, last, alone)]
        assert evolves == [True, output_layer, True]
    with pytest.raises(InvalidParameterError, match="'output_layer' parameter of"):
        EVOLUTIONS[name](output_layer=2)._validate_params()


def test_a_rule_may_be_a_dataclass():
    @dataclass
    class Mine(EvolutionRule):
        uses_gradient = False
        share: float = 0.5

    rule = Mine(0.25)
    rule._validate_params()
    assert rule.get_params() == {"share": 0.25}
    assert clone(rule) == rule == copy.deepcopy(rule)
    assert not rule.uses_gradient
    assert repr(SETClassifier(evolution=rule).set_params(evolution__share=1)) == (
        "SETClassifier(evolution=Mine(share=1))"
    )


def test_rules_are_still_found_where_they_were():
    for name in evolution.__all__:
        assert getattr(topology, name) is getattr(evolution, name)
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        topology.Nothing  # noqa: B018
