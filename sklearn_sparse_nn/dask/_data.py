"""What the blocks of Dask's collections are, one by one and all together."""

import copy
from typing import NamedTuple

import numpy as np
from dask import delayed, is_dask_collection
from scipy import sparse
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.validation import _check_sample_weight

from sklearn_sparse_nn.dask._cluster import gather_left
from sklearn_sparse_nn.dask._graphs import alone
from sklearn_sparse_nn.engine.warning import warn_user
from sklearn_sparse_nn.estimators._samples import (
    Moments,
    feature_ranges,
    merged_moments,
    moments,
)
from sklearn_sparse_nn.networks.mlp import Targets
from sklearn_sparse_nn.networks.regression import locates_robustly
from sklearn_sparse_nn.networks.targets import locate, merge


class Summary(NamedTuple):
    """What there is to know of samples before a network is made for them.

    Attributes
    ----------
    n_samples, n_bytes : list of int
        Of each block.
    names : ndarray or None
        Of the features.
    moments : Moments
        Of the features.
    ranges : ndarray of shape (2, n_features)
        Smallest and largest value of each feature.
    classes : dict of class to (int, float), or None
        How many samples there are of each, and what they weigh.
    location : Location or None
        Of the targets of a regression, with their weight as their number; None where
        that is 0.
    weight : float
        Of all samples.
    """

    n_samples: list
    n_bytes: list
    names: np.ndarray | None
    moments: Moments
    ranges: np.ndarray
    classes: dict | None
    location: object
    weight: float


def blocks_of(X, y, sample_weight):
    """X, y and weights block by block, as tuples of `Delayed` or None.

    Raises
    ------
    TypeError
        If one of them is not a collection of Dask.
    ValueError
        If they are not cut alike.
    """
    given = {"X": X, "y": y, "sample_weight": sample_weight}
    columns, lengths = [], {}
    for name, data in given.items():
        if data is None:
            columns.append(None)
            continue
        if not is_dask_collection(data) or not hasattr(data, "to_delayed"):
            raise TypeError(
                f"{name} must be a Dask array or frame, got {type(data).__name__}. Use "
                "dask.array.from_array, or the estimator of the same name without Dask."
            )
        if hasattr(data, "chunks") and data.ndim > 1:
            data = data.rechunk({1: -1})
        if hasattr(data, "chunks") and "X" in lengths:
            data = _cut_like(data, X)
        columns.append([alone(block) for block in np.ravel(data.to_delayed())])
        lengths[name] = len(columns[-1])
    if len(set(lengths.values())) != 1:
        raise ValueError(f"The data are not cut into blocks alike: {lengths}.")
    columns = [[None] * lengths["X"] if c is None else c for c in columns]
    return list(zip(*columns))


def _cut_like(data, X):
    known = hasattr(X, "chunks") and not np.isnan(X.chunks[0]).any()
    if known and not np.isnan(data.chunks[0]).any() and data.shape[0] == X.shape[0]:
        return data.rechunk({0: X.chunks[0]})
    return data


def summarise(estimator, X, y, sample_weight):
    """The `Summary` of one block."""
    estimator = copy.copy(estimator)
    is_regression = not hasattr(estimator, "predict_proba")
    checks = {}
    if y is not None:
        checks = {"y": y, "multi_output": True, "y_numeric": is_regression}
    X = estimator._validate_X(X, reset=True, **checks)
    X, y = X if checks else (X, None)
    if not sparse.issparse(X):
        # What has come from another process may not be aligned: sums would take twice
        # as long.
        X = np.require(X, requirements="A")
    weights = _weights(sample_weight, X)
    classes = location = None
    if y is None:
        pass
    elif is_regression:
        values = estimator._encode_targets(y, True)[1]
        if weights.any():
            location = locate(values, weights, locates_robustly(estimator.loss))
            location = location._replace(n_samples=weights.sum())
    else:
        classes = _count_classes(y, weights)
    n_bytes = X.data.nbytes + X.indices.nbytes if sparse.issparse(X) else X.nbytes
    return Summary(
        [X.shape[0]],
        [n_bytes],
        getattr(estimator, "feature_names_in_", None),
        moments(X),
        feature_ranges(X),
        classes,
        location,
        float(weights.sum()),
    )


def _count_classes(y, weights):
    """How many samples there are of each class, and what they weigh."""
    if np.ndim(y) != 1:
        raise ValueError("Multilabel targets are not supported on Dask.")
    names, places = np.unique(y, return_inverse=True)
    counts, sums = np.bincount(places), np.bincount(places, weights)
    return dict(zip(names.tolist(), zip(counts.tolist(), sums.tolist())))


def _weights(sample_weight, X):
    """Weights of the samples of a block, float64. They may all be 0."""
    return _check_sample_weight(
        sample_weight,
        X,
        dtype=np.float64,
        ensure_non_negative=True,
        allow_all_zero_weights=True,
    )


def _merge_locations(one, two):
    return one or two if one is None or two is None else merge(one, two)


def merge_summaries(summaries):
    """The `Summary` of all blocks, in their order."""
    first, *others = summaries
    for other in others:
        same_names = np.array_equal(first.names, other.names)
        if len(first.moments.means) != len(other.moments.means) or not same_names:
            raise ValueError("The blocks of X have not all the same features.")
        classes = first.classes
        if classes is not None:
            classes = dict(classes)
            for name, (n, weight) in other.classes.items():
                n_before, before = classes.get(name, (0, 0.0))
                classes[name] = n_before + n, before + weight
        first = Summary(
            first.n_samples + other.n_samples,
            first.n_bytes + other.n_bytes,
            first.names,
            merged_moments(first.moments, other.moments),
            feature_ranges(other.ranges, first.ranges),
            classes,
            _merge_locations(first.location, other.location),
            first.weight + other.weight,
        )
    return first


def class_weights(class_weight, summary):
    """The weight of each class, in the order of the sorted classes, or None."""
    if class_weight is None:
        return None
    classes = np.array(sorted(summary.classes))
    counts = [summary.classes[name][0] for name in classes.tolist()]
    return compute_class_weight(
        class_weight, classes=classes, y=classes, sample_weight=counts
    )


def summaries_of(client, estimator, blocks, homes=None):
    """Summarise all blocks where they are.

    Parameters
    ----------
    client : distributed.Client
    estimator : estimator
        The ordinary one, not fitted.
    blocks : list of tuple of Delayed
        From `blocks_of`.
    homes : list of str or None
        The worker of each block, if no other worker is to see it.

    Returns
    -------
    summary : Summary
        Of all blocks that are left.
    blocks : list of tuple of Delayed
        Without those that were lost with a worker, of which there is a warning.
    homes : list of str or None
        Of those that are left.
    """
    tasks = [delayed(summarise)(estimator, *block) for block in blocks]
    summaries = gather_left(client, tasks, homes)
    n_lost = len(blocks) - len(summaries)
    if not summaries:
        raise RuntimeError("All blocks of the data were lost with their workers.")
    if n_lost:
        warn_user(
            f"{n_lost} of {len(blocks)} blocks of the data were lost with a worker, "
            "and nobody can compute them anew. Training begins without them."
        )
    blocks = [blocks[number] for number in summaries]
    if homes is not None:
        homes = [homes[number] for number in summaries]
    return merge_summaries(list(summaries.values())), blocks, homes


def prepare(estimator, X, y, sample_weight):
    """A block as the network of an estimator reads it.

    Returns
    -------
    X : ndarray or CSR array
    targets : Targets or None
    """
    estimator = copy.copy(estimator)
    if y is None:
        return estimator._validate_X(X, reset=False), None
    X, y, labels, values = estimator._validate_samples_of(X, y, False, False)
    weights = np.zeros(0, dtype=np.float32)
    factors, mean = estimator._weighing
    if sample_weight is not None or factors is not None:
        weights = _weights(sample_weight, X)
        if factors is not None:
            weights = weights * factors[np.searchsorted(estimator.classes_, y)]
        weights = (weights / mean).astype(np.float32)
    return X, estimator._standardise(Targets(labels, values, weights))
