"""Deep rewiring."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils._param_validation import Interval

from sklearn_sparse_nn.engine.terms import UpdateTerms
from sklearn_sparse_nn.evolution.rule import EvolutionRule
from sklearn_sparse_nn.topology.sampling import sorted_sample

if TYPE_CHECKING:
    from sklearn_sparse_nn._types import Bools, Cells, Float32s
    from sklearn_sparse_nn.evolution.layer import EvolvingLayer

# A new connection needs a weight that has its sign.
_TINY = np.float32(1e-12)


class DeepR(EvolutionRule):
    """Deep rewiring (DEEP R): a connection that would change its sign goes.

    A connection keeps the sign that it begins with [1]_. Each weight update adds some
    noise to its weight and takes it nearer to zero, by the same step whatever its size.
    Where the weight reaches zero, the connection falls asleep. At each rewiring as many
    wake as have fallen asleep, at random cells that hold none, with random signs and
    from zero, so that no layer changes its number of connections. In the theory of [1]_
    this draws networks from a posterior distribution of weights and connections, whose
    prior prefers small weights and whose width is the temperature.

    A network may end with some weights of zero: those that fell asleep since the last
    rewiring.

    In [1]_ a cell has one sign for ever. To remember it would take memory for all
    cells: here, as in the code of its authors for sparse matrices, a connection draws a
    new sign whenever it wakes. It wakes at 1e-12 times its sign. Any optimiser may do
    the update, while that of [1]_ is plain gradient descent. `zeta` of the estimator
    does not matter.

    Parameters
    ----------
    l1 : float, default=1e-5
        How strongly weights are drawn to zero: each update takes them nearer by `l1`
        times the learning rate.
    temperature : float, default=1e-10
        How strong the noise is. Its standard deviation in each update is
        ``sqrt(2 * learning_rate * temperature)``.
    interval : int or None, default=1
        Weight updates between two rewirings. In [1]_ each update is followed by one,
        which may take longer than the update itself: with 10, training is much faster.
        If None, the network is rewired before each epoch.
    output_layer : bool, default=True
        Whether the connections of the output layer move, too. If not, they still keep
        their signs, and stay asleep at zero. A network of one layer evolves in any
        case.

    References
    ----------
    .. [1] Bellec, Kappel, Maass and Legenstein, "Deep rewiring: training very sparse
       deep networks", ICLR 2018. :arxiv:`1711.05136`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_sparse_nn import SETClassifier
    >>> from sklearn_sparse_nn.evolution import DeepR
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = SETClassifier(
    ...     (100,), epsilon=5, evolution=DeepR(), max_iter=20, random_state=0
    ... )
    >>> clf.fit(X / 16, y).score(X / 16, y) > 0.9
    True
    """

    _parameter_constraints: dict = {
        "l1": [Interval(Real, 0, None, closed="left")],
        "temperature": [Interval(Real, 0, None, closed="left")],
        "interval": [Interval(Integral, 1, None, closed="left"), None],
    }

    uses_gradient = False

    def __init__(
        self,
        l1: float = 1e-5,
        temperature: float = 1e-10,
        interval: int = 1,
        output_layer: bool = True,
    ) -> None:
        self.l1 = l1
        self.temperature = temperature
        self.interval = interval
        self.output_layer = output_layer

    def terms(self, learning_rate: float) -> UpdateTerms:
        """Noise, a step towards zero, and no change of sign."""
        return UpdateTerms(
            noise=np.sqrt(2 * learning_rate * self.temperature),
            l1=learning_rate * self.l1,
            keeps_signs=True,
        )

    def prune(self, layer: EvolvingLayer) -> Bools:
        """Remove the connections that sleep."""
        return layer.weights == 0

    def grow(self, layer: EvolvingLayer, n_grown: int) -> Cells:
        """Connect random cells that hold none, or one that sleeps."""
        asleep = layer.allowed(layer.cells[layer.pruned])
        n_cells = layer.n_empty_cells + len(asleep)
        n_grown = min(n_grown, n_cells)
        drawn = sorted_sample(n_cells, n_grown, layer.rng)
        n_again = int(np.searchsorted(drawn, n_grown))
        again = layer.rng.choice(asleep, n_again, replace=False)
        empty = layer.sample_empty_cells(n_grown - n_again)
        return np.sort(np.concatenate([again, empty]))

    def new_weights(self, layer: EvolvingLayer, cells: Cells) -> Float32s:
        """Begin at zero, with random signs."""
        return layer.rng.choice([-_TINY, _TINY], len(cells))
