"""What estimators with layers of neurons, one behind the other, show of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sklearn_sparse_nn.engine.layers import layer_matrix, n_layers
from sklearn_sparse_nn.engine.threads import ThreadTeam
from sklearn_sparse_nn.estimators._base import BaseSparseNetwork, finite
from sklearn_sparse_nn.estimators._read_only import read_only

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from sklearn_sparse_nn._types import Float32s, Float64s, Ints


class BaseLayeredNetwork(BaseSparseNetwork):
    """Base class of the perceptrons and of the autoencoder."""

    def _activations(self, X, n_layers):
        """Activations of layer number `n_layers`, counted from 1, float32."""
        samples = self._validate_samples(X)
        with ThreadTeam(self._n_useful_threads(samples.shape[0])) as team:
            return finite(self._network.activations(samples, n_layers, team))

    @property
    @read_only
    def coefs_(self) -> list[csr_array]:
        """Weights of each layer, `csr_array` of shape (n_inputs, n_neurons)."""
        layers = self._fitted_layers()
        return [layer_matrix(layers, layer) for layer in range(n_layers(layers))]

    @property
    @read_only
    def intercepts_(self) -> list[Float32s]:
        """Biases of each layer, ndarray of shape (n_neurons,)."""
        layers = self._fitted_layers()
        return np.split(layers.intercepts.copy(), layers.first[1:-1])

    @property
    def n_connections_(self) -> Ints:
        """Number of connections of each layer."""
        layers = self._fitted_layers()
        return np.diff(layers.indptr[layers.first])

    @property
    def n_rewired_(self) -> Ints:
        """Connections of each layer that rewiring has replaced so far."""
        self._fitted_layers()
        return self._network.n_rewired.copy()

    @property
    def density_(self) -> Float64s:
        """Connections of each layer as a fraction of those of a dense layer."""
        sizes = self._fitted_layers().sizes.astype(float)
        return self.n_connections_ / (sizes[:-1] * sizes[1:])

    @property
    def feature_strength_(self) -> Float64s:
        """Sum of the magnitudes of the connections of each feature."""
        layers = self._fitted_layers()
        here = slice(0, layers.indptr[layers.first[1]])
        strength: Any = np.bincount(
            layers.indices[here],
            weights=np.abs(layers.weights[here]),
            minlength=layers.sizes[0],
        )
        return strength
