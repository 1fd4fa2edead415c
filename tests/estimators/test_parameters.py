"""Parameters: of estimators, of their topologies and rules; what they do together."""

import numpy as np
import pytest
from joblib import Parallel, delayed
from scipy.special import log_softmax
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils._param_validation import InvalidParameterError

from sklearn_sparse_nn import (
    SETAutoencoder,
    SETClassifier,
    SETRBMTransformer,
    SETRegressor,
)
from sklearn_sparse_nn.estimators import _parallel
from sklearn_sparse_nn.estimators._parallel import n_threads
from sklearn_sparse_nn.topology import SET, XBM, Dense, ErdosRenyi, EvolutionRule
from tests.estimators.battery import (
    ESTIMATORS,
    NAMES,
    NETWORK_NAMES,
    NETWORKS,
    outputs,
    samples,
    train_part,
)

all_estimators = pytest.mark.parametrize("estimator", ESTIMATORS, ids=NAMES)

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


@all_estimators
@pytest.mark.parametrize("changes, message", WRONG_PARTS)
def test_rules_and_topologies_are_validated_when_they_are_used(
    estimator, changes, message
):
    X, y = samples()
    estimator = clone(estimator)
    for name, value in changes.items():
        setattr(estimator, name, value)
    with pytest.raises(InvalidParameterError, match=message):
        estimator.fit(X, y)
    with pytest.raises(InvalidParameterError, match=message):
        train_part(estimator, X, y)
    with pytest.raises(NotFittedError):
        outputs(estimator, X)


@pytest.mark.parametrize("estimator", ESTIMATORS[:2], ids=NAMES[:2])
def test_parameters_of_parts_are_searched_like_others(estimator):
    X, y = samples()
    estimator = clone(estimator).set_params(evolution=SET(), topology=XBM())
    grid = {"evolution__min_updates": [1, 100], "topology__exponent": [2.5, 3.0]}
    search = GridSearchCV(estimator, grid, cv=2).fit(X, y)
    assert len(search.cv_results_["params"]) == 4
    best = search.best_estimator_
    assert best.evolution.min_updates == search.best_params_["evolution__min_updates"]
    assert best._rule.min_updates == best.evolution.min_updates
    with pytest.raises(ValueError, match="Invalid parameter 'min_update'"):
        estimator.set_params(evolution__min_update=3)


@pytest.mark.parametrize("estimator", NETWORKS, ids=NETWORK_NAMES)
@pytest.mark.parametrize("epsilon", [1e-9, 1e-3])
def test_a_layer_without_connections_is_refused(estimator, epsilon):
    X, y = samples()
    estimator = clone(estimator).set_params(epsilon=epsilon)
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
    with pytest.warns(UserWarning, match=r"epsilon=0.05 is small: \d+ of") as warned:
        clf.fit(X, y)
    message = next(str(w.message) for w in warned if "is small" in str(w.message))
    n_alone = int(message.split("small: ")[1].split()[0])
    degrees = np.diff(clf.coefs_[-1].tocsc().indptr)
    assert n_alone == (degrees == 0).sum()
    enough = float(message.split("epsilon=")[2].split(",")[0])
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
    train, validation = clf._split(X, y, np.random.RandomState(0))
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


@pytest.mark.parametrize(
    "processors, share, asked, expected",
    [(2, 2, 8, 2), (2, 1, -1, 1), (4, 2, 3, 2), (4, 8, None, 1), (4, 4, -2, 3)],
)
def test_threads_are_bounded_by_the_processors_at_hand(
    monkeypatch, processors, share, asked, expected
):
    monkeypatch.setattr(_parallel, "cpu_count", lambda: processors)
    monkeypatch.setattr(_parallel.config, "NUMBA_NUM_THREADS", share)
    effective = {8: 8, -1: processors, 3: 3, None: 1, -2: processors - 1}
    monkeypatch.setattr(_parallel, "effective_n_jobs", effective.get)
    assert n_threads(asked) == expected


def test_a_worker_has_its_share_of_the_processors():
    shares = Parallel(n_jobs=2)(delayed(n_threads)(-1) for _ in range(2))
    assert shares == [max(1, _parallel.cpu_count() // 2)] * 2


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=NAMES)
def test_any_number_of_threads_gives_the_same_bits(estimator, monkeypatch):
    # More threads than this machine may have processors.
    monkeypatch.setattr("sklearn_sparse_nn.estimators._parallel.cpu_count", lambda: 3)
    monkeypatch.setattr(_parallel.config, "NUMBA_NUM_THREADS", 3)
    X, y = samples()
    expected = outputs(train_part(clone(estimator).fit(X, y), X, y), X)
    for n_jobs in (2, 3, -1):
        other = clone(estimator).set_params(n_jobs=n_jobs).fit(X, y)
        np.testing.assert_array_equal(outputs(train_part(other, X, y), X), expected)


def test_a_shape_that_a_warm_start_cannot_take_over_is_refused():
    X, y = samples()
    for estimator in (
        SETClassifier((20,), max_iter=1),
        SETRegressor((20,), max_iter=1),
    ):
        estimator.set_params(warm_start=True).fit(X, y)
        with pytest.raises(ValueError, match="hidden_layer_sizes"):
            estimator.set_params(hidden_layer_sizes=(30,)).fit(X, y)
    autoencoder = SETAutoencoder((20,), max_iter=1, warm_start=True).fit(X)
    with pytest.raises(ValueError, match="hidden_layer_sizes"):
        autoencoder.set_params(hidden_layer_sizes=(20, 5, 20)).fit(X)
    rbm = SETRBMTransformer(20, n_iter=1, warm_start=True).fit(X)
    with pytest.raises(ValueError, match="n_components"):
        rbm.set_params(n_components=30).fit(X)
