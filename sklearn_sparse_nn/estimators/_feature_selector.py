"""Supervised feature selection by sparse networks."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from sklearn_sparse_nn.estimators._base import all_or_nothing, rule_type
from sklearn_sparse_nn.estimators._classifier import SETClassifier
from sklearn_sparse_nn.estimators._decorators import (
    with_callbacks,
    with_valid_parameters,
)
from sklearn_sparse_nn.estimators._mlp import BaseSETMLP
from sklearn_sparse_nn.estimators._ranking import BaseRankingSelector
from sklearn_sparse_nn.estimators._regressor import SETRegressor
from sklearn_sparse_nn.estimators._samples import (
    Moments,
    merged_moments,
    moments,
    relative_weights,
    standardiser,
    validate_samples,
)
from sklearn_sparse_nn.evolution.neurofs import NeuroFS
from sklearn_sparse_nn.networks.attribution import attribution
from sklearn_sparse_nn.networks.importance import strength
from sklearn_sparse_nn.networks.standardised import (
    StandardisedMLP,
    StandardisedRegressionMLP,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from sklearn_sparse_nn._types import (
        Activations,
        Auto,
        Density,
        EvolutionLike,
        LayerSizes,
        MatrixLike,
        MemoryLike,
        RandomState,
        Solver,
        TopologyLike,
    )

_NETWORK_PARAMETERS = (
    "hidden_layer_sizes",
    "activation",
    "all_relu_slope",
    "epsilon",
    "density",
    "zeta",
    "topology",
    "evolution",
    "dropout",
    "solver",
    "alpha",
    "learning_rate_init",
    "momentum",
    "max_iter",
    "verbose",
    "n_jobs",
)
# Mini-batches are a share of the samples, but neither smaller nor larger than this.
_BATCHES, _SMALLEST_BATCH, _LARGEST_BATCH = 50, 32, 200
# In training, an attribution takes derivatives for a share of the samples, some of them
# at least, after every so many epochs, for it to cost little.
_SHARE, _AT_LEAST, _EVERY = 16, 8, 4
_DIVERSITY = 0.5

IMPORTANCES = {
    "attribution": attribution,
    "strength": lambda network, *_: strength(network),
}


class SETFeatureSelector(BaseRankingSelector):
    """Supervised feature selection by sparse networks.

    Perceptrons with evolving connections learn to predict the target, as
    :class:`SETClassifier` and :class:`SETRegressor` do. What they make of each feature
    says how much it matters [1]_. Time and memory are proportional to the number of
    connections: data sets with far more features than samples are what it is made for.

    Read more in the :ref:`User Guide <feature_selection>`.

    Parameters
    ----------
    n_features_to_select : int, float or 'auto', default=50
        How many features to keep: a number; a fraction in (0, 1]; or 'auto', those
        before the knee of the curve of `importances_` in descending order. A number
        that is larger than that of the features keeps all of them. It is read when the
        selection is asked for: after a change there is no need to fit again, but with
        ``evolution='neurofs'``.

    task : {'auto', 'classification', 'regression'}, default='auto'
        What `y` is. With 'auto', real numbers with a fractional part mean regression,
        and everything else classification: say 'regression' if `y` is counts.

    importance : {'attribution', 'strength'}, default='attribution'
        What makes a feature important:

        - 'attribution': how strongly the outputs of the network change with it. The sum
          over the outputs of the mean over the samples of the magnitude of their
          derivative [1]_.
        - 'strength': the sum of the magnitudes of its connections.

    over_training : bool, default=False
        Whether the importances are summed over training, as in [1]_, though after every
        fourth epoch only, and not those in the end.

    diversity : float or 'auto', default='auto'
        How much a feature loses by being like the one that represents its group, in the
        range [0, 1]: its importance is multiplied by ``1 - diversity * |r|``, where `r`
        is the correlation with that one, which is as important as the most important
        feature of the group. With 0 there are no groups. 'auto' is 0.5 for what the
        trained network says by attribution, and 0 for the methods of [1]_ and [2]_,
        that is with ``over_training=True``, and ``evolution='neurofs'``, and for
        ``importance='strength'``.

    group_correlation : float, default=0.8
        How strongly a feature must be correlated, in magnitude, with the one that
        represents a group to belong to it, in the range (0, 1]: see the User Guide.

    stability_selection : int, default=5
        Number of networks, each with random numbers of its own, whose importances are
        averaged. The selection then depends less on `random_state`.

    hidden_layer_sizes : array-like of shape (n_hidden_layers,), default=(200,)
        The ith element is the number of neurons in the ith hidden layer; an int means
        one hidden layer.

    activation : {'relu', 'all_relu', 'leaky_relu', 'tanh', 'logistic', 'identity'} or \
array-like of them, default='relu'
        Activation function of the hidden layers, see :class:`SETClassifier`.

    all_relu_slope : float, default=0.6
        Slope of 'all_relu' for negative x, see :class:`SETClassifier`.

    epsilon : float, default=20
        Number of connections per neuron: a layer from n to m neurons has
        ``epsilon * (n + m)`` of them, at most all.

    density : float, array-like of shape (n_layers - 1,) or None, default=None
        Fraction of all connections of a layer that exist, in the range (0, 1]: the same
        for all layers, or one for each. If it is not None, `epsilon` is not used.

    zeta : float, default=0.3
        Fraction of the connections that each rewiring replaces, in the range [0, 1].

    topology : {'erdos_renyi', 'xbm', 'dense', 'watts_strogatz', 'barabasi_albert', \
            'brf', 'csti'} or object, default='erdos_renyi'
        How the connections begin, see :mod:`sklearn_sparse_nn.topology`.

    evolution : {'set', 'static', 'rigl', 'snfs', 'dsr', 'mest', 'itop', 'deepr', \
            'ctre', 'cht', 'chts', 'gmp', 'lamp', 'granet', 'importance_pruning', \
            'topkast', 'neurofs'} or EvolutionRule, default='set'
        How the connections change: see :class:`~sklearn_sparse_nn.evolution.SET`; not
        at all; by :ref:`another rule <rules_of_the_literature>` of the literature; or
        as a rule of one's own says. :class:`~sklearn_sparse_nn.evolution.NeuroFS` has
        `n_features_to_select` inputs in the end.

    dropout : float, default=0.0
        Probability that a hidden neuron is left out in a training step.

    standardize : bool, default=True
        Whether each feature is brought to mean 0 and variance 1 as it is read. A sparse
        X is not made dense for it.

    solver : {'adam', 'sgd'}, default='adam'
        Adam, or stochastic gradient descent with momentum.

    alpha : float, default=1.0
        Strength of the L2 regularisation, divided by the size of the mini-batch. It is
        what makes different networks agree on the features.

    batch_size : int or 'auto', default='auto'
        Size of mini-batches; 'auto' is ``n_samples / 50``, at least 32 and at most 200.

    learning_rate_init : float, default=0.003
        Step size of the updates in the beginning. It falls linearly to 0 at the end of
        `fit`.

    momentum : float, default=0.9
        Momentum of gradient descent, in the range [0, 1]. Only used with solver='sgd'.

    max_iter : int, default=100
        Number of epochs of each network.

    memory : str or object with the joblib.Memory interface, default=None
        Where to keep trained networks: a folder, or a :class:`joblib.Memory`. Selectors
        that differ only in `importance`, `diversity`, `group_correlation` and
        `n_features_to_select` then train once for the same data and `random_state`. The
        importance is part of training with ``over_training=True``, the number with
        ``evolution='neurofs'``. Callbacks see only what is trained.

    verbose : bool, default=False
        Whether to print, after each epoch, the loss, the seconds so far, and those left
        until `max_iter` at this pace.

    random_state : int, RandomState instance or None, default=None
        Determines the networks and how they are trained and asked. Pass an int for
        reproducible results across multiple calls, for any `n_jobs`.

    n_jobs : int, default=None
        Number of threads. None means 1 unless in a :obj:`joblib.parallel_config`
        context; -1 means all processors. The result is the same to the last bit.

    Attributes
    ----------
    importances_ : ndarray of float of shape (n_features,)
        Importance of each feature: the mean over the networks of their importances,
        each divided by its sum. That of a constant feature is 0.

    strength_ : ndarray of float of shape (n_features,)
        Sum of the magnitudes of the connections of each feature; with several
        networks, their mean.

    feature_groups_ : ndarray of int of shape (n_features,)
        Group of each feature: the index of the feature that represents it. With
        ``diversity=0``, each feature is a group.

    ranking_ : ndarray of int of shape (n_features,)
        Place of each feature in the order of selection; 1 is the first.

    support_ : ndarray of bool of shape (n_features,)
        Which features are selected: the first `n_features_to_select_` of `ranking_`.

    n_features_to_select_ : int
        How many features are selected, by what `n_features_to_select` is now.

    task_ : {'classification', 'regression'}
        What `y` was taken for.

    estimator_ : SETClassifier or SETRegressor
        The fitted network; the first one, if there are several. It reads `X` as it is,
        and standardises it itself.

    n_iter_ : int
        Number of epochs of `estimator_`, or of calls to `partial_fit`.

    n_features_in_ : int
        Number of features seen during :term:`fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during :term:`fit`. Defined only when `X` has feature
        names that are all strings.

    See Also
    --------
    QuickSelectionSelector : Selects features without a target.
    sklearn.feature_selection.SelectKBest : Judges each feature alone.
    sklearn.feature_selection.SelectFromModel : Selects by what a model says.

    References
    ----------
    .. [1] Atashgahi et al., "Unveiling the power of sparse neural networks for feature
       selection", ECAI 2024. :arxiv:`2408.04583`.
    .. [2] Atashgahi et al., "Supervised feature selection with neuron evolution in
       sparse neural networks", Transactions on Machine Learning Research, 2023.
       :arxiv:`2303.07200`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_sparse_nn import SETFeatureSelector
    >>> X, y = load_digits(return_X_y=True)
    >>> selector = SETFeatureSelector(
    ...     10, max_iter=5, stability_selection=2, random_state=0
    ... ).fit(X, y)
    >>> selector.transform(X).shape
    (1797, 10)
    >>> selector.set_params(n_features_to_select=20).get_support().sum()
    np.int64(20)
    """

    task_: Literal["classification", "regression"]

    _parameter_constraints: dict = {
        **BaseRankingSelector._parameter_constraints,
        **{
            name: BaseSETMLP._parameter_constraints[name]
            for name in (*_NETWORK_PARAMETERS, "batch_size", "random_state")
        },
        "task": [StrOptions({"auto", "classification", "regression"})],
        "importance": [StrOptions(set(IMPORTANCES))],
        "over_training": ["boolean"],
        "stability_selection": [Interval(Integral, 1, None, closed="left")],
        "standardize": ["boolean"],
    }

    def __init__(
        self,
        n_features_to_select: float | Auto = 50,
        *,
        task: Literal["auto", "classification", "regression"] = "auto",
        importance: Literal["strength", "attribution"] = "attribution",
        over_training: bool = False,
        diversity: float | Auto = "auto",
        group_correlation: float = 0.8,
        stability_selection: int = 5,
        hidden_layer_sizes: LayerSizes = (200,),
        activation: Activations = "relu",
        all_relu_slope: float = 0.6,
        epsilon: float = 20,
        density: Density = None,
        zeta: float = 0.3,
        topology: TopologyLike = "erdos_renyi",
        evolution: EvolutionLike = "set",
        dropout: float = 0.0,
        standardize: bool = True,
        solver: Solver = "adam",
        alpha: float = 1.0,
        batch_size: int | Auto = "auto",
        learning_rate_init: float = 0.003,
        momentum: float = 0.9,
        max_iter: int = 100,
        memory: MemoryLike = None,
        verbose: bool | int = False,
        random_state: RandomState = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_features_to_select = n_features_to_select
        self.task = task
        self.importance = importance
        self.over_training = over_training
        self.diversity = diversity
        self.group_correlation = group_correlation
        self.stability_selection = stability_selection
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.all_relu_slope = all_relu_slope
        self.epsilon = epsilon
        self.density = density
        self.zeta = zeta
        self.topology = topology
        self.evolution = evolution
        self.dropout = dropout
        self.standardize = standardize
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.momentum = momentum
        self.max_iter = max_iter
        self.memory = memory
        self.verbose = verbose
        self.random_state = random_state
        self.n_jobs = n_jobs

    @all_or_nothing
    @with_callbacks
    @with_valid_parameters
    def fit(
        self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Learn which features to select.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data. Dense float32 and sparse CSR data are used where they lie;
            anything else is converted once. A sparse X is never made dense.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The target values: class labels, or an indicator matrix of several labels;
            or real numbers, of any scale.

        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights, of any size: only their ratios count. If None, all samples
            weigh the same.

        Returns
        -------
        self : SETFeatureSelector
            The fitted selector.

        Raises
        ------
        ValueError
            If the data are not what they should be, or if the loss becomes non-finite.
        """
        X, y, sample_weight = self._validate(X, y, sample_weight, reset=True)
        random_state = check_random_state(self.random_state)
        seeds = self._seeds(random_state, self.stability_selection)
        networks = [self._new_network(X, seed) for seed in seeds]
        metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
        hook = {"estimator": self, "X": X, "y": y, "metadata": metadata}
        data = {"X": X, "y": y, "sample_weight": sample_weight}
        context = self._train(networks, data, hook)
        self._select(X, sample_weight, random_state)
        context.call_on_fit_task_end(**hook, reconstruction_attributes=self._snapshot)
        return self

    @all_or_nothing
    @with_valid_parameters
    def partial_fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        classes: ArrayLike | None = None,
    ) -> Self:
        """Update the networks with one pass over the given data, and rank anew.

        For data that are larger than memory. The learning rate does not fall. The
        importances are those in the latest chunk, as networks see it that were trained
        on all chunks so far: give chunks of some hundred samples or more.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The target values.

        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights. Only their ratios within this call count.

        classes : array-like of shape (n_classes,), default=None
            All classes that any call will see. If None in the first call, those of it.

        Returns
        -------
        self : SETFeatureSelector
            The updated selector.
        """
        first_pass = not hasattr(self, "_networks")
        X, y, sample_weight = self._validate(X, y, sample_weight, reset=first_pass)
        random_state = check_random_state(self.random_state)
        more = {}
        if first_pass:
            self._n_begun = self.stability_selection
            seeds = self._seeds(random_state, self._n_begun)
            self._networks = [self._new_network(X, seed) for seed in seeds]
            if self.task_ == "classification":
                more["classes"] = _classes_of(y) if classes is None else classes
        else:
            self._check_begun("stability_selection", self._n_begun)
        for network in self._networks:
            network.set_params(**self._network_parameters(X))
            network.partial_fit(X, y, sample_weight=sample_weight, **more)
        self._select(X, sample_weight, random_state)
        return self

    def _validate(self, X, y, sample_weight, reset):
        """Check the data; return what the networks get of them."""
        X, y = validate_samples(
            self, X, reads_double=True, reset=reset, y=y, multi_output=True
        )
        if reset:
            self.task_ = self._kind_of(y)
        if self.task_ == "regression":
            y = np.asarray(y, dtype=np.float64)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(
                sample_weight, X, dtype=np.float64, ensure_non_negative=True
            )
            counts = sample_weight > 0
            # What weighs nothing has no part in means and variances either.
            if not counts.all() and counts.any():
                X, y, sample_weight = X[counts], y[counts], sample_weight[counts]
        return X, y, sample_weight

    def _kind_of(self, y):
        """Which task these targets are."""
        if self.task != "auto":
            return self.task
        kind = type_of_target(y, input_name="y")
        if kind == "multiclass-multioutput":
            raise ValueError(
                f"y of shape {y.shape} is neither labels, nor an indicator matrix of 0 "
                "and 1, nor has it fractions. Pass task='regression' if it is numbers."
            )
        return "regression" if kind.startswith("continuous") else "classification"

    def _network_parameters(self, X):
        """What the networks are to be like, for these samples."""
        parameters = {name: getattr(self, name) for name in _NETWORK_PARAMETERS}
        n_samples, n_features = X.shape
        size = self.batch_size
        if size == "auto":
            size = np.clip(n_samples // _BATCHES, _SMALLEST_BATCH, _LARGEST_BATCH)
        parameters["batch_size"] = int(min(size, n_samples))
        if self.evolution == "neurofs":
            if self.n_features_to_select == "auto":
                raise ValueError(
                    "evolution='neurofs' needs to know how many features are left. "
                    "Pass n_features_to_select as a number or a fraction."
                )
            parameters["evolution"] = NeuroFS(self._count(n_features))
        return parameters

    def _new_network(self, X, seed):
        regression = self.task_ == "regression"
        network = (_SelectingRegressor if regression else _SelectingClassifier)(
            **self._network_parameters(X),
            importance="strength",
            random_state=seed,
            learning_rate="linear",
            tol=0,
            n_iter_no_change=np.inf,
        )
        network._standardize = self.standardize
        network._summed = self.importance if self.over_training else None
        return network

    def _select(self, X, sample_weight, random_state):
        """Ask the networks for the importance of each feature, and rank them."""
        (seed,) = self._seeds(random_state, 1)
        rng = np.random.default_rng(seed)
        weights = relative_weights(sample_weight, None, X, None)
        networks = [each._network for each in self._networks]
        if self.over_training:
            measured = [each._sum for each in self._networks]
        else:
            measure = IMPORTANCES[self.importance]
            measured = [measure(network, X, weights, rng) for network in networks]
        of_all = Moments(*self._networks[0]._moments)
        # In units of standard deviations, even if nobody has standardised.
        scale = of_all.standard_deviation() * networks[0].scales
        measured = [values * scale for values in measured]
        shares = [values / (values.sum() or 1) for values in measured]
        diversity = self.diversity
        if diversity == "auto":
            of_papers = self.importance == "strength" or self.over_training
            of_papers |= issubclass(rule_type(self), NeuroFS)
            diversity = 0.0 if of_papers else _DIVERSITY
        self._rank(X, of_all, np.mean(shares, axis=0), diversity)

    @property
    def estimator_(self) -> SETClassifier | SETRegressor:
        """The fitted network; the first one, if there are several."""
        check_is_fitted(self, "ranking_")
        return self._networks[0]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


def _classes_of(y):
    """All classes of some targets."""
    return np.arange(y.shape[1]) if y.ndim == 2 and y.shape[1] > 1 else np.unique(y)


class _Selecting:
    """What the networks of the selector do beyond those that users train."""

    _reads_double = True
    _standardize = True
    # The importance that is summed over the epochs, if any.
    _summed = None

    def _initialize(self, X, sizes, random_state):
        self._moments = tuple(moments(X))
        self._sum = np.zeros(sizes[0])
        super()._initialize(X, sizes, random_state)

    def _check_scale(self, X):
        if not self._standardize:
            super()._check_scale(X)

    def _new_network(self, sizes, start):
        network = self._network_that_standardises(sizes, start)
        self._set_scales(network)
        return network

    def _set_scales(self, network):
        shifts, scales = standardiser(Moments(*self._moments))
        if not self._standardize:
            shifts, scales = np.zeros_like(shifts), np.ones_like(scales)
        network.shifts, network.scales = shifts, scales

    def _train_epoch(self, X, targets, order, team, evolution):
        """One pass over the samples in `order`; return the number of updates."""
        if evolution.max_epochs is None and self.t_:
            self._moments = tuple(merged_moments(Moments(*self._moments), moments(X)))
            self._set_scales(self._network)
        n_updates = super()._train_epoch(X, targets, order, team, evolution)
        if self._summed is not None and self.n_iter_ % _EVERY == 1:
            rng = np.random.default_rng([self.random_state, self.n_iter_])
            measure = IMPORTANCES[self._summed]
            n_derivatives = max(_AT_LEAST, len(order) // _SHARE)
            self._sum = self._sum + measure(
                self._network, X, targets.weights, rng, n_derivatives
            )
        return n_updates

    def _warn_if_unfinished(self):
        """Importances are of use before the network has come to rest."""

    def _scaling_hint(self):
        if self._standardize:
            return ""
        return "The features may need to be scaled: standardize=True does it, or "


class _SelectingClassifier(_Selecting, SETClassifier):
    def _network_that_standardises(self, sizes, start):
        activations = self.activation, self.out_activation_
        return StandardisedMLP(sizes, start, *activations, self.all_relu_slope)


class _SelectingRegressor(_Selecting, SETRegressor):
    def _network_that_standardises(self, sizes, start):
        return StandardisedRegressionMLP(
            sizes, start, self.activation, self.loss, self.all_relu_slope
        )
