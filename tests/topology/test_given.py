from itertools import pairwise

import joblib
import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone

from sklearn_sparse_nn.engine.layers import check_layers
from sklearn_sparse_nn.networks.mlp import MLP
from sklearn_sparse_nn.networks.network import Start
from sklearn_sparse_nn.topology import FromArrays
from sklearn_sparse_nn.topology.weights import random_weights

SIZES = [5, 4, 3]


def patterns(seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=s) * (rng.random(s) < 0.5) for s in pairwise(SIZES)]


def network(arrays, **options):
    start = Start(FromArrays(arrays, **options), epsilon=20, seed=3)
    return MLP(SIZES, start, "relu", "softmax")


def matrices(network):
    """Weights of each layer, dense."""
    layers, found = network.layers, []
    for layer, shape in enumerate(zip(SIZES[1:], SIZES)):
        rows = slice(layers.first[layer], layers.first[layer + 1] + 1)
        indptr = layers.indptr[rows]
        here = slice(indptr[0], indptr[-1])
        parts = layers.weights[here], layers.indices[here], indptr - indptr[0]
        found.append(sparse.csr_array(parts, shape=shape).toarray().T)
    return found


def _unsorted(array):
    """float32 CSC, each entry cut in two, the rows of a column in descending order."""
    columns, rows = np.nonzero(array.T)
    order = np.repeat(np.lexsort((-rows, columns)), 2)
    indptr = 2 * np.append(0, np.cumsum(np.count_nonzero(array, axis=0)))
    halves = (array.T[columns, rows] / 2)[order].astype(np.float32)
    return sparse.csc_array((halves, rows[order], indptr), shape=array.shape)


@pytest.mark.parametrize(
    "make",
    [
        np.asarray,
        np.ndarray.tolist,
        np.asfortranarray,
        sparse.csr_array,
        sparse.csc_matrix,
        sparse.lil_array,
        _unsorted,
        lambda a: sparse.csr_array(a.astype(np.float32)),
    ],
)
def test_the_network_begins_with_given_weights(make):
    given = patterns()
    made = [make(array) for array in given]
    before = joblib.hash(made)
    begun = network(made)
    check_layers(begun.layers)
    for found, expected in zip(matrices(begun), given, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    begun.layers.weights[:] = 7  # are a copy
    assert joblib.hash(made) == before


def test_stored_zeros_are_connections():
    arrays = [sparse.csr_array(array) for array in patterns()]
    arrays[0].data[:] = 0
    begun = network(arrays)
    assert len(begun.layers.weights) == sum(array.nnz for array in arrays)
    assert not matrices(begun)[0].any()


@pytest.mark.parametrize("dtype", [bool, int, float])
def test_weights_are_drawn_for_a_pattern(dtype):
    given = [(array != 0).astype(dtype) for array in patterns()]
    begun = network(given, weights="random")
    for layer, (found, pattern) in enumerate(zip(matrices(begun), given)):
        np.testing.assert_array_equal(found != 0, pattern != 0)
        fan_in = np.repeat(*2 * [np.count_nonzero(pattern, axis=0)])
        # No random number went into the connections.
        stream = np.random.SeedSequence(3).spawn(2)[layer]
        rng = np.random.Generator(np.random.PCG64(stream))
        expected = random_weights(fan_in, begun.gains[layer], rng)
        np.testing.assert_array_equal(found.T[pattern.T != 0], expected)


WRONG = [
    (lambda a: a[:1], r"has 1 arrays, but the network has 2 layers, .*\[5, 4, 3\]"),
    (
        lambda a: [a[0], a[1].T],
        r"arrays\[1\] .* shape \(3, 4\), but layer 1 .*\(4, 3\)",
    ),
    (lambda a: [a[0] * 0, a[1]], r"arrays\[0\] of FromArrays has no connection"),
    (lambda a: [a[0], a[1] + np.inf], r"Input arrays\[1\] contains infinity"),
    (lambda a: [a[0], a[1] * np.nan], r"Input arrays\[1\] contains NaN"),
    (lambda a: [a[0], a[1] * 1e300], r"Input arrays\[1\] contains infinity"),
    (lambda a: [a[0][0], a[1]], "Expected 2D array"),
    (lambda a: [a[0], [["x"] * 3] * 4], "could not convert string"),
    (lambda a: [a[0], np.zeros((0, 0))], r"arrays\[1\] .* shape \(0, 0\)"),
]


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.parametrize("change, message", WRONG)
def test_arrays_that_do_not_fit_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        network(change(patterns()))


@pytest.mark.parametrize("damage", [-1, 99])
@pytest.mark.parametrize("make", [sparse.csr_array, sparse.csc_array])
def test_arrays_that_were_altered_are_refused(damage, make):
    arrays = [make(array) for array in patterns()]
    arrays[0].indices[3] = damage
    with pytest.raises(ValueError, match=r"ind(ices|ex values) must be"):
        network(arrays)


def test_clones_are_equal_and_apart():
    topology = FromArrays(patterns(), weights="random")
    other = clone(topology)
    assert other.weights == "random" and other.arrays[0] is not topology.arrays[0]
    np.testing.assert_array_equal(other.arrays[0], topology.arrays[0])
