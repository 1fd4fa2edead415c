"""Dynamic sparse reparameterization: one threshold for all layers."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from sklearn_sparse_nn.evolution.choosing import highest
from sklearn_sparse_nn.evolution.distributions import share_out
from sklearn_sparse_nn.evolution.schedules import SCHEDULES, Schedule, schedule_of
from sklearn_sparse_nn.evolution.scores import ScoreRule

if TYPE_CHECKING:
    from sklearn_sparse_nn._types import Bools, Counts, ScheduleLike
    from sklearn_sparse_nn.evolution.layer import EvolvingLayer


class DSR(ScoreRule):
    """Dynamic sparse reparameterization (DSR).

    The connections of all layers whose weights are smaller than one threshold go [1]_.
    If they are fewer than wanted, the threshold is doubled for the next rewiring, if
    they are more, it is halved. As many begin at random, with a weight of zero. The
    layers share them in proportion to the connections that they have left, so that
    connections move to where weights are large. The network keeps its number of
    connections while its layers do not.

    How many are wanted is a number in [1]_; here it is the fraction `zeta` of all
    connections, times the schedule. Rewirings are frequent: choose it small, about
    0.05. Two things keep a network alive that [1]_ could lose. In one rewiring at most
    twice as many go as are wanted, the smallest, and at most as many as there are empty
    cells. And a layer that has lost all takes part as if it had lost nothing, and gets
    one connection at least, if it has room.

    Parameters
    ----------
    threshold : float, default=1e-3
        The first threshold, in the range (0, inf).
    tolerance : float, default=0.1
        By what fraction the number of connections that go may differ from what is
        wanted while the threshold stays, in the range [0, 1).
    interval : int or None, default=100
        Weight updates between two rewirings. In [1]_ they are doubled several times
        in the course of training, from 100 on. If None, the network is rewired before
        each epoch, or each call to `partial_fit`.
    schedule : {'constant', 'linear', 'cosine', 'cubic', 'sigmoid'} or Schedule, \
            default='constant'
        By what `zeta` is multiplied as training goes on. From zero on, nothing goes:
        ``Constant(end=0.95)`` ends as [1]_ does.
    output_layer : bool, default=True
        Whether the output layer takes part, too. A network of one layer evolves in any
        case.

    References
    ----------
    .. [1] Mostafa and Wang, "Parameter efficient training of deep convolutional neural
       networks by dynamic sparse reparameterization", ICML 2019. :arxiv:`1902.05967`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_sparse_nn import SETClassifier
    >>> from sklearn_sparse_nn.evolution import DSR
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = SETClassifier(
    ...     (100,), zeta=0.1, evolution=DSR(interval=20), max_iter=20, random_state=0
    ... )
    >>> clf.fit(X / 16, y).score(X / 16, y) > 0.9
    True
    """

    _parameter_constraints: dict = {
        "threshold": [Interval(Real, 0, None, closed="neither")],
        "tolerance": [Interval(Real, 0, 1, closed="left")],
        "interval": [Interval(Integral, 1, None, closed="left"), None],
        "schedule": [StrOptions(set(SCHEDULES)), Schedule],
    }

    uses_gradient = False

    def __init__(
        self,
        threshold: float = 1e-3,
        tolerance: float = 0.1,
        interval: int | None = 100,
        schedule: ScheduleLike = "constant",
        output_layer: bool = True,
    ) -> None:
        self.threshold = threshold
        self.tolerance = tolerance
        self.interval = interval
        self.schedule = schedule
        self.output_layer = output_layer

    def prune(self, layer: EvolvingLayer) -> Bools:
        """Remove the weights below the threshold of all layers."""
        return np.abs(layer.weights) < self._threshold

    @property
    def _threshold(self):
        return vars(self).get("threshold_", self.threshold)

    def prune_more(self, layers: list[EvolvingLayer]) -> list[Bools]:
        """Spare the largest of too many, and correct the threshold."""
        wanted = self._n_wanted(layers)
        room = sum(layer.n_empty_cells for layer in layers)
        pruned = [layer.pruned for layer in layers]
        n = sum(int(np.count_nonzero(each)) for each in pruned)
        self.threshold_ = self._threshold
        if n < (1 - self.tolerance) * wanted:
            self.threshold_ *= 2
        elif n > (1 + self.tolerance) * wanted > 0:
            self.threshold_ /= 2
        most = min(2 * wanted, room)
        return pruned if n <= most else _smallest(layers, most)

    def _n_wanted(self, layers):
        share = layers[0].zeta * schedule_of(self.schedule)(layers[0].clock.progress)
        return int(share * sum(layer.n_connections for layer in layers))

    def n_grown(self, layers: list[EvolvingLayer]) -> Counts:
        """What goes in all layers, in proportion to what they have left."""
        pruned = [int(np.count_nonzero(layer.pruned)) for layer in layers]
        had = [layer.n_connections for layer in layers]
        left = [n_had - n or n_had for n_had, n in zip(had, pruned)]
        room = [layer.n_empty_cells for layer in layers]
        numbers = share_out(sum(pruned), left, room)
        for number, (n_had, n) in enumerate(zip(had, pruned)):
            if n == n_had > 0 and room[number] and not numbers[number]:
                numbers[int(np.argmax(numbers))] -= 1
                numbers[number] = 1
        return numbers


def _smallest(layers, n):
    """Mark the `n` smallest weights of all layers: a boolean array for each."""
    magnitudes = np.concatenate([np.abs(layer.weights) for layer in layers])
    ends = np.cumsum([layer.n_connections for layer in layers])[:-1]
    return np.split(highest(-magnitudes, n, layers[0].rng), ends)
