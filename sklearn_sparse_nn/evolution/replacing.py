"""Rules whose removed connections compete with empty cells for a place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sklearn_sparse_nn.evolution.choosing import highest_cells
from sklearn_sparse_nn.evolution.scores import ScoreRule

if TYPE_CHECKING:
    from collections.abc import Callable

    from sklearn_sparse_nn._types import Bools, Cells, Counts, Floats, Ints
    from sklearn_sparse_nn.evolution.layer import EvolvingLayer, TrainingClock


class ReplacingRule(ScoreRule):
    """Base class of rules where what has gone may come back.

    The connections of the lowest scores go, as of any `ScoreRule`. What begins is
    chosen among the empty cells and those that have just been removed. A connection
    that is chosen again stays: it keeps its weight and the state of its optimiser.

    A subclass says in `cell_scores_without` what the scores of cells are.
    """

    # Updates between two rewirings at least, if the rule has no interval.
    min_updates = 10

    def is_due(self, clock: TrainingClock) -> bool:
        """Whether enough updates have passed."""
        enough = clock.updates_since_rewiring >= self.min_updates
        return enough or self.interval is not None

    def cell_scores_without(
        self, layer: EvolvingLayer, gone: Bools
    ) -> Callable[[Ints], Floats]:
        """How much connections would be worth when some have gone.

        Parameters
        ----------
        layer : EvolvingLayer
        gone : ndarray of bool, shape (n_connections,)

        Returns
        -------
        score : callable
            ``score(neurons)`` are the scores of all cells of these neurons: see
            `ScoreRule.cell_scores`.
        """
        raise NotImplementedError

    def remove(self, layers: list[EvolvingLayer]) -> list[Bools]:
        """What goes in each layer, if it does not come back: what `prune` said."""
        return [layer.pruned for layer in layers]

    def choose(self, layer: EvolvingLayer, gone: Bools, n: int) -> Cells:
        """Choose `n` cells where connections begin, or come back.

        Parameters
        ----------
        layer : EvolvingLayer
        gone : ndarray of bool, shape (n_connections,)
            What `remove` said.
        n : int

        Returns
        -------
        cells : ndarray of int64
            In ascending order. By default, those of the highest scores.
        """
        return highest_cells(layer, n, self.cell_scores_without(layer, gone), gone)

    def prune_more(self, layers: list[EvolvingLayer]) -> list[Bools]:
        """Choose what begins, and keep what comes back."""
        self._chosen: dict[int, Cells] = {}
        missing = zip(layers, self.remove(layers), self.targets(layers), strict=True)
        return [self._replace(*each) for each in missing]

    def _replace(self, layer, gone, target):
        """What goes for good; what begins in its place is kept until it does."""
        n_gone = int(np.count_nonzero(gone))
        n = min(target - layer.n_connections, layer.n_empty_cells) + n_gone
        cells, before = self.choose(layer, gone, max(n, 0)), layer.cells[gone]
        self._chosen[layer.index] = np.setdiff1d(cells, before, assume_unique=True)
        gone = gone.copy()
        gone[gone] = ~np.isin(before, cells, assume_unique=True)
        return gone

    def n_grown(self, layers: list[EvolvingLayer]) -> Counts:
        """As many as have been chosen and have not come back."""
        return [len(self._chosen[layer.index]) for layer in layers]

    def grow(self, layer: EvolvingLayer, n_grown: int) -> Cells:
        """Connect the empty cells that have been chosen."""
        return self._chosen.pop(layer.index)
