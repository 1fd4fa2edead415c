"""Gradual pruning with neuroregeneration."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Literal

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from sklearn_sparse_nn.evolution.gmp import GMP
from sklearn_sparse_nn.evolution.gradients import (
    gradient_flops,
    promising_cells,
    steepest,
)
from sklearn_sparse_nn.evolution.schedules import SCHEDULES, Schedule, schedule_of

if TYPE_CHECKING:
    from sklearn_sparse_nn._types import Cells, Counts, Float64s, ScheduleLike
    from sklearn_sparse_nn.evolution.layer import EvolvingLayer


class GraNet(GMP):
    """Gradual pruning with neuroregeneration (GraNet).

    The network loses connections as by :class:`GMP`, down to the fraction
    `final_fraction` of those that it begins with [1]_. Each time it also replaces the
    fraction `zeta` of what is left in each layer: the smallest weights go, and as many
    connections begin, at zero, where the magnitude of the gradient of the last
    mini-batch is largest. What has just gone may begin again.

    The networks of [1]_ begin with half of all connections, ``density=0.5``, and end
    with a fifth or a tenth of these. Half of what is left is replaced at first,
    ``zeta=0.5``, and nothing in the end.

    The end of the fit must be known: in `partial_fit` the number of connections stays,
    and the fraction that is replaced does not fall. Before the share `end` of
    `max_iter`, a fit does not stop for lack of improvement, and early stopping chooses
    among the networks that come after it.

    Parameters
    ----------
    final_fraction : float, default=0.2
        Fraction of the first connections of the network that is left in the end, in
        the range (0, 1].
    distribution : {'global', 'uniform'}, default='global'
        Whether the smallest weights of the network go, in whatever layer they are, or
        the same fraction of each layer. What is replaced stays in its layer.
    begin, end : float, default=0.0 and 0.7
        Shares of the fit between which the number of connections falls, by the third
        power of the time that is left.
    interval : int or None, default=None
        Weight updates between two rewirings. If None, the network is rewired before
        each epoch but the first.
    schedule : {'constant', 'linear', 'cosine', 'cubic', 'sigmoid'} or Schedule, \
            default='cosine'
        By what `zeta` is multiplied as training goes on.
    output_layer : bool, default=True
        Whether the output layer changes, too. If not, fractions are of the other
        layers. A network of one layer evolves in any case.
    candidates : int or None, default=None
        If None, the gradient of all empty cells is computed, of some neurons at a time.
        If an int, only that of so many random ones for each connection that begins: see
        :class:`RigL`.

    See Also
    --------
    GMP : The same without new connections.

    References
    ----------
    .. [1] Liu et al., "Sparse training via boosting pruning plasticity with
       neuroregeneration", NeurIPS 2021. :arxiv:`2106.10404`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_sparse_nn import SETClassifier
    >>> from sklearn_sparse_nn.evolution import GraNet
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = SETClassifier(
    ...     (50,), density=0.5, evolution=GraNet(), max_iter=100, random_state=0
    ... )
    >>> clf.fit(X, y).n_connections_.sum()  # of 350
    np.int64(35)
    """

    _parameter_constraints: dict = {
        **GMP._parameter_constraints,
        "schedule": [StrOptions(set(SCHEDULES)), Schedule],
        "candidates": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        final_fraction: float = 0.2,
        distribution: Literal["global", "uniform"] = "global",
        begin: float = 0.0,
        end: float = 0.7,
        interval: int | None = None,
        schedule: ScheduleLike = "cosine",
        output_layer: bool = True,
        candidates: int | None = None,
    ) -> None:
        super().__init__(
            final_fraction, distribution, begin, end, interval, output_layer
        )
        self.schedule = schedule
        self.candidates = candidates

    def n_pruned(self, layers: list[EvolvingLayer]) -> Counts:
        """Those above the target, and a fraction of the others."""
        progress = layers[0].clock.progress
        share = min(1.0, layers[0].zeta * schedule_of(self.schedule)(progress))
        return [
            layer.n_connections - left + int(share * left)
            for layer, left in zip(layers, self.targets(layers))
        ]

    def n_grown(self, layers: list[EvolvingLayer]) -> Counts:
        """As many as are missing to the target."""
        return [
            left - np.count_nonzero(~layer.pruned)
            for layer, left in zip(layers, self.targets(layers))
        ]

    def grow(self, layer: EvolvingLayer, n_grown: int) -> Cells:
        """Connect where the gradient is largest, of what was empty or has just gone."""
        n_empty = min(n_grown, layer.n_empty_cells)
        empty = promising_cells(layer, n_empty, self.candidates)
        cells = np.concatenate([empty, layer.allowed(layer.cells[layer.pruned])])
        n_grown = min(n_grown, len(cells))
        return np.sort(cells[steepest(layer, cells, n_grown)])

    def nominal_flops(
        self, sparse: Float64s, dense: Float64s, interval: float
    ) -> float:
        """Count the gradient of all cells, or of some, at each rewiring."""
        more = gradient_flops(sparse, dense, self.candidates) - sparse.sum()
        return super().nominal_flops(sparse, dense, interval) + more / interval
