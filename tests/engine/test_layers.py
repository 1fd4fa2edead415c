from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import typeof
from scipy import sparse

from sklearn_sparse_nn.engine.layers import (
    SparseLayers,
    connections_of,
    copy_layers,
    layer_indptr,
    layer_matrix,
    n_layers,
    neurons_of,
    part_of,
    stack_layers,
    to_read,
)


def _stack(matrices):
    """Stack dense (n_inputs, n_neurons) matrices, zeros meaning no connection."""
    by_neuron = [sparse.csr_array(W.T) for W in matrices]
    sizes = [len(matrices[0])] + [W.shape[1] for W in matrices]
    layers = stack_layers(sizes, ((W.indptr, W.indices) for W in by_neuron))
    layers.weights[:] = np.concatenate([W.data for W in by_neuron])
    layers.intercepts[:] = np.repeat(np.arange(len(matrices)), sizes[1:])
    return layers


def _matrices(sizes, density, seed):
    rng = np.random.default_rng(seed)
    return [
        (rng.normal(size=shape) * (rng.random(shape) < density)).astype(np.float32)
        for shape in pairwise(sizes)
    ]


@settings(max_examples=50)
@given(
    sizes=st.lists(st.integers(1, 12), min_size=2, max_size=5),
    density=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    seed=st.integers(0, 99),
)
def test_layer_matrix_gives_back_what_was_stacked(sizes, density, seed):
    matrices = _matrices(sizes, density, seed)
    layers = _stack(matrices)
    assert n_layers(layers) == len(matrices)
    for layer, W in enumerate(matrices):
        matrix = layer_matrix(layers, layer)
        assert isinstance(matrix, sparse.csr_array)
        assert matrix.shape == W.shape and matrix.dtype == np.float32
        assert matrix.nnz == np.count_nonzero(W)
        matrix.check_format()
        for row in np.split(matrix.indices, matrix.indptr[1:-1]):
            assert (np.diff(row) > 0).all()
        np.testing.assert_array_equal(matrix.toarray(), W)


def test_layers_lie_one_after_the_other():
    matrices = _matrices([5, 4, 6, 3], 0.5, 0)
    layers = _stack(matrices)
    np.testing.assert_array_equal(layers.first, [0, 4, 10, 13])
    assert [len(layers.intercepts[neurons_of(layers, i)]) for i in range(3)] == [
        4,
        6,
        3,
    ]
    for i, W in enumerate(matrices):
        here = connections_of(layers, i)
        np.testing.assert_array_equal(layers.weights[here], W.T[W.T != 0])
        np.testing.assert_array_equal(layers.indices[here], np.nonzero(W.T)[1])
        np.testing.assert_array_equal(
            np.diff(layer_indptr(layers, i)), np.count_nonzero(W, axis=0)
        )
        assert layer_indptr(layers, i)[0] == 0
        assert (layers.intercepts[neurons_of(layers, i)] == i).all()


def test_a_layer_is_asked_for_when_the_one_before_has_its_place():
    def connections():
        for n in range(3):
            indices = np.arange(4) + n
            yield np.array([0, 1, 4]), indices
            indices[:] = 0

    layers = stack_layers([7, 2, 2, 2], connections())
    np.testing.assert_array_equal(layers.indices, [0, 1, 2, 3, 1, 2, 3, 4, 2, 3, 4, 5])
    np.testing.assert_array_equal(layers.indptr, [0, 1, 4, 5, 8, 9, 12])
    assert not layers.weights.any() and not layers.intercepts.any()


def test_types_are_those_that_the_kernels_are_compiled_for():
    layers = _stack(_matrices([5, 4, 3], 0.5, 0))
    dtypes = "int64", "int64", "int64", "uint32", "float32", "float32"
    assert tuple(str(array.dtype) for array in layers) == dtypes
    assert all(array.flags.c_contiguous for array in layers)


@pytest.mark.parametrize("field", range(6))
def test_a_copy_shares_nothing(field):
    layers = _stack(_matrices([5, 4, 3], 0.5, 0))
    copy = copy_layers(layers)
    copy[field][:] += 1
    assert not np.shares_memory(layers[field], copy[field])
    assert (layers[field] != copy[field]).all()


@settings(max_examples=50)
@given(data=st.data())
def test_a_part_is_a_network_of_its_own(data):
    sizes = data.draw(st.lists(st.integers(1, 12), min_size=2, max_size=5))
    matrices = _matrices(sizes, data.draw(st.sampled_from([0.0, 0.3, 1.0])), 0)
    start = data.draw(st.integers(0, len(matrices) - 1))
    stop = data.draw(st.integers(start + 1, len(matrices)))
    part = part_of(_stack(matrices), start, stop)
    alone = _stack(matrices[start:stop])
    for name in ("sizes", "first", "indptr", "indices", "weights"):
        array, expected = getattr(part, name), getattr(alone, name)
        assert array.dtype == expected.dtype and array.flags.c_contiguous
        np.testing.assert_array_equal(array, expected)
    layers = np.repeat(np.arange(start, stop), sizes[start + 1 : stop + 1])
    np.testing.assert_array_equal(part.intercepts, layers)  # `_stack` made them so


def test_all_parts_together_are_the_network():
    layers = _stack(_matrices([5, 4, 6, 3], 0.5, 0))
    for array, expected in zip(part_of(layers, 0, 3), layers, strict=True):
        np.testing.assert_array_equal(array, expected)


@pytest.mark.parametrize("field", ["indices", "weights", "intercepts"])
def test_a_part_lies_in_the_memory_of_its_network(field):
    layers = _stack(_matrices([5, 4, 6, 3], 0.8, 0))
    before = layers.weights.copy()
    assert np.shares_memory(
        getattr(part_of(layers, 1, 3), field), getattr(layers, field)
    )
    part_of(layers, 1, 2).weights[:] = 7
    changed = layers.weights != before
    np.testing.assert_array_equal(
        np.flatnonzero(changed), np.arange(len(before))[connections_of(layers, 1)]
    )


def test_layers_to_read_have_one_type_and_no_copy(tmp_path):
    layers = _stack([np.eye(3)])
    for name, array in layers._asdict().items():
        np.save(tmp_path / f"{name}.npy", array)
    mapped = SparseLayers(
        *(np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in layers._fields)
    )
    read = to_read(mapped)
    assert typeof(read) == typeof(layers) != typeof(mapped)
    for here, there in zip(read, mapped):
        np.testing.assert_array_equal(here, there)
        assert np.shares_memory(here, there)
    assert all(a is b for a, b in zip(to_read(layers), layers))
    del mapped, there  # the memory stays as long as it is read
    np.testing.assert_array_equal(here, layers.intercepts)
