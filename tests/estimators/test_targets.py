"""What y may be, to begin with and later."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.multioutput import MultiOutputClassifier

from sklearn_sparse_nn import SETClassifier, SETRegressor
from sklearn_sparse_nn.networks.mlp_epoch import train_batches
from tests.estimators.battery import outputs, samples, those_with


def test_classes_may_have_names(data):
    X, y = data
    names = np.array(["a", "b", "c"])[y]
    clf = SETClassifier((30,), max_iter=5, random_state=0).fit(X, names)
    assert list(clf.classes_) == ["a", "b", "c"]
    numbers = SETClassifier(**clf.get_params()).fit(X, y).predict(X)
    np.testing.assert_array_equal(clf.predict(X), clf.classes_[numbers])


def test_class_unknown_to_partial_fit(data):
    X, y = data
    clf = SETClassifier((10,)).partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="`y` has classes not in `self"):
        clf.partial_fit(X, y + 1)
    clf.set_params(warm_start=True)
    with pytest.raises(ValueError, match="`y` has classes not in `self"):
        clf.fit(X, y + 1)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        SETClassifier((10,)).partial_fit(X, y)


def test_partial_fit_refuses_what_needs_all_data(data):
    X, y = data
    with pytest.raises(ValueError, match="does not support early_stopping=True"):
        SETClassifier(early_stopping=True).partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="class_weight='balanced' is not supported"):
        SETClassifier(class_weight="balanced").partial_fit(X, y, classes=[0, 1, 2])


def test_number_of_outputs_may_not_change(data):
    X, y = data
    regr = SETRegressor((10,)).partial_fit(X, y)
    with pytest.raises(
        ValueError, match="y has 2 outputs, but SETRegressor was fitted"
    ):
        regr.partial_fit(X, np.column_stack([y, y]))


def test_kind_of_targets_may_not_change(data):
    X, y = data
    Y = np.column_stack([y == 0, y == 1, y == 2]).astype(int)
    message = "is not of the kind that SETClassifier was first fitted with"
    for first, second in [(Y, Y[:, :2]), (Y, y == 0), (y, Y), ((y == 0) * 1, Y[:, :2])]:
        clf = SETClassifier((10,), max_iter=1).fit(X, first)
        with pytest.raises(ValueError, match=message):
            clf.partial_fit(X, second)


@pytest.mark.parametrize("names", [False, True])
def test_several_targets_of_classes_need_a_network_each(data, names):
    X, y = data
    Y = np.column_stack([y, np.roll(y, 1), X[:, 0] > 0])
    Y = np.array(["a", "b", "c"])[Y] if names else Y
    clf = SETClassifier((30,), max_iter=5, random_state=0)
    message = r"y of shape \(150, 3\).*sklearn\.multioutput\.MultiOutputClassifier"
    with pytest.raises(ValueError, match=message):
        clf.fit(X, Y)
    with pytest.raises(ValueError, match=message):
        clf.partial_fit(X, Y, classes=np.unique(Y))
    assert not hasattr(clf, "_network")
    several = MultiOutputClassifier(clf).fit(X, Y)
    for column, targets in enumerate(Y.T):
        expected = clone(clf).fit(X, targets)
        np.testing.assert_array_equal(
            several.predict(X)[:, column], expected.predict(X)
        )
        probabilities = several.predict_proba(X)[column]
        np.testing.assert_array_equal(probabilities, expected.predict_proba(X))
    several.partial_fit(X, Y, classes=[np.unique(targets) for targets in Y.T])
    assert several.predict(X).shape == Y.shape


@those_with("predict")
def test_read_only_targets_compile_nothing(estimator):
    X, y = samples()
    n_signatures = len(train_batches.signatures)
    for targets in (y.astype(np.float32), np.stack([y, 1 - y], axis=1).astype("f4")):
        expected = outputs(estimator.fit(X, targets), X)
        targets.flags.writeable = False
        np.testing.assert_array_equal(outputs(estimator.fit(X, targets), X), expected)
    assert len(train_batches.signatures) == max(1, n_signatures)
