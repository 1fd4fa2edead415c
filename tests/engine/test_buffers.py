import numpy as np
import pytest

from sklearn_sparse_nn.engine.buffers import aligned_zeros, padded_width, row_stride
from sklearn_sparse_nn.engine.simd import LINE


@pytest.mark.parametrize("n", [0, 1, 15, 16, 17, 1000, 12345])
def test_aligned_zeros_start_at_a_cache_line(n):
    buffers = [aligned_zeros(n) for _ in range(20)]
    assert all(b.shape == (n,) and b.dtype == np.float32 for b in buffers)
    assert all(b.ctypes.data % 64 == 0 for b in buffers if n)
    assert not any(b.any() for b in buffers)


@pytest.mark.parametrize("n", range(1, 200))
def test_padded_width_is_the_least_number_of_whole_lines(n):
    width = padded_width(n)
    assert width % LINE == 0
    assert n <= width < n + LINE


@pytest.mark.parametrize("width", range(LINE, 50 * LINE, LINE))
def test_row_stride_is_an_odd_number_of_lines(width):
    stride = row_stride(width)
    assert stride % (2 * LINE) == LINE
    assert width <= stride <= width + LINE
