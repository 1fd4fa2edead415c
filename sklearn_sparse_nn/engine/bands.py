"""Layers whose neurons have very many inputs, in bands of inputs that the cache holds.

Each output of a network reads the rows of all the hidden neurons below it, and so does
the next output. Where the last cache does not hold these rows, all neurons go over a
band of inputs first, then over the next band; what a neuron has summed up waits
meanwhile. All sums keep their order: the result has the same bits.

An epoch of a network with 500,000 hidden neurons and 18 outputs was 1.3 times as fast,
one with 300,000 inputs and 1,000 hidden neurons 1.4 times.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from sklearn_sparse_nn.engine import kernels
from sklearn_sparse_nn.engine.buffers import rows_in_cache
from sklearn_sparse_nn.engine.compilation import inner
from sklearn_sparse_nn.engine.layers import neurons_of
from sklearn_sparse_nn.engine.sections import section

# Connections of a neuron in a band, on average, for which it pays to come back to it:
# its next connections are waited for anew. With 30, an epoch was 0.6 times as fast.
_LEAST_CONNECTIONS = 128
# Bands that half the last cache holds, of which it has one, beside all else.
_BANDS_IN_CACHE = 4


class Bands(NamedTuple):
    """Where the layers are cut."""

    n_bands: np.ndarray  # of each layer: mostly 1
    first: np.ndarray  # where the cuts of each layer begin
    cuts: np.ndarray  # first connection of each neuron in each band, then its last end


#: For a single sample, which goes over all connections of a neuron at once.
NO_BANDS = Bands(*[np.zeros(0, dtype=np.int64)] * 3)


def new_bands(layers, stride):
    """Bands for tiles of `stride` columns."""
    n_bands, first, cuts = [], [], [np.zeros(0, dtype=np.int64)]
    for layer, size in enumerate(layers.sizes[:-1]):
        neurons = neurons_of(layers, layer)
        indptr = layers.indptr[neurons.start : neurons.stop + 1]
        limits = _limits(size, stride, indptr)
        n_bands.append(len(limits) + 1)
        first.append(sum(map(len, cuts)))
        if len(limits):
            rows = [layers.indices[a:b] for a, b in pairwise(indptr)]
            within = np.array([np.searchsorted(row, limits) for row in rows]).T
            cuts += [indptr[:-1], (indptr[:-1] + within).ravel(), indptr[1:]]
    return Bands(np.array(n_bands), np.array(first), np.concatenate(cuts))


def _limits(size, stride, indptr):
    """The first inputs of all bands of a layer but the first band."""
    near = rows_in_cache(stride)
    if size <= near:
        return ()
    limits = np.arange(near // _BANDS_IN_CACHE, size, near // _BANDS_IN_CACHE)
    least = _LEAST_CONNECTIONS * (len(limits) + 1) * (len(indptr) - 1)
    return limits if indptr[-1] - indptr[0] >= least else ()


@inner
def piece_in_band(layers, layer, start, stop, bands, band):
    """The connections of neurons `start` to `stop` of a layer in one of its bands."""
    whole = kernels.all_connections(layers, start, stop)
    if bands.n_bands[layer] == 1:
        return whole
    n_neurons = layers.first[layer + 1] - layers.first[layer]
    begin = bands.first[layer] + band * n_neurons + start - layers.first[layer]
    end = begin + n_neurons
    return kernels.Piece(
        begins=section(bands.cuts, begin, begin + stop - start),
        ends=section(bands.cuts, end, end + stop - start),
        opens=band == 0,
        origin=whole.origin,
        indices=whole.indices,
        weights=whole.weights,
        intercepts=whole.intercepts,
    )
