"""How the degrees of the neurons of a layer are distributed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from sklearn.utils._param_validation import StrOptions

from sklearn_sparse_nn.estimators._decorators import validate_params
from sklearn_sparse_nn.inspection._degrees import degrees_of
from sklearn_sparse_nn.inspection._fitted import layer_matrix
from sklearn_sparse_nn.inspection._power_law import PowerLawFit, fit_power_law

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from sklearn_sparse_nn._types import Float64s, RandomState


class DegreeDistribution(NamedTuple):
    """The degrees of one side of a layer: see `degree_distribution`.

    Attributes
    ----------
    degrees : ndarray of int of shape (n_degrees,)
        The different degrees, ascending.
    counts : ndarray of int of shape (n_degrees,)
        How many neurons have each of them.
    power_law : PowerLawFit or None
        The power law that fits best, and how well it does: see `fit_power_law`. None if
        there are not two different degrees above 0.
    """

    degrees: np.ndarray
    counts: np.ndarray
    power_law: PowerLawFit | None

    @property
    def at_least(self) -> Float64s:
        """Share of the neurons that have at least each of the degrees."""
        from_here = np.cumsum(self.counts[::-1])[::-1]
        return from_here / from_here[0]


@validate_params({"side": [StrOptions({"inputs", "neurons"})]})
def degree_distribution(
    estimator: BaseEstimator,
    layer: int = 0,
    *,
    side: Literal["inputs", "neurons"] = "inputs",
    n_draws: int = 100,
    random_state: RandomState = None,
) -> DegreeDistribution:
    """Count how many neurons have which number of connections, and fit a power law.

    A random graph has degrees near their mean. Rewiring by SET is said to make the
    degrees of inputs scale-free [1]_: few inputs have many connections. A power law is
    what a scale-free graph has.

    Parameters
    ----------
    estimator : estimator
        See :func:`neuron_degrees`.
    layer : int, default=0
        Index into `coefs_`; 0 is the layer of the features, -1 that of the outputs.
    side : {"inputs", "neurons"}, default="inputs"
        Whether to count the outgoing connections of the inputs of the layer, or the
        incoming ones of its neurons.
    n_draws : int, default=100
        How many samples to draw to tell how good the fit is: see `fit_power_law`.
    random_state : int, RandomState instance or None, default=None
        Of these samples. Pass an int for reproducible results.

    Returns
    -------
    distribution : DegreeDistribution
        A named tuple `degrees`, `counts`, `power_law`.

    Raises
    ------
    TypeError
        If the estimator holds no network, or more than one.
    ValueError
        If there is no such layer.

    References
    ----------
    .. [1] Mocanu et al., "Scalable training of artificial neural networks with adaptive
       sparse connectivity inspired by network science", Nature Communications 9, 2018.
       :arxiv:`1707.04780`

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_sparse_nn import SETClassifier
    >>> from sklearn_sparse_nn.inspection import degree_distribution
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = SETClassifier((100,), epsilon=5, max_iter=20, random_state=0)
    >>> distribution = degree_distribution(clf.fit(X / 16, y), random_state=0)
    >>> int(distribution.counts.sum())
    64
    >>> distribution.power_law.n_tail <= 64
    True
    """
    both = degrees_of(layer_matrix(estimator, layer, "degree_distribution"))
    of_each = both[("inputs", "neurons").index(side)]
    degrees, counts = np.unique(of_each, return_counts=True)
    fit = None
    if np.count_nonzero(degrees) > 1:
        fit = fit_power_law(of_each, n_draws=n_draws, random_state=random_state)
    return DegreeDistribution(degrees, counts, fit)
