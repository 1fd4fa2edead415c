"""CTRE: connect neurons that are active together."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING, Literal

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from sklearn_sparse_nn.evolution.replacing import ReplacingRule
from sklearn_sparse_nn.evolution.schedules import SCHEDULES, Schedule

if TYPE_CHECKING:
    from collections.abc import Callable

    from sklearn_sparse_nn._types import (
        Bools,
        Cells,
        Counts,
        Floats,
        Ints,
        ScheduleLike,
    )
    from sklearn_sparse_nn.evolution.layer import EvolvingLayer


class CTRE(ReplacingRule):
    """Cosine similarity-based and random topology exploration (CTRE).

    Neurons that fire together wire together [1]_: at each rewiring the fraction `zeta`
    of the connections of a layer goes, those of the smallest weights, and as many begin
    where the activations of the two neurons are most alike. The likeness is the
    magnitude of the cosine of the angle between the activations of the one and of the
    other over a sample of the training data. No gradient is needed.

    Likeness alone soon finds nothing new, so chance helps, in one of two ways:

    - ``variant='sequential'``: once training has not improved for `patience` epochs,
      connections begin at random empty cells, to the end of the fit. Another fit of a
      warm start begins with likeness again.
    - ``variant='simultaneous'``: where a connection is about to begin that has just
      been removed, another one begins at a random empty cell instead.

    Whether training improves is what stops it, too: the validation score with
    ``early_stopping=True``, else the loss, better by `tol` than before. Boltzmann
    machines and autoencoders do not watch it, and stay with likeness.

    In [1]_ the likeness is the cosine, without subtracting the mean, of features that
    have been standardised: ``center=False``. It is large where two neurons are active
    most of the time, which says little, and connections gather there: of pixels that
    are not negative, it found no better connections than chance.

    Differences from the authors' code: `patience` is 40 epochs there; the sample is not
    all of the training data; new connections begin with a weight of zero, not with a
    random one; of a classifier, the activations of the output layer are its scores and
    not its probabilities.

    Parameters
    ----------
    variant : {'sequential', 'simultaneous'}, default='sequential'
        How chance helps. What has just been removed may come back, with its weight, in
        the first phase of the sequential variant only.
    patience : float, default=5
        Epochs without improvement after which the sequential variant goes on at random,
        in the range (0, inf). It has no effect unless it is less than the
        `n_iter_no_change` of the estimator, which stops training.
    sample_size : int, default=512
        Number of training samples over which activations are compared. The time of a
        rewiring is in proportion to it, and to the number of cells of the layers; the
        memory to the number of neurons times it.
    center : bool, default=True
        Whether to subtract the mean of the activations of each neuron first. If not,
        likeness is the cosine of [1]_.
    interval : int or None, default=None
        Weight updates between two rewirings. If None, the network is rewired before
        each epoch that follows 10 updates or more.
    schedule : {'constant', 'linear', 'cosine', 'cubic', 'sigmoid'} or Schedule, \
            default='constant'
        By what `zeta`, which is 0.2 in [1]_, is multiplied as training goes on.
    output_layer : bool, default=True
        Whether the connections of the output layer change, too.

    References
    ----------
    .. [1] Atashgahi et al., "A brain-inspired algorithm for training highly sparse
       neural networks", Machine Learning 111, 2022. :arxiv:`1903.07138`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_sparse_nn import SETClassifier
    >>> from sklearn_sparse_nn.evolution import CTRE
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = SETClassifier(
    ...     (100,), epsilon=4, zeta=0.2, evolution=CTRE("simultaneous"), max_iter=30,
    ...     random_state=0,
    ... )
    >>> clf.fit(X / 16, y).score(X / 16, y) > 0.9
    True
    """

    _parameter_constraints: dict = {
        "variant": [StrOptions({"sequential", "simultaneous"})],
        "patience": [Interval(Real, 0, None, closed="neither")],
        "sample_size": [Interval(Integral, 1, None, closed="left")],
        "center": ["boolean"],
        "schedule": [StrOptions(set(SCHEDULES)), Schedule],
    }

    # Whether likeness has found what it could, and in which epoch the rule was last
    # asked: state.
    _at_random, _asked = False, 0

    def __init__(
        self,
        variant: Literal["sequential", "simultaneous"] = "sequential",
        patience: float = 5,
        sample_size: int = 512,
        center: bool = True,
        interval: int | None = None,
        schedule: ScheduleLike = "constant",
        output_layer: bool = True,
    ) -> None:
        self.variant = variant
        self.patience = patience
        self.sample_size = sample_size
        self.center = center
        self.interval = interval
        self.schedule = schedule
        self.output_layer = output_layer

    def n_pruned(self, layers: list[EvolvingLayer]) -> Counts:
        """The fraction of each layer; look first whether training still improves."""
        clock = layers[0].clock
        if clock.epoch < self._asked:
            self._at_random = False  # another fit, which counts from zero
        self._asked = clock.epoch
        stalls = clock.epochs_in_vain >= self.patience
        self._at_random |= self.variant == "sequential" and stalls
        return super().n_pruned(layers)

    def cell_scores_without(
        self, layer: EvolvingLayer, gone: Bools
    ) -> Callable[[Ints], Floats]:
        """How alike the activations of the two neurons are."""
        batch = layer.batch()
        neurons = _directions(batch.activations, self.center)
        # Of a Boltzmann machine, what it dreams of follows.
        inputs = _directions(batch.inputs[:, : neurons.shape[1]], self.center)
        return lambda some: np.abs(neurons[some] @ inputs.T)

    def choose(self, layer: EvolvingLayer, gone: Bools, n: int) -> Cells:
        """The most alike neurons, or chance."""
        if self._at_random:
            return layer.sample_empty_cells(min(n, layer.n_empty_cells))
        cells = super().choose(layer, gone, n)
        if self.variant == "sequential":
            return cells
        new = np.setdiff1d(cells, layer.cells[gone], assume_unique=True)
        taken = np.union1d(layer.cells, new)
        n_random = min(len(cells) - len(new), layer.n_cells_outside(taken))
        return np.union1d(new, layer.sample_outside(taken, n_random))


def _directions(rows, center):
    """Rows of length 1; of length 0, where they are zero or, to be centered, equal."""
    before = _lengths(rows)
    if center:
        rows = rows - rows.mean(axis=1, keepdims=True)
    lengths = _lengths(rows)
    # What is left of equal numbers comes from rounding.
    lengths[lengths <= 1e-6 * before] = np.inf
    return rows / lengths[:, np.newaxis]


def _lengths(rows):
    return np.sqrt(np.einsum("ij,ij->i", rows, rows))
