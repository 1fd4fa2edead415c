"""Connections between features that are correlated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import gen_batches
from threadpoolctl import threadpool_limits

from sklearn_sparse_nn.engine.inputs import as_dense
from sklearn_sparse_nn.topology.cells import number_of_connections, rows_of_cells
from sklearn_sparse_nn.topology.initial import ErdosRenyi

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from sklearn_sparse_nn._types import TopologyLike

# Samples in which features are compared, at most, and cells looked at together.
_N_SAMPLES, _CELLS = 1000, 2**18
# Less than correlations of float32 differ by, where they differ.
_TINY = 1e-9


class CSTI(BaseEstimator):
    """Correlated sparse topological initialisation (CSTI).

    Every neuron stands for a feature, evenly from the first to the last, and so does
    every input of the layers behind the first [1]_. The connections are those between
    different features that are most correlated in the data, of either sign. The output
    layer of a classifier or regressor, whose neurons stand for nothing, begins at
    random, like that of `ErdosRenyi`. As many connections begin.

    The inputs that vary alone have no connection at first: combine it with a rule that
    changes connections. Time is in proportion to the number of cells of the layers.

    In [1]_ layers are one or two times as wide as there are features, and correlations
    are those of all samples. Here layers have any width, and up to 1,000 samples, taken
    evenly, are compared.

    References
    ----------
    .. [1] Zhang, Zhao, Wu, Muscoloni and Cannistraci, "Epitopological learning and
       Cannistraci-Hebb network shape intelligence brain-inspired theory for
       ultra-sparse advantage in deep learning", ICLR 2024.

    Examples
    --------
    >>> from sklearn_sparse_nn import SETClassifier
    >>> clf = SETClassifier(topology="csti", evolution="cht")
    """

    _parameter_constraints: dict = {}

    def of_data(
        self, X: NDArray[Any] | csr_array, predicts: bool = False
    ) -> TopologyLike:
        """The topology of networks for these data.

        Parameters
        ----------
        X : {ndarray, CSR array} of shape (n_samples, n_features)
        predicts : bool, default=False
            Whether the outputs are predictions, and not the features once more.

        Returns
        -------
        topology : object
            With a method ``of_layer``: see `initial`.
        """
        return _Correlated(_unit_columns(X), predicts)


class _Correlated(NamedTuple):
    """`CSTI` of some data: features as columns of mean 0 and length 1."""

    features: np.ndarray
    predicts: bool

    def of_layer(self, layer, sizes):
        """The topology of one layer; see `asking.ask_for_layer`."""
        is_last = layer == len(sizes) - 2
        if is_last and self.predicts:
            return ErdosRenyi()
        return _CorrelatedLayer(self.features)


class _CorrelatedLayer(NamedTuple):
    """One layer of it."""

    features: np.ndarray

    def connect(self, n_inputs, n_neurons, epsilon, rng, spread=None):
        """The connections; see `ErdosRenyi.connect`."""
        n = number_of_connections(n_inputs, n_neurons, epsilon)
        cells, scores = np.zeros(0, dtype=np.int64), np.zeros(0)
        size = max(1, _CELLS // max(n_inputs, self.features.shape[1]))
        # BLAS may round otherwise with another number of threads, as in joblib.
        with threadpool_limits(1):
            for start in range(0, n_neurons, size):
                stop = min(start + size, n_neurons)
                new = self._correlations(start, stop, n_inputs, n_neurons).ravel()
                new = new + _TINY * rng.random(len(new))  # equal ones in any order
                least = scores.min() if len(scores) == n and n else -np.inf
                good = np.flatnonzero(new > least)
                cells = np.concatenate([cells, start * n_inputs + good])
                scores = np.concatenate([scores, new[good]])
                if len(cells) > n:
                    best = np.argpartition(-scores, n)[:n]
                    cells, scores = cells[best], scores[best]
        return rows_of_cells(np.sort(cells), n_inputs, n_neurons)

    def _correlations(self, start, stop, n_inputs, n_neurons):
        """Magnitudes of the correlations of some neurons with all inputs."""
        n_features = self.features.shape[1]
        of_neurons = np.arange(start, stop) * n_features // n_neurons
        of_inputs = np.arange(n_inputs) * n_features // n_inputs
        correlations = np.abs(self.features[:, of_neurons].T @ self.features)
        correlations = correlations[:, of_inputs]
        correlations[of_neurons[:, np.newaxis] == of_inputs] = 0
        return correlations


def _unit_columns(X):
    """Each feature in some samples, with mean 0 and, unless constant, length 1."""
    rows = np.linspace(0, X.shape[0] - 1, min(X.shape[0], _N_SAMPLES)).astype(int)
    some = as_dense(X[rows])
    # Of one layout, so that sparse and dense X get the same bits from BLAS.
    columns = np.zeros(some.shape, dtype=np.float32)
    for here in gen_batches(some.shape[1], max(1, _CELLS // len(rows))):
        # float32 does not hold the small differences of large numbers.
        values = np.ascontiguousarray(some[:, here], dtype=np.float64)
        means = values.mean(axis=0)
        values -= means
        largest = np.abs(values).max(axis=0)
        rounding = 10 * np.finfo(np.float64).eps * np.abs(means)
        values /= np.where(largest > rounding, largest, np.inf)
        values -= values.mean(axis=0)
        lengths = np.sqrt(np.einsum("ij,ij->j", values, values))
        columns[:, here] = values / np.where(lengths > 0, lengths, 1)
    return columns
