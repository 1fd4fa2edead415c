"""From the error terms of the last layer back to the first layer, compiled."""

from sklearn_sparse_nn.engine import kernels
from sklearn_sparse_nn.engine.compilation import inner
from sklearn_sparse_nn.engine.passes import input_gradient
from sklearn_sparse_nn.networks.batches import new_workspace, rows_from


@inner
def backward(layers, first, last, tile, errors):
    """Take the error terms of columns `first` to `last` back to the first layer.

    Until its error comes back, a hidden neuron keeps its slope in its row of `deltas`.
    """
    stride = tile.stride
    for layer in range(len(layers.sizes) - 2, 0, -1):
        start, previous = layers.first[layer], layers.first[layer - 1]
        deltas = rows_from(tile.deltas, start, stride)
        input_gradient(
            first,
            last,
            layers,
            layer,
            deltas,
            stride,
            errors,
            stride,
            tile.ahead,
            tile.bands,
        )
        slopes = rows_from(tile.deltas, previous, stride)
        n_neurons = start - previous
        kernels.take_errors(first, last, n_neurons, slopes, stride, errors, stride)


def training_workspace(layers, n_samples, n_threads):
    """Buffers to train on batches of at most `n_samples`."""
    n_rows = int(layers.sizes[0] + layers.first[-1])
    n_hidden = int(layers.sizes[1:-1].max(initial=0))
    return new_workspace(layers, n_samples, n_threads, n_rows, n_hidden)
