"""Feature-major buffers in tiles: one row per neuron, some samples contiguous.

The columns of a mini-batch are cut into tiles, and each tile has memory of its own: row
after row without a gap. With whole rows of 128 columns and a gap, as before, the
forward pass was 1.07 times as slow on a layer of 1,000 neurons, 1.5 times on 50,000.
"""

import numpy as np

from sklearn_sparse_nn.engine.simd import LINE, TILES

# Bytes of the last cache: that of a desktop.
_LAST_CACHE = 2**25
# Bytes of a layer that the second cache holds.
_NEAR_CACHE = 2**19
# Cache lines to have under way, from the last cache and from memory: what comes while
# one is waited for, 4 KiB and 8 KiB.
_LINES_FROM_CACHE, _LINES_FROM_MEMORY = 64, 128


def padded_width(n_samples):
    """Number of columns that hold `n_samples` samples: whole cache lines."""
    return -(-n_samples // LINE) * LINE


def tile_width(sizes, n_samples):
    """Columns of a tile: the most with which half the cache holds all rows of a layer.

    Where no tile fits, the widest one reads the connections least often. An epoch was
    1.1 times as fast with 32 columns as with 64 on layers of 100,000 neurons, and with
    64 as with 16 or 32 on 500,000.

    Parameters
    ----------
    sizes : sequence of int
        Number of neurons of each layer, the input included.
    n_samples : int
        Samples of a mini-batch.
    """
    largest = int(max(sizes))
    fitting = [width for width in TILES if largest <= rows_in_cache(width)]
    return min(fitting[0] if fitting else TILES[0], padded_width(n_samples))


def look_ahead(sizes, stride):
    """How many connections ahead to ask for the row of a neuron; 0 if all are near.

    No processor guesses which row the next connection needs. To ask made the kernels
    1.1 to 1.2 times as fast on layers of 4,000 neurons, 1.5 to 2.5 times beyond 50,000;
    narrow tiles of layers that the second cache holds were 0.7 times as fast. To ask
    for 8 KiB in place of 4 made an epoch 1.2 times as fast on layers of 50,000 neurons
    and more, 0.9 times on 16,000.
    """
    n_bytes = 4 * int(max(sizes)) * stride
    if n_bytes <= _NEAR_CACHE:
        return 0
    cached = 4 * n_bytes <= _LAST_CACHE
    return (_LINES_FROM_CACHE if cached else _LINES_FROM_MEMORY) * LINE // stride


def rows_in_cache(stride):
    """Rows of a tile of `stride` columns that half the last cache holds."""
    return _LAST_CACHE // (8 * stride)


def random_span(width):
    """Random numbers set aside for each row of a mini-batch of `width` columns."""
    return (width // LINE | 1) * LINE


def aligned_zeros(n):
    """A float32 array of `n` zeros that starts at a cache line."""
    raw = np.zeros(n + LINE, dtype=np.float32)
    start = -raw.ctypes.data % (4 * LINE) // 4
    return raw[start : start + n]
