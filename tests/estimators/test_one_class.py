"""y of one class: it is learned, and predicted."""

import pickle

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import DataConversionWarning
from sklearn.neural_network import MLPClassifier

from sklearn_sparse_nn import SETClassifier
from tests.estimators.battery import assert_same, samples, small

X, _ = samples()
LABELS = ["healthy", True, 3.0, -1, 0]


@pytest.mark.parametrize("label", LABELS)
def test_it_is_predicted_as_by_other_classifiers(label):
    y = np.full(len(X), label)
    clf = small(SETClassifier).fit(X, y)
    assert clf.classes_.tolist() == [label] and clf.classes_.dtype == y.dtype
    for method in ("predict", "predict_proba", "predict_log_proba"):
        expected = getattr(RandomForestClassifier(3).fit(X, y), method)(X)
        np.testing.assert_array_equal(getattr(clf, method)(X), expected)
    np.testing.assert_array_equal(MLPClassifier(max_iter=2).fit(X, y).predict(X), y)
    assert clf.score(X, y) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"early_stopping": True},
        {"early_stopping": True, "scoring": "loss"},
        {"class_weight": "balanced"},
        {"class_weight": {"a": 2.0, "b": 0.0}},
        {"solver": "sgd", "dropout": 0.2},
    ],
)
def test_options_work_with_it(changes):
    y = ["a"] * len(X)
    clf = small(SETClassifier, **changes).fit(X, y, sample_weight=np.arange(len(X)))
    assert clf.score(X, y) == 1
    assert_same(pickle.loads(pickle.dumps(clf)), clf, X)
    if clf.early_stopping:
        assert set(clf.validation_loss_curve_) == {0.0}
        clf.fit(X, y, X_val=X[:9], y_val=y[:9])
        with pytest.raises(ValueError, match="`y` has classes not in `self"):
            clf.fit(X, y, X_val=X[:9], y_val=["b"] * 9)


def test_weights_decay_and_nothing_else():
    clf = small(SETClassifier, max_iter=50).fit(X, np.zeros(len(X)))
    assert clf.loss_ == clf.best_loss_ < clf.loss_curve_[0]
    alone = small(SETClassifier, max_iter=5, alpha=0).fit(X, np.zeros(len(X)))
    assert set(alone.loss_curve_) == {0.0}


@pytest.mark.parametrize("classes", [["a"], ["a", "b"], ["a", "b", "c"]])
def test_chunks_of_one_class_of_several(classes):
    clf = small(SETClassifier, learning_rate_init=0.01)
    for _ in range(20):
        clf.partial_fit(X, ["a"] * len(X), classes=classes)
    assert clf.predict_proba(X).shape == (len(X), len(classes))
    assert clf.score(X, ["a"] * len(X)) == 1
    if len(classes) > 1:
        clf.partial_fit(X, ["b"] * len(X))
    else:
        with pytest.raises(ValueError, match="`y` has classes not in `self"):
            clf.partial_fit(X, ["b"] * len(X))


def test_training_goes_on_with_it():
    clf = small(SETClassifier, warm_start=True).fit(X, ["a"] * len(X))
    clf.fit(X, ["a"] * len(X)).partial_fit(X, ["a"] * len(X))
    with pytest.raises(ValueError, match="`y` has classes not in `self"):
        clf.fit(X, ["a", "b"] * (len(X) // 2))
    clf.set_params(warm_start=False).fit(X, ["a", "b"] * (len(X) // 2))
    assert clf.predict_proba(X).shape == (len(X), 2)


@pytest.mark.parametrize("classes", [[0], [0, 1]])
def test_a_column_is_flattened(classes):
    y = np.resize(classes, len(X))
    with pytest.warns(DataConversionWarning):
        clf = small(SETClassifier).fit(X, y[:, np.newaxis])
    assert_same(clf, small(SETClassifier).fit(X, y), X)


def test_labels_that_all_samples_have_or_none_has():
    Y = np.column_stack([np.ones(len(X)), np.zeros(len(X)), X[:, 0] > 0.5]).astype(int)
    for columns in ([0, 1], [0, 1, 2]):
        clf = small(SETClassifier, max_iter=60, learning_rate_init=0.01)
        clf.fit(X, Y[:, columns])
        assert clf.predict_proba(X).shape == (len(X), len(columns))
        np.testing.assert_array_equal(clf.predict(X)[:, :2], Y[:, :2])
