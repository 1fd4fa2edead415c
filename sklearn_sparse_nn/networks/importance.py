"""How much each input feature of an autoencoder matters."""

import numpy as np
from sklearn.utils import gen_batches

from sklearn_sparse_nn.engine.inputs import as_dense
from sklearn_sparse_nn.engine.layers import connections_of
from sklearn_sparse_nn.networks.attribution import (
    backwards,
    hidden_slopes,
    matrices_of,
)

# Cells of X that are dense at a time.
_CELLS = 2**22
_N_FOLDS = 5
_N_PROBES = 16


def strength(network, *_):
    """Sum of the magnitudes of the connections of each feature [1]_.

    References
    ----------
    .. [1] Atashgahi et al., "Quick and robust feature selection: the strength of
       energy-efficient sparse training for autoencoders", Machine Learning 111, 2022.
    """
    layers = network.layers
    here = connections_of(layers, 0)
    magnitudes = np.abs(layers.weights[here])
    return np.bincount(layers.indices[here], magnitudes, minlength=layers.sizes[0])


def communality(network, X, rng, team):
    """What each feature shares with the others, weighted by its spread.

    The communality is the share of a feature's variance that the others explain. The
    network explains it: the cells of X are dealt to five folds, and it restores those
    of each fold, which it sees masked, from the rest. It is multiplied by the root of
    the standard deviation of the feature in X.
    """
    n_features = X.shape[1]
    errors, squares = np.zeros((2, n_features))
    for chunk in _chunks(network, X):
        folds = rng.integers(_N_FOLDS, size=chunk.shape, dtype=np.uint8)
        squares += np.sum(chunk**2, axis=0, dtype=np.float64)
        for fold in range(_N_FOLDS):
            masked = folds == fold
            restored = network.restore(np.where(masked, np.float32(0), chunk), team)
            restored -= chunk
            restored *= masked
            errors += np.sum(restored**2, axis=0, dtype=np.float64)
    explained = 1 - errors / np.where(squares > 0, squares, 1)
    deviations = np.sqrt(squares / X.shape[0]) / network.scales
    return np.maximum(explained, 0) * np.sqrt(deviations)


def attribution(network, X, rng, team):
    """How much the other outputs follow each feature: the size of their derivatives.

    Root of the mean over the samples of the sum over the other outputs of the squared
    derivative. In [1]_ it is the sum of the magnitudes, over all outputs; this needs
    the whole matrix of derivatives for each sample. Squares need only its products with
    a few random vectors of signs (Hutchinson's estimator). A feature's own output is
    left out, as every feature helps to restore itself: with one hidden layer its
    derivative is known, with more its square is estimated from pairs of the vectors.

    References
    ----------
    .. [1] Atashgahi et al., "Unveiling the power of sparse neural networks for feature
       selection", ECAI 2024. :arxiv:`2408.04583`.
    """
    *hidden, decoder = matrices_of(network)
    own = hidden[0].multiply(decoder.T).tocsr() if len(hidden) == 1 else None
    total = np.zeros(X.shape[1])
    for chunk in _chunks(network, X):
        Z = np.ascontiguousarray(chunk.T)
        slopes = hidden_slopes(network, Z)
        own_derivatives = 0.0 if own is None else own @ slopes[0]
        squares, sums = np.zeros(Z.shape[0]), np.zeros_like(Z)
        for _ in range(_N_PROBES):
            signs = 2 * rng.integers(2, size=Z.shape, dtype=np.int8) - 1
            signs = signs.astype(np.float32)
            products = backwards(decoder @ signs, hidden, slopes)
            products -= signs * own_derivatives
            squares += np.sum(products**2, axis=1, dtype=np.float64)
            if own is None:
                sums += signs * products
        if own is None:
            pairs = np.sum(sums**2, axis=1, dtype=np.float64) - squares
            squares -= pairs / (_N_PROBES - 1)
        total += squares
    return np.sqrt(np.maximum(total, 0) / (_N_PROBES * X.shape[0]))


IMPORTANCES = {
    "communality": communality,
    "attribution": attribution,
    "strength": strength,
}


def _chunks(network, X):
    """X as the network sees it, dense, some samples at a time."""
    for rows in gen_batches(X.shape[0], max(1, _CELLS // X.shape[1])):
        yield np.ascontiguousarray(network.read_inputs(as_dense(X[rows])))


def knee(scores):
    """Where a descending curve bends most: how many numbers lie before it.

    The curve is scaled to the unit square; the knee is the point farthest below the
    line between its ends. Where no point is below, as many lie before it as up to the
    point farthest above.
    """
    if len(scores) < 3 or scores[0] <= scores[-1]:
        return len(scores)
    x = np.linspace(0, 1, len(scores))
    y = (scores - scores[-1]) / (scores[0] - scores[-1])
    below = (1 - x - y)[1:-1]
    if below.max() > 0:
        return int(np.argmax(below)) + 1
    return int(np.argmin(below)) + 2
