"""Restricted Boltzmann machine with sparse evolutionary training."""

from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.base import (
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.callback import with_callbacks
from sklearn.utils import check_random_state, check_scalar
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_array, check_is_fitted

from sklearn_sparse_nn.engine.threads import ThreadTeam
from sklearn_sparse_nn.estimators._base import (
    BaseSparseNetwork,
    all_or_nothing,
    finite,
    in_dtype_of,
)
from sklearn_sparse_nn.estimators._parallel import n_threads
from sklearn_sparse_nn.estimators._progress import Progress
from sklearn_sparse_nn.estimators._samples import feature_means, moments
from sklearn_sparse_nn.networks.annealing import log_partition
from sklearn_sparse_nn.networks.rbm import RBM, ContrastiveDivergence, logit_of_means

# Samples on which the reconstruction error is measured after each epoch.
_N_WATCHED = 1000


class SETRBMTransformer(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseSparseNetwork
):
    """Sparse restricted Boltzmann machine (RBM), trained by SET.

    A Boltzmann machine with binary visible and hidden neurons and sparse connections
    between them. It is trained by contrastive divergence, and its connections are
    rewired while it learns [1]_. With ``topology="xbm"`` and ``evolution="static"`` it
    is the complex Boltzmann machine of [2]_, whose scale-free and small-world
    connections are chosen before training.

    Time and memory are proportional to the number of connections, not to the product
    of the numbers of neurons.

    Read more in the :ref:`User Guide <rbm>`.

    Parameters
    ----------
    n_components : int, default=256
        Number of binary hidden neurons.

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

    learning_rate : float, default=0.05
        The learning rate for weight updates. It is *highly* recommended to tune this
        parameter, in the range 10**[0., -3.].

    momentum : float, default=0.5
        Momentum of the updates, in the range [0, 1]. Hinton's guide [3]_ begins with
        0.5 and ends with 0.9; with persistent chains, which must keep up with the
        weights, 0.5 throughout was better.

    alpha : float, default=1e-4
        Weight decay: each update shrinks the weights by ``learning_rate * alpha``.

    batch_size : int, default=10
        Number of samples per mini-batch.

    n_iter : int, default=10
        Number of passes over the training data.

    n_gibbs_steps : int, default=1
        Steps of Gibbs sampling before each update: the k of CD-k.

    persistent : bool, default=True
        Whether the chains of Gibbs sampling go on from update to update: persistent
        contrastive divergence, or stochastic maximum likelihood [4]_. Otherwise they
        begin at the data: contrastive divergence. A fit begins new chains.

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
    components_ : csr_array of float32, shape (n_components, n_features)
        Weights of the connections.

    intercept_hidden_ : ndarray of float32, shape (n_components,)
        Biases of the hidden neurons.

    intercept_visible_ : ndarray of float32, shape (n_features,)
        Biases of the visible neurons.

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
        `reconstruct` makes of them, after each epoch.

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
       arXiv:1707.04780.
    .. [2] Mocanu et al., "A topological insight into restricted Boltzmann machines",
       Machine Learning 104, 2016. arXiv:1604.05978.
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

    _parameter_constraints: dict = {
        **BaseSparseNetwork._parameter_constraints,
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "n_iter": [Interval(Integral, 0, None, closed="left")],
        "n_gibbs_steps": [Interval(Integral, 1, None, closed="left")],
        "persistent": ["boolean"],
    }

    def __init__(
        self,
        n_components=256,
        *,
        epsilon=11,
        density=None,
        zeta=0.3,
        topology="erdos_renyi",
        evolution="set",
        learning_rate=0.05,
        momentum=0.5,
        alpha=1e-4,
        batch_size=10,
        n_iter=10,
        n_gibbs_steps=1,
        persistent=True,
        warm_start=False,
        verbose=0,
        random_state=None,
        n_jobs=None,
    ):
        self.n_components = n_components
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
    def components_(self):
        """Weights, a `csr_array` of shape (n_components, n_features)."""
        self._fitted_layers()
        return self._network.components()

    @property
    def intercept_hidden_(self):
        """Biases of the hidden neurons."""
        return self._fitted_layers().intercepts.copy()

    @property
    def intercept_visible_(self):
        """Biases of the visible neurons."""
        self._fitted_layers()
        return self._network.visible.intercepts.copy()

    @property
    def n_connections_(self):
        """Number of connections."""
        return len(self._fitted_layers().weights)

    @property
    def n_rewired_(self):
        """Number of connections that rewiring has replaced so far."""
        self._fitted_layers()
        return int(self._network.n_rewired[0])

    @property
    def density_(self):
        """Connections as a fraction of those of a dense machine."""
        n_visible, n_hidden = self._fitted_layers().sizes
        return float(self.n_connections_ / (float(n_visible) * float(n_hidden)))

    @property
    def visible_degree_(self):
        """Number of connections of each visible neuron."""
        layers = self._fitted_layers()
        return np.bincount(layers.indices, minlength=layers.sizes[0])

    @property
    def visible_strength_(self):
        """Sum of the magnitudes of the connections of each visible neuron."""
        layers = self._fitted_layers()
        return np.bincount(
            layers.indices, weights=np.abs(layers.weights), minlength=layers.sizes[0]
        )

    @property
    def _n_features_out(self):
        return len(self._fitted_layers().intercepts)

    @all_or_nothing
    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Fit the machine to the data X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data in [0, 1]: states, or probabilities of being on. Dense
            float32 and sparse CSR data are used where they lie; anything else is
            converted once. A sparse X is never made dense.

        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        self : SETRBMTransformer
            The fitted machine.

        Raises
        ------
        ValueError
            If X is not in [0, 1], or if the weights become infinite.
        """
        first_pass = not (self.warm_start and hasattr(self, "_network"))
        X = self._validate_visible(X, reset=first_pass)
        random_state = check_random_state(self.random_state)
        if first_pass:
            self._initialize(X, random_state)
        else:
            self._check_sizes([X.shape[1], self.n_components], "n_components")
            self._network.reset_optimiser()
        self.n_iter_ = 0
        order, progress = np.arange(X.shape[0]), self._progress(self.n_iter)

        def run_epoch(team, evolution):
            random_state.shuffle(order)
            self._train_epoch(X, order, team, evolution, progress)
            return False

        self._run_epochs(self.n_iter, run_epoch, X, y)
        return self

    @all_or_nothing
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None):
        """Update the machine with one pass over the data X, in mini-batches.

        Rewiring follows the number of weight updates, not of calls.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data in [0, 1].

        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        self : SETRBMTransformer
            The fitted machine.
        """
        first_pass = not hasattr(self, "_network")
        X = self._validate_visible(X, reset=first_pass)
        random_state = check_random_state(self.random_state)
        if first_pass:
            self._initialize(X, random_state)
        else:
            self._check_sizes([X.shape[1], self.n_components], "n_components")
        order = random_state.permutation(X.shape[0])
        evolution = self._evolution(self.n_iter_)
        with ThreadTeam(n_threads(self.n_jobs)) as team:
            self._train_epoch(X, order, team, evolution, self._progress())
        self._check_finite(X)
        return self

    def _validate_visible(self, X, reset=False, **changes):
        """Check that X can be the states of the visible neurons."""
        X = self._validate_X(X, reset, **changes)
        values = X.data if sparse.issparse(X) else X
        low, high = values.min(initial=0), values.max(initial=0)
        if low < 0 or high > 1:
            what = f"the minimum is {low:g}" if low < 0 else f"the maximum is {high:g}"
            raise ValueError(
                f"{self.__class__.__name__} needs X in the range [0, 1], but {what}. "
                "Scale it, for example by MinMaxScaler(clip=True)."
            )
        return X

    def _initialize(self, X, random_state):
        """A new machine, before its first epoch."""
        sizes = [X.shape[1], self.n_components]
        start = self._start(
            sizes, X, random_state, lambda: moments(X).standard_deviation()
        )
        network = RBM(sizes, start, feature_means(X))
        self._set_network(network)
        self.n_iter_ = 0
        self.reconstruction_error_curve_ = []

    def _progress(self, max_epochs=None):
        return Progress(self, max_epochs, prefix=f"[{type(self).__name__}] ")

    def _train_epoch(self, X, order, team, evolution, progress):
        """One pass over the samples in `order`."""
        parameters = ContrastiveDivergence(
            learning_rate=self.learning_rate,
            momentum=self.momentum,
            alpha=self.alpha,
            batch_size=min(self.batch_size, len(order)),
            n_gibbs_steps=self.n_gibbs_steps,
            persistent=self.persistent,
        )
        self._network.train_epoch(X, order, parameters, team, evolution)
        watched = X[:_N_WATCHED]
        hidden = self._network.decision(watched, np.arange(watched.shape[0]), team)
        watched = watched.toarray() if sparse.issparse(watched) else watched
        difference = watched - self._network.visible_probabilities(hidden)
        error = float(np.mean(difference**2, dtype=np.float64))
        self.reconstruction_error_curve_.append(error)
        self.n_iter_ += 1
        if not np.isfinite(error):
            self._raise_divergence()
        progress.report(self.n_iter_, f"reconstruction error = {error:.5f}")

    def transform(self, X):
        """Compute the probabilities of the hidden neurons, P(h=1|v=X).

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The data to be transformed. Values a little outside [0, 1], which new data
            may have after scaling, are taken as they are.

        Returns
        -------
        H : ndarray of shape (n_samples, n_components)
            Probability of each hidden neuron of being on.
        """
        hidden = self._hidden_probabilities(self._validate_samples(X))
        return in_dtype_of(X, hidden)

    def _hidden_probabilities(self, X):
        with ThreadTeam(self._n_useful_threads(X.shape[0])) as team:
            return self._network.decision(X, np.arange(X.shape[0]), team)

    def inverse_transform(self, X):
        """Compute the probabilities of the visible neurons, P(v=1|h=X).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            States of the hidden neurons, or their probabilities.

        Returns
        -------
        V : ndarray of shape (n_samples, n_features)
            Probability of each visible neuron of being on.
        """
        check_is_fitted(self)
        H = check_array(X, dtype=[np.float64, np.float32])
        if H.shape[1] != self._n_features_out:
            raise ValueError(
                f"X has {H.shape[1]} features, but {self.__class__.__name__} has "
                f"{self._n_features_out} hidden neurons."
            )
        return finite(self._network.visible_probabilities(H))

    def reconstruct(self, X):
        """Compute what the machine makes of X: there and back again, without noise.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The data.

        Returns
        -------
        V : ndarray of shape (n_samples, n_features)
            Probability of each visible neuron of being on.
        """
        return self.inverse_transform(self.transform(X))

    def gibbs(self, v):
        """Perform one Gibbs sampling step.

        Parameters
        ----------
        v : {array-like, sparse matrix} of shape (n_samples, n_features)
            States of the visible neurons to start from.

        Returns
        -------
        v_new : ndarray of bool, shape (n_samples, n_features)
            States of the visible neurons after one Gibbs step. Another call goes on in
            the same stream of random numbers.
        """
        check_is_fitted(self)
        v = self._validate_visible(v)
        if not hasattr(self, "random_state_"):
            self.random_state_ = check_random_state(self.random_state)
        return self._gibbs(v, self.random_state_)

    def _gibbs(self, v, random_state):
        hidden = self._hidden_probabilities(v)
        hidden = random_state.uniform(size=hidden.shape) < hidden
        visible = self._network.visible_probabilities(hidden.astype(np.float32))
        return random_state.uniform(size=visible.shape) < visible

    def sample(self, n_samples=1, n_gibbs_steps=1000):
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
        V : ndarray of bool, shape (n_samples, n_features)
            States of the visible neurons.
        """
        check_is_fitted(self)
        check_scalar(n_samples, "n_samples", Integral, min_val=1)
        check_scalar(n_gibbs_steps, "n_gibbs_steps", Integral, min_val=0)
        random_state = check_random_state(self.random_state)
        intercepts = np.broadcast_to(
            self.intercept_visible_, (n_samples, self.n_features_in_)
        )
        v = random_state.logistic(size=intercepts.shape) < intercepts
        for _ in range(n_gibbs_steps):
            v = self._gibbs(v.astype(np.float32), random_state)
        return v

    def score_samples(self, X):
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
        One random neuron of each sample is flipped, and the logarithm of the
        probability of the sample among the two is scaled up to all neurons. The
        neurons are drawn from `random_state`.
        """
        check_is_fitted(self)
        v = self._validate_visible(X, dtype=[np.float64, np.float32])
        random_state = check_random_state(self.random_state)
        n_samples, n_features = v.shape
        rows = np.arange(n_samples)
        flipped = rows, random_state.randint(0, n_features, n_samples)
        if sparse.issparse(v):
            change = 1 - 2 * np.asarray(v[flipped]).ravel()
            other = v + sparse.csr_array((change, flipped), shape=v.shape)
        else:
            other = v.copy()
            other[flipped] = 1 - other[flipped]
        gain = self._network.free_energy(other) - self._network.free_energy(v)
        return -n_features * np.logaddexp(0, -gain)

    def score(self, X, y=None):
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

    def log_likelihood(self, X, *, n_chains=100, n_temperatures=10_000):
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
            Natural logarithm of the probability of each sample.
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
        v = self._validate_visible(X, dtype=[np.float64, np.float32])
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        log_z, standard_error = log_partition(
            self._network.components(),
            self.intercept_hidden_,
            self.intercept_visible_,
            logit_of_means(feature_means(v)),
            n_chains,
            n_temperatures,
            np.random.default_rng(seed),
        )
        return -self._network.free_energy(v) - log_z, standard_error

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
