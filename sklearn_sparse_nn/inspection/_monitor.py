"""A callback that records how connections change."""

import weakref
from numbers import Integral

from sklearn.utils import check_scalar

from sklearn_sparse_nn.estimators._base import BaseSparseNetwork
from sklearn_sparse_nn.inspection._fitted import find_network
from sklearn_sparse_nn.inspection._history import TopologyHistory


class TopologyMonitor:
    """Callback that records the connections of a network after each epoch of `fit`.

    Set it by `set_callbacks` on a `SETClassifier`, `SETRegressor`, `SETAutoencoder` or
    `SETRBMTransformer`. Where clones of it are fitted, as in a grid search, the history
    is that of the fit that ended last; fits in other processes leave none.

    Parameters
    ----------
    max_bytes : int, default=2**28
        Memory for the history, in bytes. Half of it is for the topologies, of which no
        more than every second, fourth, eighth is kept if need be, but always the first
        and the last; half of it tells which connections were ever there.

    See Also
    --------
    TopologyHistory : What it records.
    TopologyEvolutionDisplay : A picture of that.

    Notes
    -----
    A rule that rewires within epochs, one with an `interval`, is seen once per epoch:
    what begins and ends between two looks is not recorded.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_sparse_nn import SETClassifier
    >>> from sklearn_sparse_nn.inspection import TopologyMonitor
    >>> X, y = load_digits(return_X_y=True)
    >>> monitor = TopologyMonitor()
    >>> clf = SETClassifier((100,), epsilon=5, max_iter=4, random_state=0)
    >>> clf = clf.set_callbacks(monitor).fit(X / 16, y)
    >>> history = monitor.get_history()
    >>> history.epochs
    [0, 1, 2, 3, 4]
    >>> history.topology(epoch=2, layer=0).shape
    (64, 100)
    """

    def __init__(self, *, max_bytes=2**28):
        self.max_bytes = max_bytes
        self._running = {}
        self._latest = self._fitted = None

    def setup(self, estimator, context):
        """Check what the monitor is set on."""
        check_scalar(self.max_bytes, "max_bytes", Integral, min_val=1)
        if not isinstance(estimator, BaseSparseNetwork):
            raise TypeError(
                "TopologyMonitor records SETClassifier, SETRegressor, SETAutoencoder "
                f"or SETRBMTransformer, got {type(estimator).__name__}. Set it on the "
                "one that is inside."
            )

    def on_fit_task_begin(self, estimator, context):
        """Record the network with which a fit begins."""
        if context.task_name == "fit":
            history = TopologyHistory(estimator._network.layers, self.max_bytes)
            self._running[id(estimator)] = history

    def on_fit_task_end(self, estimator, context):
        """Record the network after an epoch."""
        if context.task_name == "epoch":
            self._running[id(estimator)].add(estimator._network.layers)

    def teardown(self, estimator, context):
        """Keep the history of a fit."""
        history = self._running.pop(id(estimator), None)
        if history is not None:
            self._latest, self._fitted = history, weakref.ref(estimator)

    def __getstate__(self):
        # What runs elsewhere is not of use, and a weak reference has no copy.
        return {**vars(self), "_running": {}, "_fitted": None}

    def get_history(self):
        """The history of the fit that ended last.

        Returns
        -------
        history : TopologyHistory

        Raises
        ------
        ValueError
            If there has been none.
        """
        if self._latest is None:
            raise ValueError("This TopologyMonitor has not recorded a fit yet.")
        return self._latest

    def _is_of(self, estimator):
        """Whether the last history may be that of an estimator."""
        return self._fitted is None or self._fitted() is estimator


def find_history(source, caller):
    """The history that a history, a monitor or a fitted estimator is or has.

    Raises
    ------
    TypeError
        If an estimator holds no network, or more than one.
    ValueError
        If nothing was recorded, or if the monitor has recorded another fit since.
    """
    if isinstance(source, TopologyHistory):
        return source
    if isinstance(source, TopologyMonitor):
        return source.get_history()
    network = find_network(source, caller)
    for callback in getattr(network, "_skl_callbacks", []):
        if isinstance(callback, TopologyMonitor) and callback._is_of(network):
            return callback.get_history()
    raise ValueError(
        f"{caller} needs the history of a fit: call set_callbacks(TopologyMonitor()) "
        f"of the {type(network).__name__} before it is fitted. A monitor that another "
        "estimator was fitted with since has the history of that."
    )
