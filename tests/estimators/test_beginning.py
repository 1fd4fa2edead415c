"""How networks begin: a density, or connections that the user gives."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sklearn_sparse_nn import (
    TRUSTED_TYPES,
    SETAutoencoder,
    SETClassifier,
    SETRBMTransformer,
)
from sklearn_sparse_nn.topology import FromArrays
from tests.estimators.battery import (
    all_estimators,
    all_networks,
    assert_same,
    inner,
    outputs,
    samples,
    small,
    those_with,
)

STILL = {"evolution": "static", "max_iter": 1, "learning_rate_init": 1e-30}


@all_estimators
@pytest.mark.parametrize("density", [0.3, 1, 1.0])
def test_density_takes_precedence_over_epsilon(estimator, density):
    X, y = samples()
    estimator.set_params(density=density, epsilon=1e-9).fit(X, y)
    found = np.ravel(inner(estimator).density_)
    np.testing.assert_allclose(found, density, rtol=0.02)


@all_estimators
def test_each_layer_may_have_a_density_of_its_own(estimator):
    X, y = samples()
    n_layers = np.size(inner(clone(estimator).fit(X, y)).density_)
    density = np.linspace(0.2, 0.8, n_layers)
    for given in (density, density.tolist(), tuple(density)):
        estimator.set_params(density=given).fit(X, y)
        found = np.ravel(inner(estimator).density_)
        np.testing.assert_allclose(found, density, rtol=0.1)
    for wrong in ([0.5] * (n_layers + 1), [0.0] * n_layers, [1.1] * n_layers):
        with pytest.raises(ValueError, match=f"one for each of the {n_layers} layers"):
            clone(estimator).set_params(density=wrong).fit(X, y)


@all_networks
def test_a_density_that_connects_nothing_is_refused(estimator):
    X, y = samples()
    estimator.set_params(density=1e-5)
    with pytest.raises(
        ValueError, match=r"density=1e-05 is too small: layer"
    ) as raised:
        estimator.fit(X, y)
    least = float(str(raised.value).rsplit("density=", 1)[1].split()[0])
    estimator.set_params(density=1.01 * least).fit(X, y)
    assert np.all(estimator.n_connections_ > 0)


def test_a_density_that_leaves_outputs_alone_is_warned_of():
    X, _ = samples()
    clf = SETClassifier((60,), density=0.01, max_iter=1, random_state=0)
    y = np.arange(len(X)) % 30
    with pytest.warns(UserWarning, match=r"in place of density=0\.01\.") as warned:
        clf.fit(X, y)
    message = next(str(w.message) for w in warned if "in place" in str(w.message))
    enough = float(message.split("density=")[1].split()[0])
    clf.set_params(density=enough).fit(X, y)
    assert (np.diff(clf.coefs_[-1].tocsc().indptr) > 0).all()


@those_with("predict")
def test_training_begins_with_given_weights(estimator):
    X, y = samples()
    first = estimator.fit(X, y)
    begun = clone(estimator).set_params(topology=FromArrays(first.coefs_), **STILL)
    begun.fit(X, y)
    for found, expected in zip(begun.coefs_, first.coefs_, strict=True):
        np.testing.assert_array_equal(found.toarray(), expected.toarray())
    assert np.abs(np.concatenate(begun.intercepts_)).max() < 1e-20
    begun.set_params(topology=FromArrays(first.coefs_, weights="random")).fit(X, y)
    for found, expected in zip(begun.coefs_, first.coefs_, strict=True):
        np.testing.assert_array_equal(found.indices, expected.indices)
        assert not np.isin(found.data, expected.data).any()


def test_autoencoders_and_machines_begin_with_given_weights():
    X, _ = samples()
    first = small(SETAutoencoder).fit(X)
    begun = small(SETAutoencoder, topology=FromArrays(first.coefs_), **STILL).fit(X)
    for found, expected in zip(begun.coefs_, first.coefs_, strict=True):
        np.testing.assert_array_equal(found.toarray(), expected.toarray())
    first = small(SETRBMTransformer).fit(X)
    topology = FromArrays([first.components_.T])
    begun = small(SETRBMTransformer, topology=topology, n_iter=0).fit(X)
    expected = first.components_.toarray()
    np.testing.assert_array_equal(begun.components_.toarray(), expected)


@all_estimators
def test_given_connections_change_as_others_do(estimator):
    X, y = samples()
    fitted = inner(clone(estimator).fit(X, y))
    arrays = getattr(fitted, "coefs_", None) or [fitted.components_.T]
    estimator.set_params(topology=FromArrays(arrays, weights="random"))
    one, two = clone(estimator), clone(estimator).set_params(n_jobs=2)
    assert_same(two.fit(X, y), one.fit(X, y), X)
    assert np.all(inner(one).n_connections_ == fitted.n_connections_)
    assert np.sum(inner(one).n_rewired_) > 0


@all_estimators
def test_arrays_that_do_not_fit_are_refused(estimator):
    X, y = samples()
    for arrays, message in [
        ([np.ones((3, 3))] * 9, "FromArrays has 9 arrays, but the network has"),
        ("coefs_", "The 'arrays' parameter of FromArrays"),
    ]:
        estimator.set_params(topology=FromArrays(arrays))
        with pytest.raises(ValueError, match=message):
            estimator.fit(X, y)
    with pytest.raises(ValueError, match=r"pass FromArrays\(\)"):
        estimator.set_params(topology=FromArrays).fit(X, y)


def test_outputs_that_the_user_leaves_alone_are_warned_of():
    X, y = samples()
    arrays = [np.ones((25, 4)), np.eye(4, 3)]
    arrays[1][2, 2] = 0
    clf = SETClassifier((4,), topology=FromArrays(arrays), max_iter=1)
    with pytest.warns(
        UserWarning, match="1 of the 3 neurons of the output layer begin"
    ):
        clf.fit(X, y + (X[:, 1] > 0.5))


def test_given_connections_can_be_searched_and_saved():
    skops = pytest.importorskip("skops.io")
    X, y = samples()
    pattern = sparse.random_array((25, 60), density=0.2, random_state=0).tocsr()
    given = FromArrays([pattern, np.ones((60, 1))])
    clf = small(SETClassifier, hidden_layer_sizes=(60,))
    search = GridSearchCV(clf, {"topology": ["erdos_renyi", given]}, cv=2).fit(X, y)
    assert len(search.cv_results_["params"]) == 2
    clf.set_params(topology=given).fit(X, y)
    loaded = skops.loads(skops.dumps(clf), trusted=TRUSTED_TYPES)
    np.testing.assert_array_equal(outputs(loaded, X), outputs(clf, X))
    assert_same(loaded.fit(X, y), clf, X)
