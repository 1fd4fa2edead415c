"""How many of the possible connections a training has tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sklearn_sparse_nn.inspection._monitor import find_history

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from sklearn_sparse_nn._types import Float64s
    from sklearn_sparse_nn.inspection._history import TopologyHistory
    from sklearn_sparse_nn.inspection._monitor import TopologyMonitor


def exploration_rate(
    source: TopologyHistory | TopologyMonitor | BaseEstimator,
    *,
    per_layer: bool = False,
) -> Float64s:
    """Compute the share of all possible connections that were ever there.

    In-time over-parameterization (ITOP) [1]_ holds that dynamic sparse training comes
    to the accuracy of a dense network if it explores enough of its connections, each
    for long enough. It calls this share :math:`R_s`.

    Parameters
    ----------
    source : TopologyHistory, TopologyMonitor or estimator
        A history; or a monitor that has one; or a fitted estimator that had a monitor
        as callback: see :class:`TopologyMonitor`.
    per_layer : bool, default=False
        Whether to tell layers apart. Otherwise, each counts by its size.

    Returns
    -------
    rates : ndarray of float of shape (n_epochs + 1,) or (n_epochs + 1, n_layers)
        From 0 to 1, after each epoch. The first is that of the beginning, and equal to
        the density; the last is :math:`R_s`.

    Raises
    ------
    TypeError
        If an estimator holds no network, or more than one.
    ValueError
        If there is no history.

    References
    ----------
    .. [1] Liu, Yin, Mocanu and Pechenizkiy, "Do we actually need dense
       over-parameterization? In-time over-parameterization in sparse training", ICML
       2021. :arxiv:`2102.02887`

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_sparse_nn import SETClassifier
    >>> from sklearn_sparse_nn.inspection import TopologyMonitor, exploration_rate
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = SETClassifier((100,), density=0.1, max_iter=10, random_state=0)
    >>> clf = clf.set_callbacks(TopologyMonitor()).fit(X / 16, y)
    >>> rates = exploration_rate(clf)
    >>> rates[0].round(2), rates[-1] > 0.25
    (np.float64(0.1), np.True_)
    """
    history = find_history(source, "exploration_rate")
    rates = history.explored
    if per_layer:
        return rates
    n_cells = np.prod(history.shapes, axis=1, dtype=np.float64)
    return rates @ n_cells / n_cells.sum()
