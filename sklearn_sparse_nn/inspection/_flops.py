"""How many floating-point operations a network takes, by the book."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sklearn_sparse_nn.estimators._layered import BaseLayeredNetwork
from sklearn_sparse_nn.inspection._fitted import find_part
from sklearn_sparse_nn.inspection._monitor import find_history

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from sklearn_sparse_nn.inspection._history import TopologyHistory
    from sklearn_sparse_nn.inspection._monitor import TopologyMonitor


class Flops(NamedTuple):
    """Floating-point operations for one sample: see `count_flops`.

    Attributes
    ----------
    inference : float
        Of a prediction.
    training : float
        Of one weight update, a share of each rewiring included.
    dense_inference, dense_training : float
        The same of a network with all connections.
    """

    inference: float
    training: float
    dense_inference: float
    dense_training: float


def count_flops(
    estimator: BaseEstimator,
    *,
    history: TopologyHistory | TopologyMonitor | None = None,
) -> Flops:
    """Count the nominal floating-point operations of a network, for one sample.

    The count is that of the appendix of RigL [1]_, to compare rules that take
    different time: two operations for each connection and one for each bias on the way
    forward, twice as many on the way back. What a rule needs beside, such as the
    gradient of connections that are not there, its `nominal_flops` says.

    These are not the operations that were carried out: activation functions, the
    optimiser, and the choice of what goes and begins are left out, and sparse
    operations take longer than dense ones. Measure time, or :class:`EnergyMeter`.

    Parameters
    ----------
    estimator : SETClassifier, SETRegressor or SETAutoencoder
        Fitted; or a selector, a search or a pipeline that holds one.
    history : TopologyHistory or TopologyMonitor, default=None
        Of its fit: `training` is then the mean over the epochs. If None, it is that of
        the connections of now, which is the same unless their number has changed.

    Returns
    -------
    flops : Flops
        A named tuple `inference`, `training`, `dense_inference`, `dense_training`. The
        fit of a network takes `training` times the number of samples times that of
        epochs; that of a selector takes it for each of its networks.

    Raises
    ------
    TypeError
        If the estimator holds no such network, or more than one.
    ValueError
        If the history is that of a network of other layers.

    References
    ----------
    .. [1] Evci, Gale, Menick, Castro and Elsen, "Rigging the lottery: making all
       tickets winners", ICML 2020, appendix H. :arxiv:`1911.11134`

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_sparse_nn import SETClassifier
    >>> from sklearn_sparse_nn.inspection import count_flops
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = SETClassifier((100,), density=0.1, max_iter=5, random_state=0)
    >>> flops = count_flops(clf.fit(X / 16, y))
    >>> flops.dense_inference == 2 * (64 * 100 + 100 * 10) + 100 + 10
    True
    >>> round(flops.training / flops.dense_training, 2)
    0.11
    """
    network = find_part(
        estimator,
        lambda part: isinstance(part, BaseLayeredNetwork),
        "count_flops",
        "a fitted SETClassifier, SETRegressor or SETAutoencoder",
    ).estimator
    sizes = network._fitted_layers().sizes.astype(np.float64)
    n_connections = [network.n_connections_]
    if history is not None:
        history = find_history(history, "count_flops")
        if history.shapes != list(pairwise(sizes)):
            raise ValueError(f"The history is of other layers: {history.shapes}.")
        if len(history.n_connections) > 1:
            n_connections = list(history.n_connections[1:])
    dense = _forward(sizes[:-1] * sizes[1:], sizes)
    interval = _interval(network)
    training = [
        network._rule.nominal_flops(_forward(each, sizes), dense, interval)
        for each in n_connections
    ]
    n_used = network.n_connections_ - network._network.n_held()
    inference = _forward(n_used, sizes).sum()
    mean = np.mean(training)
    return Flops(*map(float, (inference, mean, dense.sum(), 3 * dense.sum())))


def _forward(n_connections, sizes):
    """Operations of the way forward through each layer."""
    return 2.0 * n_connections + sizes[1:]


def _interval(network):
    """Weight updates between two rewirings: those of an epoch, if nothing else."""
    return network._rule.interval or max(1, network._network.updates_per_epoch)
