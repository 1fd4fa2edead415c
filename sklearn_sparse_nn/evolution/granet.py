"""Gradual pruning with neuroregeneration."""

import numpy as np
from sklearn.utils._param_validation import StrOptions

from sklearn_sparse_nn.evolution.choosing import highest
from sklearn_sparse_nn.evolution.gmp import GMP
from sklearn_sparse_nn.evolution.schedules import SCHEDULES, Schedule, schedule_of
from sklearn_sparse_nn.evolution.scores import ScoreRule


class GraNet(GMP):
    """Gradual pruning with neuroregeneration (GraNet) [1]_.

    The network loses connections as by :class:`GMP`, down to the fraction
    `final_fraction` of those that it begins with. Each time it also replaces the
    fraction `zeta` of what is left in each layer: the smallest weights go, and as many
    connections begin, at zero, where the magnitude of the gradient of the last
    mini-batch is largest. What has just gone may begin again.

    The networks of [1]_ begin with half of all connections, ``density=0.5``, and end
    with a fifth or a tenth of these. Half of what is left is replaced at first,
    ``zeta=0.5``, and nothing in the end.

    The end of the fit must be known: in `partial_fit` the number of connections stays,
    and the fraction that is replaced does not fall. A fit that stops before the share
    `end` of `max_iter`, for convergence or by early stopping, stops with more
    connections: set `n_iter_no_change` to `max_iter` to prevent this.

    Parameters
    ----------
    final_fraction : float, default=0.2
        Fraction of the first connections of the network that is left in the end, in
        the range (0, 1].
    distribution : {'global', 'uniform'}, default='global'
        Whether the smallest weights of the network go, in whatever layer they are, or
        the same fraction of each layer. What is replaced stays in its layer.
    begin, end : float, default=0.0 and 0.7
        Shares of the fit between which the number of connections falls, by the third
        power of the time that is left.
    interval : int or None, default=None
        Weight updates between two rewirings. If None, the network is rewired before
        each epoch but the first.
    schedule : {'constant', 'linear', 'cosine', 'cubic'} or Schedule, default='cosine'
        By what `zeta` is multiplied as training goes on.
    output_layer : bool, default=True
        Whether the output layer changes, too. If not, fractions are of the other
        layers. A network of one layer evolves in any case.

    See Also
    --------
    GMP : The same without new connections.

    References
    ----------
    .. [1] Liu et al., "Sparse training via boosting pruning plasticity with
       neuroregeneration", NeurIPS 2021. arXiv:2106.10404.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_sparse_nn import SETClassifier
    >>> from sklearn_sparse_nn.evolution import GraNet
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = SETClassifier(
    ...     (50,), density=0.5, evolution=GraNet(), n_iter_no_change=100, random_state=0
    ... )
    >>> clf.fit(X, y).n_connections_.sum()  # of 350
    np.int64(35)
    """

    _parameter_constraints: dict = {
        **GMP._parameter_constraints,
        "schedule": [StrOptions(set(SCHEDULES)), Schedule],
    }

    def __init__(
        self,
        final_fraction=0.2,
        distribution="global",
        begin=0.0,
        end=0.7,
        interval=None,
        schedule="cosine",
        output_layer=True,
    ):
        super().__init__(
            final_fraction, distribution, begin, end, interval, output_layer
        )
        self.schedule = schedule

    def n_pruned(self, layers):
        """Those above the target, and a fraction of the others."""
        progress = layers[0].clock.progress
        share = layers[0].zeta * schedule_of(self.schedule)(progress)
        return [
            layer.n_connections - left + int(share * left)
            for layer, left in zip(layers, self.targets(layers))
        ]

    def n_grown(self, layers):
        """As many as are missing to the target."""
        return [
            left - np.count_nonzero(~layer.pruned)
            for layer, left in zip(layers, self.targets(layers))
        ]

    def cell_scores(self, layer, neurons):
        """Magnitude of the gradient."""
        return np.abs(layer.gradient(neurons))

    def grow(self, layer, n_grown):
        """Connect the cells of the highest scores that were empty or have just gone."""
        empty = ScoreRule.grow(self, layer, min(n_grown, layer.n_empty_cells))
        cells = np.concatenate([empty, layer.cells[layer.pruned]])
        scores = np.abs(layer.gradient_at(cells))
        return np.sort(cells[highest(scores, n_grown, layer.rng)])

    def nominal_flops(self, sparse, dense, interval):
        """Add the gradient of all cells, of a mini-batch at each rewiring."""
        return super().nominal_flops(sparse, dense, interval) + dense.sum() / interval
