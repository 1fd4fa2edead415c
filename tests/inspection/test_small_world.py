from itertools import combinations

import numpy as np
import pytest
from hypothesis import given

from sklearn_sparse_nn.inspection import small_world
from sklearn_sparse_nn.inspection._fitted import layer_matrices
from sklearn_sparse_nn.inspection._small_world import _lattice, _random_layer
from tests.inspection.helpers import Network, layer_masks


def neighbours(masks):
    """The neighbours of each neuron of all layers."""
    found = {}
    for layer, mask in enumerate(masks):
        for i, j in zip(*np.nonzero(mask)):
            found.setdefault((layer, i), set()).add((layer + 1, j))
            found.setdefault((layer + 1, j), set()).add((layer, i))
    return found


def clustering_twin(graph):
    """Walk all paths of three connections."""
    n_paths = n_closed = 0
    for b, c in {tuple(sorted((i, j))) for i in graph for j in graph[i]}:
        for a in graph[b] - {c}:
            for d in graph[c] - {b}:
                n_paths += 1
                n_closed += d in graph[a]
    return n_closed / n_paths if n_paths else 0.0


def lengths_twin(graph):
    """Lengths of the shortest paths between all pairs, by walking."""
    lengths = []
    for source in graph:
        reached, border, n_steps = {source}, {source}, 0
        while border:
            lengths += [n_steps] * (len(border) if n_steps else 0)
            border = set.union(*(graph[each] for each in border)) - reached
            reached |= border
            n_steps += 1
    return lengths


@given(layer_masks())
def test_clustering_and_path_length_are_those_of_a_walk(masks):
    graph = neighbours(masks)
    if not graph:
        with pytest.raises(ValueError, match="no connection"):
            small_world(Network(masks))
        return
    found = small_world(Network(masks), n_random=1, random_state=0)
    assert found.clustering == pytest.approx(clustering_twin(graph))
    assert found.path_length == pytest.approx(np.mean(lengths_twin(graph)))


def test_known_graphs():
    circle = np.array([[1, 1], [1, 1]])
    found = small_world(Network([circle]), random_state=0)
    assert found.clustering == 1 and found.path_length == pytest.approx(4 / 3)
    path = np.array([[1, 0], [1, 1]])
    found = small_world(Network([path]), random_state=0)
    assert found.clustering == 0 and found.path_length == pytest.approx(10 / 6)


def test_a_circle_may_go_through_three_layers():
    masks = [np.ones((1, 2)), np.ones((2, 1))]
    assert small_world(Network(masks), random_state=0).clustering == 1


@given(layer_masks())
def test_graphs_to_compare_with_have_as_many_connections(masks):
    for mask in layer_matrices(Network(masks), ""):
        mask.eliminate_zeros()
        drawn = _random_layer(mask, np.random.RandomState(0))
        lattice = _lattice(mask)
        for other in (drawn, lattice):
            assert other.shape == mask.shape
            assert other.nnz == mask.nnz and other.sum() == mask.nnz
        np.testing.assert_array_equal(lattice.sum(axis=0), mask.toarray().sum(axis=0))


def ring(n, degree, share, rng):
    """A bipartite ring of which a share of the connections is rewired."""
    mask = np.zeros((n, n))
    for j in range(n):
        mask[(j + np.arange(degree)) % n, j] = 1
        for i in np.flatnonzero(mask[:, j])[rng.random(degree) < share]:
            mask[i, j], mask[rng.choice(np.flatnonzero(mask[:, j] == 0)), j] = 0, 1
    return mask


def test_a_rewired_ring_goes_from_a_lattice_to_a_small_world_to_a_random_graph():
    rng = np.random.default_rng(0)
    lattice, small, random = (
        small_world(Network([ring(120, 6, share, rng)]), random_state=0)
        for share in (0, 0.05, 1)
    )
    assert lattice.omega < -0.5 and random.omega > 0.7
    assert lattice.omega < small.omega < random.omega
    assert small.sigma > 2 and random.sigma == pytest.approx(1, abs=0.3)
    assert small.sigma > lattice.sigma


def test_paths_from_some_neurons_are_about_as_long():
    mask = ring(120, 6, 0.1, np.random.default_rng(0))
    whole = small_world(Network([mask]), n_sources=240, random_state=0)
    part = small_world(Network([mask]), n_sources=30, random_state=0)
    assert part.path_length == pytest.approx(whole.path_length, rel=0.1)
    assert part.path_length != whole.path_length
    assert part.clustering == whole.clustering
    again = small_world(Network([mask]), n_sources=30, random_state=0)
    assert part == again


def test_it_agrees_with_networkx():
    nx = pytest.importorskip("networkx")
    from networkx.algorithms.bipartite import robins_alexander_clustering

    mask = ring(30, 4, 0.3, np.random.default_rng(0))
    graph = nx.Graph([((0, i), (1, j)) for i, j in zip(*np.nonzero(mask))])
    found = small_world(Network([mask]), random_state=0)
    assert found.clustering == pytest.approx(robins_alexander_clustering(graph))
    pairs = combinations(graph, 2)
    lengths = [nx.shortest_path_length(graph, *pair) for pair in pairs]
    assert found.path_length == pytest.approx(np.mean(lengths))
