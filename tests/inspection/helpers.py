"""Networks for tests of the instruments that need no training."""

from itertools import pairwise

import numpy as np
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import BaseEstimator


class Network(BaseEstimator):
    """An estimator that has layers of weights, and nothing else."""

    def __init__(self, masks):
        self.masks = masks

    def fit(self, X, y=None):
        return self

    def __sklearn_is_fitted__(self):
        return True

    @property
    def coefs_(self):
        return [sparse.csr_array(np.asarray(mask, dtype=float)) for mask in self.masks]


@st.composite
def layer_masks(draw, max_layers=3, max_neurons=5):
    """Which cells of each layer, of shape (n_inputs, n_neurons), are connections."""
    sizes = draw(
        st.lists(st.integers(1, max_neurons), min_size=2, max_size=max_layers + 1)
    )
    return [draw(masks_of(shape)) for shape in pairwise(sizes)]


def masks_of(shape):
    """A boolean matrix of a given shape."""
    n_cells = shape[0] * shape[1]
    cells = st.lists(st.booleans(), min_size=n_cells, max_size=n_cells)
    return cells.map(lambda drawn: np.array(drawn).reshape(shape))
