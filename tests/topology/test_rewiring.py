from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_sparse_nn.engine.layers import (
    connections_of,
    copy_layers,
    layer_indptr,
    stack_layers,
)
from sklearn_sparse_nn.engine.threads import ThreadTeam
from sklearn_sparse_nn.topology import cells as cells_module
from sklearn_sparse_nn.topology.evolution import EvolutionRule, EvolvingLayer
from sklearn_sparse_nn.topology.rewiring import ask_rule, rewire
from tests import naive

SIZES = [6, 9, 7, 4]


def _network(density=0.4, seed=0):
    rng = np.random.default_rng(seed)
    connections, weights, intercepts = [], [], []
    for n_inputs, n_neurons in pairwise(SIZES):
        mask = rng.random((n_neurons, n_inputs)) < density
        indptr = np.concatenate([[0], np.cumsum(mask.sum(axis=1))])
        connections.append((indptr, np.nonzero(mask)[1]))
        weights.append(rng.normal(size=mask.sum()))
        intercepts.append(rng.normal(size=n_neurons))
    layers = stack_layers(SIZES, connections)
    layers.weights[:] = np.concatenate(weights)
    layers.intercepts[:] = np.concatenate(intercepts)
    n = len(layers.weights)
    return layers, tuple(rng.normal(size=(2, n)).astype(np.float32))


def _cells(layers, layer):
    neurons = np.repeat(
        np.arange(SIZES[layer + 1]), np.diff(layer_indptr(layers, layer))
    )
    return neurons * SIZES[layer] + layers.indices[connections_of(layers, layer)]


def _table(layers, state, layer):
    """Cells of a layer, and weight and optimiser state of each."""
    here = connections_of(layers, layer)
    numbers = np.stack(
        [layers.weights[here], *(array[here] for array in state)], axis=1
    )
    return list(_cells(layers, layer)), [tuple(row) for row in numbers.tolist()]


def _rewire(layers, state, layer, n_pruned, n_grown, seed=0, n_threads=1):
    rng = np.random.default_rng(seed)
    cells = _cells(layers, layer)
    pruned = np.zeros(len(cells), dtype=bool)
    pruned[rng.choice(len(cells), n_pruned, replace=False)] = True
    # A pruned connection may begin anew.
    kept = cells[~pruned]
    empty = np.setdiff1d(np.arange(SIZES[layer] * SIZES[layer + 1]), kept)
    grown = np.sort(rng.choice(empty, n_grown, replace=False)).astype(np.int64)
    weights = rng.normal(size=n_grown).astype(np.float32)
    old_state = tuple(array.copy() for array in state)
    with ThreadTeam(n_threads) as team:
        result = rewire(
            copy_layers(layers), old_state, layer, pruned, grown, weights, team
        )
    return *result, pruned, grown, weights


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_connections_after_rewiring_equal_the_dense_twin(data):
    layers, state = _network(data.draw(st.sampled_from([0.1, 0.4, 0.9])))
    layer = data.draw(st.integers(0, len(SIZES) - 2))
    n = len(_cells(layers, layer))
    n_pruned = data.draw(st.integers(0, n))
    n_empty = SIZES[layer] * SIZES[layer + 1] - n + n_pruned
    n_grown = data.draw(st.integers(0, n_empty))
    new, new_state, pruned, grown, weights = _rewire(
        layers, state, layer, n_pruned, n_grown, data.draw(st.integers(0, 99))
    )
    fresh = [(weight, 0.0, 0.0) for weight in weights.tolist()]
    old = _table(layers, state, layer)
    assert _table(new, new_state, layer) == naive.rewired(*old, pruned, grown, fresh)
    for other in set(range(len(SIZES) - 1)) - {layer}:
        assert _table(new, new_state, other) == _table(layers, state, other)
    assert new.indptr[-1] == len(new.indices) == len(new.weights)
    assert [array.dtype for array in new] == [array.dtype for array in layers]
    assert [len(array) for array in new_state] == [len(new.weights)] * 2
    np.testing.assert_array_equal(new.intercepts, layers.intercepts)


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_connection_count_is_kept_when_as_many_grow_as_go(layer):
    layers, state = _network()
    new, _, _, _, _ = _rewire(layers, state, layer, 4, 4)
    assert len(new.weights) == len(layers.weights)
    cells = _cells(new, layer)
    assert (np.diff(cells) > 0).all()
    assert (cells != _cells(layers, layer)).any()


def test_state_of_an_optimiser_without_second_moments_stays_empty():
    layers, (first, _) = _network()
    empty = np.zeros(0, dtype=np.float32)
    _, (new_first, second), _, _, _ = _rewire(layers, (first, empty), 1, 3, 5)
    assert len(second) == 0
    assert len(new_first) == len(first) + 2


def test_a_layer_may_lose_all_its_connections():
    layers, state = _network()
    n = len(_cells(layers, 1))
    new, _, _, _, _ = _rewire(layers, state, 1, n, 0)
    assert len(_cells(new, 1)) == 0
    assert len(new.weights) == len(layers.weights) - n


def test_a_network_without_connections_may_grow_some():
    layers, state = _network(density=0.0)
    new, new_state, _, grown, weights = _rewire(layers, state, 1, 0, 5)
    np.testing.assert_array_equal(_cells(new, 1), grown)
    np.testing.assert_array_equal(new.weights, weights)
    assert [len(array) for array in new_state] == [5, 5]


@pytest.mark.parametrize("block", [1, 4, 1000])
@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_blocks_and_threads_do_not_matter(monkeypatch, block, n_threads):
    layers, state = _network()
    expected, expected_state, *_ = _rewire(layers, state, 1, 6, 9)
    monkeypatch.setattr(cells_module, "_BLOCK", block)
    new, new_state, *_ = _rewire(layers, state, 1, 6, 9, n_threads=n_threads)
    for array, other in zip([*new, *new_state], [*expected, *expected_state]):
        np.testing.assert_array_equal(array, other)


@pytest.mark.parametrize("which", [0, -1])
def test_a_second_connection_between_two_neurons_is_refused(which):
    layers, state = _network()
    cells = _cells(layers, 1)
    before = copy_layers(layers)
    neuron, input = divmod(cells[which], SIZES[1])
    message = f"a second one from input {input} to neuron {neuron}"
    with ThreadTeam(2) as team, pytest.raises(ValueError, match=message):
        nothing = np.zeros(len(cells), dtype=bool)
        rewire(layers, state, 1, nothing, cells[[which]], np.float32([1]), team)
    for array, other in zip(layers, before, strict=True):
        np.testing.assert_array_equal(array, other)


class Answers(EvolutionRule):
    """Answers what it was told to."""

    def __init__(self, pruned, cells, weights):
        self.answers = pruned, cells, weights

    def prune(self, layer):
        return self.answers[0]

    def grow(self, layer, n_pruned):
        return self.answers[1]

    def new_weights(self, layer, cells):
        return self.answers[2]


NONE, ONE = np.zeros(2, bool), np.zeros(1)


@pytest.mark.parametrize(
    "answers, message",
    [
        (
            (np.array([0, 1]), [], []),
            r"must return a boolean array of shape \(2,",
        ),
        ((np.zeros(3, bool), [], []), r"got bool of shape \(3,\)"),
        ((NONE, [6], ONE), r"grow must return distinct cells < 6 in ascending order"),
        ((NONE, [-1], ONE), r"distinct cells < 6"),
        ((NONE, [2, 2], ONE), r"distinct cells < 6"),
        ((NONE, [3, 2], ONE), r"distinct cells < 6"),
        (
            (NONE, [2], np.zeros(2)),
            r"one weight per cell, got shape \(2,\) for 1",
        ),
    ],
)
def test_wrong_answers_of_a_rule_are_refused(answers, message):
    layer = EvolvingLayer(
        indptr=np.array([0, 1, 2]),
        indices=np.array([1, 0], dtype=np.uint32),
        weights=np.ones(2, dtype=np.float32),
        index=0,
        n_inputs=3,
        zeta=0.3,
        clock=None,
        gain=1.0,
        rng=None,
        gradient=None,
    )
    with pytest.raises(ValueError, match=message):
        ask_rule(Answers(*answers), layer)
