"""Top-KAST: a forward pass with the largest weights, updates of some more."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils._param_validation import Interval

from sklearn_sparse_nn.engine.terms import UpdateTerms
from sklearn_sparse_nn.evolution.absent import AbsentWeights, no_weights
from sklearn_sparse_nn.evolution.choosing import highest, threshold
from sklearn_sparse_nn.evolution.rule import EvolutionRule

if TYPE_CHECKING:
    from sklearn_sparse_nn._types import Bools, Cells, Counts, Float32s, Float64s
    from sklearn_sparse_nn.evolution.layer import EvolvingLayer


class TopKAST(EvolutionRule):
    """Top-K always sparse training (Top-KAST).

    Think of a dense layer [1]_. The weights of the largest magnitudes, the set A, are
    what the network computes with. Those that follow have no part in it, but a gradient
    as if they had: the two sets together are B, and all of B learns. Every `interval`
    updates, both sets are chosen anew, by magnitude among all cells of the layer. So a
    connection begins where a weight has grown, and not at random.

    The connections of the network are B; their number is that of the initial ones. Of
    those of each layer, the fraction `active` is A. The weights of the others are held,
    and zero in the network: predictions, `coefs_` and the strengths of features are
    those of A, while `n_connections_` and `density_` count B. From the share `end` of
    the fit on, A stays as it is, what is held is gone, and B is A. Before, a fit does
    not stop for lack of improvement. `partial_fit`, whose end nobody knows, does not
    come so far.

    An L2 penalty makes room for other connections. It is stronger for the weights that
    are held, by the inverse of the density of A in the layer, so that few of them pass
    the threshold to A and A is stable.

    No dense layer is stored. A weight outside of B does not change, so it is its
    initial one, which a generator gives again at any time, or the one with which a
    connection went, which is kept: 12 bytes for each cell that ever had a connection.
    The largest initial weights are set aside, about half as many as there are
    connections. Choosing takes time in proportion to all of these, but when smaller
    initial weights are needed: then all cells of the layer are looked at, in time in
    proportion to their number, and in blocks, without memory for them.

    Unlike in [1]_, not all weights begin alike: those of the connections that
    `topology` draws are as large as a sparse network needs, all others are those of a
    dense layer, and some of these replace connections at once. The momentum of a
    connection that goes is forgotten.

    Parameters
    ----------
    active : float, default=0.5
        Fraction of the connections of a layer that the network computes with, in the
        range (0, 1]. With 1, nothing is held.
    penalty : float, default=1e-5
        Of the L2 penalty, besides `alpha`: what of each weight is added to its mean
        gradient; for weights that are held, divided by the density of A.
    interval : int or None, default=100
        Weight updates after which A and B are chosen anew. If None, this is done before
        each epoch, or each call to `partial_fit`.
    end : float, default=0.75
        Share of the fit after which A stays as it is and nothing is held, in the range
        (0, 1]. With 1, A and B are chosen anew to the end, as in [1]_.
    output_layer : bool, default=True
        Whether the output layer has two sets, too. If not, it computes with all of its
        connections, and these stay. A network of one layer has them in any case.

    References
    ----------
    .. [1] Jayakumar, Pascanu, Rae, Osindero and Elsen, "Top-KAST: top-K always sparse
       training", NeurIPS 2020. :arxiv:`2106.03517`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_sparse_nn import SETClassifier
    >>> from sklearn_sparse_nn.evolution import TopKAST
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = SETClassifier(
    ...     (100,), evolution=TopKAST(interval=20), max_iter=20, random_state=0
    ... )
    >>> clf.fit(X / 16, y).score(X / 16, y) > 0.9
    True
    >>> clf.n_connections_  # of 820 and 550 in the beginning
    array([410, 275])
    """

    _parameter_constraints: dict = {
        "active": [Interval(Real, 0, 1, closed="right")],
        "penalty": [Interval(Real, 0, None, closed="left")],
        "interval": [Interval(Integral, 1, None, closed="left"), None],
        "end": [Interval(Real, 0, 1, closed="right")],
    }

    uses_gradient = False
    holds_weights = True
    # State: by the number of the layer, how many connections and neurons it has, the
    # weights of its other cells, and what begins; of all layers, the density of A.
    _n_connections: Any = None
    _n_neurons: Any = None
    _absent: Any = None
    _new: Any = None
    _densities: Any = 1.0

    def __init__(
        self,
        active: float = 0.5,
        penalty: float = 1e-5,
        interval: int | None = 100,
        end: float = 0.75,
        output_layer: bool = True,
    ) -> None:
        self.active = active
        self.penalty = penalty
        self.interval = interval
        self.end = end
        self.output_layer = output_layer

    @property
    def settles(self) -> float | None:
        """Share of the fit from which on nothing is held."""
        return self.end if self.active < 1 else None

    def terms(self, learning_rate: float) -> UpdateTerms:
        """The penalty, stronger for what is held."""
        return UpdateTerms(l2=self.penalty, held_l2=self.penalty / self._densities)

    def n_pruned(self, layers: list[EvolvingLayer]) -> Counts:
        """See to the layers that are new."""
        if self._absent is None:
            self._n_connections, self._n_neurons = {}, {}
            self._absent, self._new = {}, {}
            self._densities = np.ones(layers[0].n_layers)
        for layer in layers:
            if layer.index not in self._absent:
                self._begin(layer)
            n_active = max(1, self._n_active(layer.index))
            self._densities[layer.index] = n_active / layer.n_cells
        return super().n_pruned(layers)

    def _begin(self, layer):
        """Note how many connections a layer has, and how its other cells begin."""
        self._n_connections[layer.index] = layer.n_connections
        self._n_neurons[layer.index] = layer.n_neurons
        # As in a layer in which all cells have a connection.
        bound = layer.gain * np.sqrt(3 / layer.n_inputs)
        seed = int(layer.rng.integers(2**63))
        self._absent[layer.index] = AbsentWeights(seed, bound)

    def _n_active(self, number):
        """How many connections A has in a layer."""
        n = self._n_connections[number]
        return max(min(n, 1), round(self.active * n))

    def _has_ended(self, layer):
        return layer.clock.progress >= self.end

    def prune(self, layer: EvolvingLayer) -> Bools:
        """Remove what is no more in B, and note what comes to it."""
        absent, ended = self._absent[layer.index], self._has_ended(layer)
        absent.leave_out(layer.cells)
        stays, new = np.ones(layer.n_connections, dtype=bool), no_weights()
        if layer.held.any() or not ended:
            n = self._n_connections[layer.index]
            stays, *comes = _largest(
                layer, absent, self._n_active(layer.index) if ended else n
            )
            new = absent.take(comes)
        absent.add(layer.cells[~stays], layer.values[~stays])
        self._new[layer.index] = new
        return ~stays

    def n_grown(self, layers: list[EvolvingLayer]) -> Counts:
        """As many as come to B."""
        return [len(self._new[layer.index][0]) for layer in layers]

    def grow(self, layer: EvolvingLayer, n_grown: int) -> Cells:
        """Connect the cells that come to B."""
        return self._new[layer.index][0]

    def new_weights(self, layer: EvolvingLayer, cells: Cells) -> Float32s:
        """The weights that these cells have in the dense layer."""
        return self._new.pop(layer.index)[1]

    def hold(self, layer: EvolvingLayer) -> Bools:
        """Hold what is not in A."""
        if self._has_ended(layer):
            return np.zeros(layer.n_connections, dtype=bool)
        n_active = min(self._n_active(layer.index), layer.n_connections)
        return ~highest(_magnitudes(layer.values), n_active, layer.rng)

    def nominal_flops(
        self, sparse: Float64s, dense: Float64s, interval: float
    ) -> float:
        """Count both ways through A, and the gradient of B."""
        active = sparse.copy()
        for number, n_neurons in (self._n_neurons or {}).items():
            most = 2 * self._n_active(number) + n_neurons
            active[number] = min(sparse[number], most)
        return 2 * active.sum() + sparse.sum()


def _largest(layer, absent, n):
    """Which weights are the `n` largest: of connections, and of `absent.known`."""
    magnitudes = _magnitudes(layer.values, *absent.known())
    while n and absent.floor > 0 and threshold(magnitudes, n) < absent.floor:
        absent.look(layer, -(-n // 2))
        magnitudes = _magnitudes(layer.values, *absent.known())
    ends = np.cumsum([layer.n_connections, len(absent.cells)])
    return np.split(highest(magnitudes, min(n, len(magnitudes)), layer.rng), ends)


def _magnitudes(*weights):
    """Magnitudes of weights; what is not a number stays to be seen."""
    magnitudes = np.concatenate(weights)
    np.abs(magnitudes, out=magnitudes)
    magnitudes[np.isnan(magnitudes)] = np.inf
    return magnitudes
