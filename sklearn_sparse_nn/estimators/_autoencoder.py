"""Sparse denoising autoencoder."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import (
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils import check_random_state, gen_batches
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_array, check_is_fitted

from sklearn_sparse_nn.engine.activations import ACTIVATIONS
from sklearn_sparse_nn.engine.inputs import as_dense
from sklearn_sparse_nn.engine.threads import ThreadTeam
from sklearn_sparse_nn.estimators._base import all_or_nothing, finite, in_dtype_of
from sklearn_sparse_nn.estimators._decorators import (
    with_callbacks,
    with_valid_parameters,
)
from sklearn_sparse_nn.estimators._layered import BaseLayeredNetwork
from sklearn_sparse_nn.estimators._parallel import n_threads
from sklearn_sparse_nn.estimators._progress import Progress
from sklearn_sparse_nn.estimators._read_only import read_only
from sklearn_sparse_nn.estimators._samples import (
    Moments,
    dtype_of,
    merged_moments,
    moments,
)
from sklearn_sparse_nn.networks.autoencoder import NOISES, Autoencoder, Corruption
from sklearn_sparse_nn.networks.mlp import TrainingParameters

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from sklearn_sparse_nn._types import (
        ActivationName,
        Auto,
        Density,
        EvolutionLike,
        Floats,
        LayerSizes,
        MatrixLike,
        NoiseName,
        RandomState,
        Solver,
        TopologyLike,
    )

# Cells of X with which `score` works at a time.
_SCORE_CELLS = 2**22


class SETAutoencoder(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseLayeredNetwork
):
    """Sparse denoising autoencoder with evolving connections.

    A network that restores its own inputs from noisy ones. Its layers start as sparse
    random graphs and are rewired while the weights train, by sparse evolutionary
    training (SET) [1]_. It is the network of QuickSelection [2]_. Time and memory are
    proportional to the number of connections.

    Read more in the :ref:`User Guide <autoencoder>`.

    Parameters
    ----------
    hidden_layer_sizes : array-like of shape (n_hidden_layers,), default=(1000,)
        The ith element is the number of neurons in the ith hidden layer; an int means
        one hidden layer. The layer in the middle is the code that `transform` returns;
        of an even number of layers, the second of the two.

    activation : {'relu', 'all_relu', 'leaky_relu', 'tanh', 'logistic', 'identity'}, \
default='tanh'
        Activation function of the hidden layers, see :class:`SETClassifier`. The
        outputs are linear.

    all_relu_slope : float, default=0.6
        Slope of 'all_relu' for negative x, between -1 and 1; not used by others.

    epsilon : float, default=13
        Number of connections per neuron: a layer from n to m neurons has
        ``epsilon * (n + m)`` of them, at most all.

    density : float, array-like of shape (n_layers - 1,) or None, default=None
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
        as a rule of one's own says.

    noise : {'gaussian', 'masking'}, default='gaussian'
        What is done to the inputs in training, anew for each sample in each epoch:
        Gaussian noise is added, or some are set to their mean.

    noise_factor : float, default=0.2
        Standard deviation of the Gaussian noise, relative to that of the feature if
        `standardize`; or the share of the inputs that is masked, below 1.

    dropout : float, default=0.2
        Probability that a hidden neuron is left out in a training step, in the range
        [0, 1).

    standardize : bool, default=True
        Whether each feature is brought to mean 0 and variance 1 as it is read. A sparse
        X is not made dense for it. Otherwise X should have about that scale already.

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
        Number of epochs, that is, of passes over the data.

    warm_start : bool, default=False
        When True, `fit` goes on with what the previous call learned. Otherwise it
        starts anew.

    verbose : bool, default=False
        Whether to print, after each epoch, the loss, the seconds so far, and those left
        until `max_iter` at this pace.

    random_state : int, RandomState instance or None, default=None
        Determines the initial connections and weights, the order of the samples, noise,
        dropout and rewiring. Pass an int for reproducible results across multiple
        calls, for any `n_jobs`.

    n_jobs : int, default=None
        Number of threads. None means 1 unless in a :obj:`joblib.parallel_config`
        context; -1 means all processors. The result is the same to the last bit.

    Attributes
    ----------
    coefs_ : list of csr_array of float32
        Weights of each layer, of shape (n_inputs, n_neurons). A read-only copy of what
        the network has, as are the intercepts.

    intercepts_ : list of ndarray of float32
        Biases of each layer, of shape (n_neurons,).

    n_connections_ : ndarray of int of shape (n_layers - 1,)
        Number of connections of each layer.

    density_ : ndarray of float of shape (n_layers - 1,)
        Connections of each layer as a fraction of those of a dense layer. A layer of
        density 1 has no place for new ones and is never rewired.

    n_rewired_ : ndarray of int of shape (n_layers - 1,)
        Connections of each layer that rewiring has replaced so far.

    feature_strength_ : ndarray of float of shape (n_features,)
        Sum of the magnitudes of the connections of each feature.

    loss_ : float
        Loss of the last epoch: half the mean squared error of what is restored from
        noisy samples, in the scale of the network. Means alone have 0.5.

    loss_curve_ : list of float
        Loss of each epoch.

    mean_, scale_ : ndarray of float32 of shape (n_features,)
        What is subtracted from each feature, and what it is divided by. 0 and 1 without
        `standardize`.

    n_iter_ : int
        Number of epochs, or of calls to `partial_fit`.

    n_features_in_ : int
        Number of features seen during :term:`fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during :term:`fit`. Defined only when `X` has feature
        names that are all strings.

    See Also
    --------
    QuickSelectionSelector : Selects features by such a network.
    SETRBMTransformer : Features from a sparse Boltzmann machine.

    References
    ----------
    .. [1] Mocanu et al., "Scalable training of artificial neural networks with adaptive
       sparse connectivity inspired by network science", Nature Communications 9, 2018.
       :arxiv:`1707.04780`.
    .. [2] Atashgahi et al., "Quick and robust feature selection: the strength of
       energy-efficient sparse training for autoencoders", Machine Learning 111, 2022.
       :arxiv:`2012.00560`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_sparse_nn import SETAutoencoder
    >>> X, _ = load_digits(return_X_y=True)
    >>> autoencoder = SETAutoencoder(200, epsilon=5, max_iter=20, random_state=0)
    >>> autoencoder.fit_transform(X).shape
    (1797, 200)
    >>> autoencoder.reconstruct(X).shape
    (1797, 64)
    >>> autoencoder.score(X) > -0.5
    True
    """

    loss_: float
    loss_curve_: list[float]
    _moments: tuple[Any, ...]

    _parameter_constraints: dict = {
        **BaseLayeredNetwork._parameter_constraints,
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "all_relu_slope": [Interval(Real, -1, 1, closed="both")],
        "noise": [StrOptions(set(NOISES))],
        "noise_factor": [Interval(Real, 0, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "standardize": ["boolean"],
        "solver": [StrOptions({"sgd", "adam"})],
        "batch_size": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
    }

    _rate_parameter = "learning_rate_init"

    def __init__(
        self,
        hidden_layer_sizes: LayerSizes = (1000,),
        activation: ActivationName = "tanh",
        *,
        all_relu_slope: float = 0.6,
        epsilon: float = 13,
        density: Density = None,
        zeta: float = 0.2,
        topology: TopologyLike = "erdos_renyi",
        evolution: EvolutionLike = "set",
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
        warm_start: bool = False,
        verbose: bool | int = False,
        random_state: RandomState = None,
        n_jobs: int | None = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.all_relu_slope = all_relu_slope
        self.epsilon = epsilon
        self.density = density
        self.zeta = zeta
        self.topology = topology
        self.evolution = evolution
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
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state
        self.n_jobs = n_jobs

    # What float32 cannot hold is shifted before it is cast.
    _reads_double = True
    _restores_inputs = True

    def _scaling_hint(self):
        if self.standardize:
            return ""
        return "The features may need to be scaled: standardize=True does it, or "

    @property
    @read_only
    def mean_(self) -> Floats:
        """What is subtracted from each feature."""
        self._fitted_layers()
        return self._network.shifts.copy()

    @property
    @read_only
    def scale_(self) -> Floats:
        """What each feature is divided by."""
        self._fitted_layers()
        return 1 / self._network.scales

    @property
    def _n_features_out(self):
        return int(self._fitted_layers().sizes[self._network.n_code_layers])

    @all_or_nothing
    @with_callbacks
    @with_valid_parameters
    def fit(self, X: MatrixLike, y: object = None) -> Self:
        """Fit the autoencoder to the data X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data. Dense float32 and sparse CSR data are used where they lie;
            anything else is converted once. A sparse X is never made dense.

        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        self : SETAutoencoder
            The fitted autoencoder.

        Raises
        ------
        ValueError
            If X is not what it should be, or if the loss becomes non-finite.
        """
        first_pass = not (self.warm_start and hasattr(self, "_network"))
        X = self._validate(X, reset=first_pass)
        random_state = check_random_state(self.random_state)
        if first_pass:
            self._initialize(X, random_state)
        else:
            self._check_sizes(self._sizes(X.shape[1]), "hidden_layer_sizes")
        self._network.reset_optimiser(self.solver)
        self.n_iter_ = 0
        order, progress = np.arange(X.shape[0]), Progress(self, self.max_iter)

        def run_epoch(team, evolution):
            random_state.shuffle(order)
            self._train_epoch(X, order, team, evolution, progress)
            return False

        self._run_epochs(self.max_iter, run_epoch, X, y)
        return self

    @all_or_nothing
    @with_valid_parameters
    def partial_fit(self, X: MatrixLike, y: object = None) -> Self:
        """Update the autoencoder with one pass over the data X, in mini-batches.

        Means and variances of the features are those of all data so far. Rewiring
        follows the number of weight updates, not of calls.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data.

        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        self : SETAutoencoder
            The updated autoencoder.
        """
        first_pass = not hasattr(self, "_network")
        X = self._validate(X, reset=first_pass)
        random_state = check_random_state(self.random_state)
        if first_pass:
            self._initialize(X, random_state)
        else:
            self._check_sizes(self._sizes(X.shape[1]), "hidden_layer_sizes")
        if self.standardize and not first_pass:
            self._moments = tuple(merged_moments(Moments(*self._moments), moments(X)))
            self._network.shifts, self._network.scales = self._standardiser()
        if self._network.solver != self.solver:
            self._network.reset_optimiser(self.solver)
        order = random_state.permutation(X.shape[0])
        evolution = self._evolution(self.n_iter_)
        with ThreadTeam(n_threads(self.n_jobs)) as team:
            self._train_epoch(X, order, team, evolution, Progress(self))
        self._check_finite(X)
        return self

    def _validate(self, X, reset=False):
        X = self._validate_X(X, reset)
        if self.noise == "masking" and self.noise_factor >= 1:
            raise ValueError(
                "noise_factor is the share of the inputs that noise='masking' masks; "
                f"it must be below 1, got {self.noise_factor}."
            )
        return X

    def _gradient(self, X, y=None):
        """Mean gradient of the loss of samples by the weight of each connection."""
        samples = self._validate_samples(X)
        with ThreadTeam(self._n_useful_threads(samples.shape[0])) as team:
            return self._network.gradient(samples, team)

    def _sizes(self, n_features):
        """Number of inputs, of neurons of each hidden layer, and of outputs."""
        hidden = np.atleast_1d(self.hidden_layer_sizes).tolist()
        if not all(isinstance(size, int) and size > 0 for size in hidden):
            raise ValueError(f"hidden_layer_sizes must be integers > 0, got {hidden}.")
        return [n_features, *hidden, n_features]

    def _initialize(self, X, random_state):
        """A new network, before its first epoch."""
        self._moments = tuple(moments(X))
        self._begin_layers(self._sizes(X.shape[1]), X, random_state)

    def _begin_layers(self, sizes, X, random_state):
        """A new network of these sizes; X is for topologies that look at samples."""
        spread = Moments(*self._moments).standard_deviation
        start = self._start(sizes, X, random_state, spread)
        scaling = self._standardiser()
        network = Autoencoder(
            sizes[1:-1], start, self.activation, *scaling, self.all_relu_slope
        )
        self._set_network(network)
        self.n_iter_ = 0
        self.loss_curve_ = []

    def _standardiser(self):
        """What to subtract from each feature, and to multiply it by then."""
        _, means, _ = self._moments
        if not self.standardize:
            return np.zeros_like(means), np.ones_like(means)
        deviations = Moments(*self._moments).standard_deviation()
        if not np.isfinite(deviations).all():
            raise ValueError("X has values that are too large: their squares overflow.")
        return means, 1 / np.where(deviations > 0, deviations, 1)

    def _train_epoch(self, X, order, team, evolution, progress):
        """One pass over the samples in `order`."""
        parameters = self._training_parameters(len(order))
        corruption = Corruption(self.noise, self.noise_factor)
        self.loss_ = self._network.train_epoch(
            X, order, parameters, corruption, team, evolution
        )
        self.n_iter_ += 1
        self.loss_curve_.append(self.loss_)
        if not np.isfinite(self.loss_):
            self._raise_divergence()
        progress.report(self.n_iter_, f"loss = {self.loss_:.8f}")

    def _training_parameters(self, n_samples):
        batch_size = 100 if self.batch_size == "auto" else self.batch_size
        return TrainingParameters(
            solver=self.solver,
            learning_rate=self.learning_rate_init,
            batch_size=int(min(batch_size, n_samples)),
            alpha=self.alpha,
            momentum=self.momentum,
            dropout=self.dropout,
        )

    def transform(self, X: MatrixLike) -> Floats:
        """Compute the code: the activations of the hidden layer in the middle.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The data to be encoded.

        Returns
        -------
        H : ndarray of shape (n_samples, n_code)
            Activations of the neurons of the code.
        """
        return in_dtype_of(X, self._encode(X))

    def _encode(self, X):
        check_is_fitted(self, "_network")
        return self._activations(X, self._network.n_code_layers)

    def inverse_transform(self, X: ArrayLike) -> Floats:
        """Decode: compute the features that belong to a code.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_code)
            Activations of the neurons of the code.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
            Features, in the scale of the training data.
        """
        check_is_fitted(self, "_network")
        H = check_array(X, dtype=np.float32)
        if H.shape[1] != self._n_features_out:
            raise ValueError(
                f"X has {H.shape[1]} features, but the code of "
                f"{self.__class__.__name__} has {self._n_features_out} neurons."
            )
        return self._decode(H, X)

    def _decode(self, H, X):
        """Features that belong to codes, in the dtype of X."""
        with ThreadTeam(self._n_useful_threads(H.shape[0])) as team:
            outputs = self._network.decode(H, team)
        features = self._network.rescale(in_dtype_of(X, outputs))
        return features.astype(np.float32) if dtype_of(X) == np.float32 else features

    def reconstruct(self, X: MatrixLike) -> Floats:
        """Encode and decode: what the autoencoder makes of X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The data.

        Returns
        -------
        X_reconstructed : ndarray of shape (n_samples, n_features)
            Features, in the scale of the training data.
        """
        return self._decode(self._encode(X), X)

    def score(self, X: MatrixLike, y: object = None) -> float:
        """Negative mean squared error of the reconstruction.

        With `standardize`, each feature counts in units of its own variance: a network
        that restores nothing but means scores -1.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The data.

        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        score : float
            The larger, the better; 0 at best.

        Raises
        ------
        ValueError
            If an error is too large for float32.
        """
        X = self._validate_samples(X)
        total, n_rows = 0.0, max(1, _SCORE_CELLS // X.shape[1])
        with ThreadTeam(self._n_useful_threads(X.shape[0])) as team:
            for rows in gen_batches(X.shape[0], n_rows):
                samples = np.arange(rows.start, rows.stop)
                outputs = finite(self._network.decision(X, samples, team))
                with np.errstate(over="ignore"):
                    inputs = self._network.read_inputs(as_dense(X[rows]))
                    errors = finite(outputs - inputs)
                total += np.sum(np.square(errors, dtype=np.float64))
        return float(-total / X.shape[0] / X.shape[1])

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
