"""Neuron evolution of the inputs: NeuroFS."""

from __future__ import annotations

from functools import partial
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils._param_validation import Interval

from sklearn_sparse_nn.evolution.choosing import highest, highest_cells
from sklearn_sparse_nn.evolution.regions import Inputs
from sklearn_sparse_nn.evolution.schedules import Linear
from sklearn_sparse_nn.evolution.set import SET

if TYPE_CHECKING:
    from sklearn_sparse_nn._types import Bools, Cells, Counts, Float64s
    from sklearn_sparse_nn.evolution.layer import EvolvingLayer, TrainingClock
    from sklearn_sparse_nn.evolution.regions import Region

# Cells whose gradient is looked at together.
_CELLS = 2**18


class NeuroFS(SET):
    """Keep few inputs: feature selection with neuron evolution (NeuroFS).

    At each rewiring the inputs of the least strength lose all of their connections, the
    strength being the sum of the magnitudes of these [1]_. Their number grows evenly
    until, at a share `removal_end` of the fit, `n_features` inputs are left. Some
    inputs that were removed before come back, those of the largest gradient, and as
    many more go; what has just come back is spared once. Besides, the fraction
    `zeta_in` of the connections of the inputs that are left begins anew where the
    gradient is largest, as many as the first layer had in the beginning, if there is
    room. The other layers follow :class:`SET`.

    The end of the fit must be known: in `partial_fit` no input is removed.

    Parameters
    ----------
    n_features : int, default=50
        How many inputs are left.
    zeta_in : float, default=0.2
        Fraction of the connections of the first layer that each rewiring replaces, and
        of the removed inputs that come back; the latter falls to 0 at `removal_end`.
        The `zeta` of the estimator is that of the other layers.
    removal_end : float, default=0.65
        Share of the epochs after which no input is removed, in the range (0, 1).
    min_updates : int, default=10
        Weight updates between two rewirings, at least.
    output_layer : bool, default=True
        Whether the connections of the output layer change, too.

    References
    ----------
    .. [1] Atashgahi et al., "Supervised feature selection with neuron evolution in
       sparse neural networks", Transactions on Machine Learning Research, 2023.
       :arxiv:`2303.07200`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_sparse_nn import SETClassifier
    >>> from sklearn_sparse_nn.evolution import NeuroFS
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = SETClassifier(
    ...     (100,), evolution=NeuroFS(12), max_iter=20, n_iter_no_change=20,
    ...     random_state=0,
    ... )
    >>> clf = clf.fit(X / 16, y)
    >>> int(np.count_nonzero(clf.feature_strength_))
    12
    """

    _parameter_constraints: dict = {
        "n_features": [Interval(Integral, 1, None, closed="left")],
        "zeta_in": [Interval(Real, 0, 1, closed="both")],
        "removal_end": [Interval(Real, 0, 1, closed="neither")],
        "min_updates": [Interval(Integral, 0, None, closed="left")],
    }

    uses_gradient = True
    # What SET takes as parameters.
    grown_weights, interval, schedule = "zero", None, "constant"
    # Which inputs are left, which of them have just come back, and how many connections
    # there were: state, from the first rewiring on.
    _alive: Any = None
    _spared: Any = None
    _n_connections: Any = None

    def __init__(
        self,
        n_features: int = 50,
        zeta_in: float = 0.2,
        removal_end: float = 0.65,
        min_updates: int = 10,
        output_layer: bool = True,
    ) -> None:
        self.n_features = n_features
        self.zeta_in = zeta_in
        self.removal_end = removal_end
        self.min_updates = min_updates
        self.output_layer = output_layer

    @property
    def settles(self) -> float | None:
        """Share of the fit from which on no input goes."""
        return self.removal_end

    def is_due(self, clock: TrainingClock) -> bool:
        """Whether enough updates have passed, or removal is to end and has not."""
        late = clock.progress >= self.removal_end and not self._has_ended()
        return super().is_due(clock) or late

    def _has_ended(self):
        return self._alive is not None and self._alive.sum() <= self.n_features

    def region(self, layer: EvolvingLayer) -> Region | None:
        """In the first layer, the inputs that are left."""
        if layer.index or self._alive is None or self._alive.all():
            return None
        return Inputs(layer, self._alive)

    def n_pruned(self, layers: list[EvolvingLayer]) -> Counts:
        """See to the inputs, before any connection is."""
        if layers[0].index == 0:
            self._update_inputs(layers[0])
        return super().n_pruned(layers)

    def _update_inputs(self, layer):
        """Choose the inputs that are left."""
        if self._alive is None:
            self._alive = np.ones(layer.n_inputs, dtype=bool)
            self._spared = np.zeros(layer.n_inputs, dtype=bool)
            self._n_connections = layer.n_connections
        left = Linear(end=self.removal_end)(layer.clock.progress)
        n_before, n_dead = self._alive.sum(), (~self._alive).sum()
        n_last = min(self.n_features, layer.n_inputs)
        n_alive = min(n_before, n_last + int(left * (layer.n_inputs - n_last)))
        n_back = min(int(self.zeta_in * left * n_dead), n_alive // 2)
        magnitudes = np.abs(layer.weights)
        strength = np.bincount(layer.indices, magnitudes, layer.n_inputs)
        strength = strength.astype(np.float64)  # sums of nothing are integers
        strength[self._spared] = np.inf
        strength[~self._alive] = -np.inf
        kept = highest(strength, n_alive - n_back, layer.rng)
        gradient = _largest_gradient(layer) if n_back else np.zeros(layer.n_inputs)
        gradient[self._alive] = -np.inf
        self._spared = highest(gradient, n_back, layer.rng)
        self._alive = kept | self._spared

    def prune(self, layer: EvolvingLayer) -> Bools:
        """Remove the connections of inputs that go, and the weakest of the others."""
        if layer.index:
            return super().prune(layer)
        gone = ~self._alive[layer.indices]
        n_left = layer.n_connections - np.count_nonzero(gone)
        n_replaced = min(int(self.zeta_in * n_left), self._n_empty_cells(layer))
        scores = np.where(gone, np.inf, -np.abs(layer.weights))
        n_gone = layer.n_connections - n_left + n_replaced
        return highest(scores, n_gone, layer.rng)

    def nominal_flops(
        self, sparse: Float64s, dense: Float64s, interval: float
    ) -> float:
        """Count the gradient of all cells of the first layer, at each rewiring."""
        interval = max(interval, self.min_updates)
        more = dense[0] - sparse[0]
        return super().nominal_flops(sparse, dense, interval) + more / interval

    def _n_empty_cells(self, layer):
        """Cells of the inputs that are left where no connection is, nor was."""
        n_taken = np.count_nonzero(self._alive[layer.indices])
        return int(self._alive.sum()) * layer.n_neurons - n_taken

    def n_grown(self, layers: list[EvolvingLayer]) -> Counts:
        """As many as go; in the first layer, as many as it had, if there is room."""
        numbers = list(super().n_grown(layers))
        if layers[0].index == 0:
            layer = layers[0]
            n_left = layer.n_connections - np.count_nonzero(layer.pruned)
            room = self._n_empty_cells(layer)
            numbers[0] = int(min(self._n_connections - n_left, room))
        return numbers

    def grow(self, layer: EvolvingLayer, n_grown: int) -> Cells:
        """In the first layer where the gradient is largest, in others at random."""
        if layer.index:
            return layer.sample_empty_cells(n_grown)
        return highest_cells(layer, n_grown, partial(_magnitudes, layer))


def _magnitudes(layer, neurons):
    return np.abs(layer.gradient(neurons))


def _largest_gradient(layer):
    """Largest magnitude of the gradient in all cells of each input."""
    largest = np.zeros(layer.n_inputs, dtype=np.float32)
    size = max(1, _CELLS // layer.n_inputs)
    for start in range(0, layer.n_neurons, size):
        neurons = np.arange(start, min(start + size, layer.n_neurons))
        np.maximum(largest, _magnitudes(layer, neurons).max(axis=0), out=largest)
    return largest
