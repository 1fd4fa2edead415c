"""Estimators that are copied, sent through a file or mapped into memory."""

import copy
import pickle

import joblib
import numpy as np
import pytest
from sklearn.base import clone

from sklearn_sparse_nn import TRUSTED_TYPES
from sklearn_sparse_nn.evolution import EVOLUTIONS, SET
from sklearn_sparse_nn.inspection import TopologyMonitor, exploration_rate
from sklearn_sparse_nn.topology import TOPOLOGIES
from tests.estimators.battery import (
    all_estimators,
    all_networks,
    all_variants,
    assert_same,
    network_of,
    outputs,
    rules_and,
    samples,
    soon,
    train_part,
)

WAYS = {
    "pickle": lambda estimator, path: pickle.loads(pickle.dumps(estimator)),
    "deepcopy": lambda estimator, path: copy.deepcopy(estimator),
    "joblib": lambda estimator, path: _reload(estimator, path, None),
    "mapped": lambda estimator, path: _reload(estimator, path, "r"),
}
every_way = pytest.mark.parametrize("way", WAYS)


def _reload(estimator, path, mode):
    # A file of its own each time: the one before may still be mapped.
    file = path / f"{len(list(path.iterdir()))}.joblib"
    joblib.dump(estimator, file)
    return joblib.load(file, mmap_mode=mode)


class LargestGradient(SET):
    """Grows where the gradient is largest."""

    def grow(self, layer, n_pruned):
        scores = np.abs(layer.gradient(np.arange(layer.n_neurons))).ravel()
        scores[layer.cells] = -1
        return np.sort(np.argsort(-scores, kind="stable")[:n_pruned])


class Undeclared(LargestGradient):
    """Asks for the gradient, but says that it does not."""

    uses_gradient = False


@all_variants
def test_a_fitted_estimator_goes_on_from_a_pickle(estimator):
    X, y = samples()
    loaded = pickle.loads(pickle.dumps(estimator.fit(X, y)))
    assert_same(loaded, estimator, X)
    assert_same(train_part(loaded, X, y), train_part(estimator, X, y), X)


@all_estimators
@every_way
def test_chunks_give_the_same_bits_through_a_file(estimator, way, tmp_path):
    kept, sent = clone(estimator), clone(estimator)
    for seed in range(6):
        X, y = samples(seed=seed)
        train_part(kept, X, y)
        sent = WAYS[way](train_part(sent, X, y), tmp_path)
    network = network_of(kept)
    assert network.n_rewired[0] > 3 * 0.1 * len(network.layers.weights)
    assert_same(sent, kept, X)


@all_estimators
@every_way
def test_a_rule_that_asks_for_gradients_goes_on_through_a_file(
    estimator, way, tmp_path
):
    estimator.set_params(evolution=LargestGradient(), momentum=0.5)
    kept, sent = clone(estimator), clone(estimator)
    for seed in range(4):
        X, y = samples(seed=seed)
        train_part(kept, X, y)
        sent = WAYS[way](train_part(sent, X, y), tmp_path)
    assert network_of(kept).n_rewired.any()
    assert_same(sent, kept, X)


@all_estimators
def test_a_gradient_that_is_gone_is_named(estimator):
    X, y = samples()
    train_part(estimator.set_params(evolution=Undeclared()), X, y)
    with pytest.raises(RuntimeError, match="uses_gradient = True"):
        train_part(pickle.loads(pickle.dumps(estimator)), X, y)


@all_networks
def test_a_mapped_model_is_not_changed_by_training(estimator, tmp_path):
    X, y = samples()
    joblib.dump(estimator.fit(X, y), tmp_path / "model")
    before = (tmp_path / "model").read_bytes()
    expected = outputs(train_part(estimator, X, y), X)
    mapped = joblib.load(tmp_path / "model", mmap_mode="r")
    assert not mapped._network.layers.weights.flags.writeable
    np.testing.assert_array_equal(outputs(train_part(mapped, X, y), X), expected)
    warm = joblib.load(tmp_path / "model", mmap_mode="r").set_params(warm_start=True)
    assert np.isfinite(outputs(warm.fit(X, y), X)).all()
    assert (tmp_path / "model").read_bytes() == before


@rules_and(EVOLUTIONS)
def test_skops_needs_the_trusted_types_alone(estimator, name):
    _expect_trusted(estimator.set_params(evolution=soon(name)))
    # What grows nothing replaces nothing.
    assert network_of(estimator).n_rewired.any() or name in ("static", "gmp", "lamp")


@all_estimators
@pytest.mark.parametrize("name", TOPOLOGIES)
def test_skops_needs_the_trusted_types_of_topologies_alone(estimator, name):
    _expect_trusted(estimator.set_params(topology=TOPOLOGIES[name]()))


@all_networks
def test_a_history_goes_along(estimator):
    skops = pytest.importorskip("skops.io")
    X, y = samples()
    file = skops.dumps(estimator.set_callbacks(TopologyMonitor()).fit(X, y))
    assert set(skops.get_untrusted_types(data=file)) <= set(TRUSTED_TYPES)
    loaded = skops.loads(file, trusted=TRUSTED_TYPES)
    rates = exploration_rate(loaded)
    np.testing.assert_array_equal(rates, exploration_rate(estimator))
    assert len(rates) > 1


def _expect_trusted(estimator):
    skops = pytest.importorskip("skops.io")
    X, y = samples()
    train_part(estimator.fit(X, y), X, y)
    file = skops.dumps(estimator)
    untrusted = skops.get_untrusted_types(data=file)
    assert set(untrusted) <= set(TRUSTED_TYPES) and len(untrusted) <= 6
    loaded = skops.loads(file, trusted=TRUSTED_TYPES)
    assert_same(loaded, estimator, X)
    assert_same(train_part(loaded, X, y), train_part(estimator, X, y), X)
