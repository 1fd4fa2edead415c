"""The gradient of the loss of a perceptron by its weights, without learning."""

import numpy as np
from sklearn.utils import gen_batches

from sklearn_sparse_nn.engine.layers import connections_of, to_read
from sklearn_sparse_nn.engine.optimisers import new_state, optimiser_step
from sklearn_sparse_nn.engine.terms import NO_TERMS
from sklearn_sparse_nn.networks.batches import Learner
from sklearn_sparse_nn.networks.epoch import Batches
from sklearn_sparse_nn.networks.evolving import layer_views

# Bytes of activations and error terms at a time, and samples at most.
_BYTES, _SAMPLES = 2**26, 1024


def mean_gradient(network, train_batches, X, task, team):
    """Mean gradient of the loss of some samples, without the L2 term.

    Parameters
    ----------
    network : SparseNetwork
    train_batches : callable
        A compiled epoch of the network: see `epoch`.
    X : ndarray or csr_array, shape (n_samples, n_features)
    task : NamedTuple
        What is to be learned: see `epoch`.
    team : ThreadTeam

    Returns
    -------
    gradient : ndarray of float64, shape (n_connections,)
        By the weight of each connection, in the order of `network.layers.weights`.
    """
    layers, n_samples = network.layers, X.shape[0]
    inputs, owner = network._describe(X)
    n_rows = int(layers.sizes[0] + 2 * layers.first[-1])
    size = max(1, min(n_samples, _SAMPLES, _BYTES // (4 * n_rows)))
    work = network._new_workspace(layers, size, team.n_threads)
    learner = Learner(
        to_read(layers),
        new_state("sgd", 0, 0),
        optimiser_step(None),
        np.float32(0),
        NO_TERMS,
        looks_back=False,
    )
    order = np.arange(n_samples)
    losses = np.zeros((-(-n_samples // size), 2))
    batches = Batches(inputs, order, 0, 0, size, np.uint32(0), 0, False, losses)
    total, weight_sum = np.zeros(len(layers.weights)), 0.0
    for number, samples in enumerate(gen_batches(n_samples, size)):
        here = batches._replace(first=number, last=number + 1)
        team.run(train_batches, learner, here, work, task)
        values = network.values_of(order[samples], task, work)
        for layer, view in enumerate(layer_views(network, values)):
            mean = view.gradient_at(view.cells).astype(np.float64)
            total[connections_of(layers, layer)] += mean * values[-1]
        weight_sum += values[-1]
    del owner
    return total / (weight_sum or 1)
