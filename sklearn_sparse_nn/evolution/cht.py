"""Cannistraci-Hebb training: link prediction and the removal of dead ends."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from sklearn_sparse_nn.evolution.paths import Paths, rows_of
from sklearn_sparse_nn.evolution.replacing import ReplacingRule
from sklearn_sparse_nn.evolution.schedules import SCHEDULES, Schedule

if TYPE_CHECKING:
    from collections.abc import Callable

    from sklearn_sparse_nn._types import (
        Bools,
        Cells,
        Counts,
        Floats,
        Ints,
        ScheduleLike,
    )
    from sklearn_sparse_nn.evolution.layer import EvolvingLayer


class CHT(ReplacingRule):
    """Cannistraci-Hebb training (CHT): growth by the topology alone.

    At each rewiring [1]_

    1. the fraction `zeta` of the connections of a layer goes, those of the smallest
       weights;
    2. hidden neurons that have lost all connections on one side lose those on the
       other, layer by layer, backward and then forward: they take part in nothing;
    3. as many connections as are missing begin, or come back, where an input and a
       neuron are most likely to be connected, as link prediction has it (CH3-L3):
       between them are many paths of length three, over neurons that have few other
       connections. Where fewer cells have such paths, chance chooses the others.

    Once in each layer nearly all that goes has come back, the connections do not change
    any more. Neither gradients nor activations are needed. Neurons that have lost all
    of their connections do not get new ones: with few connections, the network keeps
    only a part of its neurons. The time of a rewiring is in proportion to the number of
    paths, that is to the third power of the connections of a neuron.

    Difference from the authors' code: where it has a layer that is not sparse, here the
    last layer may be sparse, and neurons without a connection there go, too.

    Parameters
    ----------
    early_stop : float, default=0.9
        A layer has come to rest once a larger share than this of the connections that
        begin has just been removed, in the range [0, 1]. When all have, connections do
        not change any more; until then, all layers go on. With 1, none comes to rest.
    chain_removal : bool, default=True
        Whether neurons without connections on one side lose those on the other.
    interval : int or None, default=None
        Weight updates between two rewirings. If None, the network is rewired before
        each epoch that follows 10 updates or more.
    schedule : {'constant', 'linear', 'cosine', 'cubic', 'sigmoid'} or Schedule, \
            default='constant'
        By what `zeta`, which is 0.3 in [1]_, is multiplied as training goes on.
    output_layer : bool, default=False
        Whether the connections of the output layer change, too. A network of one layer
        evolves in any case.

    See Also
    --------
    CHTs : The same with chance in both choices, for less sparse networks, too.

    References
    ----------
    .. [1] Zhang, Zhao, Wu, Muscoloni and Cannistraci, "Epitopological learning and
       Cannistraci-Hebb network shape intelligence brain-inspired theory for
       ultra-sparse advantage in deep learning", ICLR 2024.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_sparse_nn import SETClassifier
    >>> from sklearn_sparse_nn.evolution import CHT
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = SETClassifier(
    ...     (100, 100), epsilon=4, evolution=CHT(), max_iter=30, random_state=0
    ... )
    >>> clf.fit(X / 16, y).score(X / 16, y) > 0.9
    True
    """

    _parameter_constraints: dict = {
        "early_stop": [Interval(Real, 0, 1, closed="both")],
        "chain_removal": ["boolean"],
        "schedule": [StrOptions(set(SCHEDULES)), Schedule],
    }

    uses_gradient = False
    # Layers that have come to rest, and whether all have: state.
    _resting: tuple[int, ...] = ()
    _has_ended = False

    def __init__(
        self,
        early_stop: float = 0.9,
        chain_removal: bool = True,
        interval: int | None = None,
        schedule: ScheduleLike = "constant",
        output_layer: bool = False,
    ) -> None:
        self.early_stop = early_stop
        self.chain_removal = chain_removal
        self.interval = interval
        self.schedule = schedule
        self.output_layer = output_layer

    def evolves(self, layer: EvolvingLayer) -> bool:
        """All layers are looked at, those that do not change included."""
        return True

    def _may_change(self, layer):
        return super().evolves(layer)

    def _changes(self, layer):
        return self._may_change(layer) and not self._has_ended

    def n_pruned(self, layers: list[EvolvingLayer]) -> Counts:
        """The fraction of each layer that changes."""
        changing = {layer.index for layer in layers if self._may_change(layer)}
        self._has_ended = changing <= set(self._resting)
        numbers = super().n_pruned(layers)
        return [n * self._changes(layer) for n, layer in zip(numbers, layers)]

    def remove(self, layers: list[EvolvingLayer]) -> list[Bools]:
        """What `prune` said, and what leads to dead ends or comes from nowhere."""
        kept = [~layer.pruned for layer in layers]
        if self.chain_removal:
            self._remove_chains(layers, kept)
        return [~each for each in kept]

    def _remove_chains(self, layers, kept):
        pairs = list(range(len(layers) - 1))
        for i in reversed(pairs):
            into, out_of = layers[i], layers[i + 1]
            if self._changes(into):
                leads_on = np.bincount(
                    out_of.indices[kept[i + 1]], None, out_of.n_inputs
                )
                kept[i] &= np.repeat(leads_on > 0, np.diff(into.indptr))
        for i in pairs:
            into, out_of = layers[i], layers[i + 1]
            if self._changes(out_of):
                is_reached = np.diff(rows_of(into, kept[i]))
                kept[i + 1] &= (is_reached > 0)[out_of.indices]

    def cell_scores_without(
        self, layer: EvolvingLayer, gone: Bools
    ) -> Callable[[Ints], Floats]:
        """Paths of length three, by how few connections lead elsewhere."""
        return Paths(layer, gone).by_paths

    def choose(self, layer: EvolvingLayer, gone: Bools, n: int) -> Cells:
        """The likeliest cells; a layer where most of them come back is at rest."""
        cells = super().choose(layer, gone, n)
        n_back = np.isin(layer.cells[gone], cells, assume_unique=True).sum()
        # A layer too small to lose anything is at rest, too.
        is_small = n == 0 and self.early_stop < 1 and self._changes(layer)
        if n_back > self.early_stop * n or is_small:
            self._resting = tuple({*self._resting, layer.index})
        return cells
