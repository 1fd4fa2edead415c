"""In-time over-parameterization: explore all cells in the course of training."""

import numpy as np

from sklearn_sparse_nn.evolution.set import SET
from sklearn_sparse_nn.topology.sampling import sample_outside, sorted_sample


class ITOP(SET):
    """SET that explores: in-time over-parameterization (ITOP) [1]_.

    It is :class:`SET`, but connections begin first where there has never been one, at
    random, and only then at other empty cells. New connections get long to learn before
    the next rewiring. A network is the better, says [1]_, the more of all possible
    connections it has tried by the end, if it has tried each for long enough.

    The cells where connections have been are kept, eight bytes for each, as sorted
    numbers: at most as many as the connections of the beginning and all that have begun
    since, and never a dense mask. They are saved with the estimator.

    In [1]_ the smallest weights of either sign go together; here, as in :class:`SET`,
    as large a share of the positive as of the negative ones.

    Parameters
    ----------
    interval : int or None, default=1500
        Weight updates between two rewirings. If None, the network is rewired before an
        epoch, or a call to `partial_fit`, once `min_updates` have passed.
    min_updates : int, default=10
        See `interval`.
    grown_weights : {'zero', 'random'}, default='zero'
        Weights of new connections.
    schedule : {'constant', 'linear', 'cosine', 'cubic'} or Schedule, default='cosine'
        By what `zeta`, in [1]_ 0.5, is multiplied as training goes on.

    References
    ----------
    .. [1] Liu, Yin, Mocanu and Pechenizkiy, "Do we actually need dense
       over-parameterization? In-time over-parameterization in sparse training", ICML
       2021. arXiv:2102.02887.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_sparse_nn import SETClassifier
    >>> from sklearn_sparse_nn.evolution import ITOP
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = SETClassifier(
    ...     (100,), evolution=ITOP(interval=50), max_iter=20, random_state=0
    ... )
    >>> clf.fit(X / 16, y).score(X / 16, y) > 0.9
    True
    """

    uses_gradient = False

    def __init__(
        self,
        interval=1500,
        min_updates=10,
        grown_weights="zero",
        schedule="cosine",
    ):
        super().__init__(min_updates, grown_weights, interval, schedule)

    def grow(self, layer, n_grown):
        """Connect cells where no connection has been, then others."""
        explored = self._explored_cells(layer)
        n_new = min(n_grown, layer.n_cells - len(explored))
        new = sample_outside(layer.n_cells, explored, n_new, layer.rng)
        if n_new == n_grown:
            return new
        left = np.setdiff1d(explored, layer.cells, assume_unique=True)
        again = left[sorted_sample(len(left), n_grown - n_new, layer.rng)]
        return np.union1d(new, again)

    def _explored_cells(self, layer):
        """Cells that hold a connection or have held one, ascending."""
        explored = vars(self).setdefault("_explored", {})
        before = explored.get(layer.index, np.zeros(0, dtype=np.int64))
        explored[layer.index] = np.union1d(before, layer.cells)
        return explored[layer.index]
