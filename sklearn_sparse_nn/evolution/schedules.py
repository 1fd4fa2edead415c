"""Numbers that follow the progress of training: how much goes, how dense to be."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from numbers import Real
from typing import TYPE_CHECKING

from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, InvalidParameterError

if TYPE_CHECKING:
    from sklearn_sparse_nn._types import ScheduleLike


class Schedule(BaseEstimator, ABC):
    """Base class of the schedules: from `first` to `last`, between two times.

    ``schedule(progress)`` is the number at a share `progress` of training, from 0 to 1.
    It is `first` until `begin` and `last` from `end` on. Where nobody knows when
    training ends, as in `partial_fit`, progress is 0.

    Parameters
    ----------
    first, last : float, default=1.0 and 0.0
        The number at `begin`, and at `end`.
    begin, end : float, default=0.0 and 1.0
        Shares of training, from 0 to 1. The schedule is a step where they are equal.
    """

    _parameter_constraints: dict = {
        "first": [Real],
        "last": [Real],
        "begin": [Interval(Real, 0, 1, closed="both")],
        "end": [Interval(Real, 0, 1, closed="both")],
    }

    def _validate_params(self):
        super()._validate_params()
        if self.begin > self.end:
            raise InvalidParameterError(
                f"{type(self).__name__} must begin before it ends. Got "
                f"begin={self.begin} and end={self.end} instead."
            )

    def __init__(
        self,
        first: float = 1.0,
        last: float = 0.0,
        begin: float = 0.0,
        end: float = 1.0,
    ) -> None:
        self.first = first
        self.last = last
        self.begin = begin
        self.end = end

    @abstractmethod
    def _left(self, share):
        """What is left of the way from `first` to `last` when a `share` is over."""

    def __call__(self, progress: float) -> float:
        """The number at a share `progress` of training."""
        if progress >= self.end:
            return self.last
        if progress <= self.begin:
            return self.first
        left = self._left((progress - self.begin) / (self.end - self.begin))
        return left * self.first + (1 - left) * self.last


class Constant(Schedule):
    """Stay at `first`, until `end`.

    Parameters
    ----------
    first, last, begin, end : float
        See `Schedule`.

    Examples
    --------
    >>> from sklearn_sparse_nn.evolution import Constant
    >>> [Constant(end=0.75)(progress) for progress in (0, 0.5, 0.75)]
    [1.0, 1.0, 0.0]
    """

    def _left(self, share):
        return 1.0


class Linear(Schedule):
    """Fall, or rise, by the same amount in the same time.

    Parameters
    ----------
    first, last, begin, end : float
        See `Schedule`.

    Examples
    --------
    >>> from sklearn_sparse_nn.evolution import Linear
    >>> [Linear(first=0.5, last=0.1)(progress) for progress in (0, 0.5, 1)]
    [0.5, 0.3, 0.1]
    """

    def _left(self, share):
        return 1 - share


class Cosine(Schedule):
    """Follow half a period of the cosine: slowly at both ends.

    It is how RigL and SNFS replace fewer and fewer connections.

    Parameters
    ----------
    first, last, begin, end : float
        See `Schedule`.

    Examples
    --------
    >>> from sklearn_sparse_nn.evolution import Cosine
    >>> [round(Cosine(end=0.8)(progress), 3) for progress in (0, 0.2, 0.4, 0.8)]
    [1.0, 0.854, 0.5, 0.0]
    """

    def _left(self, share):
        return (1 + math.cos(math.pi * share)) / 2


class Cubic(Schedule):
    """Change quickly at first and slowly in the end, by the third power.

    It is the density of gradual magnitude pruning [1]_.

    Parameters
    ----------
    first, last, begin, end : float
        See `Schedule`.

    References
    ----------
    .. [1] Zhu and Gupta, "To prune, or not to prune: exploring the efficacy of pruning
       for model compression", 2017. :arxiv:`1710.01878`.

    Examples
    --------
    >>> from sklearn_sparse_nn.evolution import Cubic
    >>> [round(Cubic(last=0.2)(progress), 2) for progress in (0, 0.25, 0.5, 1)]
    [1.0, 0.54, 0.3, 0.2]
    """

    def _left(self, share):
        return (1 - share) ** 3


class Sigmoid(Schedule):
    """Follow the logistic function: slowly at both ends, fast in the middle.

    It is how CHTs [1]_ lets the density of a network fall.

    Parameters
    ----------
    first, last, begin, end : float
        See `Schedule`.

    References
    ----------
    .. [1] Zhang et al., "Brain network science modelling of sparse neural networks
       enables Transformers and LLMs to perform as fully connected", NeurIPS 2025.
       :arxiv:`2501.19107`.

    Examples
    --------
    >>> from sklearn_sparse_nn.evolution import Sigmoid
    >>> [round(Sigmoid(end=0.8)(progress), 3) for progress in (0, 0.2, 0.4, 0.8)]
    [1.0, 0.955, 0.5, 0.0]
    """

    def _left(self, share):
        # Between -6 and 6 the function rises from nearly 0 to nearly 1: stretch it.
        return (1 - math.tanh(3 * (2 * share - 1)) / math.tanh(3)) / 2


SCHEDULES: dict[str, type[Schedule]] = {
    "constant": Constant,
    "linear": Linear,
    "cosine": Cosine,
    "cubic": Cubic,
    "sigmoid": Sigmoid,
}


def schedule_of(schedule: ScheduleLike) -> Schedule:
    """A schedule, whether it or its name was given."""
    return SCHEDULES[schedule]() if isinstance(schedule, str) else schedule
