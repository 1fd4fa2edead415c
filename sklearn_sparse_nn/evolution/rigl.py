"""RigL: growth where the gradient is largest."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils._param_validation import Interval

from sklearn_sparse_nn.evolution.gradients import (
    gradient_flops,
    promising_cells,
    steepest,
)
from sklearn_sparse_nn.evolution.schedules import Cosine
from sklearn_sparse_nn.evolution.scores import ScoreRule

if TYPE_CHECKING:
    from sklearn_sparse_nn._types import Bools, Cells, Counts, Float64s
    from sklearn_sparse_nn.evolution.layer import EvolvingLayer, TrainingClock
    from sklearn_sparse_nn.evolution.schedules import Schedule


class RigL(ScoreRule):
    """Growth where the gradient is largest (RigL).

    Every `interval` weight updates, the fraction `zeta` of the connections of a layer,
    those of the smallest weights, compete with all empty cells [1]_. As many as compete
    for it stay or begin: those where the gradient of the loss is largest in magnitude.
    What begins has a weight of zero. What stays keeps its weight and the state of its
    optimiser, as in the code of [1]_.

    The gradient is that of the next mini-batch, at the weights of now. This mini-batch
    changes no weight: a rewiring takes the place of an update.

    The initial fraction of [1]_ is 0.3: ``zeta=0.3`` of the estimator. From there it
    falls by half a period of the cosine to zero at the share `end` of the fit, that is
    of `max_iter`, after which the connections stay as they are. In `partial_fit`, whose
    end nobody knows, it does not fall.

    Parameters
    ----------
    interval : int or None, default=100
        Weight updates between two rewirings. If None, the network is rewired before
        each epoch, or each call to `partial_fit`.
    end : float, default=0.75
        Share of the fit after which nothing is rewired, in the range (0, 1].
    candidates : int or None, default=None
        If None, the gradient is computed at all empty cells. The time of a rewiring is
        then in proportion to the number of cells. Its memory is not: beside some
        numbers for each connection, it has the gradient of some neurons at a time, of
        about 260,000 cells, and takes 10 MB for it; where a neuron has more inputs than
        that, 40 bytes for each input.

        If an int, the gradient is computed only at so many random empty cells for each
        connection that competes, and time, too, is in proportion to the number of
        connections: for layers of ten thousand neurons or more.
    output_layer : bool, default=True
        Whether the connections of the output layer change, too. A network of one layer
        evolves in any case.

    See Also
    --------
    SET : Growth at random.
    SNFS : Growth by gradient that moves connections between layers.

    References
    ----------
    .. [1] Evci, Gale, Menick, Castro and Elsen, "Rigging the lottery: making all
       tickets winners", ICML 2020. :arxiv:`1911.11134`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_sparse_nn import SETClassifier
    >>> from sklearn_sparse_nn.evolution import RigL
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = SETClassifier(
    ...     (100,), zeta=0.3, evolution=RigL(interval=20), max_iter=20, random_state=0
    ... )
    >>> clf.fit(X / 16, y).score(X / 16, y) > 0.9
    True
    """

    _parameter_constraints: dict = {
        "interval": [Interval(Integral, 1, None, closed="left"), None],
        "end": [Interval(Real, 0, 1, closed="right")],
        "candidates": [Interval(Integral, 1, None, closed="left"), None],
    }

    replaces_update = True

    def __init__(
        self,
        interval: int | None = 100,
        end: float = 0.75,
        candidates: int | None = None,
        output_layer: bool = True,
    ) -> None:
        self.interval = interval
        self.end = end
        self.candidates = candidates
        self.output_layer = output_layer

    @property
    def schedule(self) -> Schedule:  # type: ignore[override]
        """By what `zeta` is multiplied."""
        return Cosine(end=self.end)

    def is_due(self, clock: TrainingClock) -> bool:
        """Whether connections still change."""
        return clock.progress < self.end

    def n_replaced(self, layer: EvolvingLayer) -> int:
        """The fraction, whatever room there is: what goes may come back."""
        fraction = layer.zeta * self.schedule(layer.clock.progress)
        return int(fraction * layer.n_connections)

    def n_pruned(self, layers: list[EvolvingLayer]) -> Counts:
        """The fraction of each layer, and no cells chosen yet."""
        self._chosen: dict[int, Cells] = {}
        return super().n_pruned(layers)

    def prune(self, layer: EvolvingLayer) -> Bools:
        """Remove the smallest weights, but for those where the gradient is large."""
        pruned = super().prune(layer)
        gone, n = layer.cells[pruned], np.count_nonzero(pruned)
        n_empty = min(n, layer.n_empty_cells)
        empty = promising_cells(layer, n_empty, self.candidates)
        best = steepest(layer, np.concatenate([gone, empty]), n)
        pruned[pruned] = ~best[: len(gone)]
        self._chosen[layer.index] = empty[best[len(gone) :]]
        return pruned

    def grow(self, layer: EvolvingLayer, n_grown: int) -> Cells:
        """Connect the empty cells that have won."""
        return self._chosen.pop(layer.index)

    def nominal_flops(
        self, sparse: Float64s, dense: Float64s, interval: float
    ) -> float:
        """Count an update that is replaced: the gradient of all cells, or of some."""
        seen = gradient_flops(sparse, dense, self.candidates)
        updates = interval * super().nominal_flops(sparse, dense, interval)
        return (updates + 2 * sparse.sum() + seen) / (interval + 1)
