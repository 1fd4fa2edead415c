"""What parts of the data learn from in an epoch, in which order."""

from itertools import zip_longest
from typing import NamedTuple

import numpy as np

from sklearn_sparse_nn.dask._tasks import Piece


class Place(NamedTuple):
    """How far an epoch has come.

    Attributes
    ----------
    n_over : int
        How many pieces have been learned from.
    left : list of list of Piece
        Those of each round that is to come.
    """

    n_over: int
    left: list

    @classmethod
    def first(cls, parts, n_updates, lesson):
        """The begin of an epoch: see `pieces_of`."""
        queues = [
            pieces_of(number, blocks, n_updates, lesson)
            for number, blocks in enumerate(parts)
        ]
        return cls(0, in_rounds(queues))

    @property
    def n_pieces(self):
        """How many pieces the epoch has."""
        return self.n_over + sum(map(len, self.left))

    def after_round(self):
        """The place when one more round is over."""
        return Place(self.n_over + len(self.left[0]), self.left[1:])

    def among(self, parts):
        """The same without pieces of blocks that are not there any more."""
        there = {block.number for blocks in parts for block in blocks}
        rounds = [[p for p in pieces if p.block in there] for pieces in self.left]
        return Place(self.n_over, [pieces for pieces in rounds if pieces])

    def queues(self):
        """The pieces that are left, by their part."""
        queues = {}
        for pieces in self.left:
            for piece in pieces:
                queues.setdefault(piece.part, []).append(piece)
        return queues


def in_rounds(queues):
    """Rounds in which the next of each queue takes part."""
    return [
        [each for each in together if each is not None]
        for together in zip_longest(*queues)
    ]


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
