from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.datasets import load_digits

from sklearn_sparse_nn import SETClassifier, SETRBMTransformer
from sklearn_sparse_nn.inspection import topology_distance
from tests.inspection.helpers import Network, layer_masks, masks_of
from tests.memory import Peak


@st.composite
def two_networks(draw):
    first = draw(layer_masks())
    return first, [draw(masks_of(mask.shape)) for mask in first]


def jaccard_distance(a, b):
    return 1 - len(a & b) / len(a | b) if a | b else 0.0


def sources(mask):
    """The set of the inputs of each neuron."""
    return [set(np.flatnonzero(column)) for column in mask.T]


def layer_twin(mask, other):
    """The least mean distance of the pairs, and the best ways to pair."""
    a, b = sources(mask), sources(other)
    ways = list(permutations(range(len(a))))
    means = [
        np.mean([jaccard_distance(a[j], b[k]) for j, k in enumerate(way)])
        for way in ways
    ]
    best = [way for way, mean in zip(ways, means) if mean < min(means) + 1e-9]
    return min(means), best


@given(two_networks())
def test_neurons_of_the_first_layer_are_paired_as_is_best_of_all_ways(networks):
    first, second = networks
    found = topology_distance(Network(first), Network(second))
    expected, _ = layer_twin(first[0], second[0])
    assert found[0] == pytest.approx(expected)
    assert found.shape == (len(first),)
    assert ((found >= 0) & (found <= 1)).all()


@given(two_networks())
def test_inputs_of_the_second_layer_are_the_pairs_found_in_the_first(networks):
    first, second = networks
    found = topology_distance(Network(first), Network(second))
    if len(first) > 1:
        # There may be several best ways, of which the implementation takes one.
        _, ways = layer_twin(first[0], second[0])
        possible = [layer_twin(first[1], second[1][list(way)])[0] for way in ways]
        assert np.isclose(possible, found[1]).any()


@given(layer_masks(), st.randoms(use_true_random=False))
def test_no_order_of_neurons_is_a_distance(masks, random):
    order, shuffled = np.arange(len(masks[0])), []
    for mask in masks:
        following = list(range(mask.shape[1]))
        random.shuffle(following)
        shuffled.append(mask[order][:, following])
        order = np.array(following)
    distances = topology_distance(Network(masks), Network(shuffled))
    # Of equal neurons any pairs are best, and what follows may tell them apart.
    assert distances[0] == pytest.approx(0)
    if all(len(set(map(tuple, mask.T))) == mask.shape[1] for mask in masks):
        np.testing.assert_allclose(distances, 0, atol=1e-12)


@given(two_networks())
def test_by_position_it_is_the_jaccard_distance_of_the_connections(networks):
    found = topology_distance(*map(Network, networks), match_neurons=False)
    for a, b, distance in zip(*networks, found):
        cells = (set(zip(*np.nonzero(mask))) for mask in (a, b))
        assert distance == pytest.approx(jaccard_distance(*cells))
    assert not topology_distance(Network(networks[0]), Network(networks[0])).any()


def test_known_pairs():
    first = [np.array([[1, 0], [1, 0], [0, 1], [0, 1]])]
    second = [np.array([[0, 1], [0, 1], [1, 1], [1, 0]])]
    # {2, 3} equals {2, 3}; {0, 1} and {0, 1, 2} have two of three in common.
    found = topology_distance(Network(first), Network(second))
    np.testing.assert_allclose(found, [(0 + 1 / 3) / 2])
    found = topology_distance(Network(first), Network(second), match_neurons=False)
    np.testing.assert_allclose(found, [1 - 1 / 8])


def test_networks_of_other_shapes_and_numbers_of_layers_are_refused():
    X, y = load_digits(return_X_y=True)
    sizes = (40,), (50,), (40, 30)
    one, *others = (SETClassifier(s, max_iter=1).fit(X / 16, y) for s in sizes)
    for other in others:
        with pytest.raises(ValueError, match="different shapes"):
            topology_distance(one, other)


@given(two_networks())
def test_arrays_of_the_layers_are_a_network_too(networks):
    layers = [[sparse.csr_array(mask) for mask in each] for each in networks]
    for match in (True, False):
        expected = topology_distance(*map(Network, networks), match_neurons=match)
        found = topology_distance(*layers, match_neurons=match)
        # What an estimator stores is a connection, even if it is zero.
        np.testing.assert_array_equal(found, expected)


def test_memory_is_that_of_the_distances():
    rng = np.random.default_rng(0)
    n, degree = 3000, 10
    layers = [
        sparse.random_array((n, n), density=degree / n, random_state=rng, format="csr")
        for _ in range(2)
    ]
    with Peak() as peak:
        topology_distance(*([layer] for layer in layers))
        assert peak.bytes() < 1.6 * 8 * n**2


def test_states_of_a_boltzmann_machine():
    X, _ = load_digits(return_X_y=True)
    first, second = (
        SETRBMTransformer(20, epsilon=5, n_iter=n, random_state=0).fit(X / 16)
        for n in (1, 4)
    )
    assert not topology_distance(first, first).any()
    matched = topology_distance(first, second)[0]
    assert 0.2 < matched < 1


def test_states_of_a_perceptron_match_a_mask_by_mask_comparison():
    X, y = load_digits(return_X_y=True)
    first, second = (
        SETClassifier((50,), epsilon=5, max_iter=3, random_state=seed).fit(X / 16, y)
        for seed in (0, 1)
    )
    distances = topology_distance(first, second, match_neurons=False)
    a, b = (set(zip(*each.coefs_[0].nonzero())) for each in (first, second))
    assert distances[0] == pytest.approx(jaccard_distance(a, b), abs=0.02)
    assert topology_distance(first, second)[0] < distances[0]
