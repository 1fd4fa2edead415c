"""A callback that records how connections change."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING

from sklearn.utils import check_scalar

from sklearn_sparse_nn.estimators._base import BaseSparseNetwork
from sklearn_sparse_nn.inspection._fitted import find_network
from sklearn_sparse_nn.inspection._history import TopologyHistory

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator
    from sklearn.callback import CallbackContext


class TopologyMonitor:
    """Callback that records the connections of a network after each epoch of `fit`.

    Set it by `set_callbacks` on a `SETClassifier`, `SETRegressor`, `SETAutoencoder` or
    `SETRBMTransformer`. A fitted estimator keeps the history of its fit, also in a file
    or a copy, and `exploration_rate` and others find it there. `get_history` is that of
    the fit that ended last, of all estimators with this monitor. A selector cannot be
    recorded: it makes its networks itself.

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
    Of a rule that rewires within epochs, one with an `interval`, the topologies are
    those at the end of each epoch. What begins and ends between two of them counts in
    `n_grown`, `n_pruned` and `explored` of the history.

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

    def __init__(self, *, max_bytes: int = 2**28) -> None:
        self.max_bytes = max_bytes
        self._running: dict[int, TopologyHistory] = {}
        self._latest: TopologyHistory | None = None

    def setup(self, estimator: BaseEstimator, context: CallbackContext) -> None:
        """Check what the monitor is set on."""
        check_scalar(self.max_bytes, "max_bytes", Integral, min_val=1)
        if not isinstance(estimator, BaseSparseNetwork):
            raise TypeError(
                "TopologyMonitor records SETClassifier, SETRegressor, SETAutoencoder "
                f"or SETRBMTransformer, got {type(estimator).__name__}. Of a pipeline "
                "or a search, set it on the one inside; what a selector makes for "
                "itself cannot be recorded."
            )

    def on_fit_task_begin(
        self, estimator: BaseEstimator, context: CallbackContext
    ) -> None:
        """Record the network with which a fit begins."""
        if context.task_name == "fit":
            network = estimator._network
            history = TopologyHistory(network.layers, self.max_bytes)
            network.observers.append(history)
            self._running[id(estimator)] = history

    def on_fit_task_end(
        self, estimator: BaseEstimator, context: CallbackContext
    ) -> None:
        """Record the network after an epoch; after a fit, keep the history."""
        if context.task_name == "epoch":
            self._running[id(estimator)].add(estimator._network.layers)
        elif context.task_name == "fit":
            self._latest = self._running[id(estimator)]

    def teardown(self, estimator: BaseEstimator, context: CallbackContext) -> None:
        """Forget the history of a fit that has failed."""
        self._running.pop(id(estimator), None)

    def __getstate__(self):
        # A history is large, and its estimator has it, too.
        return {**vars(self), "_running": {}, "_latest": None}

    def get_history(self) -> TopologyHistory:
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


def find_history(
    source: TopologyHistory | TopologyMonitor | BaseEstimator, caller: str
) -> TopologyHistory:
    """The history that a history, a monitor or a fitted estimator is or has.

    Raises
    ------
    TypeError
        If an estimator holds no network, or more than one.
    ValueError
        If nothing was recorded.
    """
    if isinstance(source, TopologyHistory):
        return source
    if isinstance(source, TopologyMonitor):
        return source.get_history()
    estimator = find_network(source, caller)
    network = getattr(estimator, "_network", None)
    for observer in getattr(network, "observers", []):
        if isinstance(observer, TopologyHistory):
            return observer
    raise ValueError(
        f"{caller} needs the history of a fit: call set_callbacks(TopologyMonitor()) "
        f"of the {type(estimator).__name__} before fit. partial_fit leaves none."
    )
