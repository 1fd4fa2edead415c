"""The sparse multi-layer perceptron for real numbers."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import (
    d2_absolute_error_score,
    d2_pinball_score,
    d2_tweedie_score,
    r2_score,
)
from sklearn.utils import assert_all_finite
from sklearn.utils._param_validation import (
    Interval,
    InvalidParameterError,
    StrOptions,
)
from sklearn.utils.validation import column_or_1d

from sklearn_sparse_nn.engine.losses import REGRESSION_LOSSES
from sklearn_sparse_nn.estimators._base import all_or_nothing, finite
from sklearn_sparse_nn.estimators._decorators import (
    with_callbacks,
    with_valid_parameters,
)
from sklearn_sparse_nn.estimators._mlp import BaseSETMLP
from sklearn_sparse_nn.estimators._read_only import read_only
from sklearn_sparse_nn.networks.regression import RegressionMLP, output_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sklearn_sparse_nn._types import (
        Activations,
        Auto,
        Density,
        EvolutionLike,
        Float64s,
        LayerSizes,
        LossName,
        MatrixLike,
        RandomState,
        RateName,
        Scoring,
        Solver,
        TopologyLike,
    )

# Beyond, the squared error of a standardised target overflows float32.
_LARGEST_TARGET = 1e18
_POISSON_NEEDS = "loss='poisson' requires non-negative y and sum(y) > 0."


def _d2_poisson_score(y, predictions, sample_weight):
    """D² of the Poisson deviance, averaged over the outputs."""
    weights = np.ones(len(y)) if sample_weight is None else sample_weight
    y, predictions, weights = (each[weights > 0] for each in (y, predictions, weights))
    predictions = np.maximum(predictions, 1e-150)  # ratios to 0 would be infinite
    return np.mean(
        [
            d2_tweedie_score(each, predicted, sample_weight=weights, power=1)
            if np.ptp(each) > 0
            else 0.0  # equal targets leave nothing to explain
            for each, predicted in zip(y.T, predictions.T)
        ]
    )


# What early stopping watches.
_SCORES = {
    "squared_error": r2_score,
    "absolute_error": d2_absolute_error_score,
    "huber": d2_absolute_error_score,
    "quantile": d2_pinball_score,
    "poisson": _d2_poisson_score,
}


class SETRegressor(RegressorMixin, BaseSETMLP):
    """Sparse multi-layer perceptron regressor with evolving connections.

    A network that is sparse from the first step to the last: its layers start as sparse
    random graphs and are rewired while the weights train, by sparse evolutionary
    training (SET) [1]_. It minimises the squared error, or another loss, by stochastic
    gradient descent or Adam. Time and memory are proportional to the number of
    connections. The target values are standardised inside: their unit and their size
    make no difference.

    Read more in the :ref:`User Guide <mlp>`.

    Parameters
    ----------
    hidden_layer_sizes : array-like of shape (n_layers - 2,), default=(1000,)
        The ith element is the number of neurons in the ith hidden layer; an int means
        one hidden layer. A sparse layer costs what its connections cost, so it can be
        wide.

    activation : str or array-like of str of shape (n_layers - 2,), default='relu'
        Activation function of the hidden layers, or of each of them, one of

        - 'relu', the rectified linear unit, ``f(x) = max(0, x)``
        - 'all_relu', ``f(x) = x`` for positive x, else ``-all_relu_slope * x`` in the
          first, third, … hidden layer and ``all_relu_slope * x`` in the others [2]_
        - 'leaky_relu', ``f(x) = max(0.01 * x, x)``
        - 'tanh', the hyperbolic tangent
        - 'logistic', ``f(x) = 1 / (1 + exp(-x))``
        - 'identity', ``f(x) = x``

    loss : {'squared_error', 'absolute_error', 'huber', 'poisson', 'quantile'}, \
            default='squared_error'
        What training minimises, on standardised targets (see `y_center_`):

        - 'squared_error', half the squared error: predicts the mean
        - 'absolute_error': predicts the median, and is robust to outliers
        - 'huber', half the squared error of small errors, and of those beyond
          `huber_delta` linear: predicts the mean, but is robust to outliers
        - 'poisson', half the deviance of the Poisson distribution, for counts and
          other targets ``y >= 0``: predicts the mean, as the exponential of what the
          network computes, which is positive
        - 'quantile', the pinball loss: predicts the `quantile`

        Several outputs are averaged.

    quantile : float, default=None
        Which quantile to predict with ``loss='quantile'``, in (0, 1).

    huber_delta : float, default=1.35
        Size of an error from which on ``loss='huber'`` is linear, in units of
        `y_scale_`: about the standard deviation of the targets without outliers.
        ``y_scale_ * huber_delta`` corresponds to ``sigma * epsilon`` of
        :class:`~sklearn.linear_model.HuberRegressor`, where `sigma` is the scale of the
        errors and not that of the targets: it is smaller, the better the model.

    all_relu_slope : float, default=0.6
        Slope of 'all_relu' for negative x, between -1 and 1; not used by others.

    epsilon : float, default=5
        Connections per neuron. A layer of `n_in` inputs and `n_out` neurons starts with
        ``epsilon * (n_in + n_out)`` connections, but at most ``n_in * n_out``: its
        density is ``min(1, epsilon * (n_in + n_out) / (n_in * n_out))``.

    density : float, array-like of shape (n_layers - 1,) or None, default=None
        Fraction of all connections of a layer that exist, in the range (0, 1]: the same
        for all layers, or one for each. If it is not None, `epsilon` is not used.

    zeta : float, default=0.5
        Fraction of the connections of each layer that a rewiring replaces, between 0
        and 1: first those of weight zero, then the positive weights nearest to zero and
        the negative weights nearest to zero.

    topology : {'erdos_renyi', 'xbm', 'dense', 'watts_strogatz', 'barabasi_albert', \
            'brf', 'csti'} or object, default='erdos_renyi'
        How the connections begin: an Erdős–Rényi random graph, a scale-free and
        small-world one (:class:`~sklearn_sparse_nn.topology.XBM`), all connections
        (whatever `epsilon` and `density`), small-world ones
        (:class:`~sklearn_sparse_nn.topology.WattsStrogatz`), scale-free ones
        (:class:`~sklearn_sparse_nn.topology.BarabasiAlbert`), receptive fields
        (:class:`~sklearn_sparse_nn.topology.BRF`), between correlated features
        (:class:`~sklearn_sparse_nn.topology.CSTI`), given ones with or without their
        weights (:class:`~sklearn_sparse_nn.topology.FromArrays`), or an object with the
        method `connect` of :class:`~sklearn_sparse_nn.topology.ErdosRenyi`.

    evolution : {'set', 'static', 'rigl', 'snfs', 'dsr', 'mest', 'itop', 'deepr', \
            'ctre', 'cht', 'chts', 'gmp', 'lamp', 'granet', 'importance_pruning', \
            'topkast', 'neurofs'} or EvolutionRule, default='set'
        How the connections change: sparse evolutionary training [1]_
        (:class:`~sklearn_sparse_nn.evolution.SET`), not at all, by another rule of the
        literature, or as any :class:`~sklearn_sparse_nn.evolution.EvolutionRule` says.
        :ref:`The guide <rules_of_the_literature>` tells them apart. With 'neurofs', 50
        inputs are left (:class:`~sklearn_sparse_nn.evolution.NeuroFS`).

    solver : {'adam', 'sgd'}, default='adam'
        Stochastic gradient descent with momentum, or Adam [3]_. Its state is kept
        beside each connection; a new connection starts with a fresh one.

    alpha : float, default=0.1
        Strength of the L2 term on the weights. As in scikit-learn, it is divided by the
        size of the mini-batch when added to the loss.

    batch_size : int or 'auto', default='auto'
        Size of mini-batches. 'auto' means ``min(200, max(16, n_samples // 16))``, or
        all samples where they are fewer. A number that is larger than that of the
        samples is clipped, with a warning, in the first call of `partial_fit` only.

    learning_rate : {'linear', 'constant', 'invscaling', 'adaptive'}, default='linear'
        Learning rate schedule. All but 'linear' are only used when ``solver='sgd'``.

        - 'linear' falls from `learning_rate_init` to 0 by `max_iter`, epoch by epoch;
          once `n_iter_no_change` epochs brought no improvement of `tol`, within as many
          more
        - 'constant' is `learning_rate_init`
        - 'invscaling' is ``learning_rate_init / (t_ + 1) ** power_t``, updated after
          each epoch
        - 'adaptive' divides the rate by 5 each time `n_iter_no_change` epochs bring no
          improvement of `tol`, and stops when it falls below 1e-6

        With :meth:`partial_fit`, which does not know when training ends, 'linear' is
        'constant'.

    learning_rate_init : float, default=0.005
        The initial learning rate.

    power_t : float, default=0.5
        The exponent of the 'invscaling' schedule.

    max_iter : int, default=100
        Maximum number of epochs.

    shuffle : bool, default=True
        Whether to shuffle the samples before each epoch.

    random_state : int, RandomState instance or None, default=None
        Determines the connections and weights, the order of the samples, the validation
        split and dropout. An int gives bit-identical models for any `n_jobs`.

    tol : float, default=1e-4
        When neither the training loss nor, with `early_stopping`, the validation score
        improves by `tol` for `n_iter_no_change` epochs, training stops.

    verbose : bool, default=False
        Whether to print, after each epoch, the loss, the validation score if there is
        one, the seconds so far, and those left until `max_iter` at this pace.

    warm_start : bool, default=False
        Whether `fit` continues from the weights and connections of the last call.

    momentum : float, default=0.9
        Momentum of ``solver='sgd'``, between 0 and 1.

    nesterovs_momentum : bool, default=True
        Whether ``solver='sgd'`` uses Nesterov's momentum.

    early_stopping : bool, default=False
        Whether to set aside `validation_fraction` of the samples, stop when their score
        no longer improves, and restore the best weights and connections; of those with
        the same score, the ones of least validation loss. With
        ``learning_rate='linear'`` the learning rate first falls to 0, and the best ones
        are restored only if the validation loss of the last is clearly larger: by two
        standard errors. Validation data that are passed to :meth:`fit` take the place
        of those set aside: pass them where groups of samples belong together, see the
        :ref:`User Guide <early_stopping>`.

    validation_fraction : float, default=0.1
        Fraction of the samples to set aside with `early_stopping`. Not used if
        validation data are passed to :meth:`fit`.

    scoring : str, callable or None, default=None
        What early stopping watches; only used with `early_stopping`.

        - None: R2 on the validation data, as of `score`
        - 'loss': the loss on the validation data
        - str: one of :func:`sklearn.metrics.get_scorer_names`
        - callable: a scorer with the signature ``scorer(estimator, X, y)``, such as
          :func:`sklearn.metrics.make_scorer` makes. It gets a copy of this estimator as
          it is at the end of an epoch, and `sample_weight` if there is any

    beta_1, beta_2 : float, default=0.9, 0.999
        Decay rates of the moments of ``solver='adam'``, in [0, 1).

    adam_epsilon : float, default=1e-8
        Numerical stability of ``solver='adam'``; `epsilon` in `MLPRegressor`.

    n_iter_no_change : int, default=10
        Epochs without improvement before training stops. Where samples are few, time is
        counted in weight updates: 20 of them count as an epoch, at least.

    dropout : float, default=0.0
        Fraction of hidden neurons that a training sample does not see, in [0, 1).

    importance : {'strength', 'attribution'}, default='strength'
        What `feature_importances_` are shares of:

        - 'strength': `feature_strength_`, the magnitudes of the connections of a
          feature [4]_.
        - 'attribution': how strongly the outputs change with a feature. The sum over
          the outputs of the network of the mean over the samples of the magnitude of
          the derivative by the standardised feature [5]_. After training, it looks at
          up to ``4096 / n_outputs`` of the samples; in `partial_fit`, at those of the
          chunk.

    n_jobs : int or None, default=None
        Number of threads that train and predict, at most one for each processor. None
        means 1 unless in a `joblib.parallel_config` context, -1 means all processors.
        The fitted model is the same to the bit for any number.

    Attributes
    ----------
    n_features_in_ : int
        Number of features seen during :term:`fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during :term:`fit`, if all are strings.

    coefs_ : list of csr_array of float32
        The ith element holds the weights of layer i, with the shape
        (n_inputs, n_neurons). A read-only copy of what the network has, as are the
        intercepts. The last layer predicts standardised targets: see `y_scale_`.

    intercepts_ : list of ndarray of float32
        The ith element holds the biases of layer i.

    y_center_ : ndarray of float of shape (n_outputs,)
        Where each output was in training: its mean, or its median for the losses
        'absolute_error', 'huber' and 'quantile'.

    y_scale_ : ndarray of float of shape (n_outputs,)
        What is one for the network. ``predict`` returns ``y_center_ + y_scale_ * z``
        for an output `z` of the network, ``y_scale_ * exp(z)`` with ``loss='poisson'``,
        and `y_center_` where `y_scale_` is 0. It is

        - the standard deviation with ``loss='squared_error'``
        - the distance of the quantiles 0.1 and 0.9 with 'absolute_error', 'huber' and
          'quantile', divided by 2.56, which makes it the standard deviation of normal
          targets. If the quantiles are equal, it is the standard deviation, too.
        - the mean with 'poisson'
        - 0 where all target values were equal

    n_connections_ : ndarray of int of shape (n_layers - 1,)
        Number of connections of each layer.

    density_ : ndarray of float of shape (n_layers - 1,)
        Connections of each layer as a fraction of all that are possible. A layer of
        density 1 has no place for new ones and is never rewired.

    n_rewired_ : ndarray of int of shape (n_layers - 1,)
        Connections of each layer that rewiring has replaced so far.

    feature_importances_ : ndarray of float of shape (n_features,)
        Share of each feature in what `importance` says; 0 for features that are
        constant in the training data. They sum to 1. With thousands of samples the
        largest are those of the features that matter; with 200 half of them may be;
        with 60 most are not: see the User Guide.

    feature_strength_ : ndarray of float of shape (n_features,)
        Sum of the magnitudes of the connections of each feature.

    loss_ : float
        Loss of the last epoch, of standardised targets, L2 term included.

    best_loss_ : float or None
        The smallest loss of an epoch; None with `early_stopping`.

    loss_curve_ : list of float
        The loss of each epoch.

    validation_scores_ : list of float or None
        Score on the validation data after each epoch: what `scoring` says, with
        ``scoring="loss"`` the negative loss. None without `early_stopping`. By default
        it is the R2 score, :func:`~sklearn.metrics.d2_absolute_error_score` for the
        losses 'absolute_error' and 'huber', :func:`~sklearn.metrics.d2_pinball_score`
        for 'quantile', or :func:`~sklearn.metrics.d2_tweedie_score` of power 1 for
        'poisson'.

    validation_loss_curve_ : list of float or None
        Loss on the validation data after each epoch, whatever `scoring` is. It has no
        L2 term, which `loss_curve_` includes. None without `early_stopping`.

    best_validation_score_ : float or None
        The largest of `validation_scores_`. None without `early_stopping`.

    n_iter_ : int
        Number of epochs run.

    t_ : int
        Number of training samples seen.

    n_layers_ : int
        Number of layers, input and output included.

    n_outputs_ : int
        Number of output neurons.

    out_activation_ : str
        Activation of the output layer.

    See Also
    --------
    SETClassifier : The same for classes.
    sklearn.neural_network.MLPRegressor : Dense multi-layer perceptron.

    Notes
    -----
    Weights, activations and standardised targets are float32; center and scale of the
    targets, and predictions, are float64. There is no need to scale `y`, but
    :class:`~sklearn.compose.TransformedTargetRegressor` is of use for its logarithm.

    References
    ----------
    .. [1] Mocanu et al., "Scalable training of artificial neural networks with adaptive
       sparse connectivity inspired by network science", Nature Communications 9, 2018.
       :arxiv:`1707.04780`

    .. [2] Curci, Mocanu and Pechenizkiy, "Truly sparse neural networks at scale", 2021.
       :arxiv:`2102.01732`

    .. [3] Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015.
       :arxiv:`1412.6980`

    .. [4] Atashgahi et al., "Quick and robust feature selection: the strength of
       energy-efficient sparse training for autoencoders", Machine Learning 111, 2022.
       :arxiv:`2012.00560`

    .. [5] Atashgahi et al., "Unveiling the power of sparse neural networks for feature
       selection", ECAI 2024. :arxiv:`2408.04583`

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn_sparse_nn import SETRegressor
    >>> X, y = make_regression(n_samples=500, n_features=20, random_state=0)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> regr = SETRegressor((100, 100), epsilon=5, max_iter=300, random_state=0)
    >>> regr.fit(X_train, y_train).score(X_test, y_test) > 0.9
    True

    A range in which about 80 % of the targets are:

    >>> regr = regr.set_params(loss="quantile", quantile=0.1)
    >>> low = regr.fit(X_train, y_train).predict(X_test)
    >>> high = regr.set_params(quantile=0.9).fit(X_train, y_train).predict(X_test)
    >>> bool((low < high).mean() > 0.9)
    True
    """

    _parameter_constraints: dict = {
        **BaseSETMLP._parameter_constraints,
        "loss": [StrOptions(set(REGRESSION_LOSSES))],
        "quantile": [Interval(Real, 0, 1, closed="neither"), None],
        "huber_delta": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        hidden_layer_sizes: LayerSizes = (1000,),
        activation: Activations = "relu",
        *,
        loss: LossName = "squared_error",
        quantile: float | None = None,
        huber_delta: float = 1.35,
        all_relu_slope: float = 0.6,
        epsilon: float = 5,
        density: Density = None,
        zeta: float = 0.5,
        topology: TopologyLike = "erdos_renyi",
        evolution: EvolutionLike = "set",
        solver: Solver = "adam",
        alpha: float = 0.1,
        batch_size: int | Auto = "auto",
        learning_rate: RateName = "linear",
        learning_rate_init: float = 0.005,
        power_t: float = 0.5,
        max_iter: int = 100,
        shuffle: bool = True,
        random_state: RandomState = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        scoring: Scoring = None,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        adam_epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        dropout: float = 0.0,
        importance: Literal["strength", "attribution"] = "strength",
        n_jobs: int | None = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.loss = loss
        self.quantile = quantile
        self.huber_delta = huber_delta
        self.all_relu_slope = all_relu_slope
        self.epsilon = epsilon
        self.density = density
        self.zeta = zeta
        self.topology = topology
        self.evolution = evolution
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.scoring = scoring
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.adam_epsilon = adam_epsilon
        self.n_iter_no_change = n_iter_no_change
        self.dropout = dropout
        self.importance = importance
        self.n_jobs = n_jobs

    def _encode_targets(self, y, reset):
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        y = y.reshape(len(y), -1)
        if not reset and y.shape[1] != getattr(self, "n_outputs_", y.shape[1]):
            raise ValueError(
                f"y has {y.shape[1]} outputs, but {self.__class__.__name__} was fitted "
                f"with {self.n_outputs_}."
            )
        with np.errstate(over="ignore"):  # of a long double
            y = np.require(y, np.float64, "C")
        assert_all_finite(y, input_name="y")
        self._check_loss(y)
        return np.zeros(0), y

    def _check_loss(self, y):
        """Check that there is all that the loss needs."""
        if self.loss == "quantile" and self.quantile is None:
            raise InvalidParameterError(
                f"The 'quantile' parameter of {self.__class__.__name__} must be a "
                "float in the range (0.0, 1.0) for loss='quantile'. Got None instead."
            )
        if self.loss == "poisson" and (y < 0).any():
            raise ValueError(_POISSON_NEEDS)

    def _output(self, values):
        return values.shape[1], output_of(self.loss)

    def _new_network(self, sizes, start):
        return RegressionMLP(
            sizes, start, self.activation, self.loss, self.all_relu_slope
        )

    def _targets_to_learn(self, targets, samples):
        network = self._network
        if network.loss != self.loss:
            raise ValueError(
                f"loss={self.loss!r}, but the network to go on with was begun with "
                f"loss={network.loss!r}. Fit a new one."
            )
        network.loss_parameter = self._loss_parameter()
        weights = targets.weights[samples] if len(targets.weights) else None
        network.see(targets.values[samples], weights)
        self._check_centers()
        return super()._targets_to_learn(targets, samples)

    def _loss_parameter(self):
        parameters = {"huber": self.huber_delta, "quantile": self.quantile}
        return float(parameters.get(self.loss, 0))

    def _check_centers(self):
        if self.loss == "poisson" and not (self._network.centers > 0).all():
            raise ValueError(_POISSON_NEEDS)

    def _standardise(self, targets):
        network = self._network
        values = network.standardise(targets.values)
        if not (np.abs(values) <= _LARGEST_TARGET).all():
            raise ValueError(
                f"y has values up to {np.abs(targets.values).max():.3g}, too far from "
                f"the others: their center is {network.centers}, and their spread "
                f"{network.spreads}. Float32 does not hold the squares."
            )
        return super()._standardise(targets._replace(values=values))

    def _validation_score(self, y, predictions, sample_weight):
        score = _SCORES[self.loss]
        options = {"alpha": self.quantile} if self.loss == "quantile" else {}
        # The unit makes no difference, but squares might overflow.
        y, predictions = map(self._network.standardise, (y, predictions))
        return score(y, predictions, sample_weight=sample_weight, **options)

    def _predict_scores(self, scores):
        predictions = finite(self._network.predictions(scores))
        return predictions[:, 0] if self.n_outputs_ == 1 else predictions

    @property
    @read_only
    def y_center_(self) -> Float64s:
        """Where each output was in training: its mean or its median."""
        self._fitted_layers()
        return self._network.centers.copy()

    @property
    @read_only
    def y_scale_(self) -> Float64s:
        """What each output of the network is multiplied by in a prediction."""
        self._fitted_layers()
        return self._network.scales.copy()

    def predict(self, X: MatrixLike) -> NDArray[Any]:
        """Predict numbers.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        y : ndarray of float64, shape (n_samples,) or (n_samples, n_outputs)
            The predictions, in the unit of the training data.
        """
        return self._predict_scores(self._decision(X))

    @all_or_nothing
    @with_callbacks
    @with_valid_parameters
    def partial_fit(
        self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Update the network with one pass over the given data.

        The data may come in chunks of any size: rewiring follows the number of weight
        updates, not of calls. `y_center_` and `y_scale_` are those of all targets so
        far, up to an average over chunks where they are made of quantiles. When they
        change, the last layer does too, such that predictions stay what they are.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The target values.

        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights. Only their ratios within this call count.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        return self._partial_fit(X, y, sample_weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.positive_only = self.loss == "poisson"
        return tags
