"""The sparse restricted Boltzmann machine: how it trains, what it believes."""

from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.special import expit, logit
from sklearn.utils import gen_batches

from sklearn_sparse_nn.engine.activations import LOGISTIC
from sklearn_sparse_nn.engine.inputs import as_dense
from sklearn_sparse_nn.engine.layers import layer_matrix, n_layers, require
from sklearn_sparse_nn.engine.simd import LINE
from sklearn_sparse_nn.evolution.layer import NeuronBatch
from sklearn_sparse_nn.networks.annealing import Energy, log_partition
from sklearn_sparse_nn.networks.batches import columns_side_by_side
from sklearn_sparse_nn.networks.forward import Functions
from sklearn_sparse_nn.networks.network import SparseNetwork
from sklearn_sparse_nn.networks.rbm_epoch import (
    Dreaming,
    Night,
    VisibleNeurons,
    dream,
    dreaming_workspace,
    train_batches,
    training_workspace,
)

# Samples × neurons with which NumPy works at a time, and with which `dream` does.
_CELLS, _DREAM_CELLS = 2**21, 2**24
# Connections × samples × Gibbs steps before Python can hear an interrupt: a fraction of
# a second.
_DREAM_WORK = 2**30


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
    intercepts : ndarray of shape (n_visible,)
        Those of the visible neurons. With `logit_of_means`, the machine already knows
        how often each neuron is on, without connections.

    Attributes
    ----------
    visible : VisibleNeurons
        Its `intercepts` are `b`.
    chains : ndarray of shape (n_visible, n_columns), or None
        Visible states at which the persistent chains have arrived, as `_pack` has them.
    gaussian : bool
        Whether visible neurons are Gaussian: see `gaussian_rbm`.
    """

    gaussian = False

    def __init__(self, sizes, start, intercepts):
        # Nor should many hidden neurons be too much for few visible ones.
        super().__init__(sizes, start, [min(1.0, np.sqrt(sizes[0] / sizes[1]))])
        intercepts = np.array(intercepts, dtype=np.float32)
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

    def _task(self, n_gibbs_steps, persistent=False):
        return Dreaming(self.visible, self.gaussian, n_gibbs_steps, persistent)

    def train_epoch(self, X, order, parameters, team, evolution=None):
        """Contrastive divergence on each sample once, in mini-batches.

        Parameters
        ----------
        X : ndarray or csr_array of shape (n_samples, n_features)
        order : ndarray of int64
            Samples to train on, in this order.
        parameters : ContrastiveDivergence
        team : ThreadTeam
        evolution : Evolution or None
            How connections change: see `evolving`.
        """
        task = self._task(parameters.n_gibbs_steps, parameters.persistent)
        self._run_epoch(train_batches, (X, order), parameters, task, team, evolution)
        if parameters.persistent:
            work = self._workspace
            rows = slice(len(self.visible.intercepts))
            chains = columns_side_by_side(self._dreams(work), work.stride, rows)
            self.chains = self._pack(chains)

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

    def neuron_batch(self, layer, values):
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
        if self.chains is not None:
            _place(self._unpack(self.chains), dreams)

    @staticmethod
    def _pack(chains):
        """The states of binary neurons, eight in a byte."""
        return np.packbits(chains > 0, axis=1)

    @staticmethod
    def _unpack(chains):
        return np.unpackbits(chains, axis=1)

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

    def visible_means(self, H):
        """Mean of each visible neuron, given hidden states.

        Parameters
        ----------
        H : ndarray of shape (n_samples, n_hidden)

        Returns
        -------
        means : ndarray of shape (n_samples, n_visible), in the dtype of H
            Of binary neurons, the probabilities that they are on.
        """
        scores = self._visible_scores(H)
        return expit(scores, out=scores)

    def _visible_scores(self, H):
        scores = H @ self.components()
        scores += self.visible.intercepts
        return scores

    def reconstruction_error(self, X, team):
        """Mean squared difference between X and its way to the hidden side and back.

        It is infinite or NaN if the machine has diverged.
        """
        hidden, total = self.decision(X, np.arange(X.shape[0]), team), 0.0
        with np.errstate(over="ignore", invalid="ignore"):
            for rows in gen_batches(X.shape[0], self._rows_at_a_time()):
                difference = self._difference(as_dense(X[rows]), hidden[rows])
                total += np.sum(difference**2, dtype=np.float64)
        return float(total / (X.shape[0] * X.shape[1]))

    def _difference(self, X, hidden):
        return X.astype(np.float32, copy=False) - self.visible_means(hidden)

    def _rows_at_a_time(self):
        return max(1, _CELLS // int(self.layers.sizes.max()))

    def free_energy(self, X):
        """``-log sum_h exp(b·v + c·h + h·Wv)`` of each sample `v`, in float64."""
        weights = self.components().T.astype(np.float64)
        energy = np.zeros(X.shape[0])
        for rows in gen_batches(X.shape[0], self._rows_at_a_time()):
            energy[rows] = self._free_energy(X[rows], weights)
        return energy

    def _free_energy(self, X, weights):
        scores = as_dense(X @ weights)
        scores += self.layers.intercepts
        energy = -(X @ self.visible.intercepts.astype(np.float64))
        return energy - np.logaddexp(0, scores).sum(axis=1)

    def pseudo_likelihood(self, X, features):
        """Log-probability of one feature of each sample given the others, float64.

        Parameters
        ----------
        X : ndarray or csr_array of shape (n_samples, n_features)
        features : ndarray of int, shape (n_samples,)
        """
        place = np.arange(X.shape[0]), features
        if sparse.issparse(X):
            change = 1 - 2 * np.asarray(X[place]).ravel()
            other = X + sparse.csr_array((change, place), shape=X.shape)
        else:
            other = X.copy()
            other[place] = 1 - other[place]
        gain = self.free_energy(other) - self.free_energy(X)
        return -np.logaddexp(0, -gain)

    def log_likelihood(self, X, n_chains, n_temperatures, rng):
        """Log-likelihood of each sample, and its standard error: see `annealing`.

        Parameters
        ----------
        X : ndarray or csr_array of shape (n_samples, n_features)
        n_chains, n_temperatures : int
        rng : numpy.random.Generator
        """
        energy = Energy(
            self.components(),
            self.layers.intercepts,
            self.visible.intercepts,
            self.gaussian,
        )
        base = self._base_intercepts(X)
        log_z, error = log_partition(energy, base, n_chains, n_temperatures, rng)
        return -self.free_energy(X) - log_z, error

    def _base_intercepts(self, X):
        """Visible intercepts of a machine without connections that knows X."""
        return logit_of_means(np.asarray(X.mean(axis=0, dtype=np.float64)).ravel())

    def independent_states(self, n_samples, rng):
        """Visible states that a machine without connections would draw."""
        intercepts = np.broadcast_to(
            self.visible.intercepts, (n_samples, len(self.visible.intercepts))
        )
        return rng.logistic(size=intercepts.shape) < intercepts

    def dream(self, V, n_steps, rng, team):
        """Take Gibbs steps from visible states.

        Parameters
        ----------
        V : ndarray or csr_array of shape (n_samples, n_visible)
        n_steps : int
        rng : numpy.random.RandomState
        team : ThreadTeam

        Returns
        -------
        V : ndarray of shape (n_samples, n_visible)
            The states afterwards.
        """
        n_rows = int(self.layers.sizes.sum())
        size = max(LINE, _DREAM_CELLS // n_rows // LINE * LINE)
        return np.concatenate(
            [
                self._dream(V[samples], n_steps, rng.randint(2**31 - 1), team)
                for samples in gen_batches(V.shape[0], size)
            ]
        )

    def _dream(self, V, n_steps, seed, team):
        n_samples, layers = V.shape[0], self.layers
        work = dreaming_workspace(layers, n_samples, team.n_threads)
        _place(self._read_states(as_dense(V)).T, work.activations)
        task = self._task(1)
        work_per_step = max(1, len(work.losses) * len(layers.weights))
        size = max(1, _DREAM_WORK // work_per_step)
        for steps in gen_batches(n_steps, size) if n_steps else ():
            night = Night(np.uint32(seed), steps.start, steps.stop)
            team.run(dream, layers, night, work, task)
        rows = slice(int(layers.sizes[0]))
        states = columns_side_by_side(work.activations, work.stride, rows)
        return self._written_states(states[:, :n_samples].T)

    def _read_states(self, V):
        """Visible states in the units of the machine."""
        return V

    def _written_states(self, states):
        """Visible states in the units of the data."""
        return states > 0

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


def _place(states, tiles):
    """Copy states, one column for each sample, into the rows of tiles."""
    stride = tiles.shape[1] // max(1, len(states))
    for tile, start in zip(tiles, range(0, states.shape[1], stride)):
        some = states[:, start : start + stride]
        tile.reshape(len(states), stride)[:, : some.shape[1]] = some
