import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_sparse_nn.engine.layers import (
    check_layers,
    connections_of,
    copy_layers,
    layer_indptr,
    n_layers,
)
from sklearn_sparse_nn.networks.averaging import (
    learned,
    set_learned,
    shared_cells,
    union_mean,
    weighted_sum,
    with_layers,
)
from sklearn_sparse_nn.networks.mlp import MLP
from sklearn_sparse_nn.networks.network import Start
from sklearn_sparse_nn.topology import ErdosRenyi


@given(
    st.lists(st.integers(1, 1000), min_size=1, max_size=6),
    st.lists(st.integers(0, 7), min_size=1, max_size=4),
    st.integers(0, 2**31 - 1),
)
def test_sums_are_those_of_numpy(shares, sizes, seed):
    rng = np.random.default_rng(seed)
    parts = [[rng.normal(size=n).astype(np.float32) for n in sizes] for _ in shares]
    before = [[array.copy() for array in part] for part in parts]
    sums = weighted_sum(parts, shares)
    for i, total in enumerate(sums):
        expected = sum(s * part[i].astype(float) for s, part in zip(shares, parts))
        np.testing.assert_allclose(total, expected, rtol=1e-5, atol=1e-3)
        assert total.dtype == np.float32
    for part, old in zip(parts, before):
        for array, other in zip(part, old):
            np.testing.assert_array_equal(array, other)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_a_network_has_learned_what_another_has(solver):
    one, two = (
        MLP([5, 8, 3], Start(ErdosRenyi(), 3, seed=0), "relu", "softmax")
        for _ in range(2)
    )
    rng = np.random.default_rng(0)
    for network in one, two:
        network.reset_optimiser(solver)
    for array in learned(one):
        array[:] = rng.normal(size=len(array))
    set_learned(two, learned(one))
    for a, b in zip(learned(one), learned(two), strict=True):
        np.testing.assert_array_equal(a, b)
        assert not np.shares_memory(a, b)
    assert len(learned(one)) == 2 + len(one.state)


def network_of(seed, sizes=(4, 5, 3), epsilon=1.0):
    """A network with connections, weights and biases of its own."""
    network = MLP(sizes, Start(ErdosRenyi(), epsilon, seed=seed), "relu", "softmax")
    network.reset_optimiser("sgd")
    rng = np.random.default_rng(seed)
    network.layers.weights[:] = rng.normal(size=len(network.layers.weights))
    network.layers.intercepts[:] = rng.normal(size=len(network.layers.intercepts))
    return network


def dense(layers):
    """Weights and mask of each layer, of shape (n_neurons, n_inputs)."""
    pairs = []
    for layer in range(n_layers(layers)):
        here, indptr = connections_of(layers, layer), layer_indptr(layers, layer)
        neurons = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
        weights, mask = np.zeros((2, len(indptr) - 1, layers.sizes[layer]))
        weights[neurons, layers.indices[here]] = layers.weights[here]
        mask[neurons, layers.indices[here]] = 1
        pairs.append((weights, mask))
    return pairs


def dense_mean(networks, shares, n_kept, absent_count):
    """Weights of each layer, pruned cell by cell."""
    for layer, n in enumerate(n_kept):
        weights, masks = zip(*(dense(each.layers)[layer] for each in networks))
        total = sum(s * w for s, w in zip(shares, weights))
        count = sum(s * m for s, m in zip(shares, masks))
        mean = total if absent_count else total / np.where(count > 0, count, 1)
        cells = [tuple(cell) for cell in np.argwhere(count > 0)]
        n_gone = max(0, len(cells) - n)
        groups = [cells]
        if absent_count:
            negative = [c for c in cells if mean[c] < 0]
            groups = [[c for c in cells if mean[c] >= 0], negative]
            n_negative = round(n_gone * len(negative) / max(1, len(cells)))
            gone = n_gone - n_negative, n_negative
        else:
            gone = (n_gone,)
        kept = np.zeros(mean.shape, dtype=bool)
        for group, n_of_group in zip(groups, gone):
            ranked = sorted(group, key=lambda c: abs(mean[c]))
            for cell in ranked[n_of_group:]:
                kept[cell] = True
        yield np.where(kept, mean, 0), kept


@settings(max_examples=60)
@given(
    st.lists(st.integers(0, 1000), min_size=1, max_size=4, unique=True),
    st.floats(0.0, 1.3),
    st.booleans(),
)
def test_the_mean_over_the_union_is_that_of_dense_matrices(seeds, share, absent_count):
    networks = [network_of(seed) for seed in seeds]
    shares = np.arange(1, len(seeds) + 1) / sum(range(len(seeds) + 1))
    counts = np.diff(networks[0].layers.indptr[networks[0].layers.first])
    n_kept = np.rint(share * counts).astype(int)
    layers = union_mean(networks, shares, n_kept, absent_count)
    check_layers(layers)
    expected = dense_mean(networks, shares, n_kept, absent_count)
    for (weights, mask), (dense_weights, kept) in zip(dense(layers), expected):
        np.testing.assert_array_equal(mask, kept)
        np.testing.assert_allclose(weights, dense_weights, atol=1e-6)
    intercepts = sum(s * each.layers.intercepts for s, each in zip(shares, networks))
    np.testing.assert_allclose(layers.intercepts, intercepts, atol=1e-6)


def test_one_network_is_its_own_mean():
    network = network_of(0)
    counts = np.diff(network.layers.indptr[network.layers.first])
    for absent_count in True, False:
        layers = union_mean([network], [1.0], counts, absent_count)
        for array, expected in zip(layers, network.layers):
            np.testing.assert_array_equal(array, expected)


@given(st.sets(st.integers(0, 40)), st.sets(st.integers(0, 40)))
def test_cells_that_two_have(some, others):
    some, others = (np.array(sorted(s), dtype=np.uint64) for s in (some, others))
    in_some, in_others = shared_cells(some, others)
    np.testing.assert_array_equal(some[in_some], np.intersect1d(some, others))
    np.testing.assert_array_equal(some[in_some], others[in_others])


def test_other_connections_begin_with_an_optimiser_of_their_own():
    one, two = network_of(0), network_of(1)
    one.state.first[:] = 1
    clone = with_layers(one, copy_layers(two.layers))
    assert (clone.state.first == 0).all()
    assert len(clone.state.first) == len(clone.layers.weights)
    masks = zip(dense(one.layers), dense(two.layers))
    begun = [int((new[1] * (1 - old[1])).sum()) for old, new in masks]
    np.testing.assert_array_equal(clone.n_rewired - one.n_rewired, begun)
    assert (one.state.first == 1).all()
