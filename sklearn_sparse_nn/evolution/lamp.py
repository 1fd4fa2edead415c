"""Layer-adaptive magnitude pruning."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sklearn_sparse_nn.evolution.gmp import GMP

if TYPE_CHECKING:
    from sklearn_sparse_nn._types import Floats
    from sklearn_sparse_nn.evolution.layer import EvolvingLayer


class LAMP(GMP):
    """Layer-adaptive magnitude-based pruning (LAMP).

    :class:`GMP` with other scores [1]_. The score of a connection is the square of its
    weight, divided by the sum of the squares of all weights of its layer that are no
    smaller, and the lowest scores of the network go. The largest weight of a layer
    thus has the score 1, and no layer loses its last connection before all others have
    only one left. Magnitudes alone may empty a layer of small weights.

    In [1]_ a fifth of what is left goes at once, in several rounds of training; here
    it goes by the schedule of :class:`GMP` in one.

    Parameters
    ----------
    final_fraction : float, default=0.2
        Fraction of the first connections of the network that is left in the end, in
        the range (0, 1].
    begin, end : float, default=0.0 and 0.7
        Shares of the fit between which the number of connections falls, by the third
        power of the time that is left.
    interval : int or None, default=None
        Weight updates between two prunings. If None, pruning happens before each epoch
        but the first.
    output_layer : bool, default=True
        Whether the output layer is pruned, too. If not, fractions are of the other
        layers. A network of one layer is pruned in any case.

    See Also
    --------
    GMP : The same by magnitude, and what it says of the end of the fit.

    References
    ----------
    .. [1] Lee, Park, Mo, Ahn and Shin, "Layer-adaptive sparsity for the magnitude-based
       pruning", ICLR 2021. :arxiv:`2010.07611`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_sparse_nn import SETClassifier
    >>> from sklearn_sparse_nn.evolution import LAMP
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = SETClassifier(
    ...     (50,), density=1, evolution=LAMP(0.1), n_iter_no_change=100, random_state=0
    ... )
    >>> clf.fit(X, y).n_connections_.sum()  # of 350
    np.int64(35)
    """

    uses_gradient = False
    # What GMP takes as a parameter: the scores compare layers.
    distribution = "global"
    _parameter_constraints: dict = {
        name: constraint
        for name, constraint in GMP._parameter_constraints.items()
        if name != "distribution"
    }

    def __init__(
        self,
        final_fraction: float = 0.2,
        begin: float = 0.0,
        end: float = 0.7,
        interval: int | None = None,
        output_layer: bool = True,
    ) -> None:
        self.final_fraction = final_fraction
        self.begin = begin
        self.end = end
        self.interval = interval
        self.output_layer = output_layer

    def compared_scores(self, layer: EvolvingLayer) -> Floats:
        """Squares of the weights, of those that are no smaller: lowest first.

        Within a layer, they are in the order of magnitudes, by which `prune` chooses.
        """
        squares = np.sort(np.square(layer.weights, dtype=np.float64))
        sums = np.cumsum(squares[::-1])[::-1]
        return np.divide(squares, sums, out=np.zeros_like(sums), where=sums > 0)
