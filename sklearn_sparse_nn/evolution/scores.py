"""Rules that turn scores into choices."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from sklearn_sparse_nn.evolution.choosing import highest, highest_cells
from sklearn_sparse_nn.evolution.rule import EvolutionRule
from sklearn_sparse_nn.evolution.schedules import schedule_of

if TYPE_CHECKING:
    from sklearn_sparse_nn._types import (
        Bools,
        Cells,
        Counts,
        Float32s,
        Floats,
        Ints,
        ScheduleLike,
    )
    from sklearn_sparse_nn.evolution.layer import EvolvingLayer


class ScoreRule(EvolutionRule):
    """Base class of rules that keep connections of high scores, and grow others.

    At each rewiring the connections of the lowest scores go, and as many begin at the
    empty cells of the highest scores, so that no layer changes its number of
    connections. A subclass says what the scores are, and, if it likes, how the number
    of connections changes.

    Attributes
    ----------
    schedule : {'constant', 'linear', 'cosine', 'cubic', 'sigmoid'} or Schedule, \
            default='constant'
        By what the fraction `zeta` is multiplied as training goes on. A parameter of
        this name has it searched in grids.
    """

    schedule: ScheduleLike = "constant"

    def connection_scores(self, layer: EvolvingLayer) -> Floats:
        """How much each connection is worth: the lowest go.

        Parameters
        ----------
        layer : EvolvingLayer

        Returns
        -------
        scores : ndarray of float, shape (n_connections,)
            By default, the magnitudes of the weights.
        """
        return np.abs(layer.weights)

    def cell_scores(self, layer: EvolvingLayer, neurons: Ints) -> Floats:
        """How much a connection at each cell of some neurons would be worth.

        Parameters
        ----------
        layer : EvolvingLayer
        neurons : ndarray of int64

        Returns
        -------
        scores : ndarray of float, shape (len(neurons), n_inputs)
            Those of cells that hold a connection do not matter.
        """
        raise NotImplementedError

    def targets(self, layers: list[EvolvingLayer]) -> Counts:
        """How many connections each layer is to have when it is rewired.

        Parameters
        ----------
        layers : list of EvolvingLayer

        Returns
        -------
        numbers : sequence of int, length n_layers
            By default, as many as it has.
        """
        return [layer.n_connections for layer in layers]

    def n_replaced(self, layer: EvolvingLayer) -> int:
        """How many connections of a layer go that others may come.

        Parameters
        ----------
        layer : EvolvingLayer

        Returns
        -------
        number : int
            By default, the fraction `zeta` of them, times the schedule.
        """
        share = layer.zeta * schedule_of(self.schedule)(layer.clock.progress)
        return min(int(share * layer.n_connections), layer.n_empty_cells)

    def n_pruned(self, layers: list[EvolvingLayer]) -> Counts:
        """Those above the target, and those that are replaced."""
        pruned = [
            self.n_replaced(layer) + max(layer.n_connections - target, 0)
            for layer, target in zip(layers, self.targets(layers), strict=True)
        ]
        return [min(n, layer.n_connections) for n, layer in zip(pruned, layers)]

    def prune(self, layer: EvolvingLayer) -> Bools:
        """Remove the connections of the lowest scores."""
        scores = np.asarray(self.connection_scores(layer))
        if scores.shape != (layer.n_connections,) or scores.dtype.kind not in "fiub":
            raise ValueError(
                f"{type(self).__name__}.connection_scores must return a number for "
                f"each of {layer.n_connections} connections, got {scores.dtype} of "
                f"shape {scores.shape}."
            )
        return highest(-scores, layer.n_to_prune, layer.rng)

    def n_grown(self, layers: list[EvolvingLayer]) -> Counts:
        """As many as are missing to the target."""
        return [
            min(max(0, target - _n_left(layer)), layer.n_empty_cells)
            for layer, target in zip(layers, self.targets(layers), strict=True)
        ]

    def grow(self, layer: EvolvingLayer, n_grown: int) -> Cells:
        """Connect the empty cells of the highest scores, or random ones without."""
        if type(self).cell_scores is ScoreRule.cell_scores:
            return layer.sample_empty_cells(n_grown)
        return highest_cells(layer, n_grown, partial(self.cell_scores, layer))

    def new_weights(self, layer: EvolvingLayer, cells: Cells) -> Float32s:
        """Begin at zero: what the network computes stays as it is."""
        return np.zeros(len(cells), dtype=np.float32)


def _n_left(layer):
    return layer.n_connections - int(np.count_nonzero(layer.pruned))
