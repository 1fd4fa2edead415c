"""Parameters: of estimators, of their topologies and rules; what they do together."""

import re
from functools import partial

import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.utils._param_validation import InvalidParameterError

from sklearn_sparse_nn import (
    SETClassifier,
    SETRBMTransformer,
)
from sklearn_sparse_nn.evolution import SET, EvolutionRule
from sklearn_sparse_nn.topology import XBM, Dense, ErdosRenyi
from tests.estimators.battery import (
    all_estimators,
    all_networks,
    outputs,
    samples,
    those_with,
    train_part,
)

WRONG_PARTS = [
    ({"evolution": SET(grown_weights="Random")}, "'grown_weights' parameter of SET"),
    ({"evolution": SET(min_updates=-1)}, "'min_updates' parameter of SET"),
    ({"evolution": SET(min_updates=2.5)}, "'min_updates' parameter of SET"),
    ({"topology": XBM(shortcuts=3)}, "'shortcuts' parameter of XBM"),
    ({"topology": XBM(exponent=1)}, "'exponent' parameter of XBM"),
    ({"topology": XBM(neighbourhood=-1)}, "'neighbourhood' parameter of XBM"),
    ({"evolution": SET}, "'evolution' parameter of .* Got the class SET instead"),
    ({"evolution": EvolutionRule}, "Got the class EvolutionRule instead"),
    ({"topology": ErdosRenyi}, "'topology' parameter of .* Got the class ErdosRenyi"),
    ({"topology": Dense}, r"pass Dense\(\)"),
    ({"evolution": ErdosRenyi()}, "The 'evolution' parameter of"),
    ({"topology": SET()}, "The 'topology' parameter of"),
]

# Out of range, or of the wrong type, for every estimator that has the parameter.
WRONG = {
    "activation": ["gelu", 3],
    "adam_epsilon": [0],
    "all_relu_slope": [1.5],
    "alpha": [-1],
    "batch_size": [0],
    "beta_1": [1],
    "beta_2": [1],
    "class_weight": ["unbalanced"],
    "density": [0, 1.5, -0.1, "sparse"],
    "diversity": [1.1, -0.1, "much"],
    "dropout": [1.0],
    "early_stopping": ["yes"],
    "epsilon": [0],
    "evolution": ["hebb", object()],
    "hidden_layer_sizes": [0],
    "huber_delta": [0],
    "importance": ["f_score"],
    "learning_rate": ["cosine", 0],
    "learning_rate_init": [0],
    "loss": ["log_loss", None],
    "max_iter": [0],
    "momentum": [1.5],
    "n_components": [0, 2.5],
    "n_features_to_select": [0, 0.0, 1.5, "some", None],
    "n_gibbs_steps": [0],
    "n_iter": [-1],
    "n_iter_no_change": [0],
    "n_jobs": [1.5],
    "nesterovs_momentum": ["yes"],
    "noise": ["salt"],
    "noise_factor": [-0.1],
    "over_training": ["yes"],
    "persistent": ["yes"],
    "power_t": [-1],
    "quantile": [0, 1, "median"],
    "random_state": ["now"],
    "scoring": [1, ["accuracy"]],
    "shuffle": ["yes"],
    "solver": ["lbfgs"],
    "stability_selection": [0],
    "standardize": ["yes"],
    "strength_history": ["yes"],
    "task": ["ranking"],
    "tol": [-1],
    "topology": ["small_world", object()],
    "validation_fraction": [1],
    "verbose": [-1],
    "warm_start": ["yes"],
    "zeta": [1.1, -0.1],
}


@all_estimators
@pytest.mark.parametrize("changes, message", WRONG_PARTS)
def test_rules_and_topologies_are_validated_when_they_are_used(
    estimator, changes, message
):
    X, y = samples()
    for name, value in changes.items():
        setattr(estimator, name, value)
    with pytest.raises(InvalidParameterError, match=message):
        estimator.fit(X, y)
    with pytest.raises(InvalidParameterError, match=message):
        train_part(estimator, X, y)
    with pytest.raises(NotFittedError):
        outputs(estimator, X)


@all_estimators
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_parameters_out_of_range_are_refused(estimator, method):
    X, y = samples()
    for name in set(WRONG) & set(estimator.get_params()):
        for value in WRONG[name]:
            wrong = clone(estimator).set_params(**{name: value})
            message = f"The '{name}' parameter of {type(estimator).__name__}"
            with pytest.raises(InvalidParameterError, match=message):
                getattr(wrong, method)(X, y)


@all_estimators
def test_every_parameter_is_documented_and_constrained(estimator):
    names = set(estimator.get_params(deep=False))
    assert names == set(estimator._parameter_constraints)
    documented = type(estimator).__doc__.split("Attributes\n")[0]
    for name in names:
        assert re.search(rf"\b{name}(, \w+)* :", documented)


@those_with("hidden_layer_sizes")
@pytest.mark.parametrize("sizes", [(10, 0), (10, -3), (2.5,)])
def test_hidden_layer_sizes_that_are_no_sizes_are_refused(estimator, sizes):
    X, y = samples()
    estimator.set_params(hidden_layer_sizes=sizes)
    for train in (estimator.fit, partial(train_part, estimator)):
        with pytest.raises(ValueError, match="hidden_layer_sizes must be integers > 0"):
            train(X, y)


@those_with("noise")
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_not_everything_can_be_masked(estimator, method):
    X, _ = samples()
    for factor in (1, 1.5):
        estimator.set_params(noise="masking", noise_factor=factor)
        with pytest.raises(ValueError, match=f"must be below 1, got {factor}"):
            getattr(estimator, method)(X)
        with pytest.raises(NotFittedError):
            outputs(estimator, X)
    estimator.set_params(noise="gaussian")  # as a deviation, it may be
    assert np.isfinite(outputs(getattr(clone(estimator), method)(X), X)).all()
    estimator.set_params(noise="masking", noise_factor=0.99)
    assert np.isfinite(outputs(getattr(estimator, method)(X), X)).all()


@all_networks
@pytest.mark.parametrize("epsilon", [1e-9, 1e-3])
def test_a_layer_without_connections_is_refused(estimator, epsilon):
    X, y = samples()
    estimator.set_params(epsilon=epsilon)
    with pytest.raises(ValueError, match=r"epsilon=.* is too small") as raised:
        estimator.fit(X, y)
    least = float(str(raised.value).rsplit("epsilon=", 1)[1].split()[0])
    estimator.set_params(epsilon=1.01 * least).fit(X, y)
    assert np.all(estimator.n_connections_ > 0)


@pytest.mark.parametrize("n_classes", [3, 30])
def test_outputs_without_connections_are_warned_of(n_classes):
    X, _ = samples()
    y = np.arange(len(X)) % n_classes
    clf = SETClassifier((60,), epsilon=0.05, max_iter=1, random_state=0)
    with pytest.warns(UserWarning, match=r"in place of epsilon=0\.05\.") as warned:
        clf.fit(X, y)
    message = next(str(w.message) for w in warned if "in place" in str(w.message))
    n_alone = int(message.split()[0])
    degrees = np.diff(clf.coefs_[-1].tocsc().indptr)
    assert n_alone == (degrees == 0).sum()
    enough = float(message.split("epsilon=")[1].split()[0])
    connected = 0
    for seed in range(20):
        clf.set_params(epsilon=enough, random_state=seed).fit(X, y)
        connected += (np.diff(clf.coefs_[-1].tocsc().indptr) > 0).all()
    assert connected >= 16


def test_all_relu_has_the_slopes_of_its_paper():
    X, y = samples()
    X = 4 * X - 2
    parameters = {"activation": "all_relu", "max_iter": 2, "random_state": 0}
    for alpha in (0.6, 0.25, -0.6):
        clf = SETClassifier((20, 20, 20), all_relu_slope=alpha, **parameters)
        clf.fit(X, y)
        a = X.astype(float)
        layers = list(zip(clf.coefs_, clf.intercepts_))
        for number, (coefs, intercepts) in enumerate(layers[:-1]):
            z = a @ coefs.toarray() + intercepts
            slope = -alpha if number % 2 == 0 else alpha
            a = np.where(z > 0, z, slope * z)
        scores = a @ layers[-1][0].toarray() + layers[-1][1]
        expected = 1 / (1 + np.exp(-scores[:, 0]))
        np.testing.assert_allclose(clf.predict_proba(X)[:, 1], expected, atol=1e-5)
    with pytest.raises(InvalidParameterError, match="all_relu_slope"):
        clf.set_params(all_relu_slope=1.5).fit(X, y)


EARLY = {
    "a class of one sample": np.array([0] * 250 + [1] * 249 + [2]),
    "100 classes of 5 samples": np.arange(500) % 100,
    "two classes, one of one sample": np.array([0] * 499 + [1]),
    "two classes of one sample each": np.array([0] * 498 + [1, 2]),
    "a class for each sample": np.arange(500),
    "names": np.array(["a"] * 250 + ["b"] * 249 + ["c"]),
}


@pytest.mark.parametrize("case", EARLY)
def test_early_stopping_with_rare_classes(case):
    X, _ = samples(500)
    y = EARLY[case]
    clf = SETClassifier((10,), early_stopping=True, max_iter=3, random_state=0)
    clf.fit(X, y)
    assert len(clf.validation_scores_) == 3
    train, validation = clf._split(y, np.random.RandomState(0))
    assert sorted([*train, *validation]) == list(range(500)) and len(validation) == 50
    classes, counts = np.unique(y, return_counts=True)
    if (counts > 1).any():
        assert set(classes[counts == 1]) <= set(y[train])


@pytest.mark.parametrize("n_samples, fraction", [(300, 0.0), (300, 0.001), (3, 0.99)])
def test_validation_sets_that_are_too_small_or_too_large(n_samples, fraction):
    X, y = samples(n_samples)
    y[:2] = [0, 1]
    clf = SETClassifier(early_stopping=True, validation_fraction=fraction)
    with pytest.raises(ValueError, match="validation_fraction"):
        clf.fit(X, y)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logarithms_of_probabilities_are_finite(n_classes, dtype):
    X, _ = samples()
    y = (n_classes * X[:, 0]).astype(int)
    X = (1000 * (X - 0.5)).astype(dtype)
    clf = SETClassifier((20,), max_iter=20, random_state=0).fit(X, y)
    found = clf.predict_log_proba(100 * X)
    assert found.dtype == dtype and np.isfinite(found).all()
    assert (clf.predict_proba(100 * X) == 0).any()
    scores = clf._decision((100 * X).astype(np.float64))
    if n_classes == 2:
        scores = np.hstack([np.zeros_like(scores), scores])
    expected = log_softmax(scores, axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-12)


def test_logarithms_of_probabilities_of_labels():
    X, y = samples()
    Y = np.column_stack([y, 1 - y])
    clf = SETClassifier((20,), max_iter=20, random_state=0).fit(X, Y)
    found = clf.predict_log_proba(1000 * X)
    assert found.shape == Y.shape and np.isfinite(found).all()
    np.testing.assert_allclose(np.exp(found), clf.predict_proba(1000 * X), atol=1e-6)


@pytest.mark.parametrize("learning_rate", [0.05, 0.5, 1.0])
def test_machines_can_be_stacked(learning_rate):
    X, _ = samples(400, 64)
    X = np.where(X > 0.7, X, 0)
    machines = [
        SETRBMTransformer(50, learning_rate=learning_rate, random_state=seed)
        for seed in range(3)
    ]
    hidden = make_pipeline(*machines).fit_transform(X)
    assert 0 <= hidden.min() <= hidden.max() <= 1


# Threads
