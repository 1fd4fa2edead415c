"""Averages of copies of a network that have learned apart from each other."""

import numpy as np

from sklearn_sparse_nn.engine.layers import SparseLayers, connections_of, n_layers

# Bits of a cell that tell which input it is of; those above tell the neuron.
_INPUT_BITS = np.uint64(32)


def learned(network):
    """What training changes, as arrays: of the same shapes in all copies of a network.

    Parameters
    ----------
    network : SparseNetwork
        With the state of an optimiser.

    Returns
    -------
    arrays : list of ndarray of float32
        Weights, biases, and the state of the optimiser.
    """
    return [network.layers.weights, network.layers.intercepts, *network.state]


def weighted_sum(parts, shares):
    """Sum of lists of arrays, each times its share, from the first to the last.

    Parameters
    ----------
    parts : list of list of ndarray
        The same shapes in each list.
    shares : sequence of float

    Returns
    -------
    sums : list of ndarray
    """
    sums = [np.zeros_like(array) for array in parts[0]]
    for part, share in zip(parts, shares, strict=True):
        for total, array in zip(sums, part, strict=True):
            total += array * array.dtype.type(share)
    return sums


def set_learned(network, arrays):
    """Let a network have learned what `arrays` say: see `learned`."""
    for target, array in zip(learned(network), arrays, strict=True):
        target[:] = array


def cells_of(layers):
    """A number for the cell of each connection, ascending.

    Parameters
    ----------
    layers : SparseLayers

    Returns
    -------
    cells : ndarray of uint64, shape (n_connections,)
        The same for the same neuron and input in all networks of these sizes.
    """
    neurons = np.arange(len(layers.intercepts), dtype=np.uint64) << _INPUT_BITS
    return np.repeat(neurons, np.diff(layers.indptr)) | layers.indices


def shared_cells(some, others):
    """Where the cells that two networks both have are in each.

    Parameters
    ----------
    some, others : ndarray of uint64
        What `cells_of` returns.

    Returns
    -------
    in_some, in_others : ndarray of int64
    """
    places = np.searchsorted(others, some)
    places[places == len(others)] = 0
    in_some = np.flatnonzero(others[places] == some) if len(others) else places[:0]
    return in_some, places[in_some]


def mean_counts(networks):
    """Mean number of connections of each layer, rounded: ndarray of int."""
    counts = [np.diff(each.layers.indptr[each.layers.first]) for each in networks]
    return np.rint(np.mean(counts, axis=0)).astype(int)


def union_mean(networks, shares, n_kept, absent_count=True):
    """The mean of networks with connections of their own, pruned.

    Parameters
    ----------
    networks : list of SparseNetwork
        Of the same sizes.
    shares : sequence of float
        Of each network in the mean; their sum is 1.
    n_kept : sequence of int, length n_layers
        How many connections of each layer to keep at most.
    absent_count : bool, default=True
        Whether a connection that a network has not got counts as a weight of 0, as in
        WASAP-SGD. There the smallest weights of each sign are pruned. If not, the mean
        is over the networks that have it, as in FedDST, where the smallest magnitudes
        are pruned.

    Returns
    -------
    layers : SparseLayers
    """
    cells = np.unique(np.concatenate([cells_of(each.layers) for each in networks]))
    sums, weight = np.zeros(len(cells)), np.zeros(len(cells))
    intercepts = np.zeros(len(networks[0].layers.intercepts))
    for network, share in zip(networks, shares, strict=True):
        here = np.searchsorted(cells, cells_of(network.layers))
        sums[here] += share * network.layers.weights
        weight[here] += share
        intercepts += share * network.layers.intercepts
    weights = sums if absent_count else sums / weight
    sizes, first = networks[0].layers.sizes, networks[0].layers.first
    bounds = np.searchsorted(cells, first.astype(np.uint64) << _INPUT_BITS)
    choose = _by_sign if absent_count else _largest
    kept = np.concatenate(
        [
            start + choose(weights[start:stop], n)
            for start, stop, n in zip(bounds[:-1], bounds[1:], n_kept, strict=True)
        ]
    )
    cells, weights = cells[kept], weights[kept]
    degrees = np.bincount((cells >> _INPUT_BITS).astype(np.int64), None, first[-1])
    return SparseLayers(
        sizes.copy(),
        first.copy(),
        np.concatenate([[0], np.cumsum(degrees)]),
        cells.astype(np.uint32),  # the lower bits
        weights.astype(np.float32),
        intercepts.astype(np.float32),
    )


def _largest(weights, n):
    """Which weights are the `n` of the largest magnitude, in their order."""
    ranked = np.argsort(-np.abs(weights), kind="stable")
    return np.sort(ranked[:n])


def _by_sign(weights, n):
    """Which weights stay if the same share of each sign goes, the smallest ones."""
    positive = np.flatnonzero(weights >= 0)
    negative = np.flatnonzero(weights < 0)
    n_gone = max(0, len(weights) - n)
    n_negative_gone = round(n_gone * len(negative) / max(1, len(weights)))
    gone = n_gone - n_negative_gone, n_negative_gone
    kept = [
        some[_largest(weights[some], len(some) - n_some)]
        for some, n_some in zip((positive, negative), gone)
    ]
    return np.sort(np.concatenate(kept))


def with_layers(network, layers):
    """A copy of a network with other connections, and its optimiser as at the start.

    Parameters
    ----------
    network : SparseNetwork
    layers : SparseLayers
        Of the same sizes.

    Returns
    -------
    network : SparseNetwork
    """
    clone = network.copy()
    before, after = cells_of(network.layers), cells_of(layers)
    stays = np.zeros(len(after), dtype=bool)
    stays[shared_cells(after, before)[0]] = True
    clone.layers, clone.state = layers, None
    clone.reset_optimiser(network.solver)
    clone.rewired_at = network.rewired_at
    clone.n_rewired += [
        np.count_nonzero(~stays[connections_of(layers, layer)])
        for layer in range(n_layers(layers))
    ]
    return clone
