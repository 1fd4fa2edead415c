import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline

from sklearn_sparse_nn import (
    QuickSelectionSelector,
    SETAutoencoder,
    SETClassifier,
    SETRBMTransformer,
)
from sklearn_sparse_nn.evolution import SET, SNFS, GraNet, NeuroFS, RigL, TopKAST
from sklearn_sparse_nn.inspection import TopologyMonitor, count_flops
from tests.estimators.battery import samples

CLASSIFIER = SETClassifier(
    (40, 30), epsilon=3, batch_size=50, max_iter=4, random_state=0
)


class ByGradient(SET):
    """Asks for the gradient of all cells in place of an update, as RigL does."""

    def __init__(self, interval=None):
        super().__init__()
        self.interval = interval

    def nominal_flops(self, sparse, dense, interval):
        in_turn = 3 * sparse.sum() * interval + 2 * sparse.sum() + dense.sum()
        return in_turn / (interval + 1)


class Shrinking(SET):
    """Never grows."""

    def n_grown(self, layers):
        return [0] * len(layers)


def test_operations_of_a_network_are_those_of_its_connections_and_biases():
    X, y = samples()
    clf = clone(CLASSIFIER).fit(X, y)
    flops = count_flops(clf)
    connections = sum(len(coefs.indices) for coefs in clf.coefs_)
    assert flops.inference == 2 * connections + 40 + 30 + 1
    assert flops.training == 3 * flops.inference
    assert flops.dense_inference == 2 * (25 * 40 + 40 * 30 + 30) + 71
    assert flops.dense_training == 3 * flops.dense_inference
    assert count_flops(make_pipeline(clf)) == flops


def test_a_dense_network_takes_as_many_as_a_dense_network():
    X, y = samples()
    clf = clone(CLASSIFIER).set_params(density=1, epsilon=3).fit(X, y)
    flops = count_flops(clf)
    assert flops[:2] == flops[2:]


@pytest.mark.parametrize("rule", [RigL, SNFS, GraNet])
def test_a_rule_never_takes_more_than_the_dense_network(rule):
    X, y = samples()
    clf = clone(CLASSIFIER).set_params(density=1, evolution=rule(interval=1))
    flops = count_flops(clf.fit(X, y))
    assert flops.training <= flops.dense_training


def test_topkast_computes_with_the_active_connections():
    X, y = samples()
    rule = TopKAST(active=0.25, interval=2, end=1.0)
    clf = clone(CLASSIFIER).set_params(evolution=rule).fit(X, y)
    flops, active = count_flops(clf), sum(np.count_nonzero(c.data) for c in clf.coefs_)
    assert active == pytest.approx(0.25 * clf.n_connections_.sum(), abs=2)
    assert flops.inference == 2 * active + 71
    all_of_b = 2 * clf.n_connections_.sum() + 71
    assert flops.training == 2 * flops.inference + all_of_b
    ended = clone(clf).set_params(evolution__end=0.5).set_callbacks(TopologyMonitor())
    flops = count_flops(ended.fit(X, y))
    assert flops.training == 3 * flops.inference
    assert count_flops(ended, history=ended._skl_callbacks[0]).training > flops.training


def test_an_interval_of_an_epoch_is_that_of_the_last_one():
    X, y = load_digits(return_X_y=True)
    early = {"early_stopping": True, "n_iter_no_change": 5, "max_iter": 30}
    clf = SETClassifier(
        (50,), evolution=RigL(interval=None), learning_rate="constant", **early
    )
    y = np.random.default_rng(0).permutation(y)
    flops = count_flops(clf.set_params(epsilon=5, random_state=0).fit(X, y))
    assert clf._network.n_updates / clf.n_iter_ < 12  # the best is an earlier one
    n = -(-len(X) * 9 // 10 // 100) - 1  # the first mini-batch only shows a gradient
    s, d = flops.inference, flops.dense_inference
    assert flops.training == pytest.approx((3 * s * n + 2 * s + d) / (n + 1))


@pytest.mark.parametrize("with_history", [False, True])
def test_an_interrupt_in_the_first_epoch_leaves_something_to_count(with_history):
    class Interrupt:
        def setup(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context):
            if context.task_name == "epoch":
                raise KeyboardInterrupt

        def on_fit_task_end(self, estimator, context):
            pass

        def teardown(self, estimator, context):
            pass

    X, y = samples()
    monitor = TopologyMonitor()
    clf = clone(CLASSIFIER).set_callbacks(monitor, Interrupt())
    with pytest.warns(UserWarning, match="interrupted"):
        clf.fit(X, y)
    flops = count_flops(clf, history=monitor if with_history else None)
    assert flops.training == 3 * flops.inference


@pytest.mark.parametrize("interval", [None, 4])
def test_a_rule_adds_what_it_needs(interval):
    X, y = samples()
    clf = clone(CLASSIFIER).set_params(evolution=ByGradient(interval)).fit(X, y)
    flops, n = count_flops(clf), interval or 6  # 300 samples, 50 in a mini-batch
    s, d = flops.inference, flops.dense_inference
    assert flops.training == pytest.approx((3 * s * n + 2 * s + d) / (n + 1))


def test_neurofs_asks_for_the_gradient_of_the_first_layer():
    X, y = samples()
    rule = NeuroFS(10, min_updates=5)
    clf = clone(CLASSIFIER).set_params(evolution=rule).fit(X, y)
    flops = count_flops(clf)
    more = 2 * (25 * 40 - clf.n_connections_[0])
    assert flops.training == pytest.approx(3 * flops.inference + more / 6)


def test_with_a_history_it_is_the_mean_over_the_epochs():
    X, y = samples()
    monitor = TopologyMonitor()
    clf = clone(CLASSIFIER).set_params(evolution=Shrinking(min_updates=1), max_iter=3)
    clf.set_callbacks(monitor).fit(X, y)
    counted = monitor.get_history().n_connections.sum(axis=1)
    assert counted[0] == counted[1] > counted[2] > counted[3]
    expected = 3 * (2 * counted[1:].mean() + 71)
    for history in (monitor, monitor.get_history()):
        assert count_flops(clf, history=history).training == pytest.approx(expected)
    now = count_flops(clf)
    assert now.training == 3 * now.inference < expected
    other = clone(CLASSIFIER).set_params(hidden_layer_sizes=(40, 31)).fit(X, y)
    with pytest.raises(ValueError, match="other layers"):
        count_flops(other, history=monitor)


def test_autoencoders_and_what_holds_one():
    X, _ = samples()
    auto = SETAutoencoder((10,), density=0.5, max_iter=1, random_state=0).fit(X)
    assert count_flops(auto).inference == 2 * np.sum(auto.n_connections_) + 35
    selector = QuickSelectionSelector(5, hidden_layer_sizes=(20,), max_iter=1).fit(X)
    assert count_flops(selector) == count_flops(selector.autoencoder_)


def test_boltzmann_machines_are_refused():
    X, _ = samples()
    with pytest.raises(TypeError, match="count_flops needs"):
        count_flops(SETRBMTransformer(9, n_iter=1).fit(X))
