"""Importance pruning."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral, Real
from typing import TYPE_CHECKING, Literal

import numpy as np
from sklearn.utils._param_validation import Interval

from sklearn_sparse_nn.evolution.set import SET

if TYPE_CHECKING:
    from sklearn_sparse_nn._types import Bools, Counts, ScheduleLike
    from sklearn_sparse_nn.evolution.layer import EvolvingLayer, TrainingClock


class ImportancePruning(SET):
    """Importance pruning: :class:`SET` that also thins out weak neurons.

    The strength of a hidden neuron is the sum of the magnitudes of the weights of its
    incoming connections [1]_. From the share `begin` of the fit on, every `period`
    epochs, the fraction `fraction` of the neurons of each hidden layer, those of the
    least strength, lose all incoming connections, and these do not begin elsewhere.
    What is left follows :class:`SET`, whose new connections may lead to such neurons
    again. The network becomes smaller and faster, at first at the cost of little
    accuracy.

    A neuron without incoming connections is not removed. It goes on as a constant, and
    its outgoing connections learn or are replaced as others are. Outputs keep their
    connections: where there is no hidden layer behind the first one, as in a Boltzmann
    machine, this is :class:`SET`.

    In [1]_ pruning begins after 200 epochs. The authors' code takes a fifth of the
    neurons every 10 epochs, or a tenth every 20.

    Parameters
    ----------
    fraction : float, default=0.1
        Fraction of the neurons of a hidden layer, in the range [0, 1].
    begin : float, default=0.4
        Share of the fit after which neurons lose their connections, in the range
        [0, 1]. `partial_fit`, whose end nobody knows, is always at 0.
    period : int, default=10
        Epochs from one time to the next, or calls to `partial_fit`.
    min_updates : int, default=10
        Weight updates between two rewirings, at least.
    grown_weights : {'zero', 'random'}, default='zero'
        Weights of new connections.
    interval : int or None, default=None
        If given, rewiring happens each time that so many weight updates are over, and
        `min_updates` does not matter.
    schedule : {'constant', 'linear', 'cosine', 'cubic', 'sigmoid'} or Schedule, \
            default='constant'
        By what `zeta` is multiplied as training goes on.
    output_layer : bool, default=False
        Whether the connections of the output layer change, too, by :class:`SET`. A
        network of one layer evolves in any case.

    References
    ----------
    .. [1] Curci, Mocanu and Pechenizkiy, "Truly sparse neural networks at scale", 2021.
       :arxiv:`2102.01732`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_sparse_nn import SETClassifier
    >>> from sklearn_sparse_nn.evolution import ImportancePruning
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = SETClassifier((100, 100), max_iter=20, random_state=0)
    >>> n_set = clf.fit(X / 16, y).n_connections_
    >>> clf.set_params(evolution=ImportancePruning(0.2, period=2))
    SETClassifier(evolution=ImportancePruning(fraction=0.2, period=2),
                  hidden_layer_sizes=(100, 100), max_iter=20, random_state=0)
    >>> clf.fit(X / 16, y).n_connections_ < n_set
    array([ True,  True, False])
    """

    _parameter_constraints: dict = {
        **SET._parameter_constraints,
        "fraction": [Interval(Real, 0, 1, closed="both")],
        "begin": [Interval(Real, 0, 1, closed="both")],
        "period": [Interval(Integral, 1, None, closed="left")],
    }

    uses_gradient = False
    # In which epoch the rule was last asked, from which one on neurons lose their
    # connections again, and whether they do now: state.
    _asked, _next, _is_time = 0, 0, False

    def __init__(
        self,
        fraction: float = 0.1,
        begin: float = 0.4,
        period: int = 10,
        min_updates: int = 10,
        grown_weights: Literal["zero", "random"] = "zero",
        interval: int | None = None,
        schedule: ScheduleLike = "constant",
        output_layer: bool = False,
    ) -> None:
        super().__init__(min_updates, grown_weights, interval, schedule, output_layer)
        self.fraction = fraction
        self.begin = begin
        self.period = period

    def is_due(self, clock: TrainingClock) -> bool:
        """As SET is; if so, note whether neurons are to lose their connections."""
        due = super().is_due(clock)
        if clock.epoch < self._asked:
            self._next = 0  # another fit, which counts from zero
        self._asked = clock.epoch
        is_late = clock.epoch >= self._next and clock.progress >= self.begin
        self._is_time = due and is_late
        if self._is_time:
            self._next = clock.epoch + self.period
        return due

    def _leads_to_weak(self, layer):
        """Whether each connection leads to a neuron that is to lose all."""
        if not self._is_time or layer.is_output:
            return np.zeros(layer.n_connections, dtype=bool)
        degrees = np.diff(layer.indptr)
        neurons = np.repeat(np.arange(layer.n_neurons), degrees)
        strength = np.bincount(neurons, np.abs(layer.weights), layer.n_neurons)
        n_weak = int(self.fraction * layer.n_neurons)
        weak = np.zeros(layer.n_neurons, dtype=bool)
        weak[np.argsort(strength, kind="stable")[:n_weak]] = True
        return weak[neurons]

    def targets(self, layers: list[EvolvingLayer]) -> Counts:
        """As many as do not lead to weak neurons."""
        return [int(np.count_nonzero(~self._leads_to_weak(each))) for each in layers]

    def prune(self, layer: EvolvingLayer) -> Bools:
        """Remove what leads to weak neurons, and of the rest what SET does."""
        pruned = self._leads_to_weak(layer)
        rest = replace(
            layer, indices=layer.indices[~pruned], weights=layer.weights[~pruned]
        )
        rest.n_to_prune = layer.n_to_prune - int(np.count_nonzero(pruned))
        pruned[~pruned] = super().prune(rest)
        return pruned
