"""The sparse multi-layer perceptron for classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from scipy import sparse
from scipy.special import log_expit, log_softmax
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.preprocessing import LabelEncoder
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.multiclass import (
    _check_partial_fit_first_call,
    check_classification_targets,
    type_of_target,
)
from sklearn.utils.validation import column_or_1d

from sklearn_sparse_nn.engine.losses import activate_output
from sklearn_sparse_nn.estimators._base import all_or_nothing
from sklearn_sparse_nn.estimators._decorators import (
    with_callbacks,
    with_valid_parameters,
)
from sklearn_sparse_nn.estimators._mlp import BaseSETMLP
from sklearn_sparse_nn.networks.mlp import MLP

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sklearn_sparse_nn._types import (
        Activations,
        Auto,
        ClassWeight,
        Density,
        EvolutionLike,
        Floats,
        LayerSizes,
        MatrixLike,
        RandomState,
        RateName,
        Scoring,
        Solver,
        TopologyLike,
    )


class SETClassifier(ClassifierMixin, BaseSETMLP):
    """Sparse multi-layer perceptron classifier with evolving connections.

    A network that is sparse from the first step to the last: its layers start as sparse
    random graphs and are rewired while the weights train, by sparse evolutionary
    training (SET) [1]_. It optimises the log-loss by stochastic gradient descent or
    Adam. Time and memory are proportional to the number of connections.

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

        - None: the accuracy on the validation data, as of `score`
        - 'loss': the loss on the validation data
        - str: one of :func:`sklearn.metrics.get_scorer_names`
        - callable: a scorer with the signature ``scorer(estimator, X, y)``, such as
          :func:`sklearn.metrics.make_scorer` makes. It gets a copy of this estimator as
          it is at the end of an epoch, and `sample_weight` if there is any

    beta_1, beta_2 : float, default=0.9, 0.999
        Decay rates of the moments of ``solver='adam'``, in [0, 1).

    adam_epsilon : float, default=1e-8
        Numerical stability of ``solver='adam'``; `epsilon` in `MLPClassifier`.

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
          the outputs, before softmax or the logistic function, of the mean over the
          samples of the magnitude of the derivative by the standardised feature [5]_.
          After training, it looks at up to ``4096 / n_outputs`` of the samples; in
          `partial_fit`, at those of the chunk.

    class_weight : dict, list of dict, 'balanced' or None, default=None
        Weights of the classes. 'balanced' weighs them inversely to their frequency; for
        multilabel targets, one dict per label. They multiply `sample_weight`. Only
        ratios of weights count.

    n_jobs : int or None, default=None
        Number of threads that train and predict, at most one for each processor. None
        means 1 unless in a `joblib.parallel_config` context, -1 means all processors.
        The fitted model is the same to the bit for any number.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels.

    n_features_in_ : int
        Number of features seen during :term:`fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during :term:`fit`, if all are strings.

    coefs_ : list of csr_array of float32
        The ith element holds the weights of layer i, with the shape
        (n_inputs, n_neurons). A read-only copy of what the network has, as are the
        intercepts.

    intercepts_ : list of ndarray of float32
        The ith element holds the biases of layer i.

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
        Loss of the last epoch.

    best_loss_ : float or None
        The smallest loss of an epoch; None with `early_stopping`.

    loss_curve_ : list of float
        The loss of each epoch.

    validation_scores_ : list of float or None
        Score on the validation data after each epoch: what `scoring` says, with
        ``scoring="loss"`` the negative loss. None without `early_stopping`.

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
    SETRegressor : The same for real numbers.
    sklearn.neural_network.MLPClassifier : Dense multi-layer perceptron.

    Notes
    -----
    Weights and activations are float32. A network fitted to float64 data predicts what
    it predicts for the same data in float32.

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
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_sparse_nn import SETClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(
    ...     X, y, stratify=y, random_state=0
    ... )
    >>> clf = make_pipeline(
    ...     StandardScaler(), SETClassifier((100, 100), epsilon=5, random_state=0)
    ... )
    >>> clf.fit(X_train, y_train).score(X_test, y_test) > 0.9
    True
    >>> clf[-1].n_connections_
    array([ 650, 1000,  100])
    """

    classes_: NDArray[Any]

    _parameter_constraints: dict = {
        **BaseSETMLP._parameter_constraints,
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
        hidden_layer_sizes: LayerSizes = (1000,),
        activation: Activations = "relu",
        *,
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
        class_weight: ClassWeight = None,
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
        self.class_weight = class_weight
        self.n_jobs = n_jobs

    def _encode_targets(self, y, reset):
        check_classification_targets(y)
        kind = type_of_target(y, input_name="y")
        if kind == "multiclass-multioutput":
            raise ValueError(
                f"Multioutput target data is not supported, got y of shape {y.shape}. "
                "Several targets of classes need a network each: see "
                "sklearn.multioutput.MultiOutputClassifier. Multilabel targets are "
                "indicator matrices of 0 and 1."
            )
        if kind.startswith("multilabel"):
            y = y.toarray() if sparse.issparse(y) else np.asarray(y)
            if reset:
                self._set_classes(np.arange(y.shape[1]), multilabel=True)
            self._check_classes(np.arange(y.shape[1]))
            return np.zeros(0), y
        y = column_or_1d(y, warn=True)
        if reset:
            self._set_classes(np.unique(y), multilabel=False)
        self._check_classes(np.unique(y))
        labels = self._encoder.transform(y)
        if len(self.classes_) == 2:
            return np.zeros(0), labels.reshape(-1, 1)
        return labels, np.zeros((0, 0))

    def _set_classes(self, classes, multilabel):
        self._encoder = LabelEncoder().fit(classes)
        self._multilabel = multilabel
        self.classes_ = self._encoder.classes_

    def _check_classes(self, classes):
        unknown = np.setdiff1d(classes, self.classes_)
        if len(unknown):
            raise ValueError(
                "`y` has classes not in `self.classes_`. `self.classes_` has "
                f"{self.classes_}. `y` has {classes}."
            )

    def _output(self, values):
        n_classes = len(self.classes_)
        if self._multilabel:
            return n_classes, "logistic"
        return (1, "logistic") if n_classes == 2 else (n_classes, "softmax")

    def _new_network(self, sizes, start):
        return MLP(
            sizes, start, self.activation, self.out_activation_, self.all_relu_slope
        )

    def _check_fitted(self):
        super()._check_fitted()
        fits = len(self._encoder.classes_) == len(self.classes_)
        if not fits or self._output(None) != (self.n_outputs_, self.out_activation_):
            raise ValueError("This SETClassifier is damaged: its classes do not fit.")

    def _validation_score(self, y, predictions, sample_weight):
        return accuracy_score(y, predictions, sample_weight=sample_weight)

    def _predict_scores(self, scores):
        if self._multilabel:
            return (scores > 0).astype(int)
        if self.out_activation_ == "logistic":
            return self.classes_[(scores[:, 0] > 0).astype(int)]
        return self.classes_[scores.argmax(axis=1)]

    def predict(self, X: MatrixLike) -> NDArray[Any]:
        """Predict classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_classes)
            The predicted classes.
        """
        return self._predict_scores(self._decision(X))

    def predict_proba(self, X: MatrixLike) -> Floats:
        """Estimate probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        y_prob : ndarray of shape (n_samples, n_classes)
            The probability of each class, in the order of `classes_`; float32 if X is.
            Of one class, a column of ones.
        """
        y_prob = activate_output(self._decision(X), self.out_activation_)
        if self.out_activation_ == "logistic" and not self._multilabel:
            return np.hstack([1 - y_prob, y_prob])
        return y_prob

    def predict_log_proba(self, X: MatrixLike) -> Floats:
        """Estimate the logarithms of probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        log_y_prob : ndarray of shape (n_samples, n_classes)
            Equivalent to ``log(predict_proba(X))``, but finite where a probability is
            too small for a float.
        """
        scores = self._decision(X)
        # In float32, what is near 0 would be a difference of large numbers.
        z = scores.astype(np.float64)
        if self.out_activation_ == "softmax":
            logarithms = log_softmax(z, axis=1)
        else:
            logarithms = log_expit(z if self._multilabel else np.hstack([-z, z]))
        return logarithms.astype(scores.dtype)

    @all_or_nothing
    @with_callbacks
    @with_valid_parameters
    def partial_fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        classes: ArrayLike | None = None,
    ) -> Self:
        """Update the network with one pass over the given data.

        The data may come in chunks of any size: rewiring follows the number of weight
        updates, not of calls.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.

        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            The target values.

        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights. Only their ratios within this call count.

        classes : array-like of shape (n_classes,), default=None
            All classes that any call will see. Needed in the first call only.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' is not supported by partial_fit: a chunk does "
                "not tell the frequency of the classes. Pass a dict of weights."
            )
        if _check_partial_fit_first_call(self, classes):
            multilabel = type_of_target(y).startswith("multilabel")
            self._set_classes(self.classes_, multilabel)
        return self._partial_fit(X, y, sample_weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
