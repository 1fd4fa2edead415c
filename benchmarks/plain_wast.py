"""WAST as its authors published it, in plain NumPy over dense matrices.

Sokar et al., "Where to pay attention in sparse training for feature selection?",
NeurIPS 2022. The loss is the mean over all outputs, weights begin as in PyTorch, and
the momentum of connections that do not exist goes on, as in the code of the paper.
"""

import numpy as np
from scipy.special import expit

N_HIDDEN, DENSITY, ALPHA, BATCH_SIZE = 200, 0.2, 0.3, 128
LEARNING_RATE, MOMENTUM, NOISE = 0.1, 0.9, 0.2


def wast(X, n_epochs, seed, share=0.9):
    """Importance of each feature of standardised X; `share` is that of the errors."""
    rng, n_features = np.random.default_rng(seed), X.shape[1]
    sizes = n_features, N_HIDDEN, n_features
    weights, intercepts = zip(*(_linear(*sizes[i : i + 2], rng) for i in (0, 1)))
    parameters = *weights, *intercepts
    velocities = [np.zeros_like(each) for each in parameters]
    masks = [rng.random(each.shape) < DENSITY for each in weights]
    _cut(weights, masks)
    importances = np.zeros((2, n_features))
    for _ in range(n_epochs):
        order = rng.permutation(len(X))
        for start in range(0, len(X), BATCH_SIZE):
            x = X[order[start : start + BATCH_SIZE]]
            error, gradients = _gradients(x, weights, intercepts, rng)
            for parameter, velocity, g in zip(parameters, velocities, gradients):
                velocity *= MOMENTUM
                velocity += g
                parameter -= LEARNING_RATE * (g + MOMENTUM * velocity)
            _cut(weights, masks)
            strengths = np.stack(
                [np.abs(weights[0]).sum(axis=1), np.abs(weights[1]).sum(axis=0)]
            )
            importances += share * np.abs(error).mean(axis=0) + (1 - share) * strengths
            masks = [
                _rewired(weights[0], masks[0], importances[0][:, np.newaxis]),
                _rewired(weights[1], masks[1], importances[1]),
            ]
    return importances[0]


def _linear(n_inputs, n_neurons, rng):
    bound = 1 / np.sqrt(n_inputs)
    shapes = (n_inputs, n_neurons), n_neurons
    return [rng.uniform(-bound, bound, shape).astype(np.float32) for shape in shapes]


def _cut(weights, masks):
    for each, mask in zip(weights, masks):
        each *= mask


def _gradients(x, weights, intercepts, rng):
    """Errors of the outputs, and gradients of the weights and of the intercepts."""
    noisy = x + np.float32(NOISE) * rng.standard_normal(x.shape, dtype=np.float32)
    hidden = expit(noisy @ weights[0] + intercepts[0])
    error = hidden @ weights[1] + intercepts[1] - x
    deltas = 2 * error / error.size
    behind = (deltas @ weights[1].T) * hidden * (1 - hidden)
    return error, (noisy.T @ behind, hidden.T @ deltas, behind.sum(0), deltas.sum(0))


def _rewired(weights, mask, importances):
    """Where connections are after the rewiring of a layer."""
    scores = (weights * importances).ravel()
    kept = np.zeros(scores.size, dtype=bool)
    for side in (np.flatnonzero(scores > 0), np.flatnonzero(scores < 0)):
        n_kept = len(side) - int(ALPHA * len(side))
        kept[side[np.argsort(np.abs(scores[side]))[len(side) - n_kept :]]] = True
    worth = np.broadcast_to(importances, weights.shape).ravel()
    worth = np.where(kept, -np.inf, worth)
    n_grown = int(mask.sum() - kept.sum())
    kept[np.argpartition(-worth, n_grown)[:n_grown]] = True
    return kept.reshape(mask.shape)
