"""Synchronous local SGD: all parts learn, then their networks are averaged."""

from itertools import zip_longest
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, StrOptions

from sklearn_sparse_nn.dask import _tasks
from sklearn_sparse_nn.dask._tasks import Piece

# Of so many parts, the mean is made at one worker; of more, on the way to it.
_FAN_IN = 8


class LocalSGD(BaseEstimator):
    """Synchronous local SGD [1]_: all parts learn, then their networks are averaged.

    There is a part of the data for each worker. In a round, each worker trains its copy
    of the network on its part, for `n_updates` weight updates. Then the weights, the
    biases and the state of the optimiser are averaged, each part in proportion to its
    samples, and the evolution rule rewires the network that has come of it, if that is
    due. So all workers have the same connections, and of these no zeros are sent.

    The same data in the same blocks, on as many workers, give the same network to the
    bit, whichever of them is first.

    Parameters
    ----------
    n_updates : int, default=50
        Weight updates of each part in a round. 1 averages after each mini-batch, which
        is the same as to average gradients if the solver is SGD.
    learning_rate_factor : float or 'auto', default='auto'
        What the learning rate is multiplied by: an average over many parts makes steps
        that are less noisy, but fewer. 'auto' is the number of parts with SGD, as in
        [2]_, and its square root with Adam.
    warm_up : int, default=5
        Epochs in which the factor grows from 1 to `learning_rate_factor`.

    References
    ----------
    .. [1] Stich, "Local SGD converges fast and communicates little", ICLR 2019.
       :arxiv:`1805.09767`

    .. [2] Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour",
       2017. :arxiv:`1706.02677`

    Examples
    --------
    >>> from sklearn_sparse_nn.dask import DaskSETClassifier, LocalSGD
    >>> DaskSETClassifier((100,), algorithm=LocalSGD(n_updates=20))
    DaskSETClassifier(algorithm=LocalSGD(n_updates=20), hidden_layer_sizes=(100,))
    """

    _parameter_constraints: dict = {
        "n_updates": [Interval(Integral, 1, None, closed="left")],
        "learning_rate_factor": [
            Interval(Real, 0, None, closed="neither"),
            StrOptions({"auto"}),
        ],
        "warm_up": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(self, n_updates=50, learning_rate_factor="auto", warm_up=5):
        self.n_updates = n_updates
        self.learning_rate_factor = learning_rate_factor
        self.warm_up = warm_up

    def rate(self, rate, solver, epoch, n_parts):
        """The learning rate of an epoch, where one process would have `rate`."""
        factor = self.learning_rate_factor
        if factor == "auto":
            # On Fashion-MNIST with two parts, Adam at twice the rate lost 0.003 of the
            # accuracy, and SGD at the rate of one process 0.008 of that at twice.
            factor = n_parts if solver == "sgd" else np.sqrt(n_parts)
        share = min(1.0, (epoch + 1) / (self.warm_up + 1))
        return rate * (1 + share * (factor - 1))

    def train_epoch(self, cluster, model, lesson):
        """Train on each sample once.

        Parameters
        ----------
        cluster : Cluster
        model : Model
        lesson : Lesson

        Returns
        -------
        model : Model
        rounds : list of (float, int, int)
            Of each round: mean loss, number of samples, updates of a part.
        """
        rounds = self._rounds(cluster.parts, lesson)
        current, seen = cluster.send(model), []
        for number, pieces in enumerate(rounds, start=1):
            learned = [
                cluster.submit_near(
                    piece.part,
                    _tasks.train,
                    current,
                    cluster.samples(piece),
                    piece,
                    lesson,
                    piece is pieces[0],
                )
                for piece in pieces
            ]
            while len(learned) > _FAN_IN:
                learned = [
                    cluster.submit(_tasks.mean, learned[i : i + _FAN_IN])
                    for i in range(0, len(learned), _FAN_IN)
                ]
            together = cluster.submit(_tasks.mean, learned)
            share = number / len(rounds)
            current = cluster.submit(_tasks.go_on, current, together, lesson, share)
            seen.append(cluster.submit(_tasks.figures, together))
            if not cluster.blocks_stay:  # else all would be computed at once
                cluster.wait_for(together)
        return cluster.gather(current), cluster.gather(seen)

    def _rounds(self, parts, lesson):
        """The pieces of each round of an epoch."""
        n_samples = self.n_updates * lesson.parameters.batch_size
        by_part = []
        for number, blocks in enumerate(parts):
            order = np.arange(len(blocks))
            if lesson.shuffle:
                seed = [lesson.seed, lesson.evolution.epoch, number, 1]
                order = np.random.default_rng(seed).permutation(order)
            by_part.append(
                [
                    Piece(number, blocks[i].number, first, min(first + n_samples, n))
                    for i in order
                    for n in [blocks[i].n_samples]
                    for first in range(0, n, n_samples)
                ]
            )
        return [
            [p for p in pieces if p is not None] for pieces in zip_longest(*by_part)
        ]
