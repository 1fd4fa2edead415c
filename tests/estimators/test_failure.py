"""A fit that fails leaves the estimator as it was; outputs are finite, or an error."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sklearn_sparse_nn import (
    QuickSelectionSelector,
    SETAutoencoder,
    SETClassifier,
    SETRBMTransformer,
    SETRegressor,
)
from sklearn_sparse_nn.evolution import SET
from sklearn_sparse_nn.topology import ErdosRenyi
from tests.estimators.battery import (
    all_estimators,
    all_networks,
    fingerprint,
    methods,
    network_of,
    outputs,
    samples,
    small,
    those_with,
    train_part,
)


class Failing(ErdosRenyi):
    """A topology that connects the first layer and fails at the second."""

    def connect(self, n_inputs, n_neurons, epsilon, rng, spread=None):
        if getattr(self, "called", False) or epsilon == 7:
            raise MemoryError("on purpose")
        self.called = True
        return super().connect(n_inputs, n_neurons, epsilon, rng, spread)


def _with(X, value):
    X = X.astype(float)
    X[3, 4] = value
    return X


FAULTS = {
    "wider, NaN": lambda X: (_with(np.tile(X, 40), np.nan), {}),
    "narrower, NaN": lambda X: (_with(X[:, :7], np.nan), {}),
    "wider, parameter": lambda X: (np.tile(X, 40), {"zeta": 2.0}),
    "wider, full memory": lambda X: (
        np.tile(X, 40),
        {"topology": Failing(), "epsilon": 7},
    ),
    "narrower, no connection": lambda X: (X[:, :7], {"epsilon": 1e-6}),
}


@all_estimators
@pytest.mark.parametrize("fault", FAULTS)
def test_a_refit_that_fails_leaves_the_estimator_as_it_was(estimator, fault):
    X, y = samples()
    expected = outputs(estimator.fit(X, y), X)
    parameters = estimator.get_params()
    before = fingerprint(estimator)
    other, changes = FAULTS[fault](X)
    with pytest.raises((ValueError, MemoryError)):
        estimator.set_params(**changes).fit(other, y)
    estimator.set_params(**{name: parameters[name] for name in changes})
    assert fingerprint(estimator) == before
    np.testing.assert_array_equal(outputs(estimator, X), expected)
    with pytest.raises(ValueError, match="features, but"):
        outputs(estimator, np.tile(X, 40))


@all_estimators
@pytest.mark.parametrize("fault", FAULTS)
def test_a_first_fit_that_fails_leaves_the_estimator_unfitted(estimator, fault):
    X, y = samples()
    other, changes = FAULTS[fault](X)
    estimator.set_params(**changes)
    names = set(vars(estimator))
    with pytest.raises((ValueError, MemoryError)):
        estimator.fit(other, y)
    assert set(vars(estimator)) == names
    for method in methods(estimator).values():
        with pytest.raises(NotFittedError):
            method(X)


@those_with("early_stopping")
def test_a_refit_that_fails_after_its_targets_are_known(estimator):
    X, y = samples()
    expected = estimator.fit(X, y).predict(X)
    before = fingerprint(estimator)
    stopping = {"early_stopping": True, "validation_fraction": 0.001}
    names = np.array(["b", "a"])[y] if hasattr(estimator, "classes_") else y + 9.0
    with pytest.raises(ValueError, match="validation_fraction"):
        estimator.set_params(**stopping).fit(np.tile(X, 2), names)
    estimator.set_params(early_stopping=False, validation_fraction=0.1)
    assert fingerprint(estimator) == before
    np.testing.assert_array_equal(estimator.predict(X), expected)


@all_estimators
@pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt, ValueError])
def test_training_on_that_fails_in_the_middle_is_undone(estimator, error, monkeypatch):
    X, y = samples()
    twin = train_part(clone(estimator), X, y)
    train_part(estimator, X, y)
    before = fingerprint(estimator)
    kind = type(network_of(estimator))
    trains = kind.train_epoch

    def train_and_fail(self, *args):
        trains(self, *args)
        raise error("on purpose")

    with monkeypatch.context() as patch:
        patch.setattr(kind, "train_epoch", train_and_fail)
        with pytest.raises(error):
            train_part(estimator, X, y)
    assert fingerprint(estimator) == before
    for each in (estimator, twin):
        train_part(each, X, y)
    np.testing.assert_array_equal(outputs(estimator, X), outputs(twin, X))


@all_networks
def test_a_warm_start_that_fails_is_undone(estimator):
    X, y = samples()
    estimator.set_params(warm_start=True).fit(X, y)
    zeta = estimator.zeta
    before = fingerprint(estimator)
    estimator.set_params(zeta=2.0)
    with pytest.raises(ValueError, match="zeta"):
        estimator.fit(X, y)
    estimator.set_params(zeta=zeta)
    assert fingerprint(estimator) == before


@pytest.mark.parametrize(
    "estimator",
    [
        SETRegressor((30, 30), solver="sgd", max_iter=5, random_state=0),
        SETAutoencoder((30,), standardize=False, max_iter=5, random_state=0),
    ],
    ids=["SETRegressor", "SETAutoencoder"],
)
def test_a_network_that_diverges_is_not_kept(estimator):
    X, y = samples()
    X, y = 1e3 * (X - 0.5), X[:, 0]
    good = 1e-9
    estimator = clone(estimator).set_params(learning_rate_init=1e4, warm_start=True)
    with pytest.raises(ValueError, match=r"_init=10000[.]0 is too large"):
        estimator.fit(X, y)
    with pytest.raises(NotFittedError):
        outputs(estimator, X)
    estimator.set_params(learning_rate_init=good).fit(X, y)
    kept = outputs(estimator, X)
    estimator.set_params(learning_rate_init=1e4)
    for train in (estimator.fit, estimator.partial_fit):
        with pytest.raises(ValueError, match="is too large"):
            for _ in range(9):
                train(X, y)
        assert np.isfinite(outputs(estimator, X)).all()
    estimator.set_params(learning_rate_init=good).partial_fit(X, y)
    estimator.fit(X, y)
    assert np.isfinite(kept).all()


def test_outputs_that_overflow_raise():
    X, y = samples()
    wild = SETClassifier((300,), solver="sgd", max_iter=1, alpha=10, random_state=0)
    with pytest.raises(ValueError, match=r"overflow float32|non-finite"):
        wild.fit(X * np.float32(1e30), y).predict_proba(X * np.float32(1e30))
    for estimator in (SETRegressor((30,), max_iter=1), SETAutoencoder(30, max_iter=1)):
        estimator.set_params(activation="relu").fit(X, y)
        with pytest.raises(ValueError, match="overflow float32"):
            outputs(estimator, X * np.float32(3e38))


@those_with("hidden_layer_sizes")
def test_a_rule_that_fails_in_the_second_layer_leaves_a_network_that_works(estimator):
    X, y = samples()

    class Half(SET):
        def grow(self, layer, n_pruned):
            if layer.index == 1 and layer.clock.epoch:
                raise MemoryError("on purpose")
            return super().grow(layer, n_pruned)

    estimator.set_params(evolution=Half(), hidden_layer_sizes=(60, 60))
    expected = outputs(train_part(estimator, X, y), X)
    with pytest.raises(MemoryError):
        train_part(estimator, X, y)
    np.testing.assert_array_equal(outputs(estimator, X), expected)
    train_part(estimator.set_params(evolution="set").fit(X, y), X, y)


def test_every_output_that_overflows_raises():
    X, y = samples()
    autoencoder = SETAutoencoder(30, activation="relu", standardize=False, max_iter=1)
    autoencoder.fit(X)
    with pytest.raises(ValueError, match="overflow float32"):
        autoencoder.score(X * np.float32(3e38))
    with pytest.raises(ValueError, match="overflow float32"):
        autoencoder.inverse_transform(np.full((1, 30), np.float32(3e38)))
    rbm = small(SETRBMTransformer).fit(X)
    hidden = np.full((1, 60), np.float32(3e38))
    rbm._network.layers.weights[:] = 9 * np.sign(rbm._network.layers.weights)
    with pytest.raises(ValueError, match="overflow float32"):
        rbm.inverse_transform(hidden)
    regr = SETRegressor((30,), max_iter=9, early_stopping=True, random_state=0)
    regr.set_params(solver="sgd", learning_rate_init=1e3)
    with pytest.raises(ValueError, match="learning_rate_init=1000"):
        regr.fit(X, y)


def _fail(sizes, parameter):
    raise ValueError("the second")


def test_a_selector_whose_second_network_fails_keeps_the_first_as_it_was():
    X, y = samples()
    selector = small(QuickSelectionSelector, stability_selection=2)
    selector.partial_fit(X)
    before = fingerprint(selector)
    selector._networks[1]._check_sizes = _fail
    with pytest.raises(ValueError, match="the second"):
        selector.partial_fit(X, y)
    del selector._networks[1]._check_sizes
    assert fingerprint(selector) == before
