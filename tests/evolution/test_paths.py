"""Link prediction by paths, against counts of every path."""

from itertools import product
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_sparse_nn.evolution import paths
from sklearn_sparse_nn.evolution.paths import Paths
from tests.evolution.test_layer import layer_of
from tests.memory import Peak


def scores_of_paths(mask):
    """By nodes and by paths, walking each path; NaN at connections.

    The external connections of a node are counted as the papers say it: those that lead
    neither to the local community nor to the two ends.
    """
    by_nodes, by_paths = np.full((2, *mask.shape), np.nan)
    for t, s in np.argwhere(~mask):
        walks = [
            (x, y)
            for x, y in product(np.flatnonzero(mask[:, s]), np.flatnonzero(mask[t]))
            if mask[x, y]
        ]
        neurons, inputs = ({*each} for each in zip(*walks)) if walks else (set(), set())
        internal, external = {}, {}
        for x in neurons:
            around = set(np.flatnonzero(mask[x]))
            internal["x", x], external["x", x] = _split(around, inputs, s)
        for y in inputs:
            around = set(np.flatnonzero(mask[:, y]))
            internal["y", y], external["y", y] = _split(around, neurons, t)
        by_nodes[t, s] = sum((1 + internal[z]) / (1 + external[z]) for z in internal)
        by_paths[t, s] = sum(
            1 / np.sqrt((1 + external["x", x]) * (1 + external["y", y]))
            for x, y in walks
        )
    return by_nodes, by_paths


def _split(around, community, end):
    return len(around & community), len(around - community - {end})


@settings(max_examples=100)
@given(data=st.data())
def test_scores_equal_those_of_all_paths(data):
    shape = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    mask = rng.random(shape) < data.draw(st.sampled_from([0.1, 0.3, 0.6, 1]))
    layer = layer_of(mask)
    gone = rng.random(layer.n_connections) < data.draw(st.sampled_from([0, 0.3]))
    left = mask.copy()
    left[mask] = ~gone
    first = data.draw(st.integers(0, shape[0] - 1))
    neurons = np.arange(first, data.draw(st.integers(first + 1, shape[0])))
    sizes = {
        "_CELLS": data.draw(st.sampled_from([1, 20, 2**18])),
        "_CELLS_NEAR": data.draw(st.sampled_from([1, 10, 2**17])),
        "_NEURONS_NEAR": data.draw(st.sampled_from([1, 3, 512])),
        "_CONNECTIONS_NEAR": data.draw(st.sampled_from([0, 1, 4])),
    }
    with patch.multiple(paths, **sizes):
        graph = Paths(layer, gone)
        found = graph.by_nodes(neurons), graph.by_paths(neurons)
    for scores, expected in zip(found, scores_of_paths(left)):
        expected, free = expected[neurons], ~left[neurons]
        assert scores.shape == expected.shape
        np.testing.assert_allclose(scores[free], expected[free], rtol=1e-5)


@pytest.mark.parametrize("score", ["by_nodes", "by_paths"])
def test_all_paths_are_never_in_memory_together(monkeypatch, score):
    """A hub makes a million pairs of neurons, and 2,000 connections."""
    mask = np.zeros((1000, 1000), dtype=bool)
    mask[:, 0] = True
    np.fill_diagonal(mask, True)
    layer = layer_of(mask)
    monkeypatch.setattr(paths, "_CELLS", 1000)
    graph = Paths(layer, np.zeros(layer.n_connections, dtype=bool))
    with Peak() as peak:
        getattr(graph, score)(np.arange(10))
        assert peak.bytes() < 400_000


@pytest.mark.parametrize("score", ["by_nodes", "by_paths"])
def test_neurons_of_few_inputs_are_not_all_paired(monkeypatch, score):
    """Of 3,000 neurons there are nine million pairs, 36 MB."""
    layer = layer_of(np.random.default_rng(0).random((3000, 4)) < 0.4)
    gone = np.zeros(layer.n_connections, dtype=bool)
    expected = getattr(Paths(layer, gone), score)(np.arange(3000))
    monkeypatch.setattr(paths, "_CELLS", 2**14)
    graph = Paths(layer, gone)
    with Peak() as peak:
        scores = getattr(graph, score)(np.arange(3000))
        assert peak.bytes() < 1_000_000
    np.testing.assert_allclose(scores, expected, rtol=1e-4)
