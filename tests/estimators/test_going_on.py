"""Training that goes on: warm starts, chunks, files, copies, memory maps."""

import copy
import pickle

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from threadpoolctl import threadpool_info, threadpool_limits

from sklearn_sparse_nn import SETClassifier, SETRBMTransformer
from sklearn_sparse_nn.inspection import topology_distance
from sklearn_sparse_nn.topology import SET, EvolutionRule
from tests.estimators.battery import (
    ESTIMATORS,
    NAMES,
    NETWORK_NAMES,
    NETWORKS,
    network_of,
    one_epoch,
    outputs,
    samples,
    train_part,
)

all_estimators = pytest.mark.parametrize("estimator", ESTIMATORS, ids=NAMES)
all_networks = pytest.mark.parametrize("estimator", NETWORKS, ids=NETWORK_NAMES)
WAYS = {
    "pickle": lambda estimator, path: pickle.loads(pickle.dumps(estimator)),
    "deepcopy": lambda estimator, path: copy.deepcopy(estimator),
    "joblib": lambda estimator, path: _reload(estimator, path, None),
    "mapped": lambda estimator, path: _reload(estimator, path, "r"),
}


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


class LastGradients(SET):
    """Keeps the gradients of the last rewiring, by their number of neurons."""

    def grow(self, layer, n_pruned):
        gradient = layer.gradient(np.arange(layer.n_neurons))
        vars(self).setdefault("gradients", {})[layer.n_neurons] = gradient
        return super().grow(layer, n_pruned)


class Undeclared(LargestGradient):
    """Asks for the gradient, but says that it does not."""

    uses_gradient = False


@all_estimators
@pytest.mark.parametrize("way", WAYS)
def test_chunks_give_the_same_bits_through_a_file(estimator, way, tmp_path):
    kept, sent = clone(estimator), clone(estimator)
    for seed in range(6):
        X, y = samples(seed=seed)
        train_part(kept, X, y)
        sent = WAYS[way](train_part(sent, X, y), tmp_path)
    assert network_of(kept).n_rewired[0] > 3 * 0.1 * len(
        network_of(kept).layers.weights
    )
    np.testing.assert_array_equal(outputs(sent, X), outputs(kept, X))
    for ours, theirs in zip(network_of(sent).layers, network_of(kept).layers):
        np.testing.assert_array_equal(ours, theirs)


@all_networks
@pytest.mark.parametrize("way", WAYS)
def test_a_rule_that_asks_for_gradients_goes_on_through_a_file(
    estimator, way, tmp_path
):
    estimator = clone(estimator).set_params(evolution=LargestGradient(), momentum=0.5)
    kept, sent = clone(estimator), clone(estimator)
    for seed in range(4):
        X, y = samples(seed=seed)
        train_part(kept, X, y)
        sent = WAYS[way](train_part(sent, X, y), tmp_path)
    assert network_of(kept).n_rewired.any()
    for ours, theirs in zip(network_of(sent).layers, network_of(kept).layers):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("n_chunks", [2, 3])
def test_chains_of_a_machine_go_on_in_chunks_of_several_sizes(n_chunks, tmp_path):
    rbm = SETRBMTransformer(30, batch_size=40, evolution="static", random_state=0)
    kept, sent = clone(rbm), clone(rbm)
    for n_samples in [300, 20, 300, 17, 64][: n_chunks + 2]:
        X, _ = samples(n_samples)
        kept.partial_fit(X)
        sent = pickle.loads(pickle.dumps(sent.partial_fit(X)))
    np.testing.assert_array_equal(kept.transform(X), sent.transform(X))


@all_networks
@pytest.mark.parametrize("n_epochs", [1, 2, 5])
def test_a_loop_of_warm_starts_rewires_like_one_fit(estimator, n_epochs):
    X, y = samples(1000)
    length = "n_iter" if isinstance(estimator, SETRBMTransformer) else "max_iter"
    loop = clone(estimator).set_params(warm_start=True, **{length: n_epochs})
    first = clone(loop).fit(X, y)
    for _ in range(20 // n_epochs):
        loop.fit(X, y)
    whole = clone(estimator).set_params(**{length: 20}).fit(X, y)
    moved, expected = (topology_distance(first, each)[0] for each in (loop, whole))
    assert moved > 0.8 * expected > 0.1


@all_networks
def test_what_is_due_after_a_fit_happens_before_the_next_and_not_twice(estimator):
    X, y = samples()
    estimator = one_epoch(clone(estimator)).set_params(
        warm_start=True, evolution=SET(min_updates=1)
    )
    clocks = []

    class Watched(SET):
        def is_due(self, clock):
            clocks.append((clock.epoch, clock.max_epochs, clock.updates_since_rewiring))
            return super().is_due(clock)

    estimator.set_params(evolution=Watched(min_updates=1))
    for _ in range(3):
        estimator.fit(X, y)
    assert clocks == [(0, 1, 15), (0, 1, 15)]
    assert network_of(estimator).n_rewired[0] > 0


def test_a_fit_is_rewired_between_its_epochs_alone():
    X, y = samples()
    asked = []

    class Always(EvolutionRule):
        def is_due(self, clock):
            asked.append((clock.epoch, clock.max_epochs))
            return super().is_due(clock)

    SETClassifier((10,), evolution=Always(), max_iter=3).fit(X, y)
    assert asked == [(1, 3), (2, 3)]


@all_networks
def test_a_mapped_model_is_not_changed_by_training(estimator, tmp_path):
    X, y = samples()
    estimator = clone(estimator).fit(X, y)
    joblib.dump(estimator, tmp_path / "model")
    before = (tmp_path / "model").read_bytes()
    expected = outputs(train_part(estimator, X, y), X)
    mapped = joblib.load(tmp_path / "model", mmap_mode="r")
    assert not mapped._network.layers.weights.flags.writeable
    np.testing.assert_array_equal(outputs(train_part(mapped, X, y), X), expected)
    warm = joblib.load(tmp_path / "model", mmap_mode="r").set_params(warm_start=True)
    assert np.isfinite(outputs(warm.fit(X, y), X)).all()
    assert (tmp_path / "model").read_bytes() == before


def test_a_gradient_that_is_gone_is_named():
    X, y = samples()
    clf = SETClassifier((60,), epsilon=3, batch_size=20, evolution=Undeclared())
    train_part(clf, X, y)
    with pytest.raises(RuntimeError, match="uses_gradient = True"):
        train_part(pickle.loads(pickle.dumps(clf)), X, y)


def test_n_rewired_tells_which_layers_change():
    X, y = samples()
    clf = clone(NETWORKS[0]).set_params(hidden_layer_sizes=(60, 60)).fit(X, y)
    assert clf.density_[-1] == 1 and clf.n_rewired_[-1] == 0
    assert (clf.n_rewired_[:2] > 0).all()
    assert not clf.set_params(evolution="static").fit(X, y).n_rewired_.any()


def test_training_goes_on_with_the_rule_of_now():
    X, y = samples()

    class Counting(SET):
        def is_due(self, clock):
            self.asked = getattr(self, "asked", 0) + 1
            return super().is_due(clock)

    clf = clone(NETWORKS[0]).set_params(warm_start=True, evolution=Counting(10**6))
    assert not clf.fit(X, y).fit(X, y).n_rewired_.any()
    assert clf._rule.asked == 5
    clf.set_params(evolution__min_updates=1).fit(X, y)
    assert clf._rule.asked == 8 and clf.n_rewired_[0] > 0
    n_rewired = clf.n_rewired_
    clf.set_params(evolution="static").fit(X, y)
    np.testing.assert_array_equal(clf.n_rewired_, n_rewired)


def test_gradients_are_the_same_bits_for_any_number_of_blas_threads():
    def gradient():
        clf = SETClassifier(300, evolution=LastGradients(), max_iter=6, random_state=0)
        return clf.fit(X, y)._rule.gradients[300]

    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(600, 300)), rng.integers(0, 3, 600)
    results = []
    for n_threads in (1, 2):
        with threadpool_limits(n_threads):
            before = threadpool_info()
            results.append(gradient())
            assert threadpool_info() == before
    np.testing.assert_array_equal(*results)
