"""What the sparse multi-layer perceptrons for classes and for numbers share."""

from __future__ import annotations

import copy
from abc import abstractmethod
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import check_is_fitted

from sklearn_sparse_nn.engine.activations import ACTIVATIONS
from sklearn_sparse_nn.engine.threads import ThreadTeam
from sklearn_sparse_nn.engine.warning import warn_user
from sklearn_sparse_nn.estimators._base import all_or_nothing, in_dtype_of
from sklearn_sparse_nn.estimators._convergence import ConvergenceMixin
from sklearn_sparse_nn.estimators._decorators import (
    with_callbacks,
    with_valid_parameters,
)
from sklearn_sparse_nn.estimators._early_stopping import (
    Scorer,
    ValidationData,
    check_given,
    set_aside,
    split,
)
from sklearn_sparse_nn.estimators._layered import BaseLayeredNetwork
from sklearn_sparse_nn.estimators._parallel import n_threads
from sklearn_sparse_nn.estimators._progress import Progress
from sklearn_sparse_nn.estimators._samples import (
    Moments,
    dtype_of,
    feature_ranges,
    merged_moments,
    moments,
    relative_weights,
    warn_of_scale,
)
from sklearn_sparse_nn.estimators._time import Fall, auto_batch_size
from sklearn_sparse_nn.networks.attribution import attribution
from sklearn_sparse_nn.networks.mlp import Targets, TrainingParameters

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from sklearn_sparse_nn._types import Float64s, MatrixLike


class BaseSETMLP(ConvergenceMixin, BaseLayeredNetwork):
    """Base class of `SETClassifier` and `SETRegressor`."""

    loss_: float
    best_loss_: float | None
    loss_curve_: list[float]
    validation_scores_: list[float] | None
    validation_loss_curve_: list[float] | None
    best_validation_score_: float | None
    t_: int
    n_layers_: int
    n_outputs_: int
    out_activation_: str

    _parameter_constraints: dict = {
        **BaseLayeredNetwork._parameter_constraints,
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "activation": [StrOptions(set(ACTIVATIONS)), "array-like"],
        "all_relu_slope": [Interval(Real, -1, 1, closed="both")],
        "solver": [StrOptions({"sgd", "adam"})],
        "batch_size": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "learning_rate": [StrOptions({"linear", "constant", "invscaling", "adaptive"})],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "scoring": [str, callable, None],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "adam_epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [
            Interval(Integral, 1, None, closed="left"),
            Options(Real, {np.inf}),
        ],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "importance": [StrOptions({"strength", "attribution"})],
    }

    _rate_parameter = "learning_rate_init"
    # With importance='attribution', the importances, and the moments of each feature.
    _attribution: Any = None
    _feature_moments: Any = None

    @property
    def feature_importances_(self) -> Float64s:
        """Importance of each feature as a share of that of all; 0 if it is constant.

        A feature with one value in all training samples may have connections, but they
        tell nothing.
        """
        self._fitted_layers()
        smallest, largest = self._feature_ranges
        attributed = self._attribution is not None
        values = self._attribution if attributed else self.feature_strength_
        values = np.where(smallest < largest, values, 0)
        return values / (values.sum() or 1)

    @abstractmethod
    def _encode_targets(self, y, reset):
        """Check y and return it as (labels, values): see `networks.mlp.Targets`."""

    @abstractmethod
    def _new_network(self, sizes, start):
        """The network of this estimator: see `networks.mlp.MLP`."""

    @abstractmethod
    def _predict_scores(self, scores):
        """Predictions for the outputs of the network."""

    @abstractmethod
    def _output(self, values):
        """Number of outputs and their activation, for encoded targets."""

    @abstractmethod
    def _validation_score(self, y, predictions, sample_weight):
        """The score that early stopping watches."""

    @all_or_nothing
    @with_callbacks
    @with_valid_parameters
    def fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: MatrixLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Fit the network to data matrix X and target(s) y.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data. Dense float32 and sparse CSR data are used where they lie;
            anything else is converted once. A sparse X is never made dense.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The target values (class labels in classification, real numbers in
            regression).

        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights, of any size: only their ratios count. If None, all samples
            weigh the same.

        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Validation data for early stopping, in place of a part of `X`. Nothing is
            learned from them. In a :class:`~sklearn.pipeline.Pipeline` they are
            transformed as `X` is with ``Pipeline(..., transform_input=["X_val"])``.

        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Their target values. In classification, no other classes than those of `y`.

        sample_weight_val : array-like of shape (n_val,), default=None
            Their weights, of which only the ratios count. `class_weight` does not
            apply to validation data that are given.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If the data are not what they should be, if validation data are given with
            ``early_stopping=False``, or if the loss becomes non-finite.
        """
        given = check_given(self.early_stopping, X_val, y_val, sample_weight_val)
        dtype = dtype_of(X_val if given else X)
        first_pass = not (self.warm_start and hasattr(self, "_network"))
        X, y, targets, sizes = self._validate_training_data(
            X, y, sample_weight, reset=first_pass, reset_targets=first_pass
        )
        random_state = check_random_state(self.random_state)
        train = np.arange(X.shape[0])
        validation: Any = None
        if given:
            validation = self._validate_given(X_val, y_val, sample_weight_val)
        elif self.early_stopping:
            train, held_out = self._split(y, random_state)
        if first_pass:
            self._initialize(X, sizes, random_state)
        else:
            self._check_sizes(sizes, "hidden_layer_sizes")
        self._check_batch_size(len(train))
        targets = self._targets_to_learn(targets, train)
        if given:
            learned = self._standardise(validation.targets)
            validation = validation._replace(targets=learned)
        elif self.early_stopping:
            validation = set_aside(X, y, targets, held_out)
        self._start_fit()
        self._fall = Fall(self.learning_rate_init, 0, self.max_iter)
        scorer = None
        if self.early_stopping and self.scoring not in (None, "loss"):
            scorer = Scorer(self, validation, dtype)
        order = train.copy()
        progress = Progress(self, self.max_iter)

        def run_epoch(team, evolution):
            if self.shuffle:
                random_state.shuffle(order)
            if self.learning_rate == "linear":
                self._rate = self._fall.rate_at(self.n_iter_)
            n_updates = self._train_epoch(X, targets, order, team, evolution)
            self._follow_progress(n_updates, validation, team, scorer)
            self._report(progress)
            return self._has_converged(n_updates)

        metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
        if not self._run_epochs(self.max_iter, run_epoch, X, y, metadata):
            self._warn_if_unfinished()
        self._attribute(X, targets.weights, random_state)
        return self

    def _finish(self):
        super()._finish()
        self._choose_network()
        del self._fall

    def _partial_fit(self, X, y, sample_weight):
        """One pass over X, after the classes are known."""
        progress = Progress(self)
        if self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        first_pass = not hasattr(self, "_network")
        X, y, targets, sizes = self._validate_training_data(
            X, y, sample_weight, reset=first_pass, reset_targets=False
        )
        random_state = check_random_state(self.random_state)
        if first_pass:
            self._initialize(X, sizes, random_state)
            self._check_batch_size(X.shape[0])  # chunks that follow may be smaller
        else:
            self._check_sizes(sizes, "hidden_layer_sizes")
        order = np.arange(X.shape[0])
        targets = self._targets_to_learn(targets, order)
        # After early stopping or another solver there is nothing to go on with.
        if self._network.solver != self.solver or self.best_loss_ is None:
            self._start_fit()
        elif self.learning_rate == "linear" or self._first_rate != (
            self.learning_rate_init
        ):
            self._start_rate()
        if self.shuffle:
            random_state.shuffle(order)
        with ThreadTeam(n_threads(self.n_jobs)) as team:
            evolution = self._evolution(self.n_iter_)
            n_updates = self._train_epoch(X, targets, order, team, evolution)
        self._follow_progress(n_updates)
        self._report(progress)
        self._check_finite(X)
        self._attribute(X, targets.weights, random_state)
        return self

    def _attribute(self, X, weights, random_state):
        """Note how strongly the outputs change with each feature, if that is asked."""
        if self.importance == "strength":
            return
        if len(weights) and not weights.all():
            X, weights = X[weights > 0], weights[weights > 0]
        seen = moments(X)
        if self._feature_moments is not None:
            seen = merged_moments(Moments(*self._feature_moments), seen)
        self._feature_moments = tuple(seen)
        rng = np.random.default_rng(random_state.randint(np.iinfo(np.int32).max))
        derivatives = attribution(self._network, X, weights, rng)
        self._attribution = derivatives * seen.standard_deviation()

    def _gradient(self, X, y):
        """Mean gradient of the loss of samples by the weight of each connection."""
        check_is_fitted(self, "_network")
        # What the checks note of y is not for the network.
        copied = copy.copy(self)
        X, y, labels, values = copied._validate_samples_of(X, y, False, False)
        weights = relative_weights(None, getattr(self, "class_weight", None), X, y)
        targets = self._standardise(Targets(labels, values, weights))
        with ThreadTeam(self._n_useful_threads(X.shape[0])) as team:
            return self._network.gradient(X, targets, team)

    def _validate_training_data(self, X, y, sample_weight, reset, reset_targets):
        """Check the input; return what the network needs of it."""
        X, y, labels, values = self._validate_samples_of(X, y, reset, reset_targets)
        class_weight = getattr(self, "class_weight", None)
        weights = relative_weights(sample_weight, class_weight, X, y)
        sizes = self._sizes(X.shape[1])
        before = None if reset else self._feature_ranges
        self._feature_ranges = feature_ranges(X, before)
        self._attribution = None
        if reset:
            self._feature_moments = None
        return X, y, Targets(labels, values, weights), sizes

    def _sizes(self, n_features):
        """Number of features, then of the neurons of each layer."""
        hidden = np.atleast_1d(self.hidden_layer_sizes).tolist()
        if not all(isinstance(size, int) and size > 0 for size in hidden):
            raise ValueError(f"hidden_layer_sizes must be integers > 0, got {hidden}.")
        return [n_features, *hidden, self.n_outputs_]

    def _validate_given(self, X_val, y_val, sample_weight_val):
        """Check the validation data as the training data were checked."""
        try:
            X, y, labels, values = self._validate_samples_of(X_val, y_val, False, False)
            weights = relative_weights(sample_weight_val, None, X, y)
        except ValueError as error:
            error.add_note("The error is in the validation data, X_val and y_val.")
            raise
        targets = Targets(labels, values, weights)
        return ValidationData(X, np.arange(X.shape[0]), y, targets)

    def _validate_samples_of(self, X, y, reset, reset_targets):
        """Check X and y; return them, and the targets as the network reads them."""
        X, y = self._validate_X(
            X, reset, y=y, multi_output=True, y_numeric=is_regressor(self)
        )
        labels, values = self._encode_targets(y, reset_targets)
        labels = np.require(labels, np.int32, "CW")
        self.n_outputs_, self.out_activation_ = self._output(values)
        if self.out_activation_ == "softmax":
            fits = labels.shape == (X.shape[0],)
        else:
            fits = values.shape == (X.shape[0], self.n_outputs_)
        if not fits:
            raise ValueError(
                f"y of shape {y.shape} is not of the kind that "
                f"{self.__class__.__name__} was first fitted with."
            )
        return X, y, labels, values

    def _initialize(self, X, sizes, random_state):
        """A new network, before its first epoch."""
        self.n_layers_ = len(sizes)
        self._check_scale(X)
        start = self._start(
            sizes, X, random_state, lambda: moments(X).standard_deviation()
        )
        self._set_network(self._new_network(sizes, start))
        self.t_ = 0
        self.n_iter_ = 0
        self.loss_curve_ = []

    def _check_scale(self, X):
        warn_of_scale(X)

    def _targets_to_learn(self, targets, samples):
        """The targets as the network reads them, before it learns some samples."""
        return self._standardise(targets)

    def _standardise(self, targets):
        """Targets as the network reads them."""
        values = np.require(targets.values, np.float32, "CW")
        return targets._replace(values=values)

    def _split(self, y, random_state):
        """Indices of the training and of the validation samples."""
        stratified = is_classifier(self) and y.ndim == 1
        return split(y, self.validation_fraction, stratified, random_state)

    def _check_fitted(self):
        super()._check_fitted()
        if np.shape(self._attribution) not in ((), (self.n_features_in_,)):
            raise ValueError(
                f"This {type(self).__name__} is damaged: its importances do not fit."
            )
        if self.n_outputs_ != self._network.layers.sizes[-1]:
            raise ValueError(
                f"This {type(self).__name__} is damaged: n_outputs_ is "
                f"{self.n_outputs_}, which is not what its network has."
            )
        if self.out_activation_ != self._network.output:
            raise ValueError(
                f"This {type(self).__name__} is damaged: out_activation_ is "
                f"{self.out_activation_!r}, which is not what its network has."
            )

    def _scaling_hint(self):
        return (
            "The input data may contain large values and need to be preprocessed, for "
            "example by StandardScaler, or "
        )

    def _check_batch_size(self, n_samples):
        """Warn if the mini-batches will be smaller than asked for."""
        if self.batch_size != "auto" and self.batch_size > n_samples:
            warn_user(
                f"Got `batch_size`={self.batch_size} larger than the number of "
                f"samples, {n_samples}. It is going to be clipped."
            )

    def _train_epoch(self, X, targets, order, team, evolution):
        """One pass over the samples in `order`; return the number of updates."""
        batch_size = self.batch_size
        if batch_size == "auto":
            batch_size = auto_batch_size(len(order))
        batch_size = int(min(batch_size, len(order)))
        parameters = self._training_parameters(batch_size)
        self.loss_ = self._network.train_epoch(
            X, targets, order, parameters, team, evolution
        )
        self.n_iter_ += 1
        self.t_ += len(order)
        self.loss_curve_.append(self.loss_)
        if not np.isfinite(self.loss_):
            self._raise_divergence()
        return -(-len(order) // batch_size)

    def _training_parameters(self, batch_size):
        return TrainingParameters(
            solver=self.solver,
            learning_rate=self._rate,
            batch_size=batch_size,
            alpha=self.alpha,
            momentum=self.momentum,
            nesterovs_momentum=self.nesterovs_momentum,
            beta_1=self.beta_1,
            beta_2=self.beta_2,
            adam_epsilon=self.adam_epsilon,
            dropout=self.dropout,
        )

    def _decision(self, X):
        """Outputs of the network for X, in the floating dtype of X."""
        samples = self._validate_samples(X)
        with ThreadTeam(self._n_useful_threads(samples.shape[0])) as team:
            scores = self._network.decision(samples, np.arange(samples.shape[0]), team)
        return in_dtype_of(X, scores)
