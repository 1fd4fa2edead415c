"""From the error terms of the last layer back to the first layer, compiled."""

from sklearn_sparse_nn.engine import kernels, passes
from sklearn_sparse_nn.engine.compilation import inner
from sklearn_sparse_nn.engine.sections import rest
from sklearn_sparse_nn.networks.batches import new_workspace


@inner
def backward(layers, tile, share):
    """Take the error terms of columns of a tile back to the first layer.

    Until its error comes back, a hidden neuron keeps its slope in its row of `deltas`.
    """
    columns = share.columns
    for layer in range(len(layers.sizes) - 2, 0, -1):
        start, previous = layers.first[layer], layers.first[layer - 1]
        deltas = rest(tile.deltas, start * columns.stride)
        passes.input_gradient(share, layers, layer, deltas, tile.errors)
        slopes = rest(tile.deltas, previous * columns.stride)
        kernels.take_errors(columns, start - previous, slopes, tile.errors)


def training_workspace(layers, n_samples, n_threads):
    """Buffers to train on batches of at most `n_samples`."""
    n_rows = int(layers.sizes[0] + layers.first[-1])
    n_hidden = int(layers.sizes[1:-1].max(initial=0))
    return new_workspace(layers, n_samples, n_threads, n_rows, n_hidden)
