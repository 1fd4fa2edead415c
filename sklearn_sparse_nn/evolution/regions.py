"""Cells of a layer where connections may begin, where that is not everywhere."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from scipy.sparse import sparray, spmatrix

    from sklearn_sparse_nn._types import Bools, Cells, Ints
    from sklearn_sparse_nn.evolution.layer import EvolvingLayer


class Region(ABC):
    """Base class of the regions: cells of a layer, numbered in ascending order.

    A rule says which it is in `EvolutionRule.region`. Connections that are elsewhere
    already may stay; none begins there.

    Parameters
    ----------
    layer : EvolvingLayer
    reserved : ndarray of int64 or None, default=None
        Cells of the region, ascending, where no connection may begin either.
    """

    def __init__(self, layer: EvolvingLayer, reserved: Cells | None = None) -> None:
        self.layer = layer
        cells = () if reserved is None else reserved
        self.reserved = np.asarray(cells, dtype=np.int64)

    @property
    @abstractmethod
    def n_cells(self) -> int:
        """Number of cells, the reserved ones included."""

    @abstractmethod
    def find(self, cells: Cells) -> tuple[Bools, Cells]:
        """Which of some cells are in the region, and the numbers of those.

        Parameters
        ----------
        cells : ndarray of int64
            Ascending.

        Returns
        -------
        inside : ndarray of bool, shape (n,)
        numbers : ndarray of int64, shape (n_inside,)
        """

    @abstractmethod
    def cells(self, numbers: Cells) -> Cells:
        """The cells of these numbers."""

    def allows(self, cells: Cells) -> Bools:
        """Whether a connection may begin at each of some cells, if it is empty."""
        inside, _ = self.find(cells)
        return inside & ~np.isin(cells, self.reserved)


class Ranges(Region):
    """Each neuron may be connected to a range of its inputs.

    Parameters
    ----------
    layer : EvolvingLayer
    first, last : int or ndarray of int of shape (n_neurons,)
        First input of each neuron, and the one behind its last; by default, all.
    reserved : ndarray of int64 or None, default=None
        See `Region`.

    Examples
    --------
    Neurons in two groups, the first of which sees only the first half of the inputs:

    >>> import numpy as np
    >>> from sklearn_sparse_nn.evolution import SET, Ranges
    >>> class TwoGroups(SET):
    ...     uses_gradient = False
    ...
    ...     def region(self, layer):
    ...         second = np.arange(layer.n_neurons) >= layer.n_neurons // 2
    ...         return Ranges(layer, 0, layer.n_inputs // 2 * (1 + second))
    """

    def __init__(
        self,
        layer: EvolvingLayer,
        first: int | Ints = 0,
        last: int | Ints | None = None,
        reserved: Cells | None = None,
    ) -> None:
        super().__init__(layer, reserved)
        last = layer.n_inputs if last is None else last
        shape = layer.n_neurons
        first, last = (np.asarray(each, dtype=np.int64) for each in (first, last))
        self.first = np.broadcast_to(first, shape).clip(0, layer.n_inputs)
        self.last = np.broadcast_to(last, shape).clip(self.first, layer.n_inputs)
        self.starts = np.concatenate([[0], np.cumsum(self.last - self.first)])

    @property
    def n_cells(self) -> int:
        """See `Region`."""
        return int(self.starts[-1])

    def find(self, cells: Cells) -> tuple[Bools, Cells]:
        """See `Region`."""
        neurons, inputs = np.divmod(cells, self.layer.n_inputs)
        inside = (self.first[neurons] <= inputs) & (inputs < self.last[neurons])
        neurons, inputs = neurons[inside], inputs[inside]
        return inside, self.starts[neurons] + inputs - self.first[neurons]

    def cells(self, numbers: Cells) -> Cells:
        """See `Region`."""
        neurons = np.searchsorted(self.starts, numbers, side="right") - 1
        inputs = self.first[neurons] + numbers - self.starts[neurons]
        return neurons * self.layer.n_inputs + inputs


class Inputs(Region):
    """Connections may begin at some of the inputs only, to any neuron.

    Parameters
    ----------
    layer : EvolvingLayer
    chosen : ndarray of bool, shape (n_inputs,)
        At which inputs.
    reserved : ndarray of int64 or None, default=None
        See `Region`.

    Examples
    --------
    A network that may connect to the first ten features only:

    >>> import numpy as np
    >>> from sklearn_sparse_nn.evolution import SET, Inputs
    >>> class FirstTen(SET):
    ...     uses_gradient = False
    ...
    ...     def region(self, layer):
    ...         if layer.index == 0:
    ...             return Inputs(layer, np.arange(layer.n_inputs) < 10)
    """

    def __init__(
        self, layer: EvolvingLayer, chosen: Bools, reserved: Cells | None = None
    ) -> None:
        super().__init__(layer, reserved)
        self.chosen = chosen
        self._inputs = np.flatnonzero(chosen)
        self._places = np.cumsum(chosen) - 1

    @property
    def n_cells(self) -> int:
        """See `Region`."""
        return len(self._inputs) * self.layer.n_neurons

    def find(self, cells: Cells) -> tuple[Bools, Cells]:
        """See `Region`."""
        neurons, inputs = np.divmod(cells, self.layer.n_inputs)
        inside = self.chosen[inputs]
        neurons, inputs = neurons[inside], inputs[inside]
        return inside, neurons * len(self._inputs) + self._places[inputs]

    def cells(self, numbers: Cells) -> Cells:
        """See `Region`."""
        neurons, places = np.divmod(numbers, len(self._inputs))
        return neurons * self.layer.n_inputs + self._inputs[places]


class Pattern(Region):
    """Connections may begin where a matrix of the user's has an entry.

    Parameters
    ----------
    layer : EvolvingLayer
    matrix : sparse array of shape (n_inputs, n_neurons)
        In the orientation of `coefs_`. Its entries count, whatever their values.
    reserved : ndarray of int64 or None, default=None
        See `Region`.

    Raises
    ------
    ValueError
        If the matrix has another shape than the layer.

    Examples
    --------
    Genes may only be connected to the pathways that they are part of:

    >>> from sklearn_sparse_nn.evolution import SET, Pattern
    >>> class Pathways(SET):
    ...     uses_gradient = False
    ...
    ...     def __init__(self, membership, interval=None):
    ...         self.membership = membership
    ...         super().__init__(interval=interval)
    ...
    ...     def region(self, layer):
    ...         return Pattern(layer, self.membership) if layer.index == 0 else None
    """

    def __init__(
        self,
        layer: EvolvingLayer,
        matrix: sparray | spmatrix,
        reserved: Cells | None = None,
    ) -> None:
        super().__init__(layer, reserved)
        shape = layer.n_inputs, layer.n_neurons
        if matrix.shape != shape:
            raise ValueError(
                f"The pattern of layer {layer.index} must be of shape {shape}, got "
                f"{matrix.shape}."
            )
        entries = sparse.coo_array(matrix)
        neurons = entries.col.astype(np.int64)
        self._cells = np.unique(neurons * layer.n_inputs + entries.row)

    @property
    def n_cells(self) -> int:
        """See `Region`."""
        return len(self._cells)

    def find(self, cells: Cells) -> tuple[Bools, Cells]:
        """See `Region`."""
        numbers = np.searchsorted(self._cells, cells)
        inside = numbers < len(self._cells)
        inside[inside] = self._cells[numbers[inside]] == cells[inside]
        return inside, numbers[inside]

    def cells(self, numbers: Cells) -> Cells:
        """See `Region`."""
        return self._cells[numbers]
