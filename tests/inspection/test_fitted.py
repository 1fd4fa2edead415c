"""All instruments find the network that an estimator holds, or say that none is."""

import importlib.util
from functools import partial

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import RFE, SelectFromModel, SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import BernoulliRBM, MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_sparse_nn import (
    QuickSelectionSelector,
    SETClassifier,
    SETFeatureSelector,
    SETRBMTransformer,
)
from sklearn_sparse_nn.inspection import (
    ConnectivityDisplay,
    DegreeDistributionDisplay,
    FeatureStrengthDisplay,
    LossCurveDisplay,
    count_flops,
    degree_distribution,
    neuron_degrees,
    small_world,
    to_networkx,
)
from sklearn_sparse_nn.inspection._fitted import find_network
from tests.estimators.battery import samples

matplotlib.use("Agg")

CLASSIFIER = SETClassifier((20,), epsilon=3, max_iter=2, random_state=0)
SELECTOR = QuickSelectionSelector(
    5, hidden_layer_sizes=(20,), max_iter=2, random_state=0
)
# Each takes a fitted estimator.
INSTRUMENTS = {
    "neuron_degrees": neuron_degrees,
    "degree_distribution": partial(degree_distribution, n_draws=0),
    "small_world": partial(small_world, n_random=1, n_sources=5, random_state=0),
    "ConnectivityDisplay": ConnectivityDisplay.from_estimator,
    "DegreeDistributionDisplay": partial(
        DegreeDistributionDisplay.from_estimator, n_draws=0
    ),
    "LossCurveDisplay": LossCurveDisplay.from_estimator,
    "FeatureStrengthDisplay": FeatureStrengthDisplay.from_estimator,
}
if importlib.util.find_spec("networkx"):
    INSTRUMENTS["to_networkx"] = to_networkx
all_instruments = pytest.mark.parametrize(
    "name, instrument", INSTRUMENTS.items(), ids=INSTRUMENTS
)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize(
    "estimator",
    [
        make_pipeline(StandardScaler(), CLASSIFIER),
        make_pipeline(PCA(), StandardScaler(), CLASSIFIER),
        make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), CLASSIFIER)),
        make_pipeline(SETRBMTransformer(9, n_iter=1), LogisticRegression()),
        GridSearchCV(CLASSIFIER, {"zeta": [0.1]}, cv=2),
        GridSearchCV(make_pipeline(StandardScaler(), CLASSIFIER), {}, cv=2),
        SelectFromModel(CLASSIFIER),
        SELECTOR,
        SETFeatureSelector(5, hidden_layer_sizes=(20,), max_iter=2),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
@all_instruments
def test_what_an_estimator_holds_is_found(name, instrument, estimator):
    X, y = samples()
    instrument(clone(estimator).fit(X, y))


@all_instruments
def test_it_is_the_network_itself_that_is_found(name, instrument):
    X, y = samples()
    pipeline = make_pipeline(StandardScaler(), CLASSIFIER).fit(X, y)
    found, expected = instrument(pipeline), instrument(pipeline[-1])
    if isinstance(found, tuple):
        np.testing.assert_equal(found, expected)


@all_instruments
def test_what_holds_no_network_is_refused_by_name(name, instrument):
    X, y = samples()
    for estimator in (LogisticRegression(), make_pipeline(PCA(), LogisticRegression())):
        with pytest.raises(TypeError, match=f"needs a.*{type(estimator).__name__}"):
            instrument(estimator.fit(X, y))
    # Not an end of the iteration, which `map` would take for its own.
    with pytest.raises(TypeError, match="LogisticRegression"):
        list(map(instrument, [LogisticRegression().fit(X, y)]))
    for wrong in (SETClassifier, None, X):
        with pytest.raises(TypeError, match="takes a fitted estimator"):
            instrument(wrong)


@all_instruments
def test_more_than_one_network_is_refused(name, instrument):
    X, y = samples()
    both = make_pipeline(SETRBMTransformer(9, n_iter=1), CLASSIFIER).fit(X, y)
    with pytest.raises(
        TypeError, match=r"more than one: SETRBMTransformer, SETC.*Pass"
    ):
        instrument(both)


@all_instruments
def test_what_is_not_fitted_is_refused(name, instrument):
    for estimator in (CLASSIFIER, make_pipeline(CLASSIFIER), SELECTOR):
        with pytest.raises(NotFittedError):
            instrument(clone(estimator))


@pytest.mark.parametrize("layer", [-3, 2, 0.5, "1"])
def test_a_layer_that_is_not_there_is_refused(layer):
    X, y = samples()
    error = ValueError if isinstance(layer, int) else TypeError
    with pytest.raises(error, match="layer"):
        neuron_degrees(CLASSIFIER.fit(X, y), layer)


def test_layers_count_from_behind_too():
    X, y = samples()
    fitted = clone(CLASSIFIER).fit(X, y)
    np.testing.assert_equal(neuron_degrees(fitted, -2), neuron_degrees(fitted, 0))


def test_dense_networks_have_all_connections():
    X, y = samples()
    mlp = MLPClassifier((7,), max_iter=2).fit(X, y)
    inputs, neurons = neuron_degrees(mlp)
    assert (inputs == 7).all() and (neurons == X.shape[1]).all()
    inputs, neurons = neuron_degrees(BernoulliRBM(6, n_iter=1).fit(X))
    assert len(inputs) == X.shape[1] and (inputs == 6).all()


def test_names_of_features_go_through_a_pipeline():
    X, y = samples()
    frame = pd.DataFrame(X).add_prefix("gene")
    chosen = make_pipeline(SelectKBest(k=4), StandardScaler(), CLASSIFIER)
    silent = make_pipeline(FunctionTransformer(lambda X: X.to_numpy()), CLASSIFIER)
    for estimator, first in (
        (chosen, "gene0"),
        (CLASSIFIER, "gene0"),
        (make_pipeline(CLASSIFIER), "gene0"),
        (silent, "x0"),
        (make_pipeline(make_pipeline(PCA(), CLASSIFIER)), "pca0"),
        (GridSearchCV(make_pipeline(PCA(), CLASSIFIER), {}, cv=2), "pca0"),
        (make_pipeline(PCA(), GridSearchCV(CLASSIFIER, {}, cv=2)), "pca0"),
        (GridSearchCV(chosen, {}, cv=2), "gene0"),
        (SelectFromModel(CLASSIFIER), "gene0"),
    ):
        fitted = clone(estimator).fit(frame, y)
        names = FeatureStrengthDisplay.from_estimator(fitted).feature_names
        assert names[0] == first
        network = find_network(fitted, "")
        assert len(names) == network.n_features_in_
        assert names[-1] == ConnectivityDisplay.from_estimator(fitted).feature_names[-1]


def test_names_of_features_that_are_left():
    X, y = samples()
    frame = pd.DataFrame(X).add_prefix("gene")
    few = RFE(CLASSIFIER, importance_getter="feature_strength_", n_features_to_select=4)
    names = FeatureStrengthDisplay.from_estimator(few.fit(frame, y)).feature_names
    np.testing.assert_array_equal(names, frame.columns[few.support_])


def test_an_ensemble_holds_more_than_what_it_is_made_of():
    X, y = samples()
    ensemble = BaggingClassifier(CLASSIFIER, 2).fit(X, y)
    for instrument in (count_flops, neuron_degrees):
        with pytest.raises(TypeError, match="BaggingClassifier"):
            instrument(ensemble)
