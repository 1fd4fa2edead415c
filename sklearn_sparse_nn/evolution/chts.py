"""The soft rule of Cannistraci-Hebb training."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Literal

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from sklearn_sparse_nn.evolution.cht import CHT
from sklearn_sparse_nn.evolution.paths import Paths
from sklearn_sparse_nn.evolution.schedules import SCHEDULES, Linear, Schedule

if TYPE_CHECKING:
    from collections.abc import Callable

    from sklearn_sparse_nn._types import Bools, Counts, Floats, Ints, ScheduleLike
    from sklearn_sparse_nn.evolution.layer import EvolvingLayer


class CHTs(CHT):
    """Cannistraci-Hebb training with the soft rule (CHTs).

    It is :class:`CHT`, but connections are drawn at random, both those that stay and
    those that begin, with chances in proportion to a score [1]_:

    - Which connections stay depends on a power of the magnitude of the weight, or of
      its relative importance: its share in the incoming connections of the neuron plus
      that in the outgoing ones of the input. The power grows with training, so that the
      choice is loose at first and strict in the end.
    - Where connections begin depends on link prediction (CH2-L3n): for each neuron on a
      path of length three, one plus its connections within the paths, divided by one
      plus those to elsewhere. Its time is in proportion to the second power of the
      connections of a neuron, in :class:`CHT` to the third.

    With `fraction`, the number of connections falls as training goes on. This is the
    sigmoid density decay (CHTss) of [1]_ with ``fraction=Sigmoid(last=0.2, end=0.8)``.

    In [1]_ the power is one over a temperature, and grows from 2 to 10; in the authors'
    code for perceptrons it grows evenly from 1 to 3, in that for transformers to 9.

    Other differences from the authors' code: of connections that begin again, those
    that have just been removed keep their weight, but others do not remember theirs.
    Where the number of connections falls, those that go for good are drawn like the
    others.

    Parameters
    ----------
    removal : {'magnitude', 'relative_importance'}, default='magnitude'
        What makes a connection stay.
    last_exponent : float, default=9.0
        The power at the end of the fit, in the range (0, inf). In the beginning, and in
        `partial_fit`, it is 1; it grows evenly.
    fraction : Schedule or None, default=None
        Which fraction of the first connections of a layer is left as training goes on.
        If None, their number does not change. In `partial_fit`, it is that of the
        beginning. Before the `end` of the schedule, a fit does not stop for lack of
        improvement.
    chain_removal : bool, default=True
        Whether neurons without connections on one side lose those on the other.
    interval : int or None, default=None
        Weight updates between two rewirings. If None, the network is rewired before
        each epoch that follows 10 updates or more.
    schedule : {'constant', 'linear', 'cosine', 'cubic', 'sigmoid'} or Schedule, \
            default='constant'
        By what `zeta`, which is 0.3 in [1]_, is multiplied as training goes on.
    output_layer : bool, default=False
        Whether the connections of the output layer change, too. A network of one layer
        evolves in any case.

    References
    ----------
    .. [1] Zhang, Cerretti, Zhao, Wu, Liao, Michieli and Cannistraci, "Brain network
       science modelling of sparse neural networks enables Transformers and LLMs to
       perform as fully connected", NeurIPS 2025. :arxiv:`2501.19107`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_sparse_nn import SETClassifier
    >>> from sklearn_sparse_nn.evolution import CHTs, Sigmoid
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = SETClassifier(
    ...     (100, 100),
    ...     epsilon=10,
    ...     evolution=CHTs(fraction=Sigmoid(last=0.4, end=0.8)),
    ...     max_iter=30,
    ...     random_state=0,
    ... )
    >>> clf.fit(X / 16, y).n_connections_
    array([ 656,  800, 1000])
    >>> clf.score(X / 16, y) > 0.9
    True
    """

    _parameter_constraints: dict = {
        "removal": [StrOptions({"magnitude", "relative_importance"})],
        "last_exponent": [Interval(Real, 0, None, closed="neither")],
        "fraction": [Schedule, None],
        "chain_removal": ["boolean"],
        "schedule": [StrOptions(set(SCHEDULES)), Schedule],
    }

    uses_gradient = False
    # What CHT takes as a parameter: chance brings back few of those that have gone.
    early_stop = 1
    # How many connections each layer began with: state, from the first rewiring on.
    _n_first: list[int] | None = None

    def __init__(
        self,
        removal: Literal["magnitude", "relative_importance"] = "magnitude",
        last_exponent: float = 9.0,
        fraction: Schedule | None = None,
        chain_removal: bool = True,
        interval: int | None = None,
        schedule: ScheduleLike = "constant",
        output_layer: bool = False,
    ) -> None:
        self.removal = removal
        self.last_exponent = last_exponent
        self.fraction = fraction
        self.chain_removal = chain_removal
        self.interval = interval
        self.schedule = schedule
        self.output_layer = output_layer

    @property
    def settles(self) -> float | None:
        """Share of the fit from which on the number of connections stays."""
        return None if self.fraction is None else getattr(self.fraction, "end", 1.0)

    def targets(self, layers: list[EvolvingLayer]) -> Counts:
        """The fraction of the first connections of each layer that changes."""
        now = [layer.n_connections for layer in layers]
        if self.fraction is None:
            return now
        if self._n_first is None:
            self._n_first = now
        fraction = self.fraction(layers[0].clock.progress)
        return [
            min(round(fraction * n), layer.n_cells) if self._changes(layer) else n
            for layer, n in zip(layers, self._n_first, strict=True)
        ]

    def connection_scores(self, layer: EvolvingLayer) -> Floats:
        """Luck, weighted by a power of the magnitude or of the relative importance."""
        scores = np.abs(layer.weights)
        if self.removal == "relative_importance":
            scores = _relative(scores, layer)
        exponent = Linear(1, self.last_exponent)(layer.clock.progress)
        return _drawn(scores, exponent, layer.rng)

    def cell_scores_without(
        self, layer: EvolvingLayer, gone: Bools
    ) -> Callable[[Ints], Floats]:
        """Luck, weighted by paths of length three."""
        by_nodes = Paths(layer, gone).by_nodes
        return lambda neurons: _drawn(by_nodes(neurons), 1, layer.rng)


def _relative(magnitudes, layer):
    """Shares in the connections of the neuron, and in those of the input."""
    neurons = np.repeat(np.arange(layer.n_neurons), np.diff(layer.indptr))
    shares = np.zeros(len(magnitudes))
    for ends, n in ((neurons, layer.n_neurons), (layer.indices, layer.n_inputs)):
        sums = np.bincount(ends, magnitudes, n)[ends]
        shares += magnitudes / np.where(sums > 0, sums, 1)
    return shares


def _drawn(numbers, exponent, rng):
    """Scores the highest of which are drawn without replacement.

    Each draw chooses with chances in proportion to a power of the numbers: this is what
    noise of the Gumbel distribution makes of their logarithms.
    """
    drawn, some = np.full(numbers.shape, -np.inf), numbers > 0
    noise = rng.gumbel(size=np.count_nonzero(some))
    drawn[some] = exponent * np.log(numbers[some], dtype=np.float64) + noise
    return drawn
