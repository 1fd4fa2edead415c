"""Selection of features by autoencoders that train on the workers of a Dask cluster."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, NoReturn, Self

import numpy as np
from dask import delayed, is_dask_collection
from distributed import default_client
from scipy import sparse
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import HasMethods, InvalidParameterError
from sklearn.utils.validation import check_is_fitted

from sklearn_sparse_nn import QuickSelectionSelector, SETAutoencoder
from sklearn_sparse_nn.dask import _data
from sklearn_sparse_nn.dask._cluster import apart, gather_left
from sklearn_sparse_nn.dask._fitting import (
    OnDask,
    by_blocks,
    init_with_parameters_of,
    unfitted,
)
from sklearn_sparse_nn.dask.local_sgd import LocalSGD
from sklearn_sparse_nn.estimators._base import all_or_nothing
from sklearn_sparse_nn.estimators._decorators import (
    with_callbacks,
    with_valid_parameters,
)
from sklearn_sparse_nn.estimators._quick_selection import FEW_SAMPLES, N_NETWORKS
from sklearn_sparse_nn.networks.autoencoder import Corruption

if TYPE_CHECKING:
    from dask.array import Array
    from dask.dataframe import DataFrame
    from distributed import Client

    from sklearn_sparse_nn._types import Auto, MatrixLike
    from sklearn_sparse_nn.dask.feddst import FedDST
    from sklearn_sparse_nn.dask.wasap_sgd import WASAPSGD

# Importances are those in so many samples, or in as many as have so many numbers.
_N_ASKED, _N_NUMBERS = 2000, 2**24


class _Autoencoder(OnDask, SETAutoencoder):
    """The network of the selector."""

    _parameter_constraints: dict = {
        **SETAutoencoder._parameter_constraints,
        **OnDask._parameter_constraints,
    }
    _local = SETAutoencoder
    __init__ = init_with_parameters_of(
        SETAutoencoder, algorithm=None, checkpoint=None, checkpoint_interval=10
    )

    @all_or_nothing
    @with_callbacks
    @with_valid_parameters
    def fit(self, X, y=None, client=None):
        """Fit the network to a collection of Dask."""
        return self._fit(X, None, None, client)

    def _unsupported(self):
        return []

    def _begin_network(self, summary, few, random_state):
        self._moments = tuple(summary.moments)
        self._begin_layers(self._sizes(self.n_features_in_), few, random_state)

    def _start_training(self):
        self._network.reset_optimiser(self.solver)

    def _parameters_of_epoch(self, n_samples):
        return {
            "parameters": self._training_parameters(n_samples),
            "corruption": Corruption(self.noise, self.noise_factor),
        }

    def _end_epoch(self, n_updates, progress):
        progress.report(self.n_iter_, f"loss = {self.loss_:.8f}")
        return False

    def _end_training(self, ended):
        pass


class DaskQuickSelectionSelector(QuickSelectionSelector):
    """`QuickSelectionSelector` that trains on the workers of a Dask cluster.

    Parameters
    ----------
    n_features_to_select, hidden_layer_sizes, ...
        Those of :class:`~sklearn_sparse_nn.QuickSelectionSelector`, with the same
        defaults. Not supported are `strength_history` and `memory`, and evolution rules
        that look at samples or hold weights.
    algorithm : LocalSGD, WASAPSGD, FedDST or None, default=None
        How the workers learn together. If None, by `LocalSGD` with its defaults. With
        `FedDST`, whose samples stay where they are, `importance` is 'strength' or
        'evolution', and `diversity` 0.

    Attributes
    ----------
    importances_, ranking_, ...
        Those of :class:`~sklearn_sparse_nn.QuickSelectionSelector`. Importances other
        than the strength are those in at least 2,000 of the samples, drawn at random,
        which come to the client.

    See Also
    --------
    sklearn_sparse_nn.QuickSelectionSelector : The same on one machine.

    Examples
    --------
    >>> import dask.array as da
    >>> from distributed import Client
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_sparse_nn.dask import DaskQuickSelectionSelector
    >>> X = da.from_array(load_digits().data, chunks=(500, -1))
    >>> with Client(n_workers=2, processes=False, dashboard_address=None) as client:
    ...     selector = DaskQuickSelectionSelector(
    ...         10, hidden_layer_sizes=(100,), max_iter=10, random_state=0
    ...     ).fit(X)
    >>> selector.transform(X).shape
    (1797, 10)
    """

    _parameter_constraints: dict = {
        **QuickSelectionSelector._parameter_constraints,
        "algorithm": [HasMethods(["check", "train_epoch", "finish"]), None],
    }
    _local = QuickSelectionSelector
    if TYPE_CHECKING:

        def __init__(
            self,
            n_features_to_select: float | Auto = 50,
            *,
            algorithm: LocalSGD | WASAPSGD | FedDST | None = None,
            **parameters: Any,
        ) -> None: ...

    else:
        __init__ = init_with_parameters_of(QuickSelectionSelector, algorithm=None)

    @all_or_nothing
    @with_callbacks
    @with_valid_parameters
    def fit(
        self, X: Array | DataFrame, y: object = None, client: Client | None = None
    ) -> Self:
        """Learn which features to select, on the workers.

        Parameters
        ----------
        X : dask.array.Array or dask.dataframe.DataFrame
            Training data, of shape (n_samples, n_features). The blocks may be NumPy
            arrays, frames or CSR matrices.

        y : Ignored
            Not used, present for API consistency by convention.

        client : distributed.Client, default=None
            The cluster. If None, the client that was made last.

        Returns
        -------
        self : DaskQuickSelectionSelector
            The fitted selector.

        Raises
        ------
        TypeError
            If X is not a collection of Dask.
        ValueError
            If X is not what it should be, if a parameter asks for what cannot be done
            on Dask, or if the loss becomes non-finite.
        RuntimeError
            If the scheduler is lost.
        """
        client = default_client() if client is None else client
        algorithm = LocalSGD() if self.algorithm is None else self.algorithm
        self._check(algorithm)
        blocks = _data.blocks_of(X, None, None)
        homes = None
        if algorithm.keeps_blocks_apart:
            blocks, homes = apart(client, blocks)
        plain = self._new_autoencoder(0)
        summary, blocks, _ = _data.summaries_of(client, plain, blocks, homes)
        self.n_features_in_ = len(summary.moments.means)
        if summary.names is not None:
            self.feature_names_in_ = summary.names
        networks, last_seed = self._new_networks(algorithm, sum(summary.n_samples))
        hook = {"estimator": self, "X": X, "y": y, "metadata": {}}
        context = self._train(networks, {"X": X, "client": client}, hook)
        self._networks = [network.to_local() for network in self._networks]
        self._moments = tuple(summary.moments)
        some = np.zeros((0, self.n_features_in_))
        if self._measures_samples():
            some = _some_rows(client, plain, blocks, summary, last_seed)
        self._select(some, last_seed)
        context.call_on_fit_task_end(**hook, reconstruction_attributes=self._snapshot)
        return self

    def _check(self, algorithm):
        """Raise an InvalidParameterError if a parameter asks for what is not there."""
        for name in ("strength_history", "memory"):
            if getattr(self, name):
                raise InvalidParameterError(f"{name} is not supported on Dask.")
        if hasattr(algorithm, "_validate_params"):
            algorithm._validate_params()
        algorithm.check(self)

    def _new_networks(self, algorithm, n_samples):
        """The networks to train, and a seed for what comes after them."""
        random_state = check_random_state(self.random_state)
        n_networks = self._n_networks(N_NETWORKS if n_samples < FEW_SAMPLES else 1)
        *seeds, last_seed = self._seeds(random_state, n_networks + 1)
        parameters = self._new_autoencoder(0).get_params()
        networks = [
            _Autoencoder(**parameters | {"random_state": seed}, algorithm=algorithm)
            for seed in seeds
        ]
        return networks, last_seed

    def _measures_samples(self):
        """Whether importances, or groups, are those in some samples."""
        by_network = self.importance in ("strength", "evolution")
        return not by_network or self.diversity not in ("auto", 0)

    def _looks_at_samples(self):
        """Whether samples would have to come to the client."""
        return self._measures_samples() or OnDask._looks_at_samples(self)

    def to_local(self) -> QuickSelectionSelector:
        """The ordinary selector, fitted.

        Returns
        -------
        selector : QuickSelectionSelector
            It shares what is fitted with this one.
        """
        check_is_fitted(self, "ranking_")
        local, parameters = unfitted(self), self.get_params(deep=False)
        names = [n for n in vars(self) if n not in parameters and "callback" not in n]
        vars(local).update({name: getattr(self, name) for name in names})
        return local

    def transform(self, X: Array | DataFrame | MatrixLike) -> Any:
        """Select features block by block, when the result is computed.

        Parameters
        ----------
        X : dask.array.Array, dask.dataframe.DataFrame or what the ordinary selector \
                takes
            The input data.

        Returns
        -------
        X_selected : dask.array.Array, or as the ordinary selector if X is not of Dask
            The selected features, of shape (n_samples, n_selected).
        """
        if not is_dask_collection(X):
            return super().transform(X)
        shape, dtype = (self.n_features_to_select_,), getattr(X, "dtype", np.float64)
        return by_blocks(self.to_local(), "transform", X, shape, dtype)

    def partial_fit(self, X: MatrixLike, y: object = None) -> NoReturn:
        """Not supported: see `to_local`."""
        raise AttributeError("Call partial_fit of to_local().")


def _some_rows(client, estimator, blocks, summary, seed):
    """Some samples of each block, as an autoencoder reads them."""
    sizes, n_features = summary.n_samples, len(summary.moments.means)
    n = min(sum(sizes), max(_N_ASKED, _N_NUMBERS // n_features))
    counts = [-(-size * n // sum(sizes)) for size in sizes]
    tasks = [
        delayed(_draw_rows)(estimator, block[0], count, [seed, number])
        for number, (block, count) in enumerate(zip(blocks, counts))
    ]
    rows = list(gather_left(client, tasks).values())
    if not rows:
        raise RuntimeError("All blocks of the data were lost with their workers.")
    return sparse.vstack(rows, "csr") if sparse.issparse(rows[0]) else np.vstack(rows)


def _draw_rows(estimator, X, n, seed):
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.choice(X.shape[0], n, replace=False))
    return copy.copy(estimator)._validate_X(X, reset=True)[rows]
