"""What parts of the data learn from in an epoch, in which order."""

import numpy as np

from sklearn_sparse_nn.dask._tasks import Piece


def pieces_of(part, blocks, n_updates, lesson):
    """The pieces of a part, each for so many updates at most.

    Parameters
    ----------
    part : int
    blocks : list of Block
    n_updates : int or None
        If None, each block is one piece.
    lesson : Lesson
        With `shuffle`, blocks are in another order in each epoch.

    Returns
    -------
    pieces : list of Piece
    """
    order = np.arange(len(blocks))
    if lesson.shuffle:
        seed = [lesson.seed, lesson.evolution.epoch, part, 1]
        order = np.random.default_rng(seed).permutation(order)
    pieces = []
    for block in (blocks[i] for i in order):
        n, size = block.n_samples, block.n_samples
        if n_updates is not None:
            size = n_updates * lesson.parameters.batch_size
        pieces += [
            Piece(part, block.number, first, min(first + size, n))
            for first in range(0, n, size)
        ]
    return pieces
