"""How many of all possible connections a network has tried."""

import numpy as np

from sklearn_sparse_nn.evolution import ITOP
from sklearn_sparse_nn.inspection._topology import _coefs


def exploration_rate(estimator):
    """Share of the possible connections that there are, or have been, in each layer.

    It is called :math:`R_s` in [1]_. Only a rule that keeps a record of it knows, which
    is :class:`~sklearn_sparse_nn.evolution.ITOP`.

    Parameters
    ----------
    estimator : estimator
        A fitted estimator with `coefs_`, like `SETClassifier`, or with `components_`,
        like `SETRBMTransformer`, and with ``evolution="itop"``.

    Returns
    -------
    rates : ndarray of float of shape (n_layers,)
        From the density of the layer to 1.

    Raises
    ------
    ValueError
        If the rule of the estimator is another.

    References
    ----------
    .. [1] Liu, Yin, Mocanu and Pechenizkiy, "Do we actually need dense
       over-parameterization? In-time over-parameterization in sparse training", ICML
       2021. arXiv:2102.02887.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn_sparse_nn import SETClassifier
    >>> from sklearn_sparse_nn.evolution import ITOP
    >>> from sklearn_sparse_nn.inspection import exploration_rate
    >>> X, y = load_wine(return_X_y=True)
    >>> clf = SETClassifier(
    ...     (50,), epsilon=2, evolution=ITOP(interval=5), max_iter=30, random_state=0
    ... ).fit(X, y)
    >>> bool(exploration_rate(clf)[0] > 2 * clf.density_[0])
    True
    """
    layers = _coefs(estimator)
    rule = estimator._rule
    if not isinstance(rule, ITOP):
        raise ValueError(
            "What a network has explored is known with evolution='itop' only. Got "
            f"{estimator.evolution!r} instead."
        )
    explored = getattr(rule, "explored_", {})
    n_cells = np.array([np.prod(weights.shape) for weights in layers])
    n_explored = np.array([weights.nnz for weights in layers])
    for layer, cells in explored.items():
        n_explored[layer] = n_cells[layer] if cells is None else len(cells)
    return n_explored / n_cells
