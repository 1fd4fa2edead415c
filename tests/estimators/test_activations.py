"""Activations: a function for each hidden layer, and what hidden layers say."""

import pickle
from functools import partial
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.special import expit
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_sparse_nn import (
    SETAutoencoder,
    SETClassifier,
    SETRBMTransformer,
    SETRegressor,
)
from sklearn_sparse_nn.engine.activations import ACTIVATIONS
from sklearn_sparse_nn.inspection import hidden_activations
from sklearn_sparse_nn.topology import Dense, FromArrays
from tests.estimators.battery import assert_same, outputs, samples, small, those_with

FUNCTIONS = {
    "identity": lambda z, layer: z,
    "relu": lambda z, layer: np.maximum(z, 0),
    "leaky_relu": lambda z, layer: np.where(z > 0, z, 0.01 * z),
    "all_relu": lambda z, layer: np.where(z > 0, z, (0.6 if layer % 2 else -0.6) * z),
    "tanh": lambda z, layer: np.tanh(z),
    "logistic": lambda z, layer: expit(z),
}
MIXTURES = [
    ["relu", "tanh"],
    ("logistic", "identity"),
    ["all_relu", "all_relu"],
    ["tanh", "all_relu"],
    np.array(["leaky_relu", "relu"]),
]
perceptrons = pytest.mark.parametrize("kind", [SETClassifier, SETRegressor])


def _twin(estimator, X, names):
    """Activations of each hidden layer, and the outputs, in NumPy."""
    found, a = [], X.astype(float)
    layers = list(zip(estimator.coefs_, estimator.intercepts_))
    for layer, (coefs, intercepts) in enumerate(layers):
        a = a @ coefs.toarray().astype(float) + intercepts
        a = FUNCTIONS[names[layer]](a, layer) if layer + 1 < len(layers) else a
        found.append(a)
    return found


@perceptrons
@pytest.mark.parametrize("names", MIXTURES, ids=str)
def test_each_layer_has_a_function_of_its_own(kind, names):
    X, y = samples()
    estimator = small(kind, hidden_layer_sizes=(60, 50), activation=names)
    one, two = clone(estimator).fit(X, y), clone(estimator).set_params(n_jobs=2)
    assert_same(two.fit(X, y), one, X)
    *hidden, out = _twin(one, X, names)
    np.testing.assert_allclose(one._decision(X), out, atol=1e-4)
    for layer, expected in enumerate(hidden):
        np.testing.assert_allclose(
            hidden_activations(one, X, layer), expected, atol=1e-5
        )
    assert_same(
        pickle.loads(pickle.dumps(one)).partial_fit(X, y), one.partial_fit(X, y), X
    )


@perceptrons
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_name_is_that_name_for_each_layer(kind, name):
    X, y = samples()
    estimator = small(kind, hidden_layer_sizes=(60, 50), activation=name).fit(X, y)
    each = clone(estimator).set_params(activation=[name] * 2).fit(X, y)
    np.testing.assert_array_equal(outputs(each, X), outputs(estimator, X))


def test_a_step_is_that_of_the_chain_rule():
    X, y = samples(40, 6)
    rng = np.random.default_rng(0)
    sizes = [6, 5, 4, 1]
    first = [rng.normal(size=shape) for shape in pairwise(sizes)]
    rate = 0.01
    clf = SETClassifier(
        (5, 4),
        activation=["tanh", "logistic"],
        topology=FromArrays(first),
        solver="sgd",
        momentum=0,
        alpha=0,
        learning_rate_init=rate,
        batch_size=40,
        max_iter=1,
    ).fit(X, y)
    a = np.tanh(X @ first[0])
    b = expit(a @ first[1])
    d3 = (expit(b @ first[2]) - y[:, np.newaxis]) / len(X)
    d2 = (d3 @ first[2].T) * b * (1 - b)
    d1 = (d2 @ first[1].T) * (1 - a**2)
    for found, start, x, d in zip(clf.coefs_, first, (X, a, b), (d1, d2, d3)):
        np.testing.assert_allclose(found.toarray(), start - rate * x.T @ d, atol=1e-6)


def test_initial_weights_have_the_gain_of_their_layer():
    X, y = samples()
    clf = SETClassifier((300, 300), activation=["relu", "tanh"], topology=Dense())
    clf.set_params(max_iter=1, learning_rate_init=1e-30, random_state=0).fit(X, y)
    variances = [np.var(w.data) * w.shape[0] for w in clf.coefs_]
    np.testing.assert_allclose(variances, [2, 1, 1], rtol=0.15)


@perceptrons
def test_names_that_do_not_fit_the_layers_are_refused(kind):
    X, y = samples()
    for names, message in [
        (["relu"], r"one for each of the 2 hidden layers, got 1: \['relu'\]"),
        (["relu"] * 3, "one for each of the 2 hidden layers, got 3"),
        (["relu", "gelu"], r"activation must be among .*, got 'gelu'"),
        ([1, 2], "activation must be among"),
    ]:
        estimator = small(kind, hidden_layer_sizes=(60, 50), activation=names)
        for method in (estimator.fit, estimator.partial_fit):
            more = (
                {}
                if method == estimator.fit or kind is SETRegressor
                else {"classes": [0, 1]}
            )
            with pytest.raises(ValueError, match=message):
                method(X, y, **more)
        assert not hasattr(estimator, "_network")
    small(kind, hidden_layer_sizes=(), activation=[]).fit(X, y)


def test_functions_of_layers_can_be_searched():
    X, y = samples()
    clf = small(SETClassifier, hidden_layer_sizes=(60, 50))
    grid = {"activation": ["relu", ["relu", "tanh"]]}
    assert len(GridSearchCV(clf, grid, cv=2).fit(X, y).cv_results_["params"]) == 2


@those_with("hidden_layer_sizes")
@pytest.mark.parametrize("layer, n_neurons", [(0, 60), (1, 50), (-1, 50), (-2, 60)])
def test_hidden_activations_of_any_container(estimator, layer, n_neurons):
    X, y = samples(1100)
    X = X.astype(float)
    estimator.set_params(hidden_layer_sizes=(60, 50)).fit(X, y)
    expected = hidden_activations(estimator, X, layer)
    assert expected.shape == (1100, n_neurons) and expected.dtype == np.float64
    estimator.set_params(n_jobs=2)
    for make in (
        sparse.csr_array,
        sparse.csc_array,
        np.asfortranarray,
        np.ndarray.tolist,
    ):
        found = hidden_activations(estimator, make(X), layer)
        np.testing.assert_array_equal(found, expected)
    found = hidden_activations(estimator, X.astype(np.float32), layer)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)
    frame = pd.DataFrame(X).add_prefix("gene")
    estimator.fit(frame, y)
    np.testing.assert_array_equal(hidden_activations(estimator, frame, layer), expected)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        hidden_activations(estimator, X, layer)


def test_the_code_of_an_autoencoder_is_a_hidden_layer():
    X, _ = samples()
    autoencoder = SETAutoencoder((30, 10, 30), max_iter=3, random_state=0).fit(X)
    code = hidden_activations(autoencoder, X, layer=1)
    np.testing.assert_array_equal(code, autoencoder.transform(X))


def test_hidden_activations_are_those_of_a_dense_twin():
    X, y = samples()
    dense = MLPClassifier((20, 10), activation="tanh", max_iter=20, random_state=0)
    dense.fit(X.astype(float), y)
    clf = SETClassifier((20, 10), activation="tanh", topology=FromArrays(dense.coefs_))
    clf.set_params(max_iter=1, learning_rate_init=1e-30).fit(X, y)
    a = X
    for layer, coefs in enumerate(dense.coefs_[:2]):
        a = np.tanh(a @ coefs)
        np.testing.assert_allclose(hidden_activations(clf, X, layer), a, atol=1e-5)


def test_hidden_activations_are_features_in_a_pipeline():
    X, y = samples()
    clf = small(SETClassifier, max_iter=20, learning_rate_init=0.01).fit(X, y)
    features = FunctionTransformer(partial(hidden_activations, clf, layer=0))
    model = make_pipeline(features, LogisticRegression(max_iter=1000)).fit(X, y)
    assert model.score(X, y) > 0.9
    assert model[:-1].transform(X).shape == (len(X), 60)


def test_what_has_no_hidden_layers_to_look_at_is_refused():
    X, y = samples()
    with pytest.raises(NotFittedError):
        hidden_activations(SETClassifier((10,)), X)
    for other in (make_pipeline(small(SETClassifier)), small(SETRBMTransformer)):
        with pytest.raises(TypeError, match=f"got {type(other).__name__}"):
            hidden_activations(other.fit(X, y), X)
    clf = small(SETClassifier, hidden_layer_sizes=(60, 50)).fit(X, y)
    for layer in (2, -3):
        with pytest.raises(ValueError, match=f"layer == {layer}, must be"):
            hidden_activations(clf, X, layer)
    with pytest.raises(TypeError, match="layer must be an instance of int"):
        hidden_activations(clf, X, 0.5)
    with pytest.raises(ValueError, match="X has 3 features, but"):
        hidden_activations(clf, X[:, :3])
    clf.set_params(hidden_layer_sizes=()).fit(X, y)
    with pytest.raises(ValueError, match="has no hidden layer"):
        hidden_activations(clf, X)
