"""The sparse restricted Boltzmann machine: how it trains, what it believes."""

from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.special import expit, logit
from sklearn.utils import gen_batches

from sklearn_sparse_nn.engine.activations import LOGISTIC
from sklearn_sparse_nn.engine.layers import layer_matrix, n_layers, require
from sklearn_sparse_nn.evolution.layer import NeuronBatch
from sklearn_sparse_nn.networks.forward import Functions
from sklearn_sparse_nn.networks.network import SparseNetwork
from sklearn_sparse_nn.networks.rbm_epoch import (
    Dreaming,
    VisibleNeurons,
    train_batches,
    training_workspace,
)

# Samples × hidden neurons with which `free_energy` works at a time.
_FREE_ENERGY_CELLS = 2**22


def logit_of_means(means):
    """Intercepts with which neurons without connections are on that often."""
    return logit(np.clip(means, 0.01, 0.99))


class ContrastiveDivergence(NamedTuple):
    """How one epoch trains. Names and meanings are those of the estimator."""

    learning_rate: float
    momentum: float
    alpha: float
    batch_size: int
    n_gibbs_steps: int
    persistent: bool


class RBM(SparseNetwork):
    """A sparse restricted Boltzmann machine with binary neurons.

    The joint probability of visible states `v` and hidden states `h` is proportional to
    ``exp(b·v + c·h + h·Wv)``. Row `j` of `layers` holds the connections of hidden
    neuron `j`, `layers.intercepts` is `c`.

    Parameters
    ----------
    sizes : (int, int)
        Number of visible and of hidden neurons.
    start : Start
        Its connections and random numbers: see `network`.
    means : ndarray of shape (n_visible,)
        Mean of each visible neuron, from which its intercept starts: without
        connections, the machine then already knows how often each neuron is on.

    Attributes
    ----------
    visible : VisibleNeurons
        Its `intercepts` are `b`.
    chains : ndarray of uint8, shape (n_visible, n_columns / 8), or None
        Visible states at which the persistent chains have arrived, eight in a byte.
    """

    def __init__(self, sizes, start, means):
        super().__init__(sizes, start, [1.0])
        intercepts = logit_of_means(means).astype(np.float32)
        self.visible = VisibleNeurons(intercepts, *np.zeros((2, sizes[0]), np.float32))
        self.reset_optimiser()

    def reset_optimiser(self):
        """Forget the optimiser's state and start anew, with new random numbers."""
        super().reset_optimiser("sgd")
        self.visible.velocities[:] = 0
        self.chains = None

    _new_workspace = staticmethod(training_workspace)

    def _functions(self):
        return Functions(np.array([LOGISTIC]), np.zeros(1, dtype=np.float32))

    def train_epoch(self, X, order, parameters, team, evolution=None):
        """Contrastive divergence on each sample once, in mini-batches.

        Parameters
        ----------
        X : ndarray or csr_array of float32, shape (n_samples, n_features)
        order : ndarray of int64
            Samples to train on, in this order.
        parameters : ContrastiveDivergence
        team : ThreadTeam
        evolution : Evolution or None
            How connections change: see `evolving`.
        """
        task = Dreaming(self.visible, parameters.n_gibbs_steps, parameters.persistent)
        self._run_epoch(train_batches, (X, order), parameters, task, team, evolution)
        if parameters.persistent:
            work = self._workspace
            tiles = self._dreams(work).reshape(
                -1, len(self.visible.intercepts), work.stride
            )
            self.chains = np.packbits(np.concatenate(tiles > 0, axis=1), axis=1)

    def _run_batches(self, train_batches, learner, batches, task, team):
        if batches.first == 0:  # a rule has seen the last mini-batch by now
            work = self._training_workspace(batches.size, team.n_threads)
            self._place_chains(self._dreams(work))
        super()._run_batches(train_batches, learner, batches, task, team)

    def _place_of(self, samples, task, work):
        n, half = len(samples), len(work.activations) // 2 * work.stride
        return np.r_[:n, half : half + n], n

    def _undisturbed(self, task):
        """The same task, whose negative phase begins at the sample."""
        return task._replace(persistent=False)

    def _neuron_batch(self, layer, values):
        visible, hidden, weight_sum = values
        # The sign of the hidden neurons is turned in the positive phase.
        activations = -hidden[:, : hidden.shape[1] // 2]
        return NeuronBatch(visible, activations, hidden, weight_sum)

    def _dreams(self, work):
        """The visible neurons of the negative phase, tile by tile."""
        return work.activations[len(work.activations) // 2 :]

    def _place_chains(self, dreams):
        """Let the negative phase begin where the chains are; new ones begin at zero."""
        dreams[:] = 0
        if self.chains is None:
            return
        chains = np.unpackbits(self.chains, axis=1)
        tiles = dreams.reshape(len(dreams), len(chains), -1)
        stride = tiles.shape[2]
        for tile, start in zip(tiles, range(0, chains.shape[1], stride)):
            states = chains[:, start : start + stride]
            tile[:, : states.shape[1]] = states

    def free_buffers(self):
        """Free the buffers of the last mini-batch, and forget the chains."""
        super().free_buffers()
        self.chains = None

    def is_finite(self):
        """Whether no weight and no intercept is infinite or NaN."""
        return super().is_finite() and np.isfinite(self.visible.intercepts).all()

    def components(self):
        """Weights as a `csr_array` of shape (n_hidden, n_visible)."""
        return layer_matrix(self.layers, 0).T.tocsr()

    def visible_probabilities(self, H):
        """Probability that each visible neuron is on, given hidden states.

        Parameters
        ----------
        H : ndarray of shape (n_samples, n_hidden)

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_visible), in the dtype of H
        """
        scores = H @ self.components()
        scores += self.visible.intercepts
        return expit(scores, out=scores)

    def free_energy(self, X):
        """``-log sum_h exp(b·v + c·h + h·Wv)`` of each sample `v`, in float64."""
        weights = self.components().T.astype(np.float64)
        energy = -(X @ self.visible.intercepts.astype(np.float64))
        n_rows = max(1, _FREE_ENERGY_CELLS // weights.shape[1])
        for rows in gen_batches(X.shape[0], n_rows):
            scores = X[rows] @ weights
            if sparse.issparse(scores):
                scores = scores.toarray()
            scores += self.layers.intercepts
            energy[rows] -= np.logaddexp(0, scores).sum(axis=1)
        return energy

    def copy(self):
        """A copy that later training of this network does not change."""
        clone = super().copy()
        clone.visible = VisibleNeurons(*(array.copy() for array in self.visible))
        return clone

    def __getstate__(self):
        return super().__getstate__() | {"visible": tuple(self.visible)}

    def __setstate__(self, state):
        super().__setstate__(state | {"visible": VisibleNeurons(*state["visible"])})

    def _check(self):
        super()._check()
        n_visible = self.layers.sizes[0]
        require(self.visible, ["f4"] * 3, "The visible neurons are damaged: ")
        fits = all(len(array) == n_visible for array in self.visible)
        fits &= self.chains is None or len(self.chains) == n_visible
        if not fits or n_layers(self.layers) != 1:
            raise ValueError("The network is damaged: its visible neurons do not fit.")
