"""The passes over a layer: in bands of its inputs, or over those that are present.

The kernels of `kernels` do the work; see `bands` and `presence` for when and why a pass
takes the connections of a layer piece by piece.
"""

from sklearn_sparse_nn.engine import kernels
from sklearn_sparse_nn.engine.activations import IDENTITY
from sklearn_sparse_nn.engine.bands import stretch_of
from sklearn_sparse_nn.engine.compilation import inner
from sklearn_sparse_nn.engine.presence import (
    collect,
    collect_gradient,
    return_gradient,
    worthwhile,
)


@inner(inline="always")
def _next_piece(layers, layer, start, stop, collects, collection, bands):
    """Neurons from `start` that are worked on together.

    Returns where they end, the network that they are in, which of its neurons is the
    first of them, and the number of their bands.
    """
    if collects:
        end, collected = collect(layers, start, stop, collection)
        return end, collected, 0, 1
    return stop, layers, start, bands.n_bands[layer]


@inner
def forward(
    first,
    last,
    layers,
    layer,
    x,
    out,
    slopes,
    stride,
    ahead,
    kind,
    left,
    train,
    present,
    collection,
    bands,
):
    """`kernels.forward` of a layer; `present` says which inputs of the network are."""
    start, stop = layers.first[layer], layers.first[layer + 1]
    collects = layer == 0 and worthwhile(
        present, layers.sizes[0], first, last, ahead, collection
    )
    j = start
    while j < stop:
        end, some, here, n_bands = _next_piece(
            layers, layer, j, stop, collects, collection, bands
        )
        there, row = here + end - j, (j - start) * stride
        for band in range(n_bands):
            kind_now, left_now, train_now = kind, left, train
            if band < n_bands - 1:  # a sum that waits for the rest
                (kind_now, left_now), train_now = IDENTITY, False
            kernels.forward(
                first,
                last,
                some,
                here,
                there,
                stretch_of(some, layer, here, there, bands, band, n_bands),
                x,
                out[row:],
                slopes[row:],
                stride,
                ahead,
                kind_now,
                left_now,
                train_now,
            )
        j = end


@inner
def input_gradient(
    first, last, layers, layer, deltas, stride, errors, errors_stride, ahead, bands
):
    """`kernels.input_gradient` of a layer."""
    start, stop = layers.first[layer], layers.first[layer + 1]
    n_bands = bands.n_bands[layer]
    for band in range(n_bands):
        kernels.input_gradient(
            first,
            last,
            layers,
            start,
            stop,
            stretch_of(layers, layer, start, stop, bands, band, n_bands),
            deltas,
            stride,
            errors,
            errors_stride,
            ahead,
        )


@inner
def weight_gradient(
    last,
    layers,
    layer,
    start,
    stop,
    x,
    deltas,
    gradient,
    bias,
    stride,
    ahead,
    present,
    collection,
    bands,
):
    """`kernels.weight_gradient` of some neurons of a layer, over columns 0 to `last`.

    `gradient`, `bias` and `deltas` begin with neuron `start`.
    """
    collects = layer == 0 and worthwhile(
        present, layers.sizes[0], 0, last, ahead, collection
    )
    j = start
    while j < stop:
        end, some, here, n_bands = _next_piece(
            layers, layer, j, stop, collects, collection, bands
        )
        there, row = here + end - j, (j - start) * stride
        sums = gradient[layers.indptr[j] - layers.indptr[start] :]
        target = sums
        if collects:
            target = collection.gradient
            collect_gradient(sums, some.indptr[there], collection)
        for band in range(n_bands):
            kernels.weight_gradient(
                0,
                last,
                some,
                here,
                there,
                stretch_of(some, layer, here, there, bands, band, n_bands),
                x,
                deltas[row:],
                target,
                bias[j - start :],
                stride,
                ahead,
            )
        if collects:
            return_gradient(sums, some.indptr[there], collection)
        j = end
