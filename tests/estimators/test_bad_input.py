"""X, y and weights that are refused, and estimators that are not fitted."""

from functools import partial

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from tests.estimators.battery import (
    METHODS,
    OTHER_METHODS,
    WIDTHS,
    all_estimators,
    findings,
    inner,
    methods,
    outputs,
    parameter,
    samples,
    those_with,
    train_part,
)


def uses(estimator, y):
    """All that takes X: what trains, and what reads it."""
    fresh = clone(estimator)
    reading = methods(estimator, METHODS + OTHER_METHODS)
    if "score" in reading:
        reading["score"] = partial(estimator.score, y=y)
    training = [partial(fresh.fit, y=y), partial(train_part, estimator, y=y)]
    return [*training, *reading.values()]


@all_estimators
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(estimator, value, make):
    X, y = samples()
    estimator.fit(X, y)
    for rows in (slice(None), slice(1)):
        other = X[rows].copy()
        other[0, 4] = value
        message = "contains NaN" if np.isnan(value) else "contains infinity"
        for use in uses(estimator, y[rows]):
            with pytest.raises(ValueError, match=message):
                use(make(other))


@all_estimators
@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_a_value_beyond_float32_is_refused_or_does_not_spread(estimator):
    X, y = samples()
    estimator.fit(X, y)
    X = X.astype(float)
    X[0, 4] = 1e300
    # What standardises float64 then saturates, and so do binary neurons.
    saturates = inner(estimator)._reads_double
    for use in uses(estimator, y)[: 2 if saturates else None]:
        with pytest.raises(ValueError, match=r"too large|in the range \[0, 1\]"):
            use(X)
    if saturates:
        assert np.isfinite(outputs(estimator, X)).all()
    if hasattr(estimator, "score") and saturates:
        with pytest.raises(ValueError, match=r"too large|overflow|in the range"):
            estimator.score(X)


@all_estimators
@pytest.mark.parametrize("rows", [300, 1])
@pytest.mark.parametrize("n_features", [24, 1, 50])
def test_another_number_of_features_is_refused(estimator, n_features, rows):
    X, y = samples()
    estimator.fit(X, y)
    other, _ = samples(rows, n_features)
    message = f"X has {n_features} features, but {type(estimator).__name__} is exp"
    for use in uses(estimator, y[:rows])[1:]:
        with pytest.raises(ValueError, match=message):
            use(other)


@all_estimators
def test_one_dimension_is_refused(estimator):
    X, y = samples()
    for use in uses(estimator.fit(X, y), y[:1]):
        with pytest.raises(ValueError, match="Expected 2D array, got 1D array instead"):
            use(X[0])


@all_estimators
def test_no_sample_is_refused(estimator):
    X, y = samples()
    for use in uses(estimator.fit(X, y), y[:0]):
        with pytest.raises(ValueError, match=r"0 sample\(s\)"):
            use(X[:0])


@those_with("predict")
def test_targets_and_weights_of_another_length_are_refused(estimator):
    X, y = samples()
    train_part(estimator, X, y)
    for train in (estimator.fit, estimator.partial_fit):
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            train(X, y[1:])
        with pytest.raises(ValueError, match=r"sample_weight.shape == \(299,\)"):
            train(X, y, sample_weight=np.ones(299))


@those_with("inverse_transform")
def test_what_was_not_transformed_is_not_transformed_back(estimator):
    X, y = samples()
    with pytest.raises(ValueError, match=r"25 features, but|different shape"):
        estimator.fit(X, y).inverse_transform(X)


@all_estimators
def test_what_is_not_fitted_says_so_and_shows_nothing(estimator):
    X, y = samples()
    backwards = methods(estimator, ["inverse_transform"]).values()
    for use in [*uses(estimator, y)[2:], *backwards]:
        with pytest.raises(NotFittedError, match="is not fitted yet"):
            use(X)
    without_X = "get_support", "get_feature_names_out", "sample"
    for use in methods(estimator, without_X).values():
        with pytest.raises(NotFittedError, match="is not fitted yet"):
            use()
    assert not findings(estimator)
    assert findings(estimator.fit(X, y))


@all_estimators
@pytest.mark.filterwarnings("ignore:Got `batch_size`")
def test_rows_and_features_without_a_value_are_read(estimator):
    _, y = samples(12, 7)
    for empty in (sparse.csr_array((12, 7), dtype=np.float32), np.ones((12, 7))):
        assert np.isfinite(outputs(estimator.fit(empty, y), empty)).all()


@all_estimators
@pytest.mark.parametrize("shape", [(2, 1), (2, 3), (7, 2)])
@pytest.mark.parametrize("batch_size", [1, 1000])
@pytest.mark.filterwarnings("ignore:Got `batch_size`")
def test_little_data_will_do(estimator, shape, batch_size):
    X, _ = samples(*shape)
    y = np.arange(len(X)) % 2
    width = {parameter(estimator, WIDTHS): 1}
    estimator.set_params(batch_size=batch_size, **width).fit(X, y)
    assert np.isfinite(outputs(train_part(estimator, X, y), X)).all()
