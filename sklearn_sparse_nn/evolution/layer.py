"""What an evolution rule sees: how far training has come, and each layer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sklearn_sparse_nn.topology.cells import occupied_cells
from sklearn_sparse_nn.topology.sampling import sample_empty_cells, sample_outside

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from sklearn_sparse_nn._types import Bools, Cells, Float32s, Ints
    from sklearn_sparse_nn.evolution.regions import Region

# Numbers that are gathered together for the gradient at some cells: more do not fit
# into the cache.
_GATHERED = 2**17
# What the network tells a layer before a rule sees it.
_NOT_YET: Any = None


class TrainingClock(NamedTuple):
    """How far training has come.

    Attributes
    ----------
    epoch : int
        Epochs of this `fit` completed, or calls to `partial_fit`. It is 0 at the
        beginning of a warm start only, since rewiring follows training.
    max_epochs : int or None
        Epochs of this `fit` at most. None in `partial_fit`, whose end nobody knows.
    n_updates : int
        Weight updates (mini-batches) so far.
    updates_since_rewiring : int
        Weight updates since the rule was last applied.
    share : float
        Share of the next epoch that is over: 0 between two epochs.
    epochs_in_vain : float
        For how many epochs what the perceptron watches, the validation score with
        ``early_stopping=True`` or else the loss, has not improved by `tol`. An epoch of
        fewer than 20 updates counts in proportion. 0 in other networks.
    """

    epoch: int
    max_epochs: int | None
    n_updates: int
    updates_since_rewiring: int
    share: float = 0.0
    epochs_in_vain: float = 0.0

    @property
    def progress(self) -> float:
        """Share of this `fit` that is over, from 0 to 1; 0 in `partial_fit`."""
        return (self.epoch + self.share) / self.max_epochs if self.max_epochs else 0.0


class NeuronBatch(NamedTuple):
    """What the neurons before and of a layer did with some samples, float32.

    In a Boltzmann machine, the states of the negative phase follow those of the
    positive phase in `inputs` and `errors`, whose signs differ.

    Attributes
    ----------
    inputs : ndarray of shape (n_inputs, n_columns)
        Activations of the inputs of the layer, a column for each sample.
    activations : ndarray of shape (n_neurons, n_samples)
        Activations of the neurons of the layer; of the output layer, its scores.
    errors : ndarray of shape (n_neurons, n_columns)
        Derivatives of the loss of each sample by what comes into each neuron.
    weight_sum : float
        Sum of the weights of the samples.
    """

    inputs: Float32s
    activations: Float32s
    errors: Float32s
    weight_sum: float


def _check_number(n, n_cells):
    """Complain in the words of a rule's author, not in those of the generator."""
    if not 0 <= n <= n_cells:
        raise ValueError(f"Cannot draw {n} cells: {n_cells} are there to draw from.")


@dataclass
class EvolvingLayer:
    """A layer as an evolution rule sees it. Arrays are read-only.

    Attributes
    ----------
    indptr : ndarray of int64, shape (n_neurons + 1,)
        Where the connections of each neuron start.
    indices : ndarray of uint32, shape (n_connections,)
        Input of each connection, ascending within a neuron.
    weights : ndarray of float32, shape (n_connections,)
        Weight of each connection.
    index : int
        Which layer of the network it is; 0 is the layer of the features.
    n_inputs : int
        Number of input neurons.
    zeta : float
        The estimator's `zeta`: the fraction of the connections to replace.
    clock : TrainingClock
        How far training has come.
    gain : float
        Scale of the initial weights of this layer.
    rng : numpy.random.Generator
        The random stream of this layer.
    n_layers : int
        Number of layers of the network, the inputs not counted.
    first_moments, second_moments : ndarray of float32, shape (n_connections,)
        The optimiser's state: velocities of SGD, or means and squares of the gradient
        in Adam. SGD has no second moments: an empty array.
    importances : ndarray of float32, shape (n_connections,)
        What each connection has done for the loss since it began: the sum over all
        updates of ``abs(change of the weight * gradient)``. An empty array unless
        `EvolutionRule.keeps_importances`.
    held : ndarray of float32, shape (n_connections,)
        What each weight is while it is held, and zero for those that are not: see
        `EvolutionRule.holds_weights`. An empty array for rules that hold none.
    batch : callable
        ``batch()`` is the `NeuronBatch` of the last mini-batch, or of a sample: see
        `EvolutionRule.sample_size`.
    region : Region or None
        Cells where connections may begin, as the rule has it; None is everywhere.
    pruned : ndarray of bool, shape (n_connections,), or None
        What the rule removes. None until it has said so for all layers.
    """

    indptr: Ints
    indices: NDArray[np.uint32]
    weights: Float32s
    index: int
    n_inputs: int
    zeta: float
    clock: TrainingClock
    gain: float
    rng: np.random.Generator
    n_layers: int = 1
    first_moments: Float32s = _NOT_YET
    second_moments: Float32s = _NOT_YET
    importances: Float32s = _NOT_YET
    held: Float32s = _NOT_YET
    batch: Callable[[], NeuronBatch] = _NOT_YET
    region: Region | None = None
    pruned: Bools = _NOT_YET

    @property
    def n_neurons(self) -> int:
        """Number of neurons of the layer."""
        return len(self.indptr) - 1

    @property
    def n_connections(self) -> int:
        """Number of connections of the layer."""
        return len(self.indices)

    @property
    def n_cells(self) -> int:
        """Number of pairs of an input and a neuron."""
        return self.n_inputs * self.n_neurons

    @property
    def values(self) -> Float32s:
        """Weight of each connection, whether it is held or not."""
        return self.weights + self.held

    @property
    def is_output(self) -> bool:
        """Whether it is the last layer of the network."""
        return self.index == self.n_layers - 1

    @property
    def n_empty_cells(self) -> int:
        """Number of cells without a connection where one may begin."""
        if self.region is None:
            return self.n_cells - self.n_connections
        return self.region.n_cells - len(self._taken)

    @property
    def n_to_prune(self) -> int:
        """How many connections to remove: what `EvolutionRule.n_pruned` says.

        Before it has: the fraction `zeta`, but at most as many as there is room for.
        """
        if "_n_to_prune" in vars(self):
            return self._n_to_prune
        return min(int(self.zeta * self.n_connections), self.n_empty_cells)

    @n_to_prune.setter
    def n_to_prune(self, number: int) -> None:
        self._n_to_prune = number

    @cached_property
    def cells(self) -> Cells:
        """Cell ``neuron * n_inputs + input`` of each connection, ascending."""
        return self.cells_of(0, self.n_neurons)

    def cells_of(self, first: int, last: int) -> Cells:
        """Cells of the connections of the neurons from `first` to before `last`."""
        return occupied_cells(self.indptr, self.indices, self.n_inputs, first, last)

    def sample_empty_cells(self, n: int) -> Cells:
        """Draw `n` distinct cells that hold no connection, in ascending order.

        All are in the region, if there is one. What is pruned is not among them.

        Raises
        ------
        ValueError
            If `n` is negative or more than `n_empty_cells`.
        """
        if self.region is None:
            _check_number(n, self.n_empty_cells)
            rows = self.indptr, self.indices, self.n_inputs
            return sample_empty_cells(*rows, n, self.rng)
        return self._sample_of_region(self._taken, n)

    def sample_outside(self, cells: Cells, n: int) -> Cells:
        """Draw `n` distinct cells, none of those given, in ascending order.

        All are in the region, if there is one.

        Parameters
        ----------
        cells : ndarray of int64
            Ascending.
        n : int
            At most `n_cells_outside`.

        Raises
        ------
        ValueError
            If `n` is negative or larger than that.
        """
        if self.region is None:
            _check_number(n, self.n_cells_outside(cells))
            return sample_outside(self.n_cells, cells, n, self.rng)
        return self._sample_of_region(self._numbers_of(cells), n)

    def _sample_of_region(self, taken, n):
        _check_number(n, self.region.n_cells - len(taken))
        numbers = sample_outside(self.region.n_cells, taken, n, self.rng)
        return self.region.cells(numbers)

    def n_cells_outside(self, cells: Cells) -> int:
        """How many cells `sample_outside` draws from."""
        if self.region is None:
            return self.n_cells - len(cells)
        return self.region.n_cells - len(self._numbers_of(cells))

    def allowed(self, cells: Cells) -> Cells:
        """Those of some cells that are in the region: all, if there is none."""
        return cells if self.region is None else cells[self.region.allows(cells)]

    @cached_property
    def _taken(self):
        """Numbers of the cells of the region that are no more to be had, ascending."""
        return self._numbers_of(self.cells)

    def _numbers_of(self, cells):
        """Numbers of cells of the region, and of those it has reserved, ascending."""
        return self.region.find(np.union1d(cells, self.region.reserved))[1]

    def gradient(self, neurons: ArrayLike) -> Float32s:
        """Mean gradient of the loss for all cells of some neurons, connected or not.

        Parameters
        ----------
        neurons : array-like of int
            Ask for a few at a time: a dense layer may not fit into memory.

        Returns
        -------
        gradient : ndarray of float32, shape (len(neurons), n_inputs)
        """
        inputs, _, errors, weight_sum = self.batch()
        return errors[np.asarray(neurons)] @ inputs.T / np.float32(weight_sum or 1)

    def gradient_at(self, cells: Cells) -> Float32s:
        """Mean gradient of the loss at some cells, in time proportional to them.

        Parameters
        ----------
        cells : ndarray of int64, shape (n,)

        Returns
        -------
        gradient : ndarray of float32, shape (n,)

        Raises
        ------
        IndexError
            If the layer has no such cells.
        """
        inputs, _, errors, weight_sum = self.batch()
        if len(cells) and not 0 <= cells.min() <= cells.max() < self.n_cells:
            raise IndexError(f"Cells of this layer are from 0 to {self.n_cells - 1}.")
        gradient = np.empty(len(cells), dtype=np.float32)
        block = max(1, _GATHERED // inputs.shape[1])
        gathered = np.empty((2, min(block, len(cells)), inputs.shape[1]), np.float32)
        for start in range(0, len(cells), block):
            here = slice(start, start + block)
            neurons, places = np.divmod(cells[here], self.n_inputs)
            x, e = gathered[:, : len(places)]
            # Other modes would gather into a copy first.
            np.take(inputs, places, axis=0, out=x, mode="clip")
            np.take(errors, neurons, axis=0, out=e, mode="clip")
            np.einsum("ij,ij->i", e, x, out=gradient[here])
        return gradient / np.float32(weight_sum or 1)
