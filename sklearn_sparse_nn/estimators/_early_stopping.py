"""Validation data of early stopping, set aside from X or given, and their scores."""

import copy
import math
from typing import NamedTuple

import numpy as np
from sklearn.metrics import check_scoring
from sklearn.model_selection import train_test_split

from sklearn_sparse_nn.networks.mlp import Targets


class ValidationData(NamedTuple):
    """Samples that early stopping watches, checked.

    Attributes
    ----------
    X : ndarray or CSR matrix
        Where the samples are.
    samples : ndarray of int
        Which rows of `X`.
    y : array-like of shape (len(samples), ...)
        Their targets, as scores know them.
    targets : Targets
        Their targets, as the network knows them, and their weights, if any.
    """

    X: np.ndarray
    samples: np.ndarray
    y: np.ndarray
    targets: Targets

    @property
    def sample_weight(self):
        """Weights for a score; None if all samples count the same."""
        weights = self.targets.weights
        return weights if weights.any() else None


class Scorer:
    """Scores a network in training by a scorer of scikit-learn.

    Parameters
    ----------
    estimator : estimator
    validation : ValidationData
    dtype : dtype
        What the estimator is to predict from, and with it what it predicts.

    Raises
    ------
    ValueError
        If `estimator.scoring` is no scorer.
    """

    def __init__(self, estimator, validation, dtype):
        self._scorer = check_scoring(estimator, estimator.scoring)
        self._X = validation.X[validation.samples].astype(dtype, copy=False)
        self._y = validation.y
        weights = validation.sample_weight
        self._more = {} if weights is None else {"sample_weight": weights}

    def __call__(self, estimator):
        """Score the estimator as it is now."""
        seen = copy.copy(estimator)
        # What is validated has no names.
        vars(seen).pop("feature_names_in_", None)
        return self._scorer(seen, self._X, self._y, **self._more)


def set_aside(X, y, targets, samples):
    """Some of the training data as validation data."""
    chosen = (part[samples] if len(part) else part for part in targets)
    return ValidationData(X, samples, y[samples], Targets(*chosen))


def check_given(early_stopping, X_val, y_val, sample_weight_val):
    """Whether validation data are given, and if so, whether they are of use.

    Raises
    ------
    ValueError
        If a part of them is missing, or if nothing would look at them.
    """
    if X_val is None and y_val is None:
        if sample_weight_val is not None:
            raise ValueError(
                "sample_weight_val is provided, but X_val and y_val were not provided."
            )
        return False
    if y_val is None:
        raise ValueError("X_val is provided, but y_val was not provided.")
    if X_val is None:
        raise ValueError("y_val is provided, but X_val was not provided.")
    if not early_stopping:
        raise ValueError(
            "X_val and y_val are passed to fit while at the same time early_stopping "
            "is False. When passing X_val and y_val to fit, early_stopping should be "
            "set to True."
        )
    return True


def split(y, validation_fraction, stratified, random_state):
    """Indices of the training and of the validation samples."""
    n_samples = y.shape[0]
    n_validation = math.ceil(validation_fraction * n_samples)
    if not 2 <= n_validation < n_samples:
        raise ValueError(
            f"early_stopping=True sets aside validation_fraction={validation_fraction} "
            f"of the samples: {n_validation} of {n_samples}. There must be two at "
            "least, and one to train on."
        )
    samples, stratify, alone = np.arange(n_samples), None, np.zeros(n_samples, bool)
    if stratified:
        stratify, alone = _strata(y, n_validation)
    train, validation = train_test_split(
        samples[~alone],
        random_state=random_state,
        test_size=n_validation,
        stratify=stratify,
    )
    return np.sort(np.append(train, samples[alone])), validation


def _strata(labels, n_validation):
    """How to set validation samples aside.

    Returns
    -------
    strata : ndarray of int or None
        Classes of the samples that are not alone, to stratify by. None where there are
        too many classes for that.
    alone : ndarray of bool, shape (n_samples,)
        Samples that are alone in their class. They are for training.
    """
    _, classes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    alone = counts[classes] == 1
    others = classes[~alone]
    n_training, n_classes = len(others) - n_validation, np.count_nonzero(counts > 1)
    if n_training < 1:
        return None, np.zeros_like(alone)
    return others if min(n_validation, n_training) >= n_classes else None, alone
