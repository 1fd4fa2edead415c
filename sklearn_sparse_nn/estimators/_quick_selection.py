"""Unsupervised feature selection by a sparse autoencoder."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from sklearn_sparse_nn.engine.threads import ThreadTeam
from sklearn_sparse_nn.estimators._autoencoder import SETAutoencoder
from sklearn_sparse_nn.estimators._base import all_or_nothing, rule_type
from sklearn_sparse_nn.estimators._decorators import (
    with_callbacks,
    with_valid_parameters,
)
from sklearn_sparse_nn.estimators._parallel import n_threads
from sklearn_sparse_nn.estimators._ranking import BaseRankingSelector
from sklearn_sparse_nn.estimators._samples import (
    Moments,
    merged_moments,
    moments,
    validate_samples,
)
from sklearn_sparse_nn.evolution import EvolutionRule
from sklearn_sparse_nn.networks.evolving import feature_importances
from sklearn_sparse_nn.networks.importance import IMPORTANCES

if TYPE_CHECKING:
    from sklearn_sparse_nn._types import (
        ActivationName,
        Auto,
        Density,
        EvolutionLike,
        Float64s,
        LayerSizes,
        MatrixLike,
        MemoryLike,
        NoiseName,
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
    "noise",
    "noise_factor",
    "dropout",
    "standardize",
    "solver",
    "alpha",
    "batch_size",
    "learning_rate_init",
    "momentum",
    "max_iter",
    "verbose",
    "n_jobs",
)
_DIVERSITY = 0.9
# Below so many samples, so many networks.
FEW_SAMPLES, N_NETWORKS = 500, 5


class QuickSelectionSelector(BaseRankingSelector):
    """Unsupervised feature selection by a sparse autoencoder: QuickSelection.

    A sparse denoising autoencoder with evolving connections, :class:`SETAutoencoder`,
    learns to restore the features from each other. Its connections say which features
    matter [1]_. No targets are needed, and time and memory are proportional to the
    number of connections: data sets with far more features than samples are what it is
    made for.

    Read more in the :ref:`User Guide <quick_selection>`.

    Parameters
    ----------
    n_features_to_select : int, float or 'auto', default=50
        How many features to keep: a number; a fraction in (0, 1]; or 'auto', those
        before the knee of the curve of `importances_` in descending order. A number
        that is larger than that of the features keeps all of them.

    hidden_layer_sizes : array-like of shape (n_hidden_layers,), default=(1000,)
        Number of neurons in each hidden layer of the autoencoder; an int is one layer.

    activation : {'relu', 'all_relu', 'leaky_relu', 'tanh', 'logistic', 'identity'}, \
default='logistic'
        Activation function of the hidden neurons, see :class:`SETClassifier`. [1]_ has
        'logistic'.

    all_relu_slope : float, default=0.6
        Slope of 'all_relu' for negative x, see :class:`SETClassifier`.

    epsilon : float, default=13
        Number of connections per neuron: a layer has ``epsilon * (n_inputs +
        n_neurons)`` of them, at most all.

    density : float, array-like of shape (n_hidden_layers + 1,) or None, default=None
        Fraction of all connections of a layer that exist, in the range (0, 1]: the same
        for all layers, or one for each. If it is not None, `epsilon` is not used.

    zeta : float, default=0.2
        Fraction of the connections that each rewiring replaces, in the range [0, 1].

    topology : {'erdos_renyi', 'xbm', 'dense', 'watts_strogatz', 'barabasi_albert', \
            'brf', 'csti'} or object, default='erdos_renyi'
        How the connections begin, see :mod:`sklearn_sparse_nn.topology`.

    evolution : {'set', 'static', 'rigl', 'snfs', 'dsr', 'mest', 'itop', 'deepr', \
            'ctre', 'cht', 'chts', 'gmp', 'lamp', 'granet', 'importance_pruning', \
            'topkast', 'wast'} or EvolutionRule, default='set'
        How the connections change: see :class:`~sklearn_sparse_nn.evolution.SET`; not
        at all; by :ref:`another rule <rules_of_the_literature>` of the literature; or
        as a rule of one's own says. Use :class:`~sklearn_sparse_nn.evolution.WAST`
        together with ``importance='evolution'``.

    importance : {'communality', 'attribution', 'strength', 'evolution'}, \
default='communality'
        What makes a feature important:

        - 'communality': the share of its variance that the network predicts from the
          other features, times the root of its standard deviation. What no other
          feature knows of is noise, or of no use for finding structure.
        - 'attribution': how strongly the other outputs of the network change with it,
          after [2]_.
        - 'strength': the sum of the magnitudes of its connections, as in [1]_.
        - 'evolution': what `evolution` thinks of it, as for the selection of [3]_; for
          ``evolution='wast'`` and rules of one's own with `feature_importances`.

    diversity : float or 'auto', default='auto'
        How much a feature loses by being like the one that represents its group, in the
        range [0, 1]: its importance is multiplied by ``1 - diversity * |r|``, where `r`
        is the correlation with that one, which is as important as the most important
        feature of the group. With 0 there are no groups. 'auto' is 0 for
        ``importance='strength'`` and ``'evolution'``, which are then exactly those of
        [1]_ and [3]_, and 0.9 otherwise.

    group_correlation : float, default=0.6
        How strongly a feature must be correlated, in magnitude, with the one that
        represents a group to belong to it, in the range (0, 1]: see the User Guide.

    stability_selection : int or 'auto', default='auto'
        Number of networks, each with random numbers of its own, whose importances are
        averaged, so that the selection depends less on `random_state`. 'auto' is 5 for
        fewer than 500 samples, where chance matters most and networks are trained
        quickly; 1 otherwise, and in `partial_fit`.

    noise : {'gaussian', 'masking'}, default='gaussian'
        What is done to the inputs in training, see :class:`SETAutoencoder`.

    noise_factor : float, default=0.2
        Standard deviation of the Gaussian noise, or share of the inputs that is masked.

    dropout : float, default=0.2
        Probability that a hidden neuron is left out in a training step.

    standardize : bool, default=True
        Whether each feature is brought to mean 0 and variance 1 as it is read. The
        importance 'communality' still knows how much each feature varies in `X`: scale
        your features only if their scales mean nothing.

    solver : {'sgd', 'adam'}, default='sgd'
        Stochastic gradient descent with momentum, or Adam.

    alpha : float, default=0.1
        Strength of the L2 regularisation, divided by the size of the mini-batch.

    batch_size : int or 'auto', default='auto'
        Size of mini-batches; 'auto' is ``min(100, n_samples)``.

    learning_rate_init : float, default=0.01
        Step size of the updates.

    momentum : float, default=0.9
        Momentum of gradient descent, in the range [0, 1]. Only used with solver='sgd'.

    max_iter : int, default=100
        Number of epochs of each network.

    strength_history : bool, default=False
        Whether to keep the strength of the features after each epoch.

    memory : str or object with the joblib.Memory interface, default=None
        Where to keep trained networks: a folder, or a :class:`joblib.Memory`. Selectors
        that differ only in `n_features_to_select`, `importance`, `diversity` and
        `group_correlation` then train once for the same data and `random_state`.
        Callbacks see only what is trained.

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
        Importance of each feature; with several networks, the mean of their
        importances, each divided by its sum. 0 for features that do not vary.

    strength_ : ndarray of float of shape (n_features,)
        Sum of the magnitudes of the connections of each feature; with several
        networks, their mean.

    feature_groups_ : ndarray of int of shape (n_features,)
        Group of each feature: the index of the feature that represents it. With
        ``diversity=0``, each feature is a group.

    ranking_ : ndarray of int of shape (n_features,)
        Place of each feature in the order of selection; 1 is the first. Features that
        do not vary are last.

    support_ : ndarray of bool of shape (n_features,)
        Which features are selected: the first `n_features_to_select_` of `ranking_`.

    n_features_to_select_ : int
        How many features are selected, by what `n_features_to_select` is now: to set it
        after `fit` changes the selection, and trains nothing.

    autoencoder_ : SETAutoencoder
        The fitted network; the first one, if there are several.

    strength_history_ : ndarray of float of shape (n_epochs, n_features)
        Strength of the features in `autoencoder_` after each epoch. Only with
        ``strength_history=True``.

    n_iter_ : int
        Number of epochs of `autoencoder_`, or of calls to `partial_fit`.

    n_features_in_ : int
        Number of features seen during :term:`fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during :term:`fit`. Defined only when `X` has feature
        names that are all strings.

    See Also
    --------
    SETAutoencoder : The network, as a transformer.
    sklearn.feature_selection.VarianceThreshold : Removes features that hardly vary.

    References
    ----------
    .. [1] Atashgahi et al., "Quick and robust feature selection: the strength of
       energy-efficient sparse training for autoencoders", Machine Learning 111, 2022.
       :arxiv:`2012.00560`.
    .. [2] Atashgahi et al., "Unveiling the power of sparse neural networks for feature
       selection", ECAI 2024. :arxiv:`2408.04583`.
    .. [3] Sokar et al., "Where to pay attention in sparse training for feature
       selection?", NeurIPS 2022. :arxiv:`2211.14627`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_sparse_nn import QuickSelectionSelector
    >>> X, _ = load_digits(return_X_y=True)
    >>> selector = QuickSelectionSelector(
    ...     10, hidden_layer_sizes=(100,), max_iter=10, random_state=0
    ... ).fit(X)
    >>> selector.transform(X).shape
    (1797, 10)
    >>> selector.get_support().sum()
    np.int64(10)
    """

    strength_history_: Float64s

    _restores_inputs = True

    _parameter_constraints: dict = {
        **BaseRankingSelector._parameter_constraints,
        **{
            name: SETAutoencoder._parameter_constraints[name]
            for name in (*_NETWORK_PARAMETERS, "random_state")
        },
        "importance": [StrOptions({*IMPORTANCES, "evolution"})],
        "stability_selection": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "strength_history": ["boolean"],
    }

    def __init__(
        self,
        n_features_to_select: float | Auto = 50,
        *,
        hidden_layer_sizes: LayerSizes = (1000,),
        activation: ActivationName = "logistic",
        all_relu_slope: float = 0.6,
        epsilon: float = 13,
        density: Density = None,
        zeta: float = 0.2,
        topology: TopologyLike = "erdos_renyi",
        evolution: EvolutionLike = "set",
        importance: Literal[
            "communality", "attribution", "strength", "evolution"
        ] = "communality",
        diversity: float | Auto = "auto",
        group_correlation: float = 0.6,
        stability_selection: int | Auto = "auto",
        noise: NoiseName = "gaussian",
        noise_factor: float = 0.2,
        dropout: float = 0.2,
        standardize: bool = True,
        solver: Solver = "sgd",
        alpha: float = 0.1,
        batch_size: int | Auto = "auto",
        learning_rate_init: float = 0.01,
        momentum: float = 0.9,
        max_iter: int = 100,
        strength_history: bool = False,
        memory: MemoryLike = None,
        verbose: bool | int = False,
        random_state: RandomState = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_features_to_select = n_features_to_select
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.all_relu_slope = all_relu_slope
        self.epsilon = epsilon
        self.density = density
        self.zeta = zeta
        self.topology = topology
        self.evolution = evolution
        self.importance = importance
        self.diversity = diversity
        self.group_correlation = group_correlation
        self.stability_selection = stability_selection
        self.noise = noise
        self.noise_factor = noise_factor
        self.dropout = dropout
        self.standardize = standardize
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.momentum = momentum
        self.max_iter = max_iter
        self.strength_history = strength_history
        self.memory = memory
        self.verbose = verbose
        self.random_state = random_state
        self.n_jobs = n_jobs

    @all_or_nothing
    @with_callbacks
    @with_valid_parameters
    def fit(self, X: MatrixLike, y: object = None) -> Self:
        """Learn which features to select.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data. Dense float32 and sparse CSR data are used where they lie;
            anything else is converted once. A sparse X is never made dense.

        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        self : QuickSelectionSelector
            The fitted selector.

        Raises
        ------
        ValueError
            If X is not what it should be, or if the loss becomes non-finite.
        """
        X = validate_samples(self, X, reads_double=True)
        random_state = check_random_state(self.random_state)
        n_networks = self._n_networks(N_NETWORKS if X.shape[0] < FEW_SAMPLES else 1)
        *seeds, last_seed = self._seeds(random_state, n_networks + 1)
        networks = [self._new_autoencoder(seed) for seed in seeds]
        hook = {"estimator": self, "X": X, "y": y, "metadata": {}}
        context = self._train(networks, {"X": X}, hook)
        self._moments = tuple(moments(X))
        self._select(X, last_seed)
        context.call_on_fit_task_end(**hook, reconstruction_attributes=self._snapshot)
        return self

    @all_or_nothing
    @with_valid_parameters
    def partial_fit(self, X: MatrixLike, y: object = None) -> Self:
        """Update the networks with one pass over the data X, and select anew.

        For data that are larger than memory. The importances are those in the latest
        chunk, as networks see it that were trained on all chunks so far: give chunks of
        some hundred samples or more.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data.

        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        self : QuickSelectionSelector
            The updated selector.
        """
        first_pass = not hasattr(self, "_networks")
        X = validate_samples(self, X, reads_double=True, reset=first_pass)
        random_state = check_random_state(self.random_state)
        n_networks = self._n_networks(1 if first_pass else self._n_begun)
        *seeds, last_seed = self._seeds(random_state, n_networks + 1)
        of_all = moments(X)
        if first_pass:
            self._networks = [self._new_autoencoder(seed) for seed in seeds]
            self._n_begun = n_networks
        else:
            self._check_begun("stability_selection", self._n_begun)
            of_all = merged_moments(Moments(*self._moments), of_all)
        for network in self._networks:
            network.set_params(**self._network_parameters())
            network.partial_fit(X)
        self._moments = tuple(of_all)
        self._select(X, last_seed)
        return self

    def _n_networks(self, if_auto):
        """How many networks to begin with."""
        asked = self.stability_selection
        return if_auto if asked == "auto" else asked

    def _validate_params(self):
        """Validate the parameters, and those of the topology and of the rule."""
        super()._validate_params()
        silent = EvolutionRule.feature_importances
        is_silent = rule_type(self).feature_importances is silent
        if self.importance == "evolution" and is_silent:
            raise ValueError(
                "importance='evolution' needs an evolution rule that knows how "
                f"important features are, such as 'wast'. Got {self.evolution!r}."
            )

    def _network_parameters(self):
        return {name: getattr(self, name) for name in _NETWORK_PARAMETERS}

    def _new_autoencoder(self, seed):
        kind = _RecordingAutoencoder if self.strength_history else SETAutoencoder
        return kind(random_state=seed, **self._network_parameters())

    def _measure(self, autoencoder, X, rng, team):
        """The importance of each feature to one of the networks."""
        network = autoencoder._network
        if self.importance == "evolution":
            return feature_importances(network, autoencoder._rule)
        return IMPORTANCES[self.importance](network, X, rng, team)

    def _select(self, X, seed):
        """Ask the networks for the importance of each feature, and rank."""
        rng, of_all = np.random.default_rng(seed), Moments(*self._moments)
        varies = of_all.standard_deviation() > 0
        with ThreadTeam(n_threads(self.n_jobs)) as team:
            measured = [self._measure(each, X, rng, team) for each in self._networks]
        measured = [np.where(varies, values, 0) for values in measured]
        if len(measured) > 1:
            measured = [values / (values.sum() or 1) for values in measured]
        diversity = self.diversity
        if diversity == "auto":
            of_papers = self.importance in ("strength", "evolution")
            diversity = 0.0 if of_papers else _DIVERSITY
        self._rank(X, of_all, np.mean(measured, axis=0), diversity)
        if self.strength_history:
            self.strength_history_ = np.array(self._networks[0].history)

    @property
    def autoencoder_(self) -> SETAutoencoder:
        """The fitted network; the first one, if there are several."""
        check_is_fitted(self, "ranking_")
        return self._networks[0]


class _RecordingAutoencoder(SETAutoencoder):
    """Keeps the strength of its features after each epoch."""

    def _initialize(self, X, random_state):
        super()._initialize(X, random_state)
        self.history = []

    def _train_epoch(self, *task):
        super()._train_epoch(*task)
        self.history.append(self.feature_strength_)
