"""What the graph of a fitted network looks like."""

import numpy as np


def _coefs(estimator):
    """Weights of each layer, inputs as rows; a Boltzmann machine has one layer."""
    if hasattr(estimator, "components_"):
        return [estimator.components_.T.tocsr()]
    return estimator.coefs_


def neuron_degrees(estimator, layer=0):
    """Count the connections of the neurons on both sides of a layer.

    Parameters
    ----------
    estimator : estimator
        A fitted estimator with `coefs_`, like `SETClassifier`, or with `components_`,
        like `SETRBMTransformer`.
    layer : int, default=0
        Index into `coefs_`; 0 is the layer of the features.

    Returns
    -------
    input_degrees : ndarray of int of shape (n_inputs,)
        Number of outgoing connections of each input.
    neuron_degrees : ndarray of int of shape (n_neurons,)
        Number of incoming connections of each neuron.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn_sparse_nn import SETClassifier
    >>> from sklearn_sparse_nn.inspection import neuron_degrees
    >>> X, y = load_wine(return_X_y=True)
    >>> clf = SETClassifier((50,), epsilon=2, max_iter=5, random_state=0).fit(X, y)
    >>> input_degrees, degrees = neuron_degrees(clf, layer=0)
    >>> input_degrees.sum(), degrees.sum()
    (np.int64(126), np.int64(126))
    """
    weights = _coefs(estimator)[layer]
    columns = np.bincount(weights.indices, minlength=weights.shape[1])
    return np.diff(weights.indptr), columns


def topology_distance(first, second):
    """Measure how far the connections of two networks of equal shape lie apart.

    Parameters
    ----------
    first, second : estimators
        Fitted estimators with `coefs_` or `components_`, of the same layer sizes.

    Returns
    -------
    distances : ndarray of float of shape (n_layers,)
        Per layer, the share of the connections of either network that the other has
        not: 0 for the same connections, 1 for none in common (Jaccard distance).

    Raises
    ------
    ValueError
        If the layers have different shapes.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn_sparse_nn import SETClassifier
    >>> from sklearn_sparse_nn.inspection import topology_distance
    >>> X, y = load_wine(return_X_y=True)
    >>> clf = SETClassifier((50,), epsilon=2, max_iter=5, random_state=0).fit(X, y)
    >>> topology_distance(clf, clf)
    array([0., 0.])
    """
    distances = []
    for a, b in zip(_coefs(first), _coefs(second), strict=True):
        if a.shape != b.shape:
            raise ValueError(f"The layers have different shapes: {a.shape}, {b.shape}.")
        cells_a, cells_b = _cells(a), _cells(b)
        n_common = len(np.intersect1d(cells_a, cells_b, assume_unique=True))
        n_either = len(cells_a) + len(cells_b) - n_common
        distances.append(1 - n_common / n_either if n_either else 0.0)
    return np.array(distances)


def _cells(weights):
    rows = np.repeat(np.arange(weights.shape[0]), np.diff(weights.indptr))
    return rows * np.int64(weights.shape[1]) + weights.indices
