"""A picture of how the connections of a network changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils._optional_dependencies import check_matplotlib_support

from sklearn_sparse_nn.inspection._drawing import axes_for, label_epochs
from sklearn_sparse_nn.inspection._fitted import checked_layer
from sklearn_sparse_nn.inspection._monitor import find_history

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import BarContainer
    from matplotlib.figure import Figure
    from sklearn.base import BaseEstimator

    from sklearn_sparse_nn._types import Counts
    from sklearn_sparse_nn.inspection._history import TopologyHistory
    from sklearn_sparse_nn.inspection._monitor import TopologyMonitor


class TopologyEvolutionDisplay:
    """Connections that began, ended and stayed, from each epoch to the next.

    Use :meth:`from_estimator` to make a display. Above zero are the connections after
    an epoch, those that were there before and those that are new; below zero, those
    that are gone.

    Parameters
    ----------
    n_survived, n_born, n_died : array-like of int of shape (n_epochs,)
        Number of connections in each epoch.

    Attributes
    ----------
    bars_ : dict of str to matplotlib BarContainer
        The bars of "survived", "born" and "died".
    ax_ : matplotlib Axes
        Where the display was drawn.
    figure_ : matplotlib Figure
        Its figure.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_sparse_nn import SETClassifier
    >>> from sklearn_sparse_nn.inspection import (
    ...     TopologyEvolutionDisplay,
    ...     TopologyMonitor,
    ... )
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = SETClassifier((100,), epsilon=5, max_iter=10, random_state=0)
    >>> clf = clf.set_callbacks(TopologyMonitor()).fit(X / 16, y)
    >>> display = TopologyEvolutionDisplay.from_estimator(clf)
    """

    bars_: dict[str, BarContainer]
    ax_: Axes
    figure_: Figure

    def __init__(self, *, n_survived: Counts, n_born: Counts, n_died: Counts) -> None:
        self.n_survived = n_survived
        self.n_born = n_born
        self.n_died = n_died

    @classmethod
    def from_estimator(
        cls,
        estimator: TopologyHistory | TopologyMonitor | BaseEstimator,
        *,
        layer: int | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw how the connections of a fitted estimator changed.

        Parameters
        ----------
        estimator : estimator, TopologyMonitor or TopologyHistory
            Fitted with a :class:`TopologyMonitor` as callback; or that, or its history.
        layer : int, default=None
            Index into `coefs_`; 0 is the layer of the features, -1 that of the outputs.
            If None, all layers together.
        ax : matplotlib Axes, default=None
            Where to draw. If None, a new figure.
        **kwargs : dict
            Passed to `bar`.

        Returns
        -------
        display : TopologyEvolutionDisplay

        Raises
        ------
        TypeError
            If the estimator holds no network, or more than one.
        ValueError
            If nothing was recorded, or if there is no such layer.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        history = find_history(estimator, cls.__name__)
        which: slice | list[int] = slice(None)
        if layer is not None:
            which = [checked_layer(layer, len(history.shapes))]
        counts = history.n_connections, history.n_born, history.n_died
        n, n_born, n_died = (each[1:, which].sum(axis=1) for each in counts)
        display = cls(n_survived=n - n_born, n_born=n_born, n_died=n_died)
        return display.plot(ax=ax, **kwargs)

    def plot(self, *, ax: Axes | None = None, **kwargs: Any) -> Self:
        """Draw the display; the parameters are those of `from_estimator`."""
        ax = axes_for(self, ax)
        epochs = np.arange(1, len(self.n_born) + 1)
        died = -np.asarray(self.n_died)
        # What stays is grey, as it is not what to look at.
        parts = {
            "survived": (self.n_survived, 0, "lightgrey"),
            "born": (self.n_born, self.n_survived, "C0"),
            "died": (died, 0, "C3"),
        }
        self.bars_ = {}
        for label, (heights, bottom, color) in parts.items():
            options = {"label": label, "color": color, "width": 1, **kwargs}
            self.bars_[label] = ax.bar(epochs, heights, bottom=bottom, **options)
        ax.axhline(0, color="black", linewidth=0.8)
        label_epochs(ax)
        ax.set_ylabel("Number of connections")
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, frameon=False)
        return self
