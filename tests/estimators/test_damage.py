"""Models from files: which types are trusted, and what an altered model does."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone

from sklearn_sparse_nn import TRUSTED_TYPES, QuickSelectionSelector, SETClassifier
from sklearn_sparse_nn.topology import EVOLUTIONS, TOPOLOGIES
from tests.estimators.battery import (
    ESTIMATORS,
    NAMES,
    NETWORK_NAMES,
    NETWORKS,
    network_of,
    outputs,
    samples,
    train_part,
)

all_estimators = pytest.mark.parametrize("estimator", ESTIMATORS, ids=NAMES)


def _change(field, function):
    """A change of one array of the layers."""

    def change(estimator):
        network = network_of(estimator)
        array = function(getattr(network.layers, field).copy())
        network.layers = network.layers._replace(**{field: array})

    return change


def _set(position, value):
    def change(array):
        array[position] = value
        return array

    return change


LAYERS = {
    "an input far outside": _change("indices", _set(3, 2**32 - 1)),
    "an input just outside": _change("indices", _set(3, 25)),
    "inputs out of order": _change("indices", lambda x: x[::-1].copy()),
    "an input twice": _change("indices", lambda x: np.sort(x)),
    "rows beyond the end": _change("indptr", _set(-1, 2**30)),
    "a row that begins beyond the end": _change("indptr", _set(5, 2**30)),
    "a negative row": _change("indptr", _set(1, -5)),
    "rows that do not begin": _change("indptr", _set(0, 1)),
    "too few rows": _change("indptr", lambda x: x[:-1].copy()),
    "too few inputs": _change("indices", lambda x: x[:-1].copy()),
    "too few weights": _change("weights", lambda x: x[:5].copy()),
    "too few intercepts": _change("intercepts", lambda x: x[:5].copy()),
    "other sizes": _change("sizes", lambda x: x + 1),
    "a negative size": _change("sizes", _set(0, -1)),
    "another beginning": _change("first", _set(1, 2)),
    "weights in float64": _change("weights", lambda x: x.astype(float)),
    "inputs in int64": _change("indices", lambda x: x.astype(np.int64)),
    "weights in two dimensions": _change("weights", lambda x: x.reshape(-1, 1)),
    "weights that are a list": _change("weights", lambda x: x.tolist()),
}


@all_estimators
@pytest.mark.parametrize("alteration", LAYERS)
def test_altered_layers_raise_when_they_are_loaded(estimator, alteration):
    X, y = samples()
    estimator = clone(estimator).fit(X, y)
    LAYERS[alteration](estimator)
    with pytest.raises(ValueError, match="damaged"):
        pickle.loads(pickle.dumps(estimator))


def _second_moment(estimator):
    state = estimator._network.state
    second = np.zeros(3, np.float32)
    estimator._network.state = state._replace(second=second, first=state.first[:-1])


def _solver(estimator):
    other = {"adam": "sgd", "sgd": "adam"}
    estimator._network.solver = other[estimator._network.solver]


OTHERS = {
    "n_features_in_ too large": lambda e: setattr(e, "n_features_in_", 5000),
    "n_features_in_ too small": lambda e: setattr(e, "n_features_in_", 3),
    "state too short": _second_moment,
    "state of another solver": _solver,
    "streams missing": lambda e: e._network.streams.pop(),
}


@pytest.mark.parametrize("estimator", NETWORKS, ids=NETWORK_NAMES)
@pytest.mark.parametrize("alteration", OTHERS)
def test_what_does_not_fit_the_network_raises(estimator, alteration):
    X, y = samples()
    estimator = train_part(clone(estimator), X, y)
    OTHERS[alteration](estimator)
    with pytest.raises(ValueError, match="damaged"):
        pickle.loads(pickle.dumps(estimator))


def _shorten(name):
    def change(estimator):
        setattr(estimator._network, name, getattr(estimator._network, name)[:-1])

    return change


def _visible(estimator):
    visible = estimator._network.visible
    estimator._network.visible = visible._replace(intercepts=visible.intercepts[:-1])


PARTICULAR = [
    (0, "n_outputs_", lambda e: setattr(e, "n_outputs_", 7)),
    (0, "classes_", lambda e: setattr(e, "classes_", np.arange(7))),
    (0, "activation", lambda e: setattr(e._network, "activation", "gelu")),
    (0, "output", lambda e: setattr(e._network, "output", "hinge")),
    (2, "visible", _visible),
    (2, "chains", _shorten("chains")),
    (3, "shifts", _shorten("shifts")),
    (3, "scales", _shorten("scales")),
]


@pytest.mark.parametrize(
    "which, change",
    [(which, change) for which, _, change in PARTICULAR],
    ids=[f"{NAMES[which]}-{name}" for which, name, _ in PARTICULAR],
)
def test_what_only_some_have_is_checked(which, change):
    X, y = samples()
    estimator = train_part(clone(ESTIMATORS[which]), X, y)
    change(estimator)
    with pytest.raises(ValueError, match="damaged"):
        pickle.loads(pickle.dumps(estimator))


@all_estimators
def test_a_network_of_another_width_reads_no_foreign_memory(estimator):
    X, y = samples()
    estimator = clone(estimator).fit(X, y)
    for width in (5000, 3):
        estimator.n_features_in_ = width
        other = np.random.default_rng(0).random((50, width), dtype=np.float32)
        if isinstance(estimator, QuickSelectionSelector):
            estimator = estimator.autoencoder_
            estimator.n_features_in_ = width
        with pytest.raises(ValueError, match="the network has 25 inputs"):
            outputs(estimator, other)


@all_estimators
@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("evolution", EVOLUTIONS)
def test_skops_needs_the_trusted_types_alone(estimator, topology, evolution):
    skops = pytest.importorskip("skops.io")
    X, y = samples()
    estimator = clone(estimator).set_params(
        topology=TOPOLOGIES[topology](), evolution=EVOLUTIONS[evolution]()
    )
    if isinstance(estimator, QuickSelectionSelector):
        estimator.set_params(strength_history=True)
    train_part(estimator.fit(X, y), X, y)
    file = skops.dumps(estimator)
    untrusted = skops.get_untrusted_types(data=file)
    assert set(untrusted) <= set(TRUSTED_TYPES) and len(untrusted) <= 5
    loaded = skops.loads(file, trusted=TRUSTED_TYPES)
    np.testing.assert_array_equal(outputs(loaded, X), outputs(estimator, X))
    for each in (loaded, estimator):
        train_part(each, X, y)
    np.testing.assert_array_equal(outputs(loaded, X), outputs(estimator, X))


@pytest.mark.parametrize("alteration", ["an input far outside", "too few weights"])
def test_skops_checks_what_it_loads(alteration):
    skops = pytest.importorskip("skops.io")
    X, y = samples()
    clf = SETClassifier((60,), epsilon=3, max_iter=2).fit(X, y)
    LAYERS[alteration](clf)
    with pytest.raises(ValueError, match="damaged"):
        skops.loads(skops.dumps(clf), trusted=TRUSTED_TYPES)
