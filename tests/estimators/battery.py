"""The estimators that every test of a battery runs over: one line each."""

import joblib
import numpy as np
from scipy import sparse

from sklearn_sparse_nn import (
    QuickSelectionSelector,
    SETAutoencoder,
    SETClassifier,
    SETRBMTransformer,
    SETRegressor,
)

# Small, sparse in every layer but the last, with more than one mini-batch.
ESTIMATORS = [
    SETClassifier((60,), epsilon=3, batch_size=20, max_iter=3, random_state=0),
    SETRegressor((60,), epsilon=3, batch_size=20, max_iter=3, random_state=0),
    SETRBMTransformer(60, epsilon=3, batch_size=20, n_iter=3, random_state=0),
    SETAutoencoder((60,), epsilon=3, batch_size=20, max_iter=3, random_state=0),
    QuickSelectionSelector(
        5, n_hidden=60, epsilon=3, batch_size=20, max_iter=3, random_state=0
    ),
]
NAMES = [type(estimator).__name__ for estimator in ESTIMATORS]
# Those with a network of their own.
NETWORKS, NETWORK_NAMES = ESTIMATORS[:4], NAMES[:4]


def samples(n_samples=300, n_features=25, seed=0):
    """X in [0, 1], float32, and labels for it."""
    X = np.random.default_rng(seed).random((n_samples, n_features), dtype=np.float32)
    return X, (X[:, 0] > 0.5).astype(int)


def outputs(estimator, X):
    """What the estimator makes of X, as an array."""
    for method in ("predict_proba", "predict", "transform"):
        if hasattr(estimator, method):
            made = getattr(estimator, method)(X)
            return made.toarray() if sparse.issparse(made) else np.asarray(made)


def train_part(estimator, X, y):
    """One call to `partial_fit`."""
    more = {"classes": [0, 1]} if isinstance(estimator, SETClassifier) else {}
    return estimator.partial_fit(X, y, **more)


def one_epoch(estimator):
    """The estimator, with one epoch for each fit."""
    length = "n_iter" if isinstance(estimator, SETRBMTransformer) else "max_iter"
    return estimator.set_params(**{length: 1})


def network_of(estimator):
    """The network inside of a fitted estimator."""
    return getattr(estimator, "autoencoder_", estimator)._network


def fingerprint(estimator):
    """A hash of all that is in the estimator."""
    return joblib.hash({k: v for k, v in vars(estimator).items() if k != "__weakref__"})
