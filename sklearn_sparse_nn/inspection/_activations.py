"""What the hidden layers of a fitted network make of samples."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING

from sklearn.utils import check_scalar

from sklearn_sparse_nn.estimators._base import in_dtype_of
from sklearn_sparse_nn.estimators._layered import BaseLayeredNetwork

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from sklearn_sparse_nn._types import Floats, MatrixLike


def hidden_activations(
    estimator: BaseEstimator, X: MatrixLike, layer: int = -1
) -> Floats:
    """Compute the activations of a hidden layer.

    They are features that the network has learned, for another estimator or a plot.

    Parameters
    ----------
    estimator : SETClassifier, SETRegressor or SETAutoencoder
        Fitted. Of a pipeline, pass the step that is one, and `X` as it gets it.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The input data.
    layer : int, default=-1
        Which hidden layer; 0 is the first and -1 the last.

    Returns
    -------
    activations : ndarray of shape (n_samples, n_neurons)
        After the activation function; float32 if X is, else float64.

    Raises
    ------
    TypeError
        If the estimator has no hidden layers that can be looked at.
    ValueError
        If there is no such layer, or if X does not fit.
    NotFittedError
        If the estimator is not fitted.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_sparse_nn import SETClassifier
    >>> from sklearn_sparse_nn.inspection import hidden_activations
    >>> X, y = load_wine(return_X_y=True)
    >>> clf = SETClassifier((50, 20), max_iter=5, random_state=0).fit(scale(X), y)
    >>> hidden_activations(clf, scale(X)).shape
    (178, 20)
    >>> hidden_activations(clf, scale(X), layer=0).shape
    (178, 50)
    """
    if not isinstance(estimator, BaseLayeredNetwork):
        raise TypeError(
            "hidden_activations looks into SETClassifier, SETRegressor or "
            f"SETAutoencoder, got {type(estimator).__name__}. If one is inside, pass "
            "it, and X as it gets it."
        )
    n_hidden = len(estimator._fitted_layers().sizes) - 2
    if not n_hidden:
        raise ValueError(f"This {type(estimator).__name__} has no hidden layer.")
    check_scalar(layer, "layer", Integral, min_val=-n_hidden, max_val=n_hidden - 1)
    return in_dtype_of(X, estimator._activations(X, 1 + layer % n_hidden))
