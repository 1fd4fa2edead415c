"""How much gradient arrives at the connections of a network."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Literal, overload

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils import check_scalar

from sklearn_sparse_nn.engine.layers import connections_of
from sklearn_sparse_nn.inspection._fitted import find_part

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from sklearn.base import BaseEstimator

    from sklearn_sparse_nn._types import Float64s, MatrixLike


@overload
def effective_gradient_flow(
    estimator: BaseEstimator,
    X: MatrixLike,
    y: ArrayLike | None = None,
    *,
    p: float = 2,
    per_layer: Literal[False] = False,
) -> float: ...


@overload
def effective_gradient_flow(
    estimator: BaseEstimator,
    X: MatrixLike,
    y: ArrayLike | None = None,
    *,
    p: float = 2,
    per_layer: Literal[True],
) -> Float64s: ...


def effective_gradient_flow(
    estimator: BaseEstimator,
    X: MatrixLike,
    y: ArrayLike | None = None,
    *,
    p: float = 2,
    per_layer: bool = False,
) -> float | Float64s:
    r"""Compute the norm of the gradient of the loss by the connections of a network.

    Only connections that are there count, and all layers count the same [1]_: with the
    gradient :math:`g_l` by the connections of layer :math:`l` of :math:`L`,

    .. math:: \mathrm{EGF}_p = \frac{1}{L} \sum_{l=1}^{L} \lVert g_l \rVert_p .

    Parameters
    ----------
    estimator : SETClassifier, SETRegressor or SETAutoencoder
        Fitted; or a selector or a search that holds one. Of a pipeline, pass the step
        that is one, and `X` as it gets it.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Samples, of whose losses the mean counts.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
        Their targets. An autoencoder needs none.
    p : float, default=2
        Of the norm, 1 or more. In the paper 1 and 2.
    per_layer : bool, default=False
        Whether to return the norm of each layer instead of the mean.

    Returns
    -------
    flow : float, or ndarray of float of shape (n_layers,)
        Without dropout, noise and the L2 term. `SETRegressor` learns standardised
        targets: its flow is that of their loss.

    Raises
    ------
    TypeError
        If the estimator holds no such network, or more than one. Boltzmann machines do
        not follow the gradient of a loss.
    ValueError
        If X or y do not fit.

    Notes
    -----
    Many samples take the time of several epochs. Some hundreds tell as much.

    References
    ----------
    .. [1] Tessera, Hooker and Rosman, "Keep the gradients flowing: using gradient flow
       to study sparse network optimization", 2021. :arxiv:`2102.01670`

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_sparse_nn import SETClassifier
    >>> from sklearn_sparse_nn.inspection import effective_gradient_flow
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = SETClassifier((100,), epsilon=5, max_iter=20, random_state=0)
    >>> clf = clf.fit(X / 16, y)
    >>> effective_gradient_flow(clf, X / 16, y) > 0
    True
    >>> effective_gradient_flow(clf, X / 16, y, per_layer=True).shape
    (2,)
    """
    check_scalar(p, "p", Real, min_val=1)
    part = find_part(
        estimator,
        lambda part: hasattr(part, "_gradient"),
        "effective_gradient_flow",
        "a fitted SETClassifier, SETRegressor or SETAutoencoder",
    )
    if isinstance(estimator, Pipeline) or not part.gets_features:
        raise TypeError(
            "effective_gradient_flow takes no Pipeline, nor what holds one, since X is "
            "what the network gets. Pass the step that is the network, and X as it "
            "gets it."
        )
    network = part.estimator
    gradient = network._gradient(X, y)
    layers = network._fitted_layers()
    norms = np.array(
        [
            np.linalg.norm(gradient[connections_of(layers, layer)], ord=p)
            for layer in range(len(layers.sizes) - 1)
        ]
    )
    return norms if per_layer else float(norms.mean())
