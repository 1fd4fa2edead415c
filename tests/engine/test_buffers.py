import numpy as np
import pytest

from sklearn_sparse_nn.engine import buffers
from sklearn_sparse_nn.engine.buffers import (
    aligned_zeros,
    look_ahead,
    padded_width,
    random_span,
    tile_width,
)
from sklearn_sparse_nn.engine.simd import LINE, TILES


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
def test_a_random_span_has_room_for_all_columns(width):
    span = random_span(width)
    assert width <= span <= width + LINE


@pytest.mark.parametrize("n_samples", [1, 16, 40, 64, 65, 1000])
def test_the_last_cache_holds_a_tile_if_it_holds_any(n_samples):
    for width in TILES:
        largest = buffers._LAST_CACHE // (8 * width)
        expected = min(width, padded_width(n_samples))
        assert tile_width([3, largest, largest, 1], n_samples) == expected
    # None does: the widest.
    assert tile_width([largest + 1, 1], n_samples) == min(64, padded_width(n_samples))


@pytest.mark.parametrize("width", TILES)
def test_rows_are_asked_for_where_the_near_cache_does_not_hold_a_layer(width):
    n_neurons = buffers._NEAR_CACHE // (4 * width)
    assert look_ahead([1, n_neurons, n_neurons], width) == 0
    ahead = look_ahead([1, n_neurons + 1, 1], width)
    assert ahead * width == buffers._LINES_FROM_CACHE * LINE
    n_neurons = buffers._LAST_CACHE // (16 * width)
    assert look_ahead([1, n_neurons, n_neurons], width) == ahead
    ahead = look_ahead([1, n_neurons + 1, 1], width)
    assert ahead * width == buffers._LINES_FROM_MEMORY * LINE
