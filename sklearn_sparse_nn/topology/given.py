"""Connections that the user gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_array
from sklearn.utils._param_validation import StrOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sklearn_sparse_nn._types import Connects, MatrixLike


class FromArrays(BaseEstimator):
    """Begin with given connections and, if wanted, with their weights.

    Parameters
    ----------
    arrays : list of {sparse array, array-like} of shape (n_inputs, n_neurons)
        One for each layer, of the shape of the elements of `coefs_`. What a sparse
        array stores is a connection, zeros included; of a dense array, what is not
        zero.

    weights : {'given', 'random'}, default='given'
        Whether the values are the initial weights, or only say where connections are.

    Notes
    -----
    `epsilon` and `density` of the estimator are not used. Intercepts begin at zero. The
    weights of new connections, if the evolution rule draws any, are those of any other
    topology.

    Examples
    --------
    Every neuron sees four neighbouring features, and the output all neurons:

    >>> import numpy as np
    >>> from scipy import sparse
    >>> from sklearn_sparse_nn import SETRegressor
    >>> from sklearn_sparse_nn.topology import FromArrays
    >>> local = sparse.diags_array([1.0] * 4, offsets=[0, 1, 2, 3], shape=(16, 16))
    >>> topology = FromArrays([local, np.ones((16, 1))], weights="random")
    >>> regr = SETRegressor((16,), topology=topology, evolution="static", max_iter=5)
    >>> X = np.random.default_rng(0).normal(size=(100, 16))
    >>> regr.fit(X, X[:, 0] * X[:, 1]).n_connections_
    array([58, 16])
    """

    _parameter_constraints: dict = {
        "arrays": [list, tuple],
        "weights": [StrOptions({"given", "random"})],
    }

    def __init__(
        self,
        arrays: Sequence[MatrixLike],
        weights: Literal["given", "random"] = "given",
    ) -> None:
        self.arrays = arrays
        self.weights = weights

    def of_layer(self, layer: int, sizes: Sequence[int]) -> Connects:
        """The connections of one layer; see `asking.ask_for_layer`.

        Raises
        ------
        ValueError
            If the arrays do not fit the sizes, or are not numbers.
        """
        n_layers = len(sizes) - 1
        if len(self.arrays) != n_layers:
            raise ValueError(
                f"FromArrays has {len(self.arrays)} arrays, but the network has "
                f"{n_layers} layers, of the sizes {list(sizes)}."
            )
        given = self.arrays[layer]
        if hasattr(given, "check_format"):  # of a file, it may have been altered
            given.check_format()
        name, shape = f"arrays[{layer}]", (sizes[layer], sizes[layer + 1])
        array = check_array(
            given,
            accept_sparse="csc",
            dtype=np.float32,
            input_name=name,
            ensure_min_samples=0,
            ensure_min_features=0,
        )
        if array.shape != shape:
            raise ValueError(
                f"{name} of FromArrays has the shape {array.shape}, but layer {layer} "
                f"of the network has the shape {shape}."
            )
        by_neuron = sparse.csc_array(array)
        if not by_neuron.has_canonical_format:
            by_neuron = by_neuron.copy()
            by_neuron.sum_duplicates()
        if not by_neuron.nnz:
            raise ValueError(f"{name} of FromArrays has no connection.")
        return _GivenLayer(
            by_neuron, by_neuron.data if self.weights == "given" else None
        )


class _GivenLayer(NamedTuple):
    """One layer of `FromArrays`: a topology with weights."""

    by_neuron: sparse.csc_array
    weights: np.ndarray | None

    def connect(self, n_inputs, n_neurons, epsilon, rng, spread=None):
        """The connections; see `ErdosRenyi.connect`."""
        indptr, indices = self.by_neuron.indptr, self.by_neuron.indices
        return indptr.astype(np.int64), indices.astype(np.uint32)
