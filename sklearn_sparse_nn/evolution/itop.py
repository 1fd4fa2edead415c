"""In-time over-parameterization: explore all cells in the course of training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from sklearn_sparse_nn.evolution.set import SET

if TYPE_CHECKING:
    from sklearn_sparse_nn._types import Cells, ScheduleLike
    from sklearn_sparse_nn.evolution.layer import EvolvingLayer


class ITOP(SET):
    """SET that explores: in-time over-parameterization (ITOP).

    It is :class:`SET`, but connections begin first where there has never been one, at
    random, and only then at other empty cells [1]_. They get long to learn before the
    next rewiring. A network is the better, says [1]_, the more of all possible
    connections it has tried by the end, if it has tried each for long enough. What
    share that is says :func:`~sklearn_sparse_nn.inspection.exploration_rate`.

    In most experiments of [1]_ connections begin at random, whether or not there has
    been one, which is ``SET(interval=1500, schedule="cosine")``, or where the gradient
    is largest, ``RigL(interval=4000, end=1.0)``. That unexplored cells come first is an
    option of its code. There, the smallest weights of either sign go together; here, as
    in :class:`SET`, as large a share of the positive as of the negative ones.

    Parameters
    ----------
    interval : int or None, default=1500
        Weight updates between two rewirings. Choose it so that a fit has some tens of
        them. If None, the network is rewired before an epoch, or a call to
        `partial_fit`, once `min_updates` have passed.
    min_updates : int, default=10
        See `interval`.
    grown_weights : {'zero', 'random'}, default='zero'
        Weights of new connections.
    schedule : {'constant', 'linear', 'cosine', 'cubic', 'sigmoid'} or Schedule, \
            default='cosine'
        By what `zeta`, in [1]_ 0.5, is multiplied as training goes on.
    output_layer : bool, default=True
        Whether the connections of the output layer change, too. A network of one layer
        evolves in any case.

    Attributes
    ----------
    explored_ : dict of int to ndarray of int64
        For each layer, once it has been rewired, the cells where there is a connection
        or has been one, ascending: eight bytes for each of those of the beginning and
        of all that have begun where there was none. None once that is everywhere. It is
        saved with the estimator.

    References
    ----------
    .. [1] Liu, Yin, Mocanu and Pechenizkiy, "Do we actually need dense
       over-parameterization? In-time over-parameterization in sparse training", ICML
       2021. :arxiv:`2102.02887`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_sparse_nn import SETClassifier
    >>> from sklearn_sparse_nn.evolution import ITOP
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = SETClassifier(
    ...     (100,), evolution=ITOP(interval=50), max_iter=20, random_state=0
    ... )
    >>> clf.fit(X / 16, y).score(X / 16, y) > 0.9
    True
    """

    uses_gradient = False

    def __init__(
        self,
        interval: int | None = 1500,
        min_updates: int = 10,
        grown_weights: Literal["zero", "random"] = "zero",
        schedule: ScheduleLike = "cosine",
        output_layer: bool = True,
    ) -> None:
        super().__init__(min_updates, grown_weights, interval, schedule, output_layer)

    def grow(self, layer: EvolvingLayer, n_grown: int) -> Cells:
        """Connect cells where no connection has been, then others."""
        explored = self._explored_cells(layer)
        if explored is None:
            return layer.sample_empty_cells(n_grown)
        n_unexplored = layer.n_cells_outside(explored)
        n_new = min(n_grown, n_unexplored)
        new = layer.sample_outside(explored, n_new)
        everything = n_new == n_unexplored
        self.explored_[layer.index] = None if everything else _merged(explored, new)
        del explored
        n_again = n_grown - n_new
        if not n_again:
            return new
        taken = _merged(layer.cells, new)
        return _merged(new, layer.sample_outside(taken, n_again))

    def _explored_cells(self, layer):
        """Cells that hold a connection or have held one; None if all have."""
        if "explored_" not in vars(self):
            self.explored_ = {}
        return self.explored_.setdefault(layer.index, layer.cells)


def _merged(cells, more):
    """Two ascending arrays of cells, none of which is in both, in ascending order."""
    return np.insert(cells, np.searchsorted(cells, more), more)
