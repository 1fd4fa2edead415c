"""WAST against slow dense twins, and what it is for."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.base import clone
from sklearn.utils._param_validation import InvalidParameterError

from sklearn_sparse_nn import SETAutoencoder
from sklearn_sparse_nn.evolution import SET, WAST, EvolvingLayer, TrainingClock
from sklearn_sparse_nn.networks.evolving import feature_importances
from tests.estimators.battery import (
    all_estimators,
    inner,
    is_autoencoder,
    samples,
    train_part,
)


@pytest.fixture
def estimator(request):
    return clone(request.param)


def _layer(mask, weights, index, n_layers=2, zeta=0.3):
    """A layer of shape (n_neurons, n_inputs) that is connected where `mask` says."""
    return EvolvingLayer(
        indptr=np.concatenate([[0], np.cumsum(mask.sum(axis=1))]),
        indices=np.nonzero(mask)[1].astype(np.uint32),
        weights=weights[mask].astype(np.float32),
        index=index,
        n_inputs=mask.shape[1],
        zeta=zeta,
        clock=TrainingClock(1, 10, 100, 1),
        gain=1.0,
        rng=np.random.default_rng(0),
        n_layers=n_layers,
    )


def _random_layer(shape, density, index, seed=0, **more):
    rng = np.random.default_rng(seed)
    mask, weights = rng.random(shape) < density, rng.normal(size=shape)
    rule = WAST()
    rule.importances_ = rng.random((2, shape[1] if index == 0 else shape[0]))
    return rule, _layer(mask, weights, index, **more), mask, weights


def _slow_rewiring(mask, weights, importances, n):
    """What goes and how many begin at each feature; features are columns."""
    scores = np.where(mask, np.abs(weights) * importances, np.inf)
    goes = np.zeros(mask.size, dtype=bool)
    goes[np.argsort(scores, axis=None, kind="stable")[:n]] = True
    goes = goes.reshape(mask.shape)
    left = n
    for feature in np.argsort(-importances, kind="stable"):
        free = ~mask[:, feature] | goes[:, feature]
        if free.sum() >= left:
            break
        left -= free.sum()
        goes[:, feature] = False
    left, grown = goes.sum(), np.zeros(len(importances), dtype=int)
    for feature in np.argsort(-importances, kind="stable"):
        grown[feature] = min(left, (~mask[:, feature]).sum())
        left -= grown[feature]
    return goes, grown


@given(
    shape=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    density=st.floats(0, 1),
    zeta=st.floats(0, 1),
    index=st.sampled_from([0, 1]),
    seed=st.integers(0, 100),
)
def test_rewiring_is_that_of_a_dense_twin(shape, density, zeta, index, seed):
    _check_rewiring(*_random_layer(shape, density, index, seed, zeta=zeta))


@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize("density", [0.1, 0.6])
def test_large_layers_are_rewired_like_small_ones(index, density):
    """NumPy sorts small arrays where it should only select."""
    _check_rewiring(*_random_layer((150, 900), density, index))


def _check_rewiring(rule, layer, mask, weights):
    turned = (mask, weights) if layer.index == 0 else (mask.T, weights.T)
    n = min(int(layer.zeta * layer.n_connections), layer.n_empty_cells)
    importances = rule.importances_[layer.index]
    goes, grown = _slow_rewiring(
        turned[0], turned[1].astype(np.float32), importances, n
    )
    layer.n_to_prune = n
    layer.pruned = rule.prune(layer)
    goes = goes if layer.index == 0 else goes.T
    np.testing.assert_array_equal(layer.pruned, goes[mask])
    (n_grown,) = rule.n_grown([layer])
    assert n_grown == goes.sum()
    cells = rule.grow(layer, n_grown)
    assert (np.diff(cells) > 0).all()
    begun = np.zeros(mask.size, dtype=bool)
    begun[cells] = True
    begun = begun.reshape(mask.shape)
    assert not (begun & mask).any()
    np.testing.assert_array_equal(begun.sum(axis=layer.index), grown)
    assert not rule.new_weights(layer, cells).any()


def test_the_last_feature_is_filled_at_random():
    rule, layer, mask, _ = _random_layer((40, 30), 0.3, index=0)
    layer.pruned = np.zeros(layer.n_connections, dtype=bool)
    best = np.argmax(rule.importances_[0])
    chosen = [rule.grow(layer, 7) for _ in range(200)]
    assert all((cells % 30 == best).all() for cells in chosen)
    neurons = np.unique(np.concatenate(chosen) // 30)
    np.testing.assert_array_equal(neurons, np.flatnonzero(~mask[:, best]))


def test_between_hidden_layers_magnitude_and_chance_decide():
    rule, layer, mask, _ = _random_layer((20, 20), 0.3, index=1, n_layers=3)
    layer.n_to_prune = 10
    pruned = rule.prune(layer)
    magnitudes = np.abs(layer.weights)
    assert magnitudes[pruned].max() < magnitudes[~pruned].min()
    cells = rule.grow(layer, 200)
    assert not mask.ravel()[cells].any()
    assert len(np.unique(cells % 20)) == len(np.unique(cells // 20)) == 20


def _data(n_samples=300, n_noise=28):
    """Twelve features that three factors make, then some of noise."""
    rng = np.random.default_rng(0)
    together = np.repeat(rng.normal(size=(n_samples, 3)), 4, axis=1)
    together += 0.3 * rng.normal(size=together.shape)
    return np.hstack([together, rng.normal(size=(n_samples, n_noise))])


def _importances(autoencoder):
    return feature_importances(autoencoder._network, autoencoder._rule)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("hidden", [15, (15, 8, 15)])
def test_importances_add_up_like_those_of_a_dense_twin(solver, hidden):
    """One mini-batch of all samples, without noise, before and after each update."""
    X = _data()
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    model = SETAutoencoder(
        hidden,
        "logistic",
        epsilon=5,
        zeta=0.0,
        evolution=WAST(0.7),
        noise_factor=0.0,
        dropout=0.0,
        batch_size=len(X),
        solver=solver,
        random_state=0,
    )
    model.partial_fit(X)
    expected, restored = _importances(model), _restore(model, Z)
    for _ in range(5):
        model.partial_fit(X)
        strengths = np.abs(model.coefs_[0].toarray()).sum(axis=1)
        expected += 0.7 * np.abs(restored - Z).mean(axis=0) + 0.3 * strengths
        restored = _restore(model, Z)
        np.testing.assert_allclose(_importances(model), expected, rtol=1e-4)


def _restore(model, Z):
    for W, b in zip(model.coefs_[:-1], model.intercepts_[:-1]):
        Z = expit(Z @ W.toarray() + b)
    return Z @ model.coefs_[-1].toarray() + model.intercepts_[-1]


def _degrees(model):
    """Number of connections of each feature, as an input."""
    return np.diff(model.coefs_[0].tocsr().indptr)


def _autoencoder(**changes):
    settings = {"epsilon": 4, "zeta": 0.3, "batch_size": 20, "random_state": 0}
    return SETAutoencoder(60, **settings | changes)


def test_the_most_important_features_have_all_connections():
    model = _autoencoder(evolution="wast", max_iter=10).fit(_data())
    degrees = _degrees(model)
    order = np.argsort(-model._rule.importances_[0])
    assert (degrees[order[:2]] == 60).all()
    assert _degrees(_autoencoder(max_iter=10).fit(_data())).max() < 30


def test_connections_move_to_informative_features():
    def share(n_epochs):
        model = _autoencoder(evolution=WAST(0.1), max_iter=n_epochs).fit(_data())
        return _degrees(model)[:12].sum() / model.n_connections_[0]

    shares = [share(n_epochs) for n_epochs in (1, 10, 30)]
    assert shares[0] < shares[1] < shares[2]
    assert shares[2] > 0.5


def test_importances_go_on_in_warm_starts_and_through_a_pickle():
    X = _data()
    model = _autoencoder(evolution="wast", max_iter=2, warm_start=True).fit(X)
    first = _importances(model)
    np.testing.assert_array_equal(_importances(model), first)
    sent = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(_importances(sent), first)
    second = _importances(model.fit(X))
    assert (second > first).all()
    np.testing.assert_array_equal(_importances(sent.fit(X)), second)
    assert (_importances(clone(model).fit(X)) < second).all()
    again = model.set_params(warm_start=False).fit(X)
    np.testing.assert_array_equal(_importances(again), first)


def test_another_share_of_the_error_goes_on_with_the_same_sums():
    X = _data()
    model = _autoencoder(evolution=WAST(1.0)).partial_fit(X).partial_fit(X)
    before = model._rule.importances_.copy()
    model.set_params(evolution__error_weight=0.0).partial_fit(X)
    assert model._rule.error_weight == 0
    assert (model._rule.importances_ >= before).all()


@pytest.mark.parametrize("evolution", ["wast", WAST()])
@all_estimators
def test_networks_that_do_not_restore_refuse(estimator, evolution):
    X, y = samples()
    estimator.set_params(evolution=evolution)
    if is_autoencoder(estimator):
        train_part(estimator, X, y)
        assert isinstance(inner(estimator)._rule, WAST)
        return
    for train in (estimator.fit, estimator.partial_fit):
        with pytest.raises(ValueError, match=r"evolution=.* SETAutoencoder and Quick"):
            train(X, y)


def test_error_weight_is_checked():
    model = SETAutoencoder(evolution=WAST(error_weight=1.5))
    with pytest.raises(InvalidParameterError, match="'error_weight' parameter of WAST"):
        model.fit(_data())


def test_the_importances_of_a_rule_are_checked():
    class Wrong(SET):
        def feature_importances(self, layers):
            return [1.0, 2.0]

    model = _autoencoder(evolution=Wrong(), max_iter=1).fit(_data())
    with pytest.raises(ValueError, match=r"Wrong.feature_importances must .* of 40"):
        _importances(model)
