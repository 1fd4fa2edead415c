"""Names of features, and frames that come out."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from tests.estimators.battery import (
    METHODS,
    all_estimators,
    methods,
    outputs,
    samples,
    those_with,
    train_part,
)

every_frame = pytest.mark.parametrize("make_frame", [pd.DataFrame, pl.DataFrame])


@all_estimators
@every_frame
def test_frames_keep_their_names(estimator, make_frame):
    X, y = samples()
    frame = make_frame({f"gene{i}": X[:, i] for i in range(X.shape[1])})
    expected = outputs(clone(estimator).fit(X, y), X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator.fit(frame, y)
        np.testing.assert_allclose(outputs(estimator, frame), expected, 1e-5)
        for method in methods(estimator, ("score_samples", "gibbs")).values():
            assert len(method(frame)) == len(X)
        for score in methods(estimator, ["score"]).values():
            assert isinstance(score(frame, y), float)
        train_part(estimator, frame, y)
    assert list(estimator.feature_names_in_) == list(frame.columns)
    for few in (X, X[:1]):
        with pytest.warns(UserWarning, match="does not have valid feature names"):
            outputs(estimator, few)


@all_estimators
@every_frame
@pytest.mark.parametrize("name", ["dtype", "todense", "shape", "nnz", "format"])
def test_names_of_columns_mean_nothing(estimator, name, make_frame):
    X, y = samples(n_features=6)
    names = ["a", "b", name, "c", "d", "e"]
    frame = make_frame({each: X[:, i] for i, each in enumerate(names)})
    expected = outputs(estimator.fit(X, y), X)
    with pytest.warns(UserWarning, match="feature names"):
        np.testing.assert_allclose(outputs(estimator, frame), expected, atol=1e-6)
    np.testing.assert_allclose(outputs(estimator.fit(frame, y), frame), expected, 1e-5)
    train_part(estimator, frame, y)


@all_estimators
def test_names_pass_through_a_pipeline(estimator):
    X, y = samples()
    frame = pd.DataFrame(X).add_prefix("gene")
    model = make_pipeline(MinMaxScaler(clip=True), estimator)
    model[:1].set_output(transform="pandas")
    model.fit(frame, y)
    assert list(model[-1].feature_names_in_) == list(frame.columns)


@those_with("transform")
@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_set_output_makes_frames_of_what_is_transformed_only(estimator, container):
    X, y = samples()
    frame = pd.DataFrame(X).add_prefix("gene")
    plain = clone(estimator).fit(frame, y)
    made = estimator.set_output(transform=container).fit_transform(frame, y)
    assert list(made.columns) == list(estimator.get_feature_names_out())
    if hasattr(estimator, "inverse_transform"):
        back = plain.inverse_transform(plain.transform(frame))
        np.testing.assert_allclose(estimator.inverse_transform(made), back, 1e-5)
    for name, method in methods(estimator, (*METHODS, "gibbs")).items():
        found = method(frame)
        np.testing.assert_array_equal(found, getattr(plain, name)(frame))
        assert isinstance(found, np.ndarray) == (name != "transform")
