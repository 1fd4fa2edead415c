"""Estimators within the searches, pipelines and routes of scikit-learn."""

import numpy as np
import pytest
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler

from sklearn_sparse_nn.evolution import SET, Static
from sklearn_sparse_nn.topology import XBM, Dense, ErdosRenyi
from tests.estimators.battery import (
    WIDTHS,
    all_estimators,
    digits,
    parameter,
    samples,
    set_epochs,
    those_with,
)


def pipeline(estimator):
    """Scale X, and tell classes from what the estimator makes of it."""
    if hasattr(estimator, "learning_rate_init"):
        estimator.set_params(learning_rate_init=0.01)
    steps = [("scaler", MinMaxScaler(clip=True)), ("network", estimator)]
    if hasattr(estimator, "transform"):
        steps.append(("classifier", LogisticRegression(max_iter=300)))
    return Pipeline(steps)


@all_estimators
def test_grid_search_in_a_pipeline(estimator):
    X, y = digits(300)
    values = {"zeta": [0.1, 0.3], "epsilon": [2, 8], parameter(estimator, WIDTHS): [40]}
    grid = [{f"network__{name}": each} for name, each in values.items()]
    search = GridSearchCV(pipeline(set_epochs(estimator, 20)), grid, cv=2)
    assert len(search.fit(X, y).cv_results_["params"]) == 5
    assert search.best_score_ > 0.3


@all_estimators
def test_grid_search_over_topology_and_evolution(estimator):
    X, y = samples()
    grid = {
        "topology": ["erdos_renyi", Dense(), ErdosRenyi()],
        "evolution": ["static", SET(min_updates=5), Static()],
    }
    search = GridSearchCV(estimator, grid, scoring=lambda *_: 0, cv=2).fit(X, y)
    assert len(search.cv_results_["params"]) == 9


@all_estimators
def test_parameters_of_parts_are_searched_like_others(estimator):
    X, y = samples()
    estimator.set_params(evolution=SET(), topology=XBM())
    grid = {"evolution__min_updates": [1, 100], "topology__exponent": [2.5, 3.0]}
    search = GridSearchCV(estimator, grid, scoring=lambda *_: 0, cv=2).fit(X, y)
    assert len(search.cv_results_["params"]) == 4
    best = search.best_estimator_
    assert best.evolution.min_updates == search.best_params_["evolution__min_updates"]
    with pytest.raises(ValueError, match="Invalid parameter 'min_update'"):
        estimator.set_params(evolution__min_update=3)


@those_with("predict")
def test_metadata_routing_of_sample_weight(estimator):
    X, y = samples()
    with sklearn.config_context(enable_metadata_routing=True):
        estimator.set_fit_request(sample_weight=True)
        estimator.set_score_request(sample_weight=True)
        search = GridSearchCV(estimator, {"zeta": [0.1, 0.3]}, cv=2)
        search.fit(X, y, sample_weight=np.ones(len(y)))
    assert np.isfinite(search.best_score_)
