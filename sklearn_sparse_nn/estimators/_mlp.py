"""What the sparse multi-layer perceptrons for classes and for numbers share."""

import math
import warnings
from abc import abstractmethod
from numbers import Integral, Real

import numpy as np
from sklearn.base import _fit_context, is_classifier, is_regressor
from sklearn.callback import with_callbacks
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, Options, StrOptions

from sklearn_sparse_nn.engine.activations import ACTIVATIONS
from sklearn_sparse_nn.engine.threads import ThreadTeam
from sklearn_sparse_nn.estimators._base import all_or_nothing, in_dtype_of
from sklearn_sparse_nn.estimators._layered import BaseLayeredNetwork
from sklearn_sparse_nn.estimators._parallel import n_threads
from sklearn_sparse_nn.estimators._samples import moments, relative_weights
from sklearn_sparse_nn.networks.mlp import Targets, TrainingParameters
from sklearn_sparse_nn.networks.network import Start

# The adaptive schedule of scikit-learn's MLP: divide by five, end below one millionth.
_ADAPTIVE_DIVISOR, _SMALLEST_RATE = 5.0, 1e-6


class BaseSETMLP(BaseLayeredNetwork):
    """Base class of `SETClassifier` and `SETRegressor`."""

    _parameter_constraints: dict = {
        **BaseLayeredNetwork._parameter_constraints,
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "all_relu_slope": [Interval(Real, -1, 1, closed="both")],
        "solver": [StrOptions({"sgd", "adam"})],
        "batch_size": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"})],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "adam_epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [
            Interval(Integral, 1, None, closed="left"),
            Options(Real, {np.inf}),
        ],
        "dropout": [Interval(Real, 0, 1, closed="left")],
    }

    _rate_parameter = "learning_rate_init"

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
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
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

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If X or y are not what they should be, or if the loss becomes non-finite.
        """
        first_pass = not (self.warm_start and hasattr(self, "_network"))
        X, y, targets, sizes = self._validate_training_data(
            X, y, sample_weight, reset=first_pass, reset_targets=first_pass
        )
        random_state = check_random_state(self.random_state)
        train, validation = self._split(X, y, random_state)
        if first_pass:
            self._initialize(X, sizes, random_state)
        else:
            self._check_sizes(sizes, "hidden_layer_sizes")
        targets = self._targets_to_learn(targets, train)
        self._start_fit()
        order = train.copy()

        def run_epoch(team, evolution):
            if self.shuffle:
                random_state.shuffle(order)
            self._train_epoch(X, targets, order, team, evolution)
            improved = self._follow_progress(X, y, targets.weights, validation, team)
            if self.early_stopping and improved:
                self._best_network = self._network.copy()
            return self._has_converged()

        metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
        if not self._run_epochs(self.max_iter, run_epoch, X, y, metadata):
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) "
                "reached and the optimization hasn't converged yet.",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def _finish(self):
        super()._finish()
        # After early stopping, the best network and not the last.
        self._network = self.__dict__.pop("_best_network", self._network)

    def _partial_fit(self, X, y, sample_weight):
        """One pass over X, after the classes are known."""
        if self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        first_pass = not hasattr(self, "_network")
        X, y, targets, sizes = self._validate_training_data(
            X, y, sample_weight, reset=first_pass, reset_targets=False
        )
        random_state = check_random_state(self.random_state)
        if first_pass:
            self._initialize(X, sizes, random_state)
        else:
            self._check_sizes(sizes, "hidden_layer_sizes")
        order = np.arange(X.shape[0])
        targets = self._targets_to_learn(targets, order)
        # After early stopping or another solver there is nothing to go on with.
        if self._network.solver != self.solver or self.best_loss_ is None:
            self._start_fit()
        elif self._first_rate != self.learning_rate_init:
            self._start_rate()
        if self.shuffle:
            random_state.shuffle(order)
        with ThreadTeam(n_threads(self.n_jobs)) as team:
            self._train_epoch(X, targets, order, team, self._evolution(self.n_iter_))
        self._follow_progress(X, y, targets.weights, None, None)
        self._check_finite(X)
        return self

    def _validate_training_data(self, X, y, sample_weight, reset, reset_targets):
        """Check the input; return what the network needs of it."""
        X, y = self._validate_X(
            X, reset, y=y, multi_output=True, y_numeric=is_regressor(self)
        )
        labels, values = self._encode_targets(y, reset_targets)
        class_weight = getattr(self, "class_weight", None)
        targets = Targets(
            np.require(labels, np.int32, "CW"),
            values,
            relative_weights(sample_weight, class_weight, X, y),
        )
        hidden = np.atleast_1d(self.hidden_layer_sizes).tolist()
        if not all(isinstance(size, int) and size > 0 for size in hidden):
            raise ValueError(f"hidden_layer_sizes must be integers > 0, got {hidden}.")
        self.n_outputs_, self.out_activation_ = self._output(values)
        n_samples = X.shape[0]
        if self.out_activation_ == "softmax":
            fits = labels.shape == (n_samples,)
        else:
            fits = values.shape == (n_samples, self.n_outputs_)
        if not fits:
            raise ValueError(
                f"y of shape {y.shape} is not of the kind that "
                f"{self.__class__.__name__} was first fitted with."
            )
        return X, y, targets, [X.shape[1], *hidden, self.n_outputs_]

    def _initialize(self, X, sizes, random_state):
        """A new network, before its first epoch."""
        self.n_layers_ = len(sizes)
        start = Start(
            self._initial_topology(),
            self.epsilon,
            seed=random_state.randint(np.iinfo(np.int32).max),
            spread=lambda: moments(X).standard_deviation(),
        )
        self._set_network(self._new_network(sizes, start))
        self.t_ = 0
        self.n_iter_ = 0
        self.loss_curve_ = []

    def _targets_to_learn(self, targets, samples):
        """The targets as the network reads them, before it learns some samples."""
        values = np.require(targets.values, np.float32, "CW")
        return targets._replace(values=values)

    def _start_fit(self):
        """Start the optimiser and the search for convergence anew."""
        self._network.reset_optimiser(self.solver)
        self._start_rate()
        self._no_improvement_count = 0
        self.n_iter_ = 0
        self.loss_ = np.inf
        early = self.early_stopping
        self.best_loss_ = None if early else np.inf
        self.validation_scores_ = [] if early else None
        self.best_validation_score_ = -np.inf if early else None
        self.__dict__.pop("_best_network", None)

    def _start_rate(self):
        """Begin the schedule of the learning rate."""
        self._rate = self._first_rate = self.learning_rate_init

    def _split(self, X, y, random_state):
        """Indices of the training and of the validation samples."""
        samples = np.arange(X.shape[0])
        if not self.early_stopping:
            return samples, None
        n_validation = math.ceil(self.validation_fraction * len(samples))
        if not 2 <= n_validation < len(samples):
            raise ValueError(
                f"early_stopping=True sets aside validation_fraction="
                f"{self.validation_fraction} of the samples: {n_validation} of "
                f"{len(samples)}. There must be two at least, and one to train on."
            )
        stratify, alone = None, np.zeros(len(samples), dtype=bool)
        if is_classifier(self) and y.ndim == 1:
            stratify, alone = _strata(y, n_validation)
        train, validation = train_test_split(
            samples[~alone],
            random_state=random_state,
            test_size=n_validation,
            stratify=stratify,
        )
        return np.sort(np.append(train, samples[alone])), validation

    def _check_fitted(self):
        super()._check_fitted()
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

    def _train_epoch(self, X, targets, order, team, evolution):
        """One pass over the samples in `order`."""
        batch_size = self.batch_size
        if batch_size == "auto":
            batch_size = min(200, len(order))
        elif batch_size > len(order):
            warnings.warn(
                f"Got `batch_size`={batch_size} larger than the number of samples, "
                f"{len(order)}. It is going to be clipped.",
                stacklevel=3,
            )
        parameters = TrainingParameters(
            solver=self.solver,
            learning_rate=self._rate,
            batch_size=int(min(batch_size, len(order))),
            alpha=self.alpha,
            momentum=self.momentum,
            nesterovs_momentum=self.nesterovs_momentum,
            beta_1=self.beta_1,
            beta_2=self.beta_2,
            adam_epsilon=self.adam_epsilon,
            dropout=self.dropout,
        )
        self.loss_ = self._network.train_epoch(
            X, targets, order, parameters, team, evolution
        )
        self.n_iter_ += 1
        self.t_ += len(order)
        self.loss_curve_.append(self.loss_)
        if not np.isfinite(self.loss_):
            self._raise_divergence()
        if self.verbose:
            print(f"Iteration {self.n_iter_}, loss = {self.loss_:.8f}")

    def _follow_progress(self, X, y, weights, validation, team):
        """Note whether this epoch was better than all before."""
        if validation is None:
            improved = self.loss_ < self.best_loss_
            enough = self.loss_ <= self.best_loss_ - self.tol
            self.best_loss_ = min(self.loss_, self.best_loss_)
        else:
            scores = self._network.decision(X, validation, team)
            if not np.isfinite(scores).all():
                self._raise_divergence()
            weights = weights[validation] if len(weights) else None
            if weights is not None and not weights.any():
                weights = None  # none of them counts more than the others
            score = self._validation_score(
                y[validation], self._predict_scores(scores), weights
            )
            if self.verbose:
                print(f"Validation score: {score:f}")
            self.validation_scores_.append(score)
            improved = score > self.best_validation_score_
            enough = score >= self.best_validation_score_ + self.tol
            self.best_validation_score_ = max(score, self.best_validation_score_)
        self._no_improvement_count = 0 if enough else self._no_improvement_count + 1
        if self.solver == "sgd" and self.learning_rate == "invscaling":
            self._rate = self.learning_rate_init / (self.t_ + 1) ** self.power_t
        return improved

    def _has_converged(self):
        """Whether to stop, after `n_iter_no_change` epochs without improvement."""
        if self._no_improvement_count <= self.n_iter_no_change:
            return False
        watched = "Validation score" if self.early_stopping else "Training loss"
        message = (
            f"{watched} did not improve more than tol={self.tol:f} for "
            f"{self.n_iter_no_change} consecutive epochs."
        )
        adaptive = self.solver == "sgd" and self.learning_rate == "adaptive"
        if adaptive and self._rate > _SMALLEST_RATE:
            self._rate /= _ADAPTIVE_DIVISOR
            self._no_improvement_count = 0
            message += f" Setting learning rate to {self._rate:f}"
        else:
            adaptive = False
            message += " Stopping."
        if self.verbose:
            print(message)
        return not adaptive

    def _decision(self, X):
        """Outputs of the network for X, in the floating dtype of X."""
        samples = self._validate_samples(X)
        with ThreadTeam(self._n_useful_threads(samples.shape[0])) as team:
            scores = self._network.decision(samples, np.arange(samples.shape[0]), team)
        return in_dtype_of(X, scores)


def _strata(labels, n_validation):
    """How to set validation samples aside.

    Returns
    -------
    strata : ndarray of int or None
        Classes of the samples that are not alone, to stratify by. None where there are
        too many classes for that.
    alone : ndarray of bool, shape (n_samples,)
        Samples that are alone in their class. They are for training.
    """
    _, classes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    alone = counts[classes] == 1
    others = classes[~alone]
    n_training, n_classes = len(others) - n_validation, np.count_nonzero(counts > 1)
    if n_training < 1:
        return None, np.zeros_like(alone)
    return others if min(n_validation, n_training) >= n_classes else None, alone
