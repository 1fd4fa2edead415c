"""Gradual magnitude pruning."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Literal

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from sklearn_sparse_nn.evolution.distributions import count_highest
from sklearn_sparse_nn.evolution.schedules import Cubic
from sklearn_sparse_nn.evolution.scores import ScoreRule

if TYPE_CHECKING:
    from sklearn_sparse_nn._types import Counts, Floats
    from sklearn_sparse_nn.evolution.layer import EvolvingLayer


class GMP(ScoreRule):
    """Gradual magnitude pruning (GMP): begin denser than you end.

    The network begins with as many connections as `density` or `epsilon` of the
    estimator says [1]_. The smallest weights go, many at first and fewer later on,
    until a fraction `final_fraction` of the connections is left; none begins. With
    ``density=1`` this is pruning from a dense network as in [1]_, and `final_fraction`
    is the density in the end.

    The end of the fit must be known: `partial_fit` removes nothing. Before the share
    `end` of `max_iter`, a fit does not stop for lack of improvement, and early stopping
    chooses among the networks that come after it.

    Parameters
    ----------
    final_fraction : float, default=0.2
        Fraction of the first connections of the network that is left in the end, in
        the range (0, 1].
    distribution : {'global', 'uniform'}, default='global'
        What goes: the smallest weights of the network, in whatever layer they are, as
        in [2]_; or the smallest of each layer, the same fraction of each, as in [1]_.
    begin, end : float, default=0.0 and 0.7
        Shares of the fit between which the number of connections falls, by the third
        power of the time that is left. Nothing is pruned after the last epoch: where
        `end` is 1, somewhat more than `final_fraction` is left.
    interval : int or None, default=None
        Weight updates between two prunings. If None, pruning happens before each epoch
        but the first.
    output_layer : bool, default=True
        Whether the output layer is pruned, too. If not, fractions are of the other
        layers. A network of one layer is pruned in any case.

    See Also
    --------
    LAMP : The same with scores that suit each layer.
    GraNet : The same with new connections while it prunes.

    References
    ----------
    .. [1] Zhu and Gupta, "To prune, or not to prune: exploring the efficacy of pruning
       for model compression", 2017. :arxiv:`1710.01878`.
    .. [2] Liu et al., "Sparse training via boosting pruning plasticity with
       neuroregeneration", NeurIPS 2021. :arxiv:`2106.10404`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_sparse_nn import SETClassifier
    >>> from sklearn_sparse_nn.evolution import GMP
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = SETClassifier(
    ...     (50,), density=1, evolution=GMP(0.1), max_iter=100, random_state=0
    ... )
    >>> clf.fit(X, y).n_connections_.sum()  # of 350
    np.int64(35)
    """

    _parameter_constraints: dict = {
        "final_fraction": [Interval(Real, 0, 1, closed="right")],
        "distribution": [StrOptions({"global", "uniform"})],
        "begin": [Interval(Real, 0, 1, closed="both")],
        "end": [Interval(Real, 0, 1, closed="both")],
    }

    uses_gradient = False
    # How many connections each layer began with: state, from the first pruning on.
    _n_first = None

    def __init__(
        self,
        final_fraction: float = 0.2,
        distribution: Literal["global", "uniform"] = "global",
        begin: float = 0.0,
        end: float = 0.7,
        interval: int | None = None,
        output_layer: bool = True,
    ) -> None:
        self.final_fraction = final_fraction
        self.distribution = distribution
        self.begin = begin
        self.end = end
        self.interval = interval
        self.output_layer = output_layer

    def _validate_params(self):
        super()._validate_params()
        self._fraction()._validate_params()

    @property
    def settles(self) -> float | None:
        """Share of the fit from which on nothing is pruned."""
        return self.end if self.final_fraction < 1 else None

    def _fraction(self):
        """Fraction of the first connections, as training goes on."""
        return Cubic(1, self.final_fraction, self.begin, self.end)

    def _begun(self, layers):
        """How many connections each layer had in the beginning."""
        now = {layer.index: layer.n_connections for layer in layers}
        self._n_first = now | (self._n_first or {})
        return np.array([self._n_first[layer.index] for layer in layers])

    def targets(self, layers: list[EvolvingLayer]) -> Counts:
        """How many connections are left by now: those of the highest scores."""
        fraction = self._fraction()(layers[0].clock.progress)
        begun = self._begun(layers)
        if self.distribution == "uniform":
            now = [layer.n_connections for layer in layers]
            return np.minimum(np.rint(fraction * begun).astype(int), now)
        scores = [self.compared_scores(layer) for layer in layers]
        return count_highest(scores, round(fraction * begun.sum()))

    def compared_scores(self, layer: EvolvingLayer) -> Floats:
        """What the connections of a layer are worth beside those of other layers.

        Parameters
        ----------
        layer : EvolvingLayer

        Returns
        -------
        scores : ndarray of float, shape (n_connections,)
            In any order. By default, `connection_scores`.
        """
        return self.connection_scores(layer)

    def n_replaced(self, layer: EvolvingLayer) -> int:
        """None."""
        return 0

    def n_grown(self, layers: list[EvolvingLayer]) -> Counts:
        """None."""
        return [0] * len(layers)
