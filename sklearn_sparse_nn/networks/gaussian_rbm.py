"""The restricted Boltzmann machine with Gaussian visible neurons."""

import numpy as np
from scipy.special import logsumexp
from sklearn.utils import gen_batches

from sklearn_sparse_nn.engine.inputs import as_dense
from sklearn_sparse_nn.networks.rbm import RBM
from sklearn_sparse_nn.networks.standardised import Standardised

# How far the values are apart with which a density is integrated, and how far beyond
# the outermost means they go, in standard deviations. The sum of equidistant values of
# a normal density is then right to 1e-15.
_STEP, _BEYOND = 0.75, 9.0
# Numbers with which a density is integrated at a time.
_CELLS = 2**22


class GaussianRBM(Standardised, RBM):
    """A sparse restricted Boltzmann machine for real numbers.

    Of standardised features ``z = (x - shift) * scale``, the joint density of `z` and
    binary hidden states `h` is proportional to ``exp(-z·z / 2 + b·z + c·h + h·Wz)``.
    Given `h`, visible neurons are normal, of variance 1 and mean ``b + hW``. Samples
    come in and go out in the units of the data; intercepts and weights are those of
    `z`.

    Parameters
    ----------
    sizes, start
        See `RBM`.
    shifts, scales : ndarrays of float64, shape (n_visible,)
    """

    gaussian = True

    def __init__(self, sizes, start, shifts, scales):
        super().__init__(sizes, start, np.zeros(sizes[0]))
        self.shifts, self.scales = shifts, scales

    @staticmethod
    def _pack(chains):
        return chains.copy()

    @staticmethod
    def _unpack(chains):
        return chains

    def visible_means(self, H):
        """Mean of each visible neuron, given hidden states: see `RBM`."""
        means = self._visible_scores(H) / self.scales + self.shifts
        return means.astype(H.dtype, copy=False)

    def _difference(self, X, hidden):
        return self.read_inputs(X) - self._visible_scores(hidden)

    def _free_energy(self, X, weights):
        z = self._standardised(X)
        return super()._free_energy(z, weights) + 0.5 * np.einsum("ij,ij->i", z, z)

    def pseudo_likelihood(self, X, features):
        """Log-density of one standardised feature of each sample given the others."""
        components = self.components().astype(np.float64)
        columns, densities = components.T.tocsr(), np.zeros(X.shape[0])
        for rows in gen_batches(X.shape[0], self._rows_at_a_time()):
            z, asked = self._standardised(X[rows]), features[rows]
            inputs = z @ components.T + self.layers.intercepts
            for feature in np.unique(asked):
                samples = np.flatnonzero(asked == feature)
                start, stop = columns.indptr[feature : feature + 2]
                neurons, weights = columns.indices[start:stop], columns.data[start:stop]
                value = z[samples, feature]
                others = inputs[np.ix_(samples, neurons)]
                others -= value[:, np.newaxis] * weights
                intercept = np.float64(self.visible.intercepts[feature])
                densities[rows.start + samples] = _log_density(
                    value, intercept, others, weights
                )
        return densities

    def _standardised(self, X):
        """X as an ndarray of float64, standardised."""
        with np.errstate(over="ignore"):
            z = (as_dense(X).astype(np.float64) - self.shifts) * self.scales
            if not np.isfinite(np.square(z).sum()):
                raise ValueError("X has values that are too large: squares overflow.")
        return z

    def log_likelihood(self, X, n_chains, n_temperatures, rng):
        """Log-density of each sample, in the units of the data: see `RBM`."""
        density, error = super().log_likelihood(X, n_chains, n_temperatures, rng)
        return density + np.log(self.scales).sum(), error

    def _base_intercepts(self, X):
        return np.zeros(len(self.shifts))

    def independent_states(self, n_samples, rng):
        """Visible states that a machine without connections would draw."""
        shape = n_samples, len(self.shifts)
        return self._written_states(
            self.visible.intercepts + rng.standard_normal(size=shape)
        )

    def _read_states(self, V):
        with np.errstate(over="ignore"):
            states = self._standardised(V).astype(np.float32)
        if not np.isfinite(states).all():
            raise ValueError("X has values that are too large for float32.")
        return states

    def _written_states(self, states):
        return states / self.scales + self.shifts


def _log_density(values, intercept, inputs, weights):
    """Log-density of a visible neuron at some values, given all others.

    It is a mixture of normal densities, with one part for each state of the hidden
    neurons that are connected to it.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
    intercept : float
    inputs : ndarray of shape (n_samples, n_connections)
        What these hidden neurons get from the other visible neurons.
    weights : ndarray of shape (n_connections,)
    """
    least, most = np.minimum(weights, 0).sum(), np.maximum(weights, 0).sum()
    n = int((most - least + 2 * _BEYOND) / _STEP) + 2
    grid = intercept + least - _BEYOND + _STEP * np.arange(n)

    def exponent(t, here):
        """Of the joint density, as far as it depends on the neuron."""
        sums = inputs[here, np.newaxis] + t[:, :, np.newaxis] * weights
        return t * (intercept - 0.5 * t) + np.logaddexp(0, sums).sum(axis=2)

    densities = np.zeros(len(values))
    for here in gen_batches(len(values), max(1, _CELLS // (n * (len(weights) + 1)))):
        whole = logsumexp(exponent(grid[np.newaxis], here), axis=1) + np.log(_STEP)
        densities[here] = exponent(values[here, np.newaxis], here)[:, 0] - whole
    return densities
