"""Rules that change the number of connections, and when a fit may end."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits

from sklearn_sparse_nn import SETClassifier
from sklearn_sparse_nn.evolution import (
    GMP,
    LAMP,
    MEST,
    SET,
    CHTs,
    Constant,
    GraNet,
    Linear,
    NeuroFS,
    Sigmoid,
    TopKAST,
)

MODEL = SETClassifier((50,), density=0.5, max_iter=25, random_state=0)
RULES = {
    "gmp": GMP(0.1),
    "gmp within epochs": GMP(0.1, interval=7),
    "lamp": LAMP(0.1),
    "granet": GraNet(0.1),
    "mest": MEST(),
    "topkast": TopKAST(interval=5),
    "chts": CHTs(fraction=Sigmoid(last=0.1, end=0.8), output_layer=True),
    "neurofs": NeuroFS(5),
}
all_rules = pytest.mark.parametrize("name", RULES)


def data():
    X, y = load_digits(return_X_y=True)
    return X[:600] / 16, y[:600]


def model(name, **changes):
    return clone(MODEL).set_params(evolution=RULES[name], **changes)


def final_numbers(name):
    """Connections and used features after a fit that nothing ends early."""
    clf = model(name, n_iter_no_change=np.inf).fit(*data())
    return sum(clf.n_connections_), np.count_nonzero(clf.feature_strength_)


@all_rules
@pytest.mark.parametrize("learning_rate", ["linear", "constant"])
def test_early_stopping_chooses_among_networks_that_are_small(name, learning_rate):
    early = {"early_stopping": True, "n_iter_no_change": 3, "tol": 1.0}
    clf = model(name, learning_rate=learning_rate, **early).fit(*data())
    expected = final_numbers(name)
    assert abs(sum(clf.n_connections_) - expected[0]) <= 2
    assert abs(np.count_nonzero(clf.feature_strength_) - expected[1]) <= 5
    begin = clf.best_validation_score_
    assert begin in clf.validation_scores_[int(0.6 * clf.max_iter) :]


@all_rules
def test_a_fit_that_does_not_improve_goes_on_until_the_network_is_small(name):
    clf = model(name, tol=1e6, n_iter_no_change=2, learning_rate="constant")
    clf.fit(*data())
    assert clf.n_iter_ < clf.max_iter  # it does end then
    assert sum(clf.n_connections_) == pytest.approx(final_numbers(name)[0], rel=0.03)
    assert clf.best_loss_ == min(clf.loss_curve_[int(clf._rule.settles * 25) + 1 :])


@pytest.mark.parametrize(
    "rule", [GMP(0.1, end=0.0), CHTs(fraction=Constant(1, 0.1, end=0.0))]
)
def test_a_network_before_the_only_pruning_is_not_chosen(rule):
    early = {"early_stopping": True, "tol": 1.0, "n_iter_no_change": 3}
    clf = clone(MODEL).set_params(evolution=rule, learning_rate="constant", **early)
    clf.fit(*data())
    clf.set_params(early_stopping=False, n_iter_no_change=np.inf)
    expected = clone(clf).fit(*data()).n_connections_.sum()
    assert clf.n_connections_.sum() == pytest.approx(expected, abs=2)


def test_without_the_end_the_last_network_is_the_best():
    early = {"early_stopping": True, "learning_rate": "constant"}
    clf = clone(MODEL).set_params(evolution=GMP(0.1, end=1.0), **early).fit(*data())
    assert clf.n_iter_ == clf.max_iter
    assert clf.best_validation_score_ == clf.validation_scores_[-1]


@pytest.mark.parametrize(
    "rule, expected",
    [
        (SET(), None),
        (GMP(1.0), None),
        (GMP(end=0.3), 0.3),
        (GraNet(end=0.4), 0.4),
        (MEST(surplus=0), None),
        (MEST(end=0.5), 0.5),
        (TopKAST(active=1), None),
        (TopKAST(end=0.6), 0.6),
        (CHTs(), None),
        (CHTs(fraction=Linear(1, 0.5, end=0.7)), 0.7),
        (CHTs(fraction=Constant(0.5)), 1),
        (NeuroFS(removal_end=0.2), 0.2),
    ],
)
def test_when_a_rule_settles(rule, expected):
    assert rule.settles == expected
