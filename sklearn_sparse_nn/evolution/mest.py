"""MEST: memory-economic sparse training."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils._param_validation import Interval

from sklearn_sparse_nn.evolution.schedules import Linear
from sklearn_sparse_nn.evolution.scores import ScoreRule

if TYPE_CHECKING:
    from sklearn_sparse_nn._types import Counts, Floats
    from sklearn_sparse_nn.evolution.layer import EvolvingLayer
    from sklearn_sparse_nn.evolution.schedules import Schedule


class MEST(ScoreRule):
    """Memory-economic sparse training with elastic mutation (MEST).

    A connection is worth the magnitude of its weight plus `gradient_weight` times that
    of its gradient in the last mini-batch [1]_. At each rewiring the fraction `zeta` of
    the connections of a layer goes, those that are worth least, and others begin at
    random empty cells, with a weight of zero. `zeta` falls evenly to zero at the share
    `end` of the fit.

    From the first rewiring on, a layer has more connections than it began with, by the
    fraction `surplus`, which falls as `zeta` does: more connections are tried than the
    network has in the end. In `partial_fit`, whose end nobody knows, neither falls.

    In [1]_ the fractions fall in two or three steps; here they fall at each rewiring.
    There, what goes each time is the surplus that was grown the time before; here, the
    fraction `zeta` goes, and what the falling surplus leaves without a place besides.

    Parameters
    ----------
    gradient_weight : float, default=0.01
        What the gradient counts for, in the range [0, inf). The reference code sets it
        to zero by default.
    surplus : float, default=0.5
        Connections beyond those of the beginning, as a fraction of them, in the range
        [0, inf). The memory for connections grows by as much; with 0, it never grows.
    end : float, default=0.75
        Share of the fit after which nothing is rewired, in the range (0, 1].
    interval : int or None, default=None
        Weight updates between two rewirings. If None, the network is rewired before
        each epoch, or each call to `partial_fit`; in [1]_, before every fifth epoch.
    output_layer : bool, default=True
        Whether the connections of the output layer change, too. A network of one layer
        evolves in any case.

    References
    ----------
    .. [1] Yuan et al., "MEST: accurate and fast memory-economic sparse training
       framework on the edge", NeurIPS 2021. :arxiv:`2110.14032`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_sparse_nn import SETClassifier
    >>> from sklearn_sparse_nn.evolution import MEST
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = SETClassifier(
    ...     (100,), evolution=MEST(surplus=0.2), max_iter=20, random_state=0
    ... )
    >>> clf.fit(X / 16, y).score(X / 16, y) > 0.9
    True
    """

    _parameter_constraints: dict = {
        "gradient_weight": [Interval(Real, 0, None, closed="left")],
        "surplus": [Interval(Real, 0, None, closed="left")],
        "end": [Interval(Real, 0, 1, closed="right")],
        "interval": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        gradient_weight: float = 0.01,
        surplus: float = 0.5,
        end: float = 0.75,
        interval: int | None = None,
        output_layer: bool = True,
    ) -> None:
        self.gradient_weight = gradient_weight
        self.surplus = surplus
        self.end = end
        self.interval = interval
        self.output_layer = output_layer

    @property
    def settles(self) -> float | None:
        """Share of the fit from which on no surplus is left."""
        return self.end if self.surplus else None

    @property
    def schedule(self) -> Schedule:  # type: ignore[override]
        """By what `zeta` and the surplus are multiplied."""
        return Linear(end=self.end)

    def connection_scores(self, layer: EvolvingLayer) -> Floats:
        """Magnitude of the weight, and some of that of the gradient."""
        gradient = layer.gradient_at(layer.cells)
        return np.abs(layer.weights) + self.gradient_weight * np.abs(gradient)

    def targets(self, layers: list[EvolvingLayer]) -> Counts:
        """As many as a layer began with, and the surplus that is left."""
        begun = self.__dict__.setdefault("_n_begun", {})
        numbers = []
        for layer in layers:
            n = begun.setdefault(layer.index, layer.n_connections)
            n += int(n * self.surplus * self.schedule(layer.clock.progress))
            numbers.append(min(n, layer.n_cells))
        return numbers
