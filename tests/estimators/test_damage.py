"""Altered models from files: they raise, and read no foreign memory."""

import pickle

import numpy as np
import pytest

from sklearn_sparse_nn import (
    TRUSTED_TYPES,
    SETAutoencoder,
    SETClassifier,
    SETRBMTransformer,
    SETRegressor,
)
from tests.damage import ALTERATIONS, put, shorten
from tests.estimators.battery import (
    all_estimators,
    all_networks,
    inner,
    methods,
    network_of,
    samples,
    small,
    train_part,
)


def _alter(estimator, field, change):
    """Change one array of the layers."""
    network = network_of(estimator)
    array = change(getattr(network.layers, field))
    network.layers = network.layers._replace(**{field: array})


LAYERS = ALTERATIONS | {
    "an input far outside": ("indices", put(3, 2**32 - 1)),
    "inputs out of order": ("indices", lambda x: x[::-1].copy()),
    "an input twice": ("indices", np.sort),
    "too few weights": ("weights", lambda x: x[:5].copy()),
    "too few intercepts": ("intercepts", lambda x: x[:5].copy()),
    "other sizes": ("sizes", lambda x: x + 1),
    "a negative size": ("sizes", put(0, -1)),
    "another beginning": ("first", put(1, 2)),
    "weights in float64": ("weights", lambda x: x.astype(float)),
    "inputs in int64": ("indices", lambda x: x.astype(np.int64)),
    "weights in two dimensions": ("weights", lambda x: x.reshape(-1, 1)),
    "weights that are a list": ("weights", lambda x: x.tolist()),
}


@all_estimators
@pytest.mark.parametrize("alteration", LAYERS)
def test_altered_layers_raise_when_they_are_loaded(estimator, alteration):
    X, y = samples()
    _alter(estimator.fit(X, y), *LAYERS[alteration])
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
    "held weights missing": lambda e: setattr(e._network, "holds_weights", True),
    "streams missing": lambda e: e._network.streams.pop(),
}


@all_networks
@pytest.mark.parametrize("alteration", OTHERS)
def test_what_does_not_fit_the_network_raises(estimator, alteration):
    X, y = samples()
    OTHERS[alteration](train_part(estimator, X, y))
    with pytest.raises(ValueError, match="damaged"):
        pickle.loads(pickle.dumps(estimator))


def _shorten(name):
    def change(estimator):
        setattr(estimator._network, name, shorten(getattr(estimator._network, name)))

    return change


def _narrow(name):
    def change(estimator):
        array = getattr(estimator._network, name)
        setattr(estimator._network, name, array.astype(np.float32))

    return change


def _visible(estimator):
    visible = estimator._network.visible
    estimator._network.visible = visible._replace(intercepts=visible.intercepts[:-1])


PARTICULAR = [
    (SETClassifier, "n_outputs_", lambda e: setattr(e, "n_outputs_", 7)),
    (SETClassifier, "classes_", lambda e: setattr(e, "classes_", np.arange(7))),
    (SETClassifier, "activation", lambda e: setattr(e._network, "activation", "gelu")),
    (SETClassifier, "names", lambda e: setattr(e._network, "activation", ["tanh"] * 9)),
    (SETClassifier, "no name", lambda e: setattr(e._network, "activation", None)),
    (SETClassifier, "output", lambda e: setattr(e._network, "output", "hinge")),
    (SETClassifier, "out_activation_", lambda e: setattr(e, "out_activation_", "exp")),
    (SETRegressor, "n_outputs_", lambda e: setattr(e, "n_outputs_", 2)),
    (SETRegressor, "loss", lambda e: setattr(e._network, "loss", "hinge")),
    (SETRegressor, "output", lambda e: setattr(e._network, "output", "exp")),
    (SETRegressor, "centers", _shorten("centers")),
    (SETRegressor, "spreads", _shorten("spreads")),
    (SETRegressor, "spreads in float32", _narrow("spreads")),
    (SETRBMTransformer, "visible", _visible),
    (SETRBMTransformer, "chains", _shorten("chains")),
    (SETAutoencoder, "shifts", _shorten("shifts")),
    (SETAutoencoder, "scales", _shorten("scales")),
]


@pytest.mark.parametrize(
    "kind, change",
    [(kind, change) for kind, _, change in PARTICULAR],
    ids=[f"{kind.__name__}-{name}" for kind, name, _ in PARTICULAR],
)
def test_what_only_some_have_is_checked(kind, change):
    X, y = samples()
    estimator = train_part(small(kind), X, y)
    change(estimator)
    with pytest.raises(ValueError, match="damaged"):
        pickle.loads(pickle.dumps(estimator))


@all_estimators
def test_a_network_of_another_width_reads_no_foreign_memory(estimator):
    X, y = samples()
    damaged = inner(estimator.fit(X, y))
    for width in (5000, 3):
        damaged.n_features_in_ = width
        for method in methods(damaged).values():
            with pytest.raises(ValueError, match="the network has 25 inputs"):
                method(samples(50, width)[0])


@pytest.mark.parametrize("alteration", ["an input far outside", "too few weights"])
def test_skops_checks_what_it_loads(alteration):
    skops = pytest.importorskip("skops.io")
    X, y = samples()
    clf = SETClassifier((60,), epsilon=3, max_iter=2).fit(X, y)
    _alter(clf, *LAYERS[alteration])
    with pytest.raises(ValueError, match="damaged"):
        skops.loads(skops.dumps(clf), trusted=TRUSTED_TYPES)
