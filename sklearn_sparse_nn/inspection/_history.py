"""What became of the connections of a network while it trained."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from sklearn_sparse_nn.engine.layers import (
    connections_of,
    layer_indptr,
    n_layers,
)
from sklearn_sparse_nn.inspection._explored import Explored
from sklearn_sparse_nn.inspection._fitted import checked_layer
from sklearn_sparse_nn.topology.cells import neuron_blocks, occupied_cells

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from sklearn_sparse_nn._types import Cells, Float64s, Ints


class TopologyHistory:
    """How the connections of a network changed in a fit: see `TopologyMonitor`.

    Epoch 0 is the beginning of the fit.

    Attributes
    ----------
    shapes : list of tuple of int
        Of each layer, its (n_inputs, n_neurons).
    n_connections : ndarray of int of shape (n_epochs + 1, n_layers)
        Connections after each epoch.
    n_born : ndarray of int of shape (n_epochs + 1, n_layers)
        Those that were not there after the epoch before. The first row is 0.
    n_died : ndarray of int of shape (n_epochs + 1, n_layers)
        Those of the epoch before that are gone. The first row is 0.
    n_grown, n_pruned : ndarray of int of shape (n_epochs + 1, n_layers)
        How often a connection has begun, and has ended, in the rewirings of an epoch.
        A rule that rewires once per epoch does not undo what it has done; with others
        these numbers may be larger than `n_born` and `n_died`. What is pruned and
        returns at once counts. The first row is 0.
    explored : ndarray of float of shape (n_epochs + 1, n_layers)
        Share of the cells of each layer, which are the connections that it could have,
        that have held one after this or an earlier epoch. Of a very large layer, this
        is estimated from some of its neurons.
    epochs : list of int
        Those whose `topology` is kept: the first and the last, and all or every second,
        fourth, eighth between them, as there is room.
    """

    def __init__(self, layers: Any, max_bytes: int) -> None:
        self._max_bytes, self._stride = max_bytes // 2, 1
        self.shapes = list(pairwise(layers.sizes.tolist()))
        room = max_bytes // 2 // len(self.shapes)
        self._explored = [Explored(*shape, room) for shape in self.shapes]
        self._topologies = {0: _topology_of(layers)}
        self._rows: list[tuple] = []
        self._grown, self._pruned = np.zeros((2, len(self.shapes)), dtype=np.int64)
        nothing = np.zeros(len(self.shapes), dtype=np.int64)
        self._add_row(nothing, nothing)

    def see_rewiring(self, layer: int, n_pruned: int, cells: Cells) -> None:
        """Note what a rewiring has done to a layer."""
        self._explored[layer].mark(cells)
        self._grown[layer] += len(cells)
        self._pruned[layer] += n_pruned

    def add(self, layers: Any) -> None:
        """Record the network after another epoch."""
        before, now = self._last, _topology_of(layers, self._last)
        n_common = [
            _n_common(one, other, shape[0])
            for one, other, shape in zip(before, now, self.shapes)
        ]
        self._topologies[len(self._rows)] = now
        n_before, n_now = _n_connections(before), _n_connections(now)
        self._add_row(n_now - n_common, n_before - n_common)
        self._thin_out()

    @property
    def _last(self):
        return self._topologies[max(self._topologies)]

    def _add_row(self, n_born, n_died):
        for explored, connections in zip(self._explored, self._last):
            explored.see(*connections)
        numbers = n_born, n_died, self._grown, self._pruned
        explored = [each.share for each in self._explored]
        self._rows.append((_n_connections(self._last), *numbers, explored))
        self._grown, self._pruned = np.zeros_like(numbers[2:])

    def _thin_out(self):
        """Forget topologies until there is room for those that are kept."""
        last = max(self._topologies)
        while len(self._topologies) > 2 and self._n_bytes() > self._max_bytes:
            self._stride *= 2
            self._topologies = self._kept(last)
        self._topologies = self._kept(last)

    def _kept(self, last):
        return {
            epoch: topology
            for epoch, topology in self._topologies.items()
            if epoch % self._stride == 0 or epoch == last
        }

    def _n_bytes(self):
        # Epochs without a change of a layer share its arrays.
        arrays = {
            id(array): array.nbytes
            for topology in self._topologies.values()
            for connections in topology
            for array in connections
        }
        return sum(arrays.values())

    def _column(self, number):
        return np.array([row[number] for row in self._rows])

    @property
    def n_connections(self) -> Ints:
        return self._column(0)

    @property
    def n_born(self) -> Ints:
        return self._column(1)

    @property
    def n_died(self) -> Ints:
        return self._column(2)

    @property
    def n_grown(self) -> Ints:
        return self._column(3)

    @property
    def n_pruned(self) -> Ints:
        return self._column(4)

    @property
    def explored(self) -> Float64s:
        return self._column(5)

    @property
    def epochs(self) -> list[int]:
        return sorted(self._topologies)

    def topology(self, epoch: int, layer: int = 0) -> csr_array:
        """The connections of a layer after an epoch.

        Parameters
        ----------
        epoch : int
            One of `epochs`.
        layer : int, default=0
            0 is the layer of the features, -1 that of the outputs.

        Returns
        -------
        connections : csr_array of bool of shape (n_inputs, n_neurons)

        Raises
        ------
        ValueError
            If that epoch is not kept, or if there is no such layer.
        """
        if epoch not in self._topologies:
            raise ValueError(
                f"The connections after epoch {epoch!r} are not kept, but those after "
                f"the epochs {self.epochs}."
            )
        layer = checked_layer(layer, len(self.shapes))
        indptr, indices = self._topologies[epoch][layer]
        there = np.ones(len(indices), dtype=bool)
        shape = self.shapes[layer][::-1]
        connections = sparse.csr_array((there, indices.astype(np.int64), indptr), shape)
        return connections.T.tocsr()


def _topology_of(layers, before=None):
    """Of each layer, `indptr` and `indices`: those of before where they are equal."""
    topology = []
    for layer in range(n_layers(layers)):
        now = layer_indptr(layers, layer), layers.indices[connections_of(layers, layer)]
        if before and all(map(np.array_equal, before[layer], now)):
            topology.append(before[layer])
        else:
            topology.append((now[0], now[1].copy()))
    return topology


def _n_connections(topology):
    return np.array([len(indices) for _, indices in topology])


def _n_common(one, other, n_inputs):
    """How many connections two states of a layer have in common."""
    if one is other:
        return len(one[1])
    n = 0
    for block in neuron_blocks(one[0]):
        cells = (occupied_cells(*each, n_inputs, *block) for each in (one, other))
        n += len(np.intersect1d(*cells, assume_unique=True))
    return n
