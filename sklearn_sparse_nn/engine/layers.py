"""All the sparse layers of a network in one CSR matrix.

Row `r` of the matrix holds the incoming connections of neuron `r`; neurons are
numbered layer by layer, input neurons excluded. One matrix for all layers, and not one
per layer, lets a single compiled kernel run a whole epoch over any number of layers.
"""

from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
from scipy import sparse

_DTYPES = [np.dtype(t) for t in "i8 i8 i8 u4 f4 f4".split()]


class SparseLayers(NamedTuple):
    """Weights and connections of consecutive sparse layers.

    Attributes
    ----------
    sizes : ndarray of int64, shape (n_layers + 1,)
        Number of neurons: of the input, then of each layer.
    first : ndarray of int64, shape (n_layers + 1,)
        First neuron (row) of each layer, and the total number of neurons.
    indptr : ndarray of int64, shape (n_neurons + 1,)
        Where the connections of each neuron start.
    indices : ndarray of uint32, shape (n_connections,)
        Input neuron of each connection, counted within the previous layer; ascending
        within a row.
    weights : ndarray of float32, shape (n_connections,)
        Weight of each connection.
    intercepts : ndarray of float32, shape (n_neurons,)
        Bias of each neuron.
    """

    sizes: np.ndarray
    first: np.ndarray
    indptr: np.ndarray
    indices: np.ndarray
    weights: np.ndarray
    intercepts: np.ndarray


def stack_layers(sizes, connections):
    """Put the CSR structures of consecutive layers into one.

    Parameters
    ----------
    sizes : sequence of int, length n_layers + 1
        Number of neurons of the input and of each layer.
    connections : iterable of (indptr, indices)
        Per layer, the CSR structure of shape (n_neurons, n_inputs). One is asked for
        when the one before has its place, so that they need not be there together.

    Returns
    -------
    layers : SparseLayers
        All weights and intercepts are zero.
    """
    sizes = np.asarray(sizes, dtype=np.int64)
    first = np.concatenate([[0], np.cumsum(sizes[1:])])
    indptr = np.zeros(first[-1] + 1, dtype=np.int64)
    indices = np.zeros(0, dtype=np.uint32)
    for layer, (ends, inputs) in enumerate(connections):
        start = len(indices)
        indptr[first[layer] : first[layer + 1] + 1] = ends
        indptr[first[layer] : first[layer + 1] + 1] += start
        # A large array moves to more memory page by page, without a copy (Linux).
        indices.resize(start + len(inputs), refcheck=False)
        indices[start:] = inputs
    return SparseLayers(
        sizes=sizes,
        first=first,
        indptr=indptr,
        indices=indices,
        weights=np.zeros(len(indices), dtype=np.float32),
        intercepts=np.zeros(first[-1], dtype=np.float32),
    )


def n_layers(layers):
    """Number of layers that have connections: all but the input."""
    return len(layers.sizes) - 1


def neurons_of(layers, layer):
    """The neurons (rows) of a layer, as a slice."""
    return slice(layers.first[layer], layers.first[layer + 1])


def connections_of(layers, layer):
    """The connections of a layer, as a slice of `indices` and `weights`."""
    neurons = neurons_of(layers, layer)
    return slice(layers.indptr[neurons.start], layers.indptr[neurons.stop])


def layer_indptr(layers, layer):
    """Row pointers of a layer, counted from its own first connection."""
    neurons = neurons_of(layers, layer)
    indptr = layers.indptr[neurons.start : neurons.stop + 1]
    return indptr - indptr[0]


def layer_matrix(layers, layer):
    """A layer as a `scipy.sparse.csr_array` of shape (n_inputs, n_neurons)."""
    connections = connections_of(layers, layer)
    by_neuron = sparse.csr_array(
        (
            layers.weights[connections],
            layers.indices[connections].astype(np.int64),
            layer_indptr(layers, layer),
        ),
        shape=(layers.sizes[layer + 1], layers.sizes[layer]),
    )
    return by_neuron.T.tocsr()


def part_of(layers, start, stop):
    """Layers `start` to `stop` as a network of their own, in the same memory."""
    rows = slice(layers.first[start], layers.first[stop])
    indptr = layers.indptr[rows.start : rows.stop + 1]
    connections = slice(indptr[0], indptr[-1])
    return SparseLayers(
        sizes=layers.sizes[start : stop + 1],
        first=layers.first[start : stop + 1] - rows.start,
        indptr=indptr - indptr[0],
        indices=layers.indices[connections],
        weights=layers.weights[connections],
        intercepts=layers.intercepts[rows],
    )


def copy_layers(layers):
    """A deep copy."""
    return SparseLayers(*(array.copy() for array in layers))


def check_layers(layers):
    """Check that compiled code can follow the connections of a network.

    Parameters
    ----------
    layers : SparseLayers
        Of a file, say, that somebody may have altered.

    Raises
    ------
    ValueError
        If an array is not what `SparseLayers` says. This takes time in proportion to
        the connections.
    """
    sizes, first, indptr, indices, weights, intercepts = layers
    require(layers, _DTYPES, "The network is damaged: ")
    n_connections, n_neurons = len(indices), sizes[1:].sum()
    lengths = [len(first), len(indptr), len(weights), len(intercepts)]
    if (
        len(sizes) < 2
        or sizes.min() < 1
        or lengths != [len(sizes), n_neurons + 1, n_connections, n_neurons]
        or first[0] != 0
        or (np.diff(first) != sizes[1:]).any()
        or (indptr[0], indptr[-1]) != (0, n_connections)
        or (indptr[1:] < indptr[:-1]).any()
    ):
        raise ValueError("The network is damaged: its arrays do not fit each other.")
    here = (indices[connections_of(layers, i)] for i in range(n_layers(layers)))
    inside = all(x.max(initial=0) < size for x, size in zip(here, sizes))
    if not inside or not rows_ascend(indptr, indices):
        raise ValueError(
            "The network is damaged: a connection leads to an input that is not there, "
            "or comes twice, or out of order."
        )


def rows_ascend(indptr, indices):
    """Whether the indices of a CSR structure are distinct and ascend in each row."""
    ascends = indices[1:] > indices[:-1]
    starts = indptr[(indptr > 0) & (indptr < len(indices))]
    ascends[starts - 1] = True  # between two rows
    return ascends.all()


def require(arrays, dtypes, prefix=""):
    """Check that arrays are one-dimensional, contiguous and of these dtypes."""
    for array, dtype in zip(arrays, dtypes, strict=True):
        if (
            not isinstance(array, np.ndarray)
            or (array.ndim, array.dtype) != (1, dtype)
            or not array.flags.c_contiguous
        ):
            raise ValueError(f"{prefix}an array is not contiguous {dtype} numbers.")


def to_read(layers):
    """The same layers for compiled functions that only read them.

    Numba takes read-only arrays, such as those of a model that is mapped from a file,
    for another type: it would compile all kernels a second time.
    """
    return SparseLayers(*map(_taken_for_writable, layers))


def _taken_for_writable(array):
    if array.flags.writeable:
        return array
    interface = array.__array_interface__ | {"data": (array.ctypes.data, False)}
    return np.asarray(SimpleNamespace(__array_interface__=interface, owner=array))
