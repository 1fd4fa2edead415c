"""The estimators that every test of the battery runs over: one line each.

A test takes them as `estimator`, by one of the marks below: `all_estimators`, or
`those_with` whatever the test needs. Each test gets a clone of its own.
"""

import joblib
import numpy as np
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import load_digits

from sklearn_sparse_nn import (
    QuickSelectionSelector,
    SETAutoencoder,
    SETClassifier,
    SETFeatureSelector,
    SETRBMTransformer,
    SETRegressor,
)
from sklearn_sparse_nn.evolution import EVOLUTIONS, RigL

# Small, sparse in every layer but the last, with more than one mini-batch.
SMALL = {"epsilon": 3, "batch_size": 20, "random_state": 0}
# All fit X in [0, 1] and get y, needed or not.
ESTIMATORS = [
    SETClassifier((60, 50), max_iter=3, n_iter_no_change=np.inf, **SMALL),
    SETRegressor((60,), max_iter=3, n_iter_no_change=np.inf, **SMALL),
    SETRBMTransformer(60, n_iter=3, **SMALL),
    SETRBMTransformer(60, visible="gaussian", n_iter=3, **SMALL),
    SETAutoencoder((60, 50), max_iter=3, **SMALL),
    QuickSelectionSelector(
        5,
        hidden_layer_sizes=(60,),
        max_iter=3,
        strength_history=True,
        stability_selection=1,
        **SMALL,
    ),
    SETFeatureSelector(
        5, hidden_layer_sizes=(60, 50), stability_selection=1, max_iter=3, **SMALL
    ),
]

# What an estimator may call what the battery asks for.
EPOCHS = "max_iter", "n_iter"
WIDTHS = "hidden_layer_sizes", "n_components"
PARTS = "autoencoder_", "estimator_"
CURVES = "loss_curve_", "reconstruction_error_curve_"
METHODS = "predict_proba", "predict", "predict_log_proba", "transform", "reconstruct"
# These have a random part, or round dense and sparse X in different ways.
OTHER_METHODS = "score_samples", "gibbs", "log_likelihood", "score"
# Parameters on which the way through the kernels depends, for those that have them.
CHANGES = [
    ("dropout", 0.2),
    ("loss", "huber"),
    ("loss", "poisson"),
    ("noise", "masking"),
    ("persistent", False),
    ("persistent", True),
    ("solver", "adam"),
    ("solver", "sgd"),
    ("topology", "xbm"),
    ("importance", "attribution"),
    ("importance", "strength"),
    ("evolution", "wast"),
    ("evolution", RigL(interval=4)),
    ("stability_selection", 2),
    ("strength_history", False),
    ("over_training", True),
]


def _mark(estimators, names):
    return pytest.mark.parametrize("estimator", estimators, ids=names, indirect=True)


def those_with(*names):
    """Parametrise `estimator` by those that have these parameters and methods."""
    those = [each for each in ESTIMATORS if all(hasattr(each, name) for name in names)]
    return _mark(those, [type(each).__name__ for each in those])


def is_autoencoder(estimator):
    """Whether an estimator may have rules that need an autoencoder."""
    return isinstance(estimator, (SETAutoencoder, QuickSelectionSelector))


def rules_and(rules, estimators=ESTIMATORS):
    """Parametrise `name` by those of rules, `estimator` by those that each is for."""
    pairs = {
        f"{type(estimator).__name__}-{name}": (name, estimator)
        for estimator in estimators
        for name, rule in rules.items()
        if is_autoencoder(estimator) or not rule.needs_autoencoder
    }
    return pytest.mark.parametrize(
        "name, estimator", pairs.values(), ids=pairs, indirect=["estimator"]
    )


def soon(name):
    """The rule of this name, made to rewire after few updates."""
    rule = EVOLUTIONS[name]()
    return rule.set_params(interval=4) if (rule.interval or 0) > 4 else rule


def _variants():
    """All estimators, and again with each of the changes that they understand."""
    for estimator in ESTIMATORS:
        name = type(estimator).__name__
        yield estimator, name
        for parameter, value in CHANGES:
            suits = value != "wast" or is_autoencoder(estimator)
            if suits and getattr(estimator, parameter, value) != value:
                other = clone(estimator).set_params(**{parameter: value})
                yield other, f"{name}-{parameter}={value}"


all_estimators = those_with()
all_networks = those_with("warm_start")
all_variants = _mark(*zip(*_variants()))


def small(kind, **changes):
    """A clone of the first estimator of this class, with other parameters."""
    estimator, *_ = (each for each in ESTIMATORS if type(each) is kind)
    return clone(estimator).set_params(**changes)


def samples(n_samples=300, n_features=25, seed=0):
    """X in [0, 1], float32, and labels for it."""
    X = np.random.default_rng(seed).random((n_samples, n_features), dtype=np.float32)
    return X, (X[:, 0] > 0.5).astype(int)


def digits(n_samples=500):
    """Images of 64 pixels in [0, 1], float32, and their digits: there is to learn."""
    X, y = load_digits(return_X_y=True)
    return (X[:n_samples] / 16).astype(np.float32), y[:n_samples]


def parameter(estimator, names):
    """The one of these names that the estimator uses."""
    return next(name for name in names if hasattr(estimator, name))


def set_epochs(estimator, n_epochs):
    """The estimator, with this number of epochs for each fit."""
    return estimator.set_params(**{parameter(estimator, EPOCHS): n_epochs})


def steady(estimator):
    """The estimator, such that its curve falls on `digits` in 20 epochs."""
    # With persistent chains, it rises before it falls.
    changes = {"persistent": False} if hasattr(estimator, "persistent") else {}
    return estimator.set_params(epsilon=10, **changes)


def curve(estimator):
    """Loss, or what stands for it, after each epoch."""
    return getattr(inner(estimator), parameter(inner(estimator), CURVES))


def train_part(estimator, X, y):
    """One call to `partial_fit`."""
    first = not hasattr(estimator, "classes_")
    more = {"classes": np.unique(y)} if hasattr(estimator, "predict_proba") else {}
    return estimator.partial_fit(X, y, **(more if first else {}))


def methods(estimator, names=METHODS):
    """Those of these methods that the estimator has, by name."""
    found = [name for name in names if hasattr(estimator, name)]
    return {name: getattr(estimator, name) for name in found}


def outputs(estimator, X):
    """What the estimator makes of X, all in one array."""
    made = [method(X) for method in methods(estimator).values()]
    return np.concatenate([np.ravel(_plain(each)) for each in made])


def findings(estimator):
    """What a fitted estimator shows: its attributes that end with an underscore."""
    names = [name for name in dir(estimator) if name.endswith("_") and name[0] != "_"]
    return {
        name: _plain(getattr(estimator, name))
        for name in names
        if hasattr(estimator, name)
    }


def _plain(value):
    if isinstance(value, BaseEstimator):
        return findings(value)
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value.toarray() if sparse.issparse(value) else np.asarray(value)


def assert_same(one, other, X):
    """Check that two fitted estimators are the same to the bit."""
    np.testing.assert_equal(findings(other), findings(one))
    np.testing.assert_array_equal(outputs(other, X), outputs(one, X))


def inner(estimator):
    """The fitted estimator that holds the network: a part of it, or itself."""
    parts = (getattr(estimator, name, None) for name in PARTS)
    return next((part for part in parts if part is not None), estimator)


def network_of(estimator):
    """The network inside of a fitted estimator."""
    return inner(estimator)._network


def fingerprint(estimator):
    """A hash of all that is in the estimator."""
    return joblib.hash({k: v for k, v in vars(estimator).items() if k != "__weakref__"})
