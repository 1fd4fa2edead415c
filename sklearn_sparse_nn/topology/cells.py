"""Cells of a layer: its connections, numbered among all that it could have.

A layer of `n_neurons` × `n_inputs` has as many cells as it could have connections;
cell ``neuron * n_inputs + input`` is one of them. What goes through the cells of a
whole layer does so in blocks of neurons: fresh memory for the cells of ten million
connections at once would cost more than what is done with it.
"""

from itertools import pairwise

import numpy as np

# Connections in a block, about.
_BLOCK = 2**17


def number_of_connections(n_inputs, n_neurons, epsilon):
    """How many connections a layer begins with: see `initial.ErdosRenyi`."""
    return min(n_inputs * n_neurons, round(epsilon * (n_inputs + n_neurons)))


def rows_of_cells(cells, n_inputs, n_neurons):
    """The CSR structure of ascending cells.

    Returns
    -------
    indptr : ndarray of int64, shape (n_neurons + 1,)
    indices : ndarray of uint32, shape (len(cells),)
    """
    indptr = np.searchsorted(cells, np.arange(n_neurons + 1) * n_inputs)
    return indptr, (cells % n_inputs).astype(np.uint32)


def occupied_cells(indptr, indices, n_inputs, first, last):
    """Cells of the connections of the neurons from `first` to before `last`.

    Parameters
    ----------
    indptr, indices : ndarray
        CSR structure of a layer, a row for each neuron.
    n_inputs : int
    first, last : int

    Returns
    -------
    cells : ndarray of int64
        In ascending order.
    """
    degrees = np.diff(indptr[first : last + 1])
    cells = np.repeat(np.arange(first, last) * n_inputs, degrees)
    cells += indices[indptr[first] : indptr[last]]
    return cells


def neuron_blocks(indptr):
    """Cut the neurons of a layer into blocks of about as many connections.

    Parameters
    ----------
    indptr : ndarray of int64, shape (n_neurons + 1,)
        Where the connections of each neuron start, from 0.

    Returns
    -------
    blocks : list of (first, last)
    """
    marks = np.arange(_BLOCK, indptr[-1], _BLOCK)
    bounds = np.unique([0, *np.searchsorted(indptr, marks), len(indptr) - 1])
    return list(pairwise(bounds.tolist()))
