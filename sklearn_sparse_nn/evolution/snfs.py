"""Sparse momentum: layers and cells that learn fast get the connections."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from sklearn_sparse_nn.evolution.distributions import share_out
from sklearn_sparse_nn.evolution.gradients import (
    gradient_flops,
    promising_cells,
    steepest,
)
from sklearn_sparse_nn.evolution.schedules import SCHEDULES, Schedule
from sklearn_sparse_nn.evolution.scores import ScoreRule

if TYPE_CHECKING:
    from sklearn_sparse_nn._types import Cells, Counts, Float64s, ScheduleLike
    from sklearn_sparse_nn.evolution.layer import EvolvingLayer


class SNFS(ScoreRule):
    """Sparse momentum, sparse networks from scratch (SNFS).

    The fraction `zeta` of the connections of each layer goes, those of the smallest
    weights [1]_. As many begin in all, with a weight of zero. The layers share them in
    proportion to the mean magnitude of the momentum of their connections; with Adam,
    the momentum is the mean of the gradient over the root of the mean of its square.
    The network keeps its number of connections while its layers do not.

    Within a layer, [1]_ connects the empty cells of the largest momentum. A momentum of
    what does not exist would take a number for each cell, however few are connected.
    Here the gradient takes its place: that of the last mini-batch, or, by
    `sample_size`, the mean over more samples, which is as steady as a momentum is.

    The initial fraction of [1]_ is 0.5, the default of `zeta` in perceptrons.

    Parameters
    ----------
    interval : int or None, default=None
        Weight updates between two rewirings. If None, the network is rewired before
        each epoch, or each call to `partial_fit`, as in [1]_.
    schedule : {'constant', 'linear', 'cosine', 'cubic', 'sigmoid'} or Schedule, \
            default='cosine'
        By what `zeta` is multiplied as training goes on.
    sample_size : int or None, default=None
        Training samples of which the gradient decides where connections begin. If None,
        those of the last mini-batch. What their neurons do is in memory at once.
    candidates : int or None, default=None
        If None, the gradient of all empty cells is computed, of some neurons at a time.
        If an int, only that of so many random ones for each connection that begins: see
        :class:`RigL`.
    output_layer : bool, default=True
        Whether the connections of the output layer change, too. A network of one layer
        evolves in any case.

    References
    ----------
    .. [1] Dettmers and Zettlemoyer, "Sparse networks from scratch: faster training
       without losing performance", 2019. :arxiv:`1907.04840`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_sparse_nn import SETClassifier
    >>> from sklearn_sparse_nn.evolution import SNFS
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = SETClassifier(
    ...     (100,), evolution=SNFS(sample_size=500), max_iter=20, random_state=0
    ... )
    >>> clf.fit(X / 16, y).score(X / 16, y) > 0.9
    True
    """

    _parameter_constraints: dict = {
        "interval": [Interval(Integral, 1, None, closed="left"), None],
        "schedule": [StrOptions(set(SCHEDULES)), Schedule],
        "sample_size": [Interval(Integral, 1, None, closed="left"), None],
        "candidates": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        interval: int | None = None,
        schedule: ScheduleLike = "cosine",
        sample_size: int | None = None,
        candidates: int | None = None,
        output_layer: bool = True,
    ) -> None:
        self.interval = interval
        self.schedule = schedule
        self.sample_size = sample_size
        self.candidates = candidates
        self.output_layer = output_layer

    def n_grown(self, layers: list[EvolvingLayer]) -> Counts:
        """What goes in all layers, in proportion to their mean momentum."""
        total = sum(int(np.count_nonzero(layer.pruned)) for layer in layers)
        speeds = [_mean_momentum(layer) for layer in layers]
        if not any(speeds):  # a warm start, before its first update
            return super().n_grown(layers)
        return share_out(total, speeds, [layer.n_empty_cells for layer in layers])

    def grow(self, layer: EvolvingLayer, n_grown: int) -> Cells:
        """Connect the empty cells of the largest gradients."""
        cells = promising_cells(layer, n_grown, self.candidates)
        return cells[steepest(layer, cells, n_grown)]

    def nominal_flops(
        self, sparse: Float64s, dense: Float64s, interval: float
    ) -> float:
        """Count the gradient of all cells, or of some, at each rewiring."""
        more = gradient_flops(sparse, dense, self.candidates) - sparse.sum()
        return super().nominal_flops(sparse, dense, interval) + more / interval


def _mean_momentum(layer):
    if not layer.n_connections:
        return 0.0
    momentum = np.abs(layer.first_moments)
    if len(layer.second_moments):
        momentum /= np.sqrt(layer.second_moments) + np.float32(1e-8)
    return momentum.mean(dtype=np.float64)
