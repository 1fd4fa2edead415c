"""The protocol of the rules by which connections change during training.

Before an epoch (or a call to `partial_fit`) that follows training, or each so many
updates within it, the network asks its rule `is_due`; if so, for each layer, `prune`
says which connections go and `grow` where as many begin. A rule sees a layer through
`EvolvingLayer` and changes nothing itself.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator

from sklearn_sparse_nn.topology.cells import occupied_cells
from sklearn_sparse_nn.topology.sampling import sample_empty_cells
from sklearn_sparse_nn.topology.weights import random_weights


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
    """

    epoch: int
    max_epochs: int | None
    n_updates: int
    updates_since_rewiring: int
    share: float = 0.0

    @property
    def progress(self):
        """Share of this `fit` that is over, from 0 to 1; 0 in `partial_fit`."""
        return (self.epoch + self.share) / self.max_epochs if self.max_epochs else 0.0


@dataclass(frozen=True)
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
    gradient : callable
        ``gradient(neurons)`` is the gradient of the loss of the last mini-batch with
        respect to all possible connections of these neurons, as a float32 array of
        shape (len(neurons), n_inputs). Ask for a few neurons at a time, and only if
        `EvolutionRule.uses_gradient` is True.
    """

    indptr: np.ndarray
    indices: np.ndarray
    weights: np.ndarray
    index: int
    n_inputs: int
    zeta: float
    clock: TrainingClock
    gain: float
    rng: np.random.Generator
    gradient: object

    @property
    def n_neurons(self):
        """Number of neurons of the layer."""
        return len(self.indptr) - 1

    @property
    def n_connections(self):
        """Number of connections of the layer."""
        return len(self.indices)

    @property
    def n_empty_cells(self):
        """Number of pairs of an input and a neuron that are not connected."""
        return self.n_inputs * self.n_neurons - self.n_connections

    @cached_property
    def cells(self):
        """Cell ``neuron * n_inputs + input`` of each connection, ascending."""
        return occupied_cells(
            self.indptr, self.indices, self.n_inputs, 0, self.n_neurons
        )

    def sample_empty_cells(self, n):
        """Draw `n` distinct cells that hold no connection, in ascending order."""
        return sample_empty_cells(self.indptr, self.indices, self.n_inputs, n, self.rng)


class EvolutionRule(BaseEstimator):
    """Base class of evolution rules: override what differs from doing nothing.

    A rule has parameters as estimators have: arguments of `__init__`, which stores each
    under its name and does nothing else. `clone` copies them, `set_params` and grid
    searches reach them through the estimator, as in ``evolution__min_updates``, and
    they are checked in `fit` where `_parameter_constraints` says how.

    A rule may keep state between calls; each fit works on its own copy.

    Attributes
    ----------
    interval : int or None, default=None
        Weight updates after which the rule is asked whether to rewire, within an epoch
        too. If None, it is asked before each epoch. A parameter of this name has it
        searched in grids.
    uses_gradient : bool, default=True
        Whether the rule asks for ``layer.gradient``. If so, what the gradient needs of
        the last mini-batch is kept after training and saved with the estimator, so that
        `partial_fit` and warm starts go on with the same bits after a pickle. A rule
        that does without says False in the body of its class, which spares this memory.
    """

    _parameter_constraints: dict = {}

    interval = None
    uses_gradient = True

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        # A child may ask for the gradient though its parent does not.
        if "uses_gradient" not in vars(cls):
            cls.uses_gradient = True

    def is_due(self, clock):
        """Whether to rewire now.

        It is asked before an epoch, or a call to `partial_fit`, that follows training:
        what is due at the end of a fit happens at the beginning of the next one, if
        that is a warm start, or of the next call. With an `interval`, it is asked each
        time that so many updates have passed since the last rewiring, wherever in an
        epoch, or in which fit, that is.

        Parameters
        ----------
        clock : TrainingClock

        Returns
        -------
        due : bool
            By default, True.
        """
        return True

    def prune(self, layer):
        """Choose the connections to remove.

        Parameters
        ----------
        layer : EvolvingLayer

        Returns
        -------
        pruned : ndarray of bool, shape (n_connections,)
            By default, none is.
        """
        return np.zeros(layer.n_connections, dtype=bool)

    def grow(self, layer, n_pruned):
        """Choose where new connections begin.

        Parameters
        ----------
        layer : EvolvingLayer
            The layer before pruning.
        n_pruned : int
            Number of connections that `prune` removed.

        Returns
        -------
        cells : ndarray of int64, shape (n_grown,)
            Distinct cells ``neuron * n_inputs + input``, in ascending order: empty, or
            of a connection that `prune` removed. By default, as many random ones as
            were pruned, empty before.
        """
        return layer.sample_empty_cells(n_pruned)

    def new_weights(self, layer, cells):
        """Choose the weights of new connections.

        Parameters
        ----------
        layer : EvolvingLayer
        cells : ndarray of int64, shape (n_grown,)
            What `grow` returned.

        Returns
        -------
        weights : ndarray of float32, shape (n_grown,)
            By default, drawn like the initial weights.
        """
        fan_in = np.diff(layer.indptr)[cells // layer.n_inputs]
        return random_weights(np.maximum(fan_in, 1), layer.gain, layer.rng)
