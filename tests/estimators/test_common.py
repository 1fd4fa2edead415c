"""What every scikit-learn estimator owes its users."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_sparse_nn import SETClassifier, SETRegressor

# The checks ask for agreement to 1e-7, the networks compute in float32; that weights
# act like repetitions is tested in test_training.py, to float32 precision.
_FLOAT32 = "a weighted sum and a sum over repeated samples round differently in float32"
EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": _FLOAT32,
    "check_sample_weight_equivalence_on_sparse_data": _FLOAT32,
}


@parametrize_with_checks(
    [SETClassifier((50,), max_iter=100), SETRegressor((50,), max_iter=100)],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES,
)
def test_scikit_learn_compatibility(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", [SETClassifier, SETRegressor])
def test_every_parameter_is_documented_and_constrained(estimator):
    parameters = set(estimator().get_params())
    assert parameters == set(estimator._parameter_constraints)
    documented = estimator.__doc__.split("Attributes\n")[0]
    for parameter in parameters:
        assert (
            f"{parameter} :" in documented
            or f"{parameter}, " in documented
            or (f", {parameter} :" in documented)
        )
