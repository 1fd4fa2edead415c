"""QuickSelection as its paper describes it, in plain NumPy and SciPy: the yardstick.

A sparse autoencoder with a logistic hidden layer and linear outputs, dense activations,
CSR weights; gradients only where there are connections. Nothing is tuned, nothing is
done that the paper (Atashgahi et al., Machine Learning 2022) does not do.
"""

import numpy as np
from scipy import sparse
from scipy.special import expit

RATE, MOMENTUM, DECAY, BATCH_SIZE = 0.01, 0.9, 1e-5, 100
NOISE, DROPOUT = 0.2, 0.2


def random_layer(epsilon, n_inputs, n_outputs, rng):
    n = int(epsilon * (n_inputs + n_outputs))
    cells = rng.choice(n_inputs * n_outputs, min(n, n_inputs * n_outputs), False)
    cells.sort()
    weights = rng.normal(scale=0.1, size=len(cells))
    shape = n_inputs, n_outputs
    return sparse.csr_array((weights, np.divmod(cells, n_outputs)), shape=shape)


def gradient(inputs, errors, weights, rows):
    """Gradient of the connections of `weights`, block by block of connections."""
    values = np.empty(weights.nnz)
    for start in range(0, weights.nnz, 20_000):
        block = slice(start, start + 20_000)
        left, right = inputs[:, rows[block]], errors[:, weights.indices[block]]
        values[block] = np.einsum("sk,sk->k", left, right)
    return values / len(inputs)


def rewire(weights, velocity, zeta, rng):
    """Replace the share `zeta` of the positive and of the negative weights by new."""
    pruned = np.zeros(weights.nnz, dtype=bool)
    for side in (weights.data > 0, weights.data < 0):
        candidates = np.flatnonzero(side)
        weakest = np.argsort(np.abs(weights.data[candidates]))
        pruned[candidates[weakest[: int(zeta * len(candidates))]]] = True
    n_inputs, n_outputs = weights.shape
    rows = np.repeat(np.arange(n_inputs), np.diff(weights.indptr))
    cells = rows * n_outputs + weights.indices
    kept, n_grown = cells[~pruned], pruned.sum()
    grown = np.empty(0, dtype=cells.dtype)
    while len(grown) < n_grown:
        drawn = rng.integers(n_inputs * n_outputs, size=2 * n_grown)
        grown = np.setdiff1d(np.union1d(grown, drawn), kept)
    grown = rng.permutation(grown)[:n_grown]
    cells = np.concatenate([kept, grown])
    data = np.concatenate([weights.data[~pruned], rng.normal(scale=0.1, size=n_grown)])
    moving = np.concatenate([velocity[~pruned], np.zeros(n_grown)])
    order = np.argsort(cells)
    place = np.divmod(cells[order], n_outputs)
    return sparse.csr_array((data[order], place), shape=weights.shape), moving[order]


def quick_selection(X, epochs, seed, n_hidden=1000, epsilon=13, zeta=0.2):
    """Strength of each feature of standardised X."""
    rng = np.random.default_rng(seed)
    n_samples, n_features = X.shape
    sizes = n_features, n_hidden, n_features
    W = [random_layer(epsilon, *sizes[i : i + 2], rng) for i in range(2)]
    b = [np.zeros(size) for size in sizes[1:]]
    velocities = [np.zeros(w.nnz) for w in W]
    bias_velocities = [np.zeros_like(bias) for bias in b]
    for epoch in range(epochs):
        noisy = X + NOISE * rng.normal(size=X.shape)
        rows = [np.repeat(np.arange(w.shape[0]), np.diff(w.indptr)) for w in W]
        order = rng.permutation(n_samples)
        for start in range(0, n_samples, BATCH_SIZE):
            batch = order[start : start + BATCH_SIZE]
            hidden = expit(noisy[batch] @ W[0] + b[0])
            kept = rng.random(hidden.shape) >= DROPOUT
            dropped = hidden * kept
            errors = dropped @ W[1] + b[1] - X[batch]
            back = (errors @ W[1].T) * kept * hidden * (1 - hidden)
            for layer, (a, e) in enumerate([(noisy[batch], back), (dropped, errors)]):
                v = gradient(a, e, W[layer], rows[layer])
                velocities[layer] = MOMENTUM * velocities[layer] - RATE * v
                W[layer].data += velocities[layer] - DECAY * W[layer].data
                step = RATE * e.mean(axis=0)
                bias_velocities[layer] = MOMENTUM * bias_velocities[layer] - step
                b[layer] += bias_velocities[layer] - DECAY * b[layer]
        if epoch < epochs - 1:
            for layer in range(2):
                W[layer], velocities[layer] = rewire(
                    W[layer], velocities[layer], zeta, rng
                )
    return np.asarray(abs(W[0]).sum(axis=1)).ravel()
