"""The columns of a tile that one thread works on, and what it needs to do so."""

from typing import NamedTuple

import numpy as np

from sklearn_sparse_nn.engine.bands import Bands
from sklearn_sparse_nn.engine.compilation import inner
from sklearn_sparse_nn.engine.presence import Collection
from sklearn_sparse_nn.engine.simd import LINE


class Columns(NamedTuple):
    """Columns `first` to `last` of a tile, whole cache lines: see `buffers`."""

    first: int
    last: int
    stride: int  # distance between two rows of the tile
    ahead: int  # how early to ask for rows, or 0: see `buffers.look_ahead`


class Share(NamedTuple):
    """What a thread has of a tile."""

    columns: Columns
    present: np.ndarray  # flags of the inputs in the tile: see `presence`
    collection: Collection
    bands: Bands


@inner
def share_of(thread, n_threads, width):
    """First and last of the columns of a thread: whole cache lines, in equal shares."""
    lines = width // LINE
    first = thread * lines // n_threads * LINE
    return first, (thread + 1) * lines // n_threads * LINE


@inner
def within(columns, first, last):
    """The columns `first` to `last` of a tile."""
    return Columns(first, last, columns.stride, columns.ahead)
