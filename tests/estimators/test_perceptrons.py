"""The classifier and the regressor as users meet them."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, make_regression
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_sparse_nn import SETClassifier, SETRegressor
from sklearn_sparse_nn.evolution import SET
from sklearn_sparse_nn.topology import Dense


def same_network(a, b):
    return all(
        np.array_equal(x.data, y.data) and np.array_equal(x.indices, y.indices)
        for x, y in zip(a.coefs_, b.coefs_, strict=True)
    ) and all(map(np.array_equal, a.intercepts_, b.intercepts_))


def test_learns_breast_cancer_with_few_connections():
    X, y = load_breast_cancer(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, stratify=y, random_state=0)
    clf = SETClassifier((200, 200), epsilon=5, max_iter=60, random_state=0)
    model = make_pipeline(StandardScaler(), clf).fit(X, y)
    assert model.score(X_test, y_test) > 0.94
    assert clf.density_[1] == pytest.approx(0.05)


def test_learns_digits_given_as_sparse_matrix():
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X / 16, y, stratify=y, random_state=0)
    clf = SETClassifier((300,), epsilon=10, max_iter=40, random_state=0)
    clf.fit(sparse.csr_array(X), y)
    assert clf.score(sparse.csr_array(X_test), y_test) > 0.94


def test_learns_several_outputs():
    X, y = make_regression(n_samples=300, n_features=10, n_targets=2, random_state=0)
    y /= y.std(axis=0)
    regr = SETRegressor((100,), epsilon=10, max_iter=200, random_state=0).fit(X, y)
    assert regr.predict(X).shape == y.shape
    assert regr.score(X, y) > 0.95


def test_learns_multilabel(data):
    X, y = data
    Y = np.column_stack([y == 0, y == 1, y != 2]).astype(int)
    clf = SETClassifier((100,), batch_size=30, random_state=0).fit(X, Y)
    assert clf.out_activation_ == "logistic"
    assert clf.predict_proba(X).shape == Y.shape
    assert clf.score(X, Y) > 0.9
    assert SETClassifier((30,), max_iter=3).fit(X, sparse.csr_array(Y)).n_outputs_ == 3


def test_partial_fit_in_one_chunk_equals_one_epoch_of_fit(data):
    X, y = data
    clf = SETClassifier((30,), max_iter=1, shuffle=False, random_state=0)
    assert same_network(
        clf.fit(X, y),
        SETClassifier(**clf.get_params()).partial_fit(X, y, classes=np.unique(y)),
    )


def test_early_stopping_restores_the_best_weights_and_topology(data):
    X, y = data
    clf = SETClassifier(
        (60,),
        epsilon=3,
        evolution=SET(min_updates=1),
        learning_rate="constant",
        early_stopping=True,
        batch_size=5,
        n_iter_no_change=5,
        max_iter=60,
        random_state=0,
    ).fit(X, y)
    order = np.lexsort(
        (clf.validation_loss_curve_, np.negative(clf.validation_scores_))
    )
    best_epoch = 1 + int(order[0])
    assert best_epoch < clf.n_iter_ < 60
    until_best = clone(clf).set_params(early_stopping=True, max_iter=best_epoch)
    assert same_network(clf, until_best.fit(X, y))
    assert clf.best_validation_score_ == max(clf.validation_scores_)
    assert clf.best_loss_ is None


def test_a_warm_start_does_not_repeat_its_dropout(data):
    X, y = data
    # A step too small to change a weight, and samples in order: the neurons that are
    # left out alone tell two fits apart.
    parameters = dict(max_iter=1, warm_start=True, shuffle=False, random_state=0)
    clf = SETClassifier((50,), dropout=0.5, learning_rate_init=1e-30, **parameters)
    losses = {clf.fit(X, y).loss_ for _ in range(3)}
    assert len(losses) == 3
    clf.set_params(warm_start=False, dropout=0.0, evolution="static").fit(X, y)
    losses = {clf.set_params(warm_start=True).fit(X, y).loss_ for _ in range(3)}
    assert len(losses) == 1


def test_sample_weights_act_like_repetitions(data):
    X, y = data
    weights = np.random.default_rng(0).integers(1, 4, len(y))
    parameters = dict(
        solver="sgd",
        learning_rate_init=0.01,
        evolution="static",
        alpha=0,  # only ratios of weights count: the L2 term is that of 150 samples
        batch_size=10**6,
        shuffle=False,
        max_iter=20,
        random_state=0,
    )
    with pytest.warns(UserWarning, match="clipped"):
        weighted = SETClassifier((30,), **parameters).fit(X, y, sample_weight=weights)
        repeated = SETClassifier((30,), **parameters).fit(
            np.repeat(X, weights, axis=0), np.repeat(y, weights)
        )
    np.testing.assert_allclose(
        weighted.predict_proba(X), repeated.predict_proba(X), atol=1e-5
    )


def test_class_weight_is_a_sample_weight(data):
    X, y = data
    parameters = dict(hidden_layer_sizes=(30,), max_iter=5, random_state=0)
    clf = SETClassifier(class_weight={0: 3.0, 2: 0.5}, **parameters).fit(X, y)
    weights = np.array([3.0, 1.0, 0.5])[y]
    assert same_network(clf, SETClassifier(**parameters).fit(X, y, weights))
    balanced = SETClassifier(class_weight="balanced", **parameters).fit(X, y)
    assert not same_network(balanced, SETClassifier(**parameters).fit(X, y))


@pytest.mark.parametrize("schedule", ["constant", "invscaling", "adaptive"])
def test_learning_rate_schedules(data, schedule):
    X, y = data
    clf = SETClassifier(
        (30,),
        solver="sgd",
        learning_rate=schedule,
        learning_rate_init=0.1,
        batch_size=5,
        n_iter_no_change=1,
        tol=10.0,  # nothing is ever an improvement
        max_iter=30,
        random_state=0,
    ).fit(X, y)
    if schedule == "constant":
        assert clf.n_iter_ == 3 and clf._rate == 0.1
    elif schedule == "invscaling":
        assert clf._rate == pytest.approx(0.1 / (clf.t_ + 1) ** 0.5)
    else:
        assert clf._rate < 1e-5 and clf.n_iter_ > 10


def test_attributes_follow_mlp_classifier(data):
    X, y = data
    clf = SETClassifier((30, 20), epsilon=2, max_iter=7, random_state=0).fit(X, y)
    assert [weights.shape for weights in clf.coefs_] == [(20, 30), (30, 20), (20, 3)]
    assert all(isinstance(weights, sparse.csr_array) for weights in clf.coefs_)
    assert [len(intercepts) for intercepts in clf.intercepts_] == [30, 20, 3]
    assert list(clf.n_connections_) == [100, 100, 46]
    np.testing.assert_allclose(clf.density_, [100 / 600, 100 / 600, 46 / 60])
    np.testing.assert_allclose(
        clf.feature_strength_, abs(clf.coefs_[0]).sum(axis=1), rtol=1e-5
    )
    assert (clf.n_layers_, clf.n_outputs_, clf.out_activation_) == (4, 3, "softmax")
    assert clf.t_ == 7 * len(X) and clf.n_iter_ == 7 == len(clf.loss_curve_)
    assert clf.best_loss_ == min(clf.loss_curve_) and clf.loss_ == clf.loss_curve_[-1]


def test_network_without_hidden_layers_is_linear(data):
    X, y = data
    clf = SETClassifier((), topology=Dense(), random_state=0, max_iter=100).fit(X, y)
    scores = X @ clf.coefs_[0].toarray() + clf.intercepts_[0]
    np.testing.assert_array_equal(clf.predict(X), scores.argmax(axis=1))


def test_divergence_names_the_likely_cause(data):
    X, y = data
    clf = SETRegressor((50, 50), solver="sgd", learning_rate_init=10.0)
    with pytest.raises(ValueError, match=r"StandardScaler.*learning_rate_init=10\.0"):
        clf.fit(X * 1e6, y)


def test_no_convergence(data):
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(2\) reached"):
        SETClassifier((10,), max_iter=2).fit(*data)


def test_training_goes_on_after_early_stopping(data):
    X, y = data
    clf = SETClassifier((30,), max_iter=3, early_stopping=True, random_state=0)
    clf.fit(X, y).set_params(early_stopping=False, batch_size=10)
    clf.partial_fit(X, y).set_params(solver="adam").partial_fit(X, y)
    assert np.isfinite(clf.predict_proba(X)).all()
    assert len(clf._network.state.second) == clf.n_connections_.sum()
