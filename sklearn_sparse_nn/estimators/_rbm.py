"""Restricted Boltzmann machine with sparse evolutionary training."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from scipy import sparse
from sklearn.base import (
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils import check_random_state, check_scalar
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_array, check_is_fitted

from sklearn_sparse_nn.engine.threads import ThreadTeam
from sklearn_sparse_nn.engine.warning import warn_user
from sklearn_sparse_nn.estimators._base import (
    BaseSparseNetwork,
    all_or_nothing,
    finite,
    in_dtype_of,
)
from sklearn_sparse_nn.estimators._decorators import (
    with_callbacks,
    with_valid_parameters,
)
from sklearn_sparse_nn.estimators._parallel import n_threads
from sklearn_sparse_nn.estimators._progress import Progress
from sklearn_sparse_nn.estimators._read_only import read_only
from sklearn_sparse_nn.estimators._samples import (
    Moments,
    feature_means,
    merged_moments,
    moments,
    standardiser,
)
from sklearn_sparse_nn.networks.gaussian_rbm import GaussianRBM
from sklearn_sparse_nn.networks.rbm import RBM, ContrastiveDivergence, logit_of_means

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from scipy.sparse import csr_array

    from sklearn_sparse_nn._types import (
        Auto,
        EvolutionLike,
        Float32s,
        Float64s,
        Floats,
        Ints,
        MatrixLike,
        RandomState,
        TopologyLike,
    )

# Samples on which the reconstruction error is measured after each epoch.
_N_WATCHED = 1000
# How far from [0, 1] rounding may bring a number.
_ROUNDING = 1e-6
# The rate of binary machines, and the most of others: see `learning_rate`.
_RATE = 0.05
# Updates, and passes over the data, of ``n_iter="auto"``.
_UPDATES, _LEAST_PASSES, _MOST_PASSES, _MOST_TIMES_MORE = 3000, 10, 100, 10


class SETRBMTransformer(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseSparseNetwork
):
    """Sparse restricted Boltzmann machine (RBM), trained by SET.

    A Boltzmann machine with binary hidden neurons, binary or Gaussian visible neurons,
    and sparse connections between them. It is trained by contrastive divergence, and
    its connections are rewired while it learns [1]_. With ``topology="xbm"`` and
    ``evolution="static"`` it is the complex Boltzmann machine of [2]_, whose scale-free
    and small-world connections are chosen before training.

    Time and memory are proportional to the number of connections, not to the product
    of the numbers of neurons.

    Read more in the :ref:`User Guide <rbm>`.

    Parameters
    ----------
    n_components : int, default=256
        Number of binary hidden neurons.

    visible : {'auto', 'bernoulli', 'gaussian'}, default='auto'
        What the visible neurons are: binary, for X in [0, 1], or Gaussian, for real
        numbers, which are standardised. 'auto' is 'bernoulli' if all of the first X is
        in [0, 1], up to rounding, and 'gaussian' otherwise.

    epsilon : float, default=11
        Number of connections per neuron, visible and hidden ones counted alike: there
        are ``epsilon * (n_features + n_components)`` of them, at most all. As features
        for a linear classifier, machines of many features need more: try 30 to 60.

    density : float or None, default=None
        Fraction of all connections that exist, in the range (0, 1]. If it is not None,
        `epsilon` is not used.

    zeta : float, default=0.3
        Fraction of the connections that each rewiring replaces, in the range [0, 1].

    topology : {'erdos_renyi', 'xbm', 'dense', 'watts_strogatz', 'barabasi_albert', \
            'brf', 'csti'} or object, default='erdos_renyi'
        How the connections begin: at random; scale-free and small-world, see
        :class:`~sklearn_sparse_nn.topology.XBM`; all of them; as another graph of
        :mod:`sklearn_sparse_nn.topology`; as given, see
        :class:`~sklearn_sparse_nn.topology.FromArrays`; or as the method `connect` of
        an object says.

    evolution : {'set', 'static', 'rigl', 'snfs', 'dsr', 'mest', 'itop', 'deepr', \
            'ctre', 'cht', 'chts', 'topkast', 'gmp', 'granet'} \
            or EvolutionRule, default='set'
        How the connections change: the weakest are replaced by random ones, see
        :class:`~sklearn_sparse_nn.evolution.SET`; not at all; by
        :ref:`another rule <rules_of_the_literature>` of the literature; or as a rule of
        one's own says, see :class:`~sklearn_sparse_nn.evolution.EvolutionRule`.

    learning_rate : float or 'auto', default='auto'
        The learning rate for weight updates. 'auto' is 0.05. Gaussian visible neurons
        answer to all of their hidden neurons at once; there, it is no more than one
        over their mean number of connections, and two over the largest one, in each
        epoch. Tune it in the range 10**[0., -3.].

    momentum : float, default=0.5
        Momentum of the updates, in the range [0, 1]. Hinton's guide [3]_ begins with
        0.5 and ends with 0.9; with persistent chains, which must keep up with the
        weights, 0.5 throughout was better.

    alpha : float, default=1e-4
        Weight decay: each update shrinks the weights by ``learning_rate * alpha``.

    batch_size : int, default=32
        Number of samples per mini-batch.

    n_iter : int or 'auto', default='auto'
        Number of passes over the training data. 'auto' makes about 3,000 updates, in
        10 to 100 passes; where the 'auto' learning rate is less than 0.05, as many
        times more, ten at most.

    n_gibbs_steps : int, default=1
        Steps of Gibbs sampling before each update: the k of CD-k.

    persistent : bool or 'auto', default='auto'
        Whether the chains of Gibbs sampling go on from update to update: persistent
        contrastive divergence, or stochastic maximum likelihood [4]_. Otherwise they
        begin at the data: contrastive divergence. A fit begins new chains. 'auto' is
        True with binary visible neurons, False with Gaussian ones.

    warm_start : bool, default=False
        When True, `fit` goes on with what the previous call learned. Otherwise it
        starts anew.

    verbose : int, default=0
        The verbosity level. Zero means silent. Otherwise the reconstruction error, the
        seconds so far and those left at this pace are printed after each epoch.

    random_state : int, RandomState instance or None, default=None
        Determines the initial connections and weights, the order of the samples, Gibbs
        sampling and rewiring. Pass an int for reproducible results across multiple
        calls, for any `n_jobs`.

    n_jobs : int, default=None
        Number of threads. None means 1 unless in a :obj:`joblib.parallel_config`
        context; -1 means all processors. The result is the same to the last bit.

    Attributes
    ----------
    visible_ : {'bernoulli', 'gaussian'}
        What the visible neurons are.

    components_ : csr_array of float32, shape (n_components, n_features)
        Weights of the connections. A read-only copy of what the network has, as are the
        intercepts.

    intercept_hidden_ : ndarray of float32, shape (n_components,)
        Biases of the hidden neurons.

    intercept_visible_ : ndarray of float32, shape (n_features,)
        Biases of the visible neurons. Those of Gaussian ones, and their weights, are in
        the units of standardised features.

    mean_ : ndarray of shape (n_features,)
        What is subtracted from each feature: with Gaussian visible neurons, the mean in
        the data of the first `fit`, and of all calls to `partial_fit`; otherwise 0. A
        warm start does not change it.

    scale_ : ndarray of shape (n_features,)
        What each feature is divided by: the standard deviation in the same data, or 1
        where the feature is constant, and with binary visible neurons.

    n_connections_ : int
        Number of connections.

    density_ : float
        Connections as a fraction of ``n_components * n_features``. A machine of density
        1 has no place for new ones and is never rewired.

    n_rewired_ : int
        Number of connections that rewiring has replaced so far.

    visible_degree_ : ndarray of int, shape (n_features,)
        Number of connections of each visible neuron.

    visible_strength_ : ndarray of float, shape (n_features,)
        Sum of the magnitudes of the connections of each visible neuron.

    reconstruction_error_curve_ : list of float
        Mean squared difference between up to 1,000 training samples and what
        `reconstruct` makes of them, after each epoch. With Gaussian visible neurons,
        that of standardised features.

    n_iter_ : int
        Number of passes over the data, or of calls to `partial_fit`.

    n_features_in_ : int
        Number of features seen during :term:`fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during :term:`fit`. Defined only when `X` has feature
        names that are all strings.

    See Also
    --------
    sklearn.neural_network.BernoulliRBM : The dense machine, trained by persistent
        contrastive divergence.
    SETClassifier : A sparse network for classes.

    References
    ----------
    .. [1] Mocanu et al., "Scalable training of artificial neural networks with adaptive
       sparse connectivity inspired by network science", Nature Communications 9, 2018.
       :arxiv:`1707.04780`.
    .. [2] Mocanu et al., "A topological insight into restricted Boltzmann machines",
       Machine Learning 104, 2016. :arxiv:`1604.05978`.
    .. [3] Hinton, "A practical guide to training restricted Boltzmann machines", in
       Neural Networks: Tricks of the Trade, Springer, 2012.
    .. [4] Tieleman, "Training restricted Boltzmann machines using approximations to the
       likelihood gradient", ICML 2008.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_sparse_nn import SETRBMTransformer
    >>> X, _ = load_digits(return_X_y=True)
    >>> rbm = SETRBMTransformer(n_components=100, epsilon=3, random_state=0)
    >>> H = rbm.fit_transform(X / 16)
    >>> H.shape
    (1797, 100)
    >>> rbm.n_connections_
    492
    """

    visible_: Literal["bernoulli", "gaussian"]
    reconstruction_error_curve_: list[float]
    _moments: tuple[Any, ...]

    _parameter_constraints: dict = {
        **BaseSparseNetwork._parameter_constraints,
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "visible": [StrOptions({"auto", "bernoulli", "gaussian"})],
        "learning_rate": [
            Interval(Real, 0, None, closed="neither"),
            StrOptions({"auto"}),
        ],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "n_iter": [Interval(Integral, 0, None, closed="left"), StrOptions({"auto"})],
        "n_gibbs_steps": [Interval(Integral, 1, None, closed="left")],
        "persistent": ["boolean", StrOptions({"auto"})],
    }

    # What float32 cannot hold is shifted before it is cast.
    _reads_double = True

    def __init__(
        self,
        n_components: int = 256,
        *,
        visible: Literal["auto", "bernoulli", "gaussian"] = "auto",
        epsilon: float = 11,
        density: float | None = None,
        zeta: float = 0.3,
        topology: TopologyLike = "erdos_renyi",
        evolution: EvolutionLike = "set",
        learning_rate: float | Auto = "auto",
        momentum: float = 0.5,
        alpha: float = 1e-4,
        batch_size: int = 32,
        n_iter: int | Auto = "auto",
        n_gibbs_steps: int = 1,
        persistent: bool | Auto = "auto",
        warm_start: bool = False,
        verbose: bool | int = 0,
        random_state: RandomState = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.visible = visible
        self.epsilon = epsilon
        self.density = density
        self.zeta = zeta
        self.topology = topology
        self.evolution = evolution
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.alpha = alpha
        self.batch_size = batch_size
        self.n_iter = n_iter
        self.n_gibbs_steps = n_gibbs_steps
        self.persistent = persistent
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state
        self.n_jobs = n_jobs

    @property
    @read_only
    def components_(self) -> csr_array:
        """Weights, a `csr_array` of shape (n_components, n_features)."""
        self._fitted_layers()
        return self._network.components()

    @property
    @read_only
    def intercept_hidden_(self) -> Float32s:
        """Biases of the hidden neurons."""
        return self._fitted_layers().intercepts.copy()

    @property
    @read_only
    def intercept_visible_(self) -> Float32s:
        """Biases of the visible neurons."""
        self._fitted_layers()
        return self._network.visible.intercepts.copy()

    @property
    @read_only
    def mean_(self) -> Floats:
        """What is subtracted from each feature."""
        self._fitted_layers()
        if self.visible_ == "gaussian":
            return self._network.shifts.copy()
        return np.zeros(self.n_features_in_)

    @property
    @read_only
    def scale_(self) -> Floats:
        """What each feature is divided by."""
        self._fitted_layers()
        if self.visible_ == "gaussian":
            return 1 / self._network.scales
        return np.ones(self.n_features_in_)

    @property
    def n_connections_(self) -> int:
        """Number of connections."""
        return len(self._fitted_layers().weights)

    @property
    def n_rewired_(self) -> int:
        """Number of connections that rewiring has replaced so far."""
        self._fitted_layers()
        return int(self._network.n_rewired[0])

    @property
    def density_(self) -> float:
        """Connections as a fraction of those of a dense machine."""
        n_visible, n_hidden = self._fitted_layers().sizes
        return float(self.n_connections_ / (float(n_visible) * float(n_hidden)))

    @property
    def visible_degree_(self) -> Ints:
        """Number of connections of each visible neuron."""
        layers = self._fitted_layers()
        return np.bincount(layers.indices, minlength=layers.sizes[0])

    @property
    def visible_strength_(self) -> Float64s:
        """Sum of the magnitudes of the connections of each visible neuron."""
        layers = self._fitted_layers()
        strength: Any = np.bincount(
            layers.indices, weights=np.abs(layers.weights), minlength=layers.sizes[0]
        )
        return strength

    @property
    def _n_features_out(self):
        return len(self._fitted_layers().intercepts)

    @all_or_nothing
    @with_callbacks
    @with_valid_parameters
    def fit(self, X: MatrixLike, y: object = None) -> Self:
        """Fit the machine to the data X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data: real numbers or, with binary visible neurons, states or
            probabilities of being on. Dense and sparse CSR data are used where they
            lie; anything else is converted once. A sparse X is never made dense.

        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        self : SETRBMTransformer
            The fitted machine.

        Raises
        ------
        ValueError
            If the visible neurons are binary and X is not in [0, 1], or if the weights
            become infinite.
        """
        first_pass = not (self.warm_start and hasattr(self, "_network"))
        if not first_pass:
            self._check_kind()
        X = self._validate_visible(X, reset=first_pass)
        random_state = check_random_state(self.random_state)
        if first_pass:
            self._initialize(X, random_state)
        else:
            self._check_sizes([X.shape[1], self.n_components], "n_components")
            self._network.reset_optimiser()
        self.n_iter_ = 0
        self.__dict__.pop("random_state_", None)
        n_iter = self._n_passes(X.shape[0])
        order, progress = np.arange(X.shape[0]), self._progress(n_iter)

        def run_epoch(team, evolution):
            random_state.shuffle(order)
            self._train_epoch(X, order, team, evolution, progress)
            return False

        self._run_epochs(n_iter, run_epoch, X, y)
        return self

    @all_or_nothing
    @with_valid_parameters
    def partial_fit(self, X: MatrixLike, y: object = None) -> Self:
        """Update the machine with one pass over the data X, in mini-batches.

        Of Gaussian visible neurons, means and variances are those of all data so far.
        Rewiring follows the number of weight updates, not of calls.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data.

        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        self : SETRBMTransformer
            The fitted machine.
        """
        first_pass = not hasattr(self, "_network")
        if not first_pass:
            self._check_kind()
        X = self._validate_visible(X, reset=first_pass)
        random_state = check_random_state(self.random_state)
        if first_pass:
            self._initialize(X, random_state)
        else:
            self._check_sizes([X.shape[1], self.n_components], "n_components")
            if self.visible_ == "gaussian":
                both = merged_moments(Moments(*self._moments), moments(X))
                self._moments = tuple(both)
                self._network.shifts, self._network.scales = standardiser(both)
        order = random_state.permutation(X.shape[0])
        evolution = self._evolution(self.n_iter_)
        with ThreadTeam(n_threads(self.n_jobs)) as team:
            self._train_epoch(X, order, team, evolution, self._progress())
        self._check_finite(X)
        return self

    def _validate_visible(self, X, reset=False):
        """Check that X can be the states of the visible neurons; choose their kind."""
        X = self._validate_X(X, reset)
        values = X.data if sparse.issparse(X) else X
        low, high = values.min(initial=0), values.max(initial=0)
        fits = low >= -_ROUNDING * high and high <= 1 + _ROUNDING
        if reset:
            kind = "bernoulli" if fits else "gaussian"
            self.visible_ = kind if self.visible == "auto" else self.visible
        if self.visible_ == "bernoulli" and not fits:
            what = f"the minimum is {low:g}" if low < 0 else f"the maximum is {high:g}"
            raise ValueError(
                f"{self.__class__.__name__} with binary visible neurons needs X in the "
                f"range [0, 1], but {what}. Scale it, for example by "
                "MinMaxScaler(clip=True), or fit a machine with visible='gaussian'."
            )
        return X

    def _check_kind(self):
        """Check that the machine to go on with is of the kind that is asked for."""
        if self.visible not in ("auto", self.visible_):
            raise ValueError(
                f"visible={self.visible!r}, but the machine to go on with has "
                f"{self.visible_} visible neurons. Fit a new one."
            )

    def _initialize(self, X, random_state):
        """A new machine, before its first epoch."""
        sizes = [X.shape[1], self.n_components]
        if self.visible_ == "gaussian":
            known = moments(X)
            start = self._start(sizes, X, random_state, known.standard_deviation)
            network = GaussianRBM(sizes, start, *standardiser(known))
            self._moments = tuple(known)
        else:
            start = self._start(
                sizes, X, random_state, lambda: moments(X).standard_deviation()
            )
            network = RBM(sizes, start, logit_of_means(feature_means(X)))
        self._set_network(network)
        self.n_iter_ = 0
        self.reconstruction_error_curve_ = []

    def _effective_rate(self):
        """The learning rate, as a number."""
        if self.learning_rate != "auto":
            return self.learning_rate
        return self._automatic_rate()

    def _automatic_rate(self):
        if self.visible_ == "bernoulli":
            return _RATE
        degrees = self.visible_degree_
        mean, largest = max(1, degrees.mean()), max(1, degrees.max())
        return float(min(_RATE, 1 / mean, 2 / largest))

    def _n_passes(self, n_samples):
        """How many passes over the data `fit` makes."""
        if self.n_iter != "auto":
            return self.n_iter
        n_batches = -(-n_samples // self.batch_size)
        passes = np.clip(_UPDATES / n_batches, _LEAST_PASSES, _MOST_PASSES)
        if self.learning_rate == "auto":
            passes *= min(_RATE / self._effective_rate(), _MOST_TIMES_MORE)
        return round(passes)

    def _raise_divergence(self):
        rate, automatic = self._effective_rate(), self._automatic_rate()
        hint = f" 'auto' would be {automatic:.2g}." if automatic < rate else ""
        raise ValueError(
            f"Solver produced non-finite weights in epoch {self.n_iter_}. "
            f"learning_rate={rate} is too large.{hint}"
        )

    def _progress(self, max_epochs=None):
        return Progress(self, max_epochs, prefix=f"[{type(self).__name__}] ")

    def _train_epoch(self, X, order, team, evolution, progress):
        """One pass over the samples in `order`."""
        persistent = self.persistent
        if persistent == "auto":
            persistent = self.visible_ == "bernoulli"
        parameters = ContrastiveDivergence(
            learning_rate=self._effective_rate(),
            momentum=self.momentum,
            alpha=self.alpha,
            batch_size=min(self.batch_size, len(order)),
            n_gibbs_steps=self.n_gibbs_steps,
            persistent=persistent,
        )
        self._network.train_epoch(X, order, parameters, team, evolution)
        error = self._network.reconstruction_error(X[:_N_WATCHED], team)
        self.reconstruction_error_curve_.append(error)
        self.n_iter_ += 1
        if not np.isfinite(error):
            self._raise_divergence()
        progress.report(self.n_iter_, f"reconstruction error = {error:.5f}")

    def transform(self, X: MatrixLike) -> Floats:
        """Compute the probabilities of the hidden neurons, P(h=1|v=X).

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The data to be transformed. Binary visible neurons take values a little
            outside [0, 1], which new data may have after scaling, as they are; there is
            a warning if they are far outside.

        Returns
        -------
        H : ndarray of shape (n_samples, n_components)
            Probability of each hidden neuron of being on.
        """
        samples = self._validate_samples(X)
        if self.visible_ == "bernoulli":
            values = samples.data if sparse.issparse(samples) else samples
            low, high = values.min(initial=0), values.max(initial=0)
            if low < -1 or high > 2:
                warn_user(
                    f"This {type(self).__name__} has binary visible neurons, for X in "
                    f"[0, 1], but X is from {low:g} to {high:g}. Is it scaled like the "
                    "data of fit?"
                )
        return in_dtype_of(X, self._hidden_probabilities(samples))

    def _hidden_probabilities(self, X):
        with ThreadTeam(self._n_useful_threads(X.shape[0])) as team:
            return self._network.decision(X, np.arange(X.shape[0]), team)

    def inverse_transform(self, X: ArrayLike) -> Floats:
        """Compute the means of the visible neurons, given hidden ones.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            States of the hidden neurons, or their probabilities.

        Returns
        -------
        V : ndarray of shape (n_samples, n_features)
            Mean of each visible neuron: of a binary one, the probability of being on.
        """
        check_is_fitted(self)
        H = check_array(X, dtype=[np.float64, np.float32])
        if H.shape[1] != self._n_features_out:
            raise ValueError(
                f"X has {H.shape[1]} features, but {self.__class__.__name__} has "
                f"{self._n_features_out} hidden neurons."
            )
        return finite(self._network.visible_means(H))

    def reconstruct(self, X: MatrixLike) -> Floats:
        """Compute what the machine makes of X: there and back again, without noise.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The data.

        Returns
        -------
        V : ndarray of shape (n_samples, n_features)
            Mean of each visible neuron: of a binary one, the probability of being on.
        """
        return self.inverse_transform(self.transform(X))

    def gibbs(self, v: MatrixLike) -> NDArray[Any]:
        """Perform one Gibbs sampling step.

        Parameters
        ----------
        v : {array-like, sparse matrix} of shape (n_samples, n_features)
            States of the visible neurons to start from.

        Returns
        -------
        v_new : ndarray of shape (n_samples, n_features)
            States of the visible neurons after one Gibbs step: booleans of binary ones,
            numbers of Gaussian ones. Another call goes on in the same stream of random
            numbers.
        """
        check_is_fitted(self)
        v = self._validate_visible(v)
        if not hasattr(self, "random_state_"):
            self.random_state_ = check_random_state(self.random_state)
        return self._dream(v, 1, self.random_state_)

    def _dream(self, v, n_steps, random_state):
        with ThreadTeam(self._n_useful_threads(n_steps * v.shape[0])) as team:
            return finite(self._network.dream(v, n_steps, random_state, team))

    def sample(self, n_samples: int = 1, n_gibbs_steps: int = 1000) -> NDArray[Any]:
        """Draw samples from the distribution that the machine has learned.

        Parameters
        ----------
        n_samples : int, default=1
            Number of samples.
        n_gibbs_steps : int, default=1000
            Gibbs steps from independent visible neurons to the sample. The more, the
            nearer to the distribution.

        Returns
        -------
        V : ndarray of shape (n_samples, n_features)
            States of the visible neurons: booleans of binary ones, numbers of Gaussian
            ones.
        """
        check_is_fitted(self)
        check_scalar(n_samples, "n_samples", Integral, min_val=1)
        check_scalar(n_gibbs_steps, "n_gibbs_steps", Integral, min_val=0)
        random_state = check_random_state(self.random_state)
        v = self._network.independent_states(n_samples, random_state)
        return self._dream(v, n_gibbs_steps, random_state)

    def score_samples(self, X: MatrixLike) -> Float64s:
        """Compute the pseudo-likelihood of X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            States of the visible neurons.

        Returns
        -------
        pseudo_likelihood : ndarray of shape (n_samples,)
            Value of the pseudo-likelihood (proxy for likelihood).

        Notes
        -----
        The logarithm of the probability of one random neuron of each sample, given all
        others, is scaled up to all neurons. Of Gaussian neurons it is the density, in
        the units of X. The neurons are drawn from `random_state`.
        """
        check_is_fitted(self)
        v = self._validate_visible(X)
        random_state = check_random_state(self.random_state)
        n_samples, n_features = v.shape
        features = random_state.randint(0, n_features, n_samples)
        likelihood = n_features * self._network.pseudo_likelihood(v, features)
        return likelihood - np.log(self.scale_).sum()

    def score(self, X: MatrixLike, y: object = None) -> float:
        """Compute the mean pseudo-likelihood of X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            States of the visible neurons.

        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        score : float
            Mean of `score_samples`.
        """
        return float(np.mean(self.score_samples(X)))

    def log_likelihood(
        self, X: MatrixLike, *, n_chains: int = 100, n_temperatures: int = 10_000
    ) -> tuple[Float64s, float]:
        """Estimate the log-likelihood of X by annealed importance sampling.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            States of the visible neurons.
        n_chains : int, default=100
            Number of chains, at least 2. The standard error falls with its root.
        n_temperatures : int, default=10_000
            Number of machines between one without connections and this one. With too
            few, the chains cannot follow, and the likelihood is overestimated.

        Returns
        -------
        log_likelihood : ndarray of float64, shape (n_samples,)
            Natural logarithm of the probability of each sample; of its density, in the
            units of X, with Gaussian visible neurons.
        standard_error : float
            Of the partition function, which all samples share, and so of each of them
            and of their mean.

        References
        ----------
        Salakhutdinov and Murray, "On the quantitative analysis of deep belief
        networks", ICML 2008.
        """
        check_is_fitted(self)
        check_scalar(n_chains, "n_chains", Integral, min_val=2)
        check_scalar(n_temperatures, "n_temperatures", Integral, min_val=1)
        v = self._validate_visible(X)
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        return self._network.log_likelihood(
            v, n_chains, n_temperatures, np.random.default_rng(seed)
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
