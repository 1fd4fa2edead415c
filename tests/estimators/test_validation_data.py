"""Validation data that users give for early stopping."""

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_sparse_nn import SETClassifier, SETRegressor
from tests.estimators.battery import (
    assert_same,
    network_of,
    outputs,
    samples,
    those_with,
)

supervised = those_with("early_stopping")


def parts(seed=0):
    """Samples to train on, and others to validate with."""
    X, y = samples(400, seed=seed)
    X, X_val, y, y_val = train_test_split(X, y, random_state=0)
    return (X, y), {"X_val": X_val, "y_val": y_val}


@supervised
@pytest.mark.parametrize("weighted", [False, True])
def test_given_validation_data_are_used_as_those_set_aside(estimator, weighted):
    X, y = samples()
    weights = np.random.default_rng(0).integers(1, 4, len(y)).astype(float)
    more = {"sample_weight": weights} if weighted else {}
    # The L2 term is divided by the weights, whose mean is 1 before the split.
    estimator.set_params(early_stopping=True, max_iter=8, shuffle=False, alpha=0)
    split = clone(estimator).fit(X, y, **more)
    train, validation = estimator._split(y, np.random.RandomState(0))
    if weighted:
        more = {
            "sample_weight": weights[train],
            "sample_weight_val": weights[validation],
        }
    # The split draws from the same random stream before the network does.
    state = np.random.RandomState(0)
    estimator._split(y, state)
    estimator.set_params(random_state=state)
    given = estimator.fit(
        X[train], y[train], X_val=X[validation], y_val=y[validation], **more
    )
    scores = given.validation_scores_, split.validation_scores_
    np.testing.assert_allclose(*scores, 1e-5, 1e-6)
    np.testing.assert_allclose(outputs(given, X), outputs(split, X), atol=1e-5)


@supervised
def test_validation_data_choose_the_epoch_and_nothing_else(estimator):
    train, given = parts()
    estimator.set_params(early_stopping=True, max_iter=12)
    stopped = clone(estimator).fit(*train, **given)
    best = 1 + int(np.argmax(stopped.validation_scores_))
    estimator.set_params(early_stopping=False, max_iter=best).fit(*train)
    assert joblib.hash(network_of(estimator).layers) == joblib.hash(
        network_of(stopped).layers
    )
    assert stopped.n_features_in_ == estimator.n_features_in_
    scores = stopped.validation_scores_
    assert stopped.score(given["X_val"], given["y_val"]) == pytest.approx(max(scores))


@supervised
def test_weights_of_validation_samples_count(estimator):
    train, given = parts()
    estimator.set_params(early_stopping=True)
    weights = np.where(np.arange(100) < 50, 0.0, 3.0)
    weighted = clone(estimator).fit(*train, **given, sample_weight_val=weights)
    half = {name: part[50:] for name, part in given.items()}
    expected = clone(estimator).fit(*train, **half).validation_scores_
    np.testing.assert_allclose(weighted.validation_scores_, expected, 1e-5)
    plain = clone(estimator).fit(*train, **given).validation_scores_
    assert not np.allclose(plain, expected)


@supervised
def test_weights_of_classes_do_not_count_in_given_validation_data(estimator):
    if not hasattr(estimator, "class_weight"):
        pytest.skip("has no classes")
    train, given = parts()
    estimator.set_params(early_stopping=True, class_weight={0: 0.2, 1: 1.0})
    estimator.fit(*train, **given)
    score = estimator.score(given["X_val"], given["y_val"])
    assert max(estimator.validation_scores_) == pytest.approx(score)


@supervised
@pytest.mark.parametrize(
    "make",
    [
        np.float64,
        np.asfortranarray,
        sparse.csr_array,
        sparse.csc_matrix,
        np.ndarray.tolist,
    ],
)
def test_containers_of_validation_data_mean_nothing(estimator, make):
    train, given = parts()
    estimator.set_params(early_stopping=True)
    expected = clone(estimator).fit(*train, **given)
    found = clone(estimator).fit(
        *train, X_val=make(given["X_val"]), y_val=given["y_val"]
    )
    # Sparse and dense samples are added up in the same order.
    assert_same(found, expected, given["X_val"])
    mixed = estimator.fit(sparse.csr_array(train[0]), train[1], **given)
    assert_same(mixed, expected, given["X_val"])


@supervised
@pytest.mark.parametrize("make_frame", [pd.DataFrame, pl.DataFrame])
def test_names_of_features_are_checked(estimator, make_frame):
    (X, y), given = parts()
    estimator.set_params(early_stopping=True)

    def frame(values, prefix="gene"):
        return make_frame({f"{prefix}{i}": column for i, column in enumerate(values.T)})

    X_val, y_val = given.values()
    estimator.fit(frame(X), y, X_val=frame(X_val), y_val=y_val)
    with pytest.raises(ValueError, match="feature names should match"):
        estimator.fit(frame(X), y, X_val=frame(X_val, "cell"), y_val=y_val)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        estimator.fit(frame(X), y, X_val=X_val, y_val=y_val)


INCOMPLETE = [
    (["X_val"], True, "X_val is provided, but y_val was not provided"),
    (["y_val"], True, "y_val is provided, but X_val was not provided"),
    (["X_val", "y_val"], False, "X_val and y_val are passed to fit while at the same"),
    (["sample_weight_val"], True, "sample_weight_val is provided, but X_val and y_val"),
]


@supervised
@pytest.mark.parametrize("names, stopping, message", INCOMPLETE)
def test_incomplete_or_useless_validation_data_are_refused(
    estimator, names, stopping, message
):
    train, given = parts()
    given["sample_weight_val"] = np.ones(100)
    estimator.set_params(early_stopping=stopping)
    with pytest.raises(ValueError, match=message):
        estimator.fit(*train, **{name: given[name] for name in names})
    assert not hasattr(estimator, "_network")


@supervised
def test_bad_validation_data_are_refused_and_named(estimator):
    train, given = parts()
    estimator.set_params(early_stopping=True)
    X_val, y_val = given.values()
    wrong = np.where(np.arange(len(X_val))[:, np.newaxis] == 3, np.nan, X_val)
    for bad, message in [
        ({"X_val": X_val[:, :5]}, "X has 5 features, but"),
        ({"X_val": wrong}, "Input X contains NaN"),
        ({"y_val": y_val[:-1]}, "inconsistent numbers of samples"),
        ({"X_val": X_val[:0], "y_val": y_val[:0]}, "Found array with 0 sample"),
        ({"sample_weight_val": np.zeros(len(y_val))}, "All .*weigh nothing|non-zero"),
        ({"sample_weight_val": np.ones(7)}, "sample_weight.shape"),
    ]:
        with pytest.raises(ValueError, match=message) as raised:
            estimator.fit(*train, **{**given, **bad})
        assert "X_val" in raised.value.__notes__[0]
    assert not hasattr(estimator, "_network")


def test_classes_unknown_in_training_are_refused():
    train, given = parts()
    clf = SETClassifier((10,), early_stopping=True)
    with pytest.raises(ValueError, match="`y` has classes not in `self"):
        clf.fit(*train, **{**given, "y_val": given["y_val"] + 1})
    with pytest.raises(ValueError, match="is not of the kind that"):
        clf.fit(*train, **{**given, "y_val": np.eye(2, dtype=int)[given["y_val"]]})
    # Some may be missing.
    clf.set_params(max_iter=2).fit(*train, **{**given, "y_val": np.ones(100, int)})


def test_several_outputs():
    (X, y), given = parts()
    Y, Y_val = np.eye(2)[y], np.eye(2)[given["y_val"]]
    regr = SETRegressor((10,), early_stopping=True, max_iter=2)
    regr.fit(X, Y, X_val=given["X_val"], y_val=Y_val)
    with pytest.raises(ValueError, match="y has 1 outputs, but"):
        regr.fit(X, Y, **given)
    clf = SETClassifier((10,), early_stopping=True, max_iter=2)
    clf.fit(X, Y.astype(int), X_val=given["X_val"], y_val=sparse.csr_array(Y_val))
    assert len(clf.validation_scores_) == 2


@supervised
def test_a_warm_start_takes_validation_data_anew(estimator):
    train, given = parts()
    estimator.set_params(early_stopping=True, warm_start=True).fit(*train, **given)
    estimator.fit(*train, **parts(seed=1)[1])
    assert len(estimator.validation_scores_) == estimator.n_iter_


@supervised
def test_validation_data_pass_through_a_pipeline(estimator):
    (X, y), given = parts()
    estimator.set_params(early_stopping=True, max_iter=5)
    scaler = StandardScaler().fit(X)
    X_val = scaler.transform(given["X_val"])
    expected = clone(estimator).fit(
        scaler.transform(X), y, X_val=X_val, y_val=given["y_val"]
    )
    with config_context(enable_metadata_routing=True):
        estimator.set_fit_request(X_val=True, y_val=True, sample_weight_val=False)
        model = make_pipeline(StandardScaler(), estimator, transform_input=["X_val"])
        model.fit(X, y, **given)
    np.testing.assert_array_equal(
        model.predict(X), expected.predict(scaler.transform(X))
    )
    assert model[-1].validation_scores_ == expected.validation_scores_
