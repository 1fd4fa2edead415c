"""Perceptrons that train on the workers of a Dask cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, Self

import numpy as np
from dask import compute, is_dask_collection
from sklearn.base import is_classifier
from sklearn.metrics import accuracy_score, r2_score

from sklearn_sparse_nn import SETClassifier, SETRegressor
from sklearn_sparse_nn.dask import _data
from sklearn_sparse_nn.dask._fitting import (
    OnDask,
    by_blocks,
    init_with_parameters_of,
)
from sklearn_sparse_nn.estimators._base import all_or_nothing
from sklearn_sparse_nn.estimators._decorators import (
    with_callbacks,
    with_valid_parameters,
)
from sklearn_sparse_nn.estimators._samples import warn_of_size
from sklearn_sparse_nn.estimators._time import Fall, auto_batch_size

if TYPE_CHECKING:
    from pathlib import Path

    from dask.array import Array
    from dask.dataframe import DataFrame, Series
    from distributed import Client
    from numpy.typing import ArrayLike

    from sklearn_sparse_nn._types import Activations, LayerSizes, MatrixLike
    from sklearn_sparse_nn.dask.feddst import FedDST
    from sklearn_sparse_nn.dask.local_sgd import LocalSGD
    from sklearn_sparse_nn.dask.wasap_sgd import WASAPSGD


class _Perceptron(OnDask):
    """What the two perceptrons share, before the ordinary one in their bases."""

    if TYPE_CHECKING:

        def __init__(
            self,
            hidden_layer_sizes: LayerSizes = (1000,),
            activation: Activations = "relu",
            *,
            algorithm: LocalSGD | WASAPSGD | FedDST | None = None,
            checkpoint: str | Path | None = None,
            checkpoint_interval: int = 10,
            **parameters: Any,
        ) -> None: ...

    @all_or_nothing
    @with_callbacks
    @with_valid_parameters
    def fit(
        self,
        X: Array | DataFrame,
        y: Array | Series | DataFrame,
        sample_weight: Array | Series | None = None,
        client: Client | None = None,
    ) -> Self:
        """Fit the network to collections of Dask, on the workers.

        Parameters
        ----------
        X : dask.array.Array or dask.dataframe.DataFrame
            The input data, of shape (n_samples, n_features). The blocks may be NumPy
            arrays, frames or CSR matrices. They stay on the workers. Blocks that
            together take less than 0.3 of the memory of the workers are computed once;
            of larger data, each worker has one block at a time, which is computed anew
            in each epoch.

        y : dask.array.Array, dask.dataframe.Series or DataFrame
            The targets, cut into blocks as `X` is: (n_samples,), or for a regression
            (n_samples, n_outputs).

        sample_weight : dask.array.Array or dask.dataframe.Series, default=None
            Sample weights. Only their ratios count.

        client : distributed.Client, default=None
            The cluster. If None, the client that was made last.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        TypeError
            If the data are not collections of Dask.
        ValueError
            If they are not what they should be, if a parameter asks for what cannot be
            done on Dask, or if the loss becomes non-finite.
        RuntimeError
            If the scheduler is lost.
        """
        return self._fit(X, y, sample_weight, client)

    def _unsupported(self):
        """Names of parameters that ask for what is not possible here."""
        asked = {
            "early_stopping": self.early_stopping,
            "warm_start": self.warm_start,
            "importance": self.importance == "attribution",
        }
        return [name for name, is_asked in asked.items() if is_asked]

    def _begin_network(self, summary, few, random_state):
        self._feature_ranges, self._attribution = summary.ranges, None
        values = self._see_targets(summary)
        self.n_outputs_, self.out_activation_ = self._output(values)
        sizes = self._sizes(self.n_features_in_)
        self.n_layers_ = len(sizes)
        warn_of_size(summary.moments)
        spread = summary.moments.standard_deviation
        start = self._start(sizes, few, random_state, spread)
        self._set_network(self._new_network(sizes, start))
        self._see_location(summary)
        self.t_ = 0

    def _see_targets(self, summary):
        """Note what targets there are; return what `_output` asks for."""
        self._weighing = None, summary.weight / sum(summary.n_samples)
        return np.zeros((0, len(summary.location.centers)))

    def _see_location(self, summary):
        """Tell the network where the targets are."""

    def _start_training(self):
        self._start_fit()
        self._fall = Fall(self.learning_rate_init, 0, self.max_iter)

    def _parameters_of_epoch(self, n_samples):
        if self.learning_rate == "linear":
            self._rate = self._fall.rate_at(self.n_iter_)
        batch_size = self.batch_size
        if batch_size == "auto":
            batch_size = auto_batch_size(n_samples)
        parameters = self._training_parameters(int(batch_size))
        return {"parameters": parameters, "corruption": None}

    def _end_epoch(self, n_updates, progress):
        self._follow_progress(n_updates)
        self._report(progress)
        return self._has_converged(n_updates)

    def _end_training(self, ended):
        del self._weighing
        if not ended:
            self._warn_if_unfinished()

    def predict(self: Any, X: Array | DataFrame | MatrixLike) -> Any:
        """Predict block by block, when the result is computed.

        Parameters
        ----------
        X : dask.array.Array, dask.dataframe.DataFrame or what the ordinary estimator \
                takes
            The input data.

        Returns
        -------
        y : dask.array.Array, or an ndarray if X is no collection of Dask
            The predictions, of shape (n_samples,) or (n_samples, n_outputs).
        """
        if not is_dask_collection(X):
            return super().predict(X)  # type: ignore[misc]
        wide = not is_classifier(self) and self.n_outputs_ > 1
        dtype = self.classes_.dtype if is_classifier(self) else np.float64
        shape = (self.n_outputs_,) if wide else ()
        return by_blocks(self.to_local(), "predict", X, shape, dtype)

    def score(
        self: Any,
        X: Array | DataFrame | MatrixLike,
        y: Array | Series | DataFrame | ArrayLike,
        sample_weight: Array | Series | ArrayLike | None = None,
    ) -> float:
        """Accuracy of predicted classes, or R² of predicted numbers.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`, or what the ordinary estimator takes.

        Returns
        -------
        score : float
        """
        if not is_dask_collection(X):
            return super().score(X, y, sample_weight)  # type: ignore[misc]
        y, predictions, weights = compute(y, self.predict(X), sample_weight)
        score = accuracy_score if is_classifier(self) else r2_score
        return score(y, predictions, sample_weight=weights)


class DaskSETClassifier(_Perceptron, SETClassifier):  # type: ignore[misc]
    """`SETClassifier` that trains on the workers of a Dask cluster.

    Parameters
    ----------
    hidden_layer_sizes, activation, ...
        Those of :class:`~sklearn_sparse_nn.SETClassifier`, with the same defaults. Not
        supported are early stopping, warm starts, ``importance="attribution"``,
        multilabel targets, and evolution rules that look at samples or hold weights
        (CTRE, SNFS, Top-KAST). Rules with an `interval` rewire at the first average
        after it; those that look at gradients see a mini-batch of the first part.
        `n_jobs` is the number of threads of each task.
    algorithm : LocalSGD, WASAPSGD, FedDST or None, default=None
        How the workers learn together. If None, by `LocalSGD` with its defaults.
    checkpoint : str, Path or None, default=None
        A file to which the state of training is written after each epoch, and within
        it each `checkpoint_interval` rounds, by `pickle`. If it is there when `fit`
        begins, training goes on from it, and gives the same bits as if it had not been
        interrupted, but for `WASAPSGD`. It is removed at the end.
    checkpoint_interval : int, default=10
        Rounds after which two workers hold what training goes on from when samples are
        lost, and `checkpoint` is written.

    Attributes
    ----------
    coefs_, classes_, ...
        Those of :class:`~sklearn_sparse_nn.SETClassifier`.
    bytes_per_round_ : list of int
        In each round, the bytes of the networks, or of what has been learned, that the
        parts of the data have sent and got.

    See Also
    --------
    sklearn_sparse_nn.SETClassifier : The same on one machine.

    Notes
    -----
    Networks stay on the workers. The network comes to the client at the end, and after
    each epoch if there are callbacks; with a checkpoint, each time that it is written.

    When a worker is lost, others compute its blocks and its tasks again. Blocks that
    nobody can compute again are left out from then on, with a warning, and training
    goes on from the last `checkpoint_interval` rounds that were over.

    Examples
    --------
    >>> import dask.array as da
    >>> from distributed import Client
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_sparse_nn.dask import DaskSETClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> X, y = da.from_array(X / 16, chunks=(500, -1)), da.from_array(y, chunks=500)
    >>> with Client(n_workers=2, processes=False, dashboard_address=None) as client:
    ...     clf = DaskSETClassifier((50,), max_iter=40, random_state=0).fit(X, y)
    ...     clf.score(X, y) > 0.9
    True
    >>> clf.to_local()
    SETClassifier(hidden_layer_sizes=(50,), max_iter=40, random_state=0)
    """

    _parameter_constraints: dict = {
        **SETClassifier._parameter_constraints,
        **_Perceptron._parameter_constraints,
    }
    _local = SETClassifier
    if not TYPE_CHECKING:
        __init__ = init_with_parameters_of(
            SETClassifier, algorithm=None, checkpoint=None, checkpoint_interval=10
        )

    def _see_targets(self, summary):
        self._set_classes(np.array(sorted(summary.classes)), multilabel=False)
        factors = _data.class_weights(self.class_weight, summary)
        weight = summary.weight
        if factors is not None:
            sums = [summary.classes[name][1] for name in self.classes_.tolist()]
            weight = float(factors @ sums)
        self._weighing = factors, weight / sum(summary.n_samples)
        return None

    def predict_proba(self, X: Array | DataFrame | MatrixLike) -> Any:
        """Estimate probabilities block by block, when the result is computed.

        Parameters
        ----------
        X : dask.array.Array, dask.dataframe.DataFrame or what the ordinary estimator \
                takes
            The input data.

        Returns
        -------
        y_prob : dask.array.Array, or an ndarray if X is no collection of Dask
            The probability of each class, of shape (n_samples, n_classes).
        """
        if not is_dask_collection(X):
            return super().predict_proba(X)
        is_single = getattr(X, "dtype", None) == np.float32
        dtype = np.float32 if is_single else np.float64
        shape = (len(self.classes_),)
        return by_blocks(self.to_local(), "predict_proba", X, shape, dtype)

    def partial_fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        classes: ArrayLike | None = None,
    ) -> NoReturn:
        """Not supported: see `to_local`."""
        raise AttributeError("Call partial_fit of to_local().")


class DaskSETRegressor(_Perceptron, SETRegressor):  # type: ignore[misc]
    """`SETRegressor` that trains on the workers of a Dask cluster.

    Parameters
    ----------
    hidden_layer_sizes, loss, ...
        Those of :class:`~sklearn_sparse_nn.SETRegressor`; see `DaskSETClassifier` for
        what is not supported. Where targets are standardised by quantiles, these are
        averages over the blocks.
    algorithm : LocalSGD, WASAPSGD, FedDST or None, default=None
        How the workers learn together. If None, by `LocalSGD` with its defaults.
    checkpoint : str, Path or None, default=None
        See `DaskSETClassifier`.
    checkpoint_interval : int, default=10
        See `DaskSETClassifier`.

    Attributes
    ----------
    coefs_, y_center_, ...
        Those of :class:`~sklearn_sparse_nn.SETRegressor`.
    bytes_per_round_ : list of int
        See `DaskSETClassifier`.

    See Also
    --------
    sklearn_sparse_nn.SETRegressor : The same on one machine.
    DaskSETClassifier : The same for classes, with more to read.

    Examples
    --------
    >>> import dask.array as da
    >>> from distributed import Client
    >>> from sklearn.datasets import make_regression
    >>> from sklearn_sparse_nn.dask import DaskSETRegressor
    >>> X, y = make_regression(600, 10, random_state=0)
    >>> X, y = da.from_array(X, chunks=(200, -1)), da.from_array(y, chunks=200)
    >>> with Client(n_workers=2, processes=False, dashboard_address=None) as client:
    ...     reg = DaskSETRegressor((50,), max_iter=50, random_state=0).fit(X, y)
    ...     reg.score(X, y) > 0.9
    True
    """

    _parameter_constraints: dict = {
        **SETRegressor._parameter_constraints,
        **_Perceptron._parameter_constraints,
    }
    _local = SETRegressor
    if not TYPE_CHECKING:
        __init__ = init_with_parameters_of(
            SETRegressor, algorithm=None, checkpoint=None, checkpoint_interval=10
        )

    def _see_location(self, summary):
        network = self._network
        network.loss_parameter = self._loss_parameter()
        _, network.centers, network.spreads = summary.location
        network.n_targets = sum(summary.n_samples)
        self._check_centers()

    def partial_fit(
        self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> NoReturn:
        """Not supported: see `to_local`."""
        raise AttributeError("Call partial_fit of to_local().")
