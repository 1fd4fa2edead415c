"""How much each input feature of a perceptron matters to its outputs."""

import numpy as np
from scipy.special import expit
from sklearn.utils import gen_batches

from sklearn_sparse_nn.engine.activations import LOGISTIC, TANH
from sklearn_sparse_nn.engine.inputs import as_dense
from sklearn_sparse_nn.engine.layers import layer_matrix, n_layers

# Samples that are looked at together, and cells of one layer.
_SAMPLES, _CELLS = 64, 2**22


def attribution(network, X, weights, rng, n_derivatives=2**12):
    """How strongly the outputs of a network change with each feature [1]_.

    The sum over the outputs of the mean over the samples of the magnitude of the
    derivative of the output by the feature as the network reads it. Outputs are those
    before softmax or the logistic function. Of many samples, some are drawn.

    Parameters
    ----------
    network : MLP
    X : ndarray or csr_array, shape (n_samples, n_features)
    weights : ndarray of float32, shape (n_samples,), or empty
        Weights of the samples.
    rng : numpy.random.Generator
    n_derivatives : int, default=4096
        Number of samples, times that of the outputs, at most, and one sample at least.

    Returns
    -------
    importances : ndarray of float64, shape (n_features,)

    References
    ----------
    .. [1] Atashgahi et al., "Unveiling the power of sparse neural networks for feature
       selection", ECAI 2024. :arxiv:`2408.04583`.
    """
    n_samples, n_features = X.shape
    size = max(1, min(_SAMPLES, int(_CELLS // network.layers.sizes.max())))
    n_chosen = min(n_samples, max(1, n_derivatives // network.layers.sizes[-1]))
    chosen = np.sort(rng.choice(n_samples, n_chosen, replace=False))
    weights = weights[chosen] if len(weights) else np.ones(n_chosen, np.float32)
    total = np.zeros(n_features)
    for rows in gen_batches(n_chosen, size):
        chunk = as_dense(X[chosen[rows]])
        Z = np.ascontiguousarray(network.read_inputs(chunk).T)
        for derivatives in output_derivatives(network, Z):
            magnitudes = np.abs(derivatives) * weights[rows]
            total += np.sum(magnitudes, axis=1, dtype=np.float64)
    return total / (weights.sum(dtype=np.float64) or 1)


def output_derivatives(network, Z):
    """Derivatives of each output by the inputs, one output after the other.

    Parameters
    ----------
    network : MLP
    Z : ndarray of float32, shape (n_features, n_samples)
        Inputs as the network sees them.

    Yields
    ------
    derivatives : ndarray of float32, shape (n_features, n_samples)
    """
    *hidden, last = matrices_of(network)
    slopes = hidden_slopes(network, Z)
    for output in last.T.tocsr():
        derivatives = np.repeat(output.toarray().reshape(-1, 1), Z.shape[1], axis=1)
        yield backwards(derivatives, hidden, slopes)


def matrices_of(network):
    """The weights of each layer."""
    layers = network.layers
    return [layer_matrix(layers, layer) for layer in range(n_layers(layers))]


def hidden_slopes(network, Z):
    """Slopes of the hidden neurons of each layer, of shape (n_neurons, n_samples)."""
    first, activations, slopes = network.layers.first, Z, []
    kinds, left_slopes = network.hidden_activations()
    for layer, matrix in enumerate(matrices_of(network)[:-1]):
        intercepts = network.layers.intercepts[first[layer] : first[layer + 1]]
        scores = matrix.T @ activations + intercepts[:, np.newaxis]
        activations, slope = activate(scores, kinds[layer], left_slopes[layer])
        slopes.append(slope)
    return slopes


def backwards(derivatives, matrices, slopes):
    """Derivatives by the inputs, of those by the last hidden neurons."""
    for matrix, slope in zip(reversed(matrices), reversed(slopes)):
        derivatives = matrix @ (derivatives * slope)
    return derivatives


def activate(scores, kind, left_slope):
    """Activations of hidden neurons, and their slopes, at some scores."""
    if kind == TANH:
        activations = np.tanh(scores)
        return activations, 1 - activations**2
    if kind == LOGISTIC:
        return expit(scores), expit(scores) * expit(-scores)
    slopes = np.where(scores > 0, np.float32(1), np.float32(left_slope))
    return scores * slopes, slopes
