"""How many connections the neurons of a fitted network have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sklearn_sparse_nn.inspection._fitted import layer_matrix

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from sklearn_sparse_nn._types import Ints


def neuron_degrees(estimator: BaseEstimator, layer: int = 0) -> tuple[Ints, Ints]:
    """Count the connections of the neurons on both sides of a layer.

    Parameters
    ----------
    estimator : estimator
        A fitted estimator with `coefs_`, like `SETClassifier`, or a Boltzmann machine,
        like `SETRBMTransformer`; or a selector, a search or a pipeline that holds one.
    layer : int, default=0
        Index into `coefs_`; 0 is the layer of the features, -1 that of the outputs.

    Returns
    -------
    input_degrees : ndarray of int of shape (n_inputs,)
        Number of outgoing connections of each input.
    neuron_degrees : ndarray of int of shape (n_neurons,)
        Number of incoming connections of each neuron.

    Raises
    ------
    TypeError
        If the estimator holds no network, or more than one.
    ValueError
        If there is no such layer.

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
    return degrees_of(layer_matrix(estimator, layer, "neuron_degrees"))


def degrees_of(weights):
    """Degrees of the inputs and of the neurons of a layer, inputs as rows."""
    columns = np.bincount(weights.indices, minlength=weights.shape[1])
    return np.diff(weights.indptr), columns
