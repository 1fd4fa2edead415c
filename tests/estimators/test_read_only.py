"""Attributes that are copies of what a network has cannot be changed by mistake."""

import numpy as np
import pytest
from scipy import sparse

from tests.estimators.battery import all_networks, outputs, samples

PARAMETERS = [
    *("coefs_", "intercepts_", "components_", "intercept_hidden_"),
    *("intercept_visible_", "mean_", "scale_", "y_center_", "y_scale_"),
]


def arrays_of(estimator):
    for name in PARAMETERS:
        found = getattr(estimator, name, [])
        for each in found if isinstance(found, list) else [found]:
            yield each.data if sparse.issparse(each) else each


@all_networks
def test_parameters_refuse_to_be_written_to(estimator):
    X, y = samples()
    before = outputs(estimator.fit(X, y), X)
    arrays = list(arrays_of(estimator))
    assert len(arrays) > 1
    for array in arrays:
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 7
        array.copy()[:] = 7
    np.testing.assert_array_equal(outputs(estimator, X), before)


@all_networks
def test_what_is_computed_of_them_may_be_changed(estimator):
    X, y = samples()
    before = outputs(estimator.fit(X, y), X)
    kind = type(estimator)
    names = [name for name in dir(kind) if isinstance(getattr(kind, name), property)]
    found = [getattr(estimator, name) for name in names if name not in PARAMETERS]
    arrays = [each for each in found if isinstance(each, np.ndarray)]
    assert arrays
    for array in arrays:
        array[:] = 0
    np.testing.assert_array_equal(outputs(estimator, X), before)


@all_networks
def test_the_matrices_compute(estimator):
    X, y = samples()
    estimator.fit(X, y)
    weights = getattr(estimator, "coefs_", None) or [estimator.components_]
    for each in weights:
        dense = each.toarray()
        np.testing.assert_allclose(
            np.ones(each.shape[0]) @ each, dense.sum(axis=0, dtype=float)
        )
        np.testing.assert_array_equal((abs(each) * 2).T.toarray(), 2 * abs(dense.T))
        np.testing.assert_array_equal(each[:, [0]].toarray(), dense[:, [0]])
