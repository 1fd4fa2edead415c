"""What is told while an estimator trains: to callbacks, and in print."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.model_selection import GridSearchCV

from sklearn_sparse_nn.inspection import TopologyMonitor
from sklearn_sparse_nn.inspection._fitted import layer_matrices
from tests.estimators.battery import (
    all_estimators,
    all_networks,
    assert_same,
    fingerprint,
    network_of,
    outputs,
    samples,
    set_epochs,
)


class Callback:
    """A callback that does nothing."""

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None): ...


class StopAtEpoch(Callback):
    """Stops training and keeps what it was given."""

    def __init__(self, last):
        self.last, self.kept = last, []

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        if context.task_name == "epoch":
            self.kept.append(fitted_estimator)
            return context.task_id + 1 == self.last


class Raising(Callback):
    """Raises at the end of the first task, and knows whether it was taken down."""

    def __init__(self):
        self.torn_down = []

    def teardown(self, estimator, context):
        self.torn_down.append(estimator)

    def on_fit_task_end(self, estimator, context, **rest):
        raise RuntimeError("on purpose")


@all_networks
def test_callbacks_can_stop_and_keep_snapshots(estimator):
    X, y = samples()
    callback = StopAtEpoch(last=3)
    first = set_epochs(clone(estimator), 1).fit(X, y)
    set_epochs(estimator, 50).set_callbacks(callback).fit(X, y)
    assert estimator.n_iter_ == 3 == len(callback.kept)
    np.testing.assert_array_equal(outputs(callback.kept[0], X), outputs(first, X))


@all_networks
def test_a_scoring_monitor_sees_each_epoch(estimator):
    X, y = samples()
    scoring = {"sum": lambda model, X, y: outputs(model, X).sum()}
    monitor = ScoringMonitor(scoring=scoring)
    estimator.set_callbacks(monitor).fit(X, y)
    logged = monitor.get_logs().data_as_pandas["sum"].to_numpy()
    assert len(logged) == 4  # three epochs and the fit
    assert logged[-1] == pytest.approx(outputs(estimator, X).sum())


@all_networks
def test_a_topology_monitor_sees_each_epoch(estimator):
    X, y = samples()
    monitor = TopologyMonitor()
    set_epochs(estimator, 4).set_callbacks(monitor).fit(X, y)
    history = monitor.get_history()
    assert history.epochs == [0, 1, 2, 3, 4]
    for layer, weights in enumerate(layer_matrices(estimator, "the test")):
        weights.data = np.ones_like(weights.data)
        last = history.topology(4, layer).toarray()
        np.testing.assert_array_equal(last, weights.toarray())
        first = history.topology(0, layer).toarray()
        assert (first != last).any() == bool(history.n_born[:, layer].any())
    # The rewiring of an epoch comes before it, if there is something to rewire.
    assert not history.n_born[1].any() and history.n_born[2:, 0].all()
    np.testing.assert_array_equal(history.n_born, history.n_died)
    expected = np.asarray(estimator.n_rewired_)
    # SET may begin a connection where it has just ended one.
    assert (history.n_born.sum(axis=0) <= expected).all()
    assert history.n_born[:, 0].sum() >= 0.5 * expected.ravel()[0]


@all_estimators
def test_a_progress_bar_alone_and_in_a_grid_search(estimator, capsys):
    pytest.importorskip("rich")
    X, y = samples()
    of_fit = f"{type(estimator).__name__} - fit"
    search = GridSearchCV(clone(estimator), {"zeta": [0.1]}, scoring=lambda *_: 0, cv=2)
    for model, bar in (
        (estimator, ProgressBar()),
        (search, ProgressBar(max_propagation_depth=1)),
    ):
        model.set_callbacks(bar).fit(X, y)
        assert of_fit in capsys.readouterr().out
    assert_same(pickle.loads(pickle.dumps(estimator)), estimator, X)


@all_estimators
def test_an_error_of_a_callback_is_undone_and_callbacks_are_taken_down(estimator):
    X, y = samples()
    callback = Raising()
    estimator.fit(X, y).set_callbacks(callback)
    before = fingerprint(network_of(estimator))
    with pytest.raises(RuntimeError, match="on purpose"):
        estimator.fit(np.tile(X, 9), y)
    assert callback.torn_down == [estimator]
    assert estimator.n_features_in_ == X.shape[1]
    assert fingerprint(network_of(estimator)) == before
