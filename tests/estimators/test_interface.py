"""How the estimators meet the rest of the ecosystem."""

import pickle
import subprocess
import sys

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_sparse_nn import SETClassifier, SETRegressor
from sklearn_sparse_nn.topology import SET, Dense, ErdosRenyi, Static


@pytest.mark.parametrize("make_frame", [pd.DataFrame, pl.DataFrame])
def test_frames_and_string_labels(data, make_frame):
    X, y = data
    frame = make_frame({f"gene{i}": X[:, i] for i in range(X.shape[1])})
    names = np.array(["a", "b", "c"])[y]
    clf = SETClassifier((30,), max_iter=5, random_state=0).fit(frame, names)
    assert list(clf.feature_names_in_) == list(frame.columns)
    assert set(clf.predict(frame)) <= {"a", "b", "c"}
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        np.testing.assert_array_equal(clf.predict(X), clf.predict(frame))


def test_set_output_passes_through_a_pipeline(data):
    X, y = data
    frame = pd.DataFrame(X, columns=[f"gene{i}" for i in range(X.shape[1])])
    model = make_pipeline(StandardScaler(), SETClassifier((30,), max_iter=5))
    model.set_output(transform="pandas").fit(frame, y)
    assert list(model[-1].feature_names_in_) == list(frame.columns)


def test_metadata_routing_of_sample_weight(data):
    X, y = data
    with sklearn.config_context(enable_metadata_routing=True):
        clf = SETClassifier((10,), max_iter=2).set_fit_request(sample_weight=True)
        clf.set_score_request(sample_weight=True)
        search = GridSearchCV(clf, {"zeta": [0.1, 0.3]}, cv=2)
        search.fit(X, y, sample_weight=np.ones(len(y)))
    assert search.best_score_ > 0


def test_grid_search_over_topology_and_evolution(data):
    X, y = data
    grid = {
        "topology": ["erdos_renyi", Dense(), ErdosRenyi()],
        "evolution": ["static", SET(min_updates=5), Static()],
    }
    search = GridSearchCV(SETClassifier((10,), max_iter=2), grid, cv=2).fit(X, y)
    assert len(search.cv_results_["params"]) == 9


def test_cross_validation_in_processes(data):
    X, y = data
    clf = SETClassifier((10,), max_iter=3, random_state=0)
    np.testing.assert_array_equal(
        cross_val_score(clf, X, y, n_jobs=2), cross_val_score(clf, X, y)
    )


def test_pickle_joblib_and_clone(data, tmp_path):
    X, y = data
    clf = SETClassifier((40, 40), max_iter=5, n_jobs=2, random_state=0).fit(X, y)
    joblib.dump(clf, tmp_path / "model.joblib")
    for other in (
        pickle.loads(pickle.dumps(clf)),
        joblib.load(tmp_path / "model.joblib"),
        clone(clf).fit(X, y),
    ):
        np.testing.assert_array_equal(other.predict_proba(X), clf.predict_proba(X))
    restored = pickle.loads(pickle.dumps(clf))
    restored.partial_fit(X, y)
    assert restored.loss_ < clf.loss_curve_[0]


def test_size_on_disk_is_proportional_to_connections(data):
    X, y = data
    small, large = (
        SETClassifier((5000, 5000), epsilon=epsilon, max_iter=1).fit(X, y)
        for epsilon in (1, 4)
    )
    n_bytes = [len(pickle.dumps(clf)) for clf in (small, large)]
    n_connections = [int(clf.n_connections_.sum()) for clf in (small, large)]
    per_connection = (n_bytes[1] - n_bytes[0]) / (n_connections[1] - n_connections[0])
    assert per_connection == pytest.approx(16, rel=0.05)


def test_model_of_two_threads_predicts_on_one_core(data, tmp_path):
    X, y = data
    clf = SETClassifier((40,), max_iter=5, n_jobs=2, random_state=0).fit(X, y)
    joblib.dump((clf, X, clf.predict_proba(X)), tmp_path / "model.joblib")
    script = (
        "import os, sys, joblib, numpy as np\n"
        "if hasattr(os, 'sched_setaffinity'):\n"
        "    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "clf, X, expected = joblib.load(sys.argv[1])\n"
        "np.testing.assert_array_equal(clf.predict_proba(X), expected)\n"
        "clf.fit(X, X[:, 0] > 0)\n"
    )
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, str(tmp_path / "model.joblib")],
        check=True,
        timeout=120,
    )


def test_memory_map_and_views_are_read_where_they_lie(data, tmp_path):
    X, y = data
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    twice = np.repeat(X, 2, axis=0)
    parameters = dict(hidden_layer_sizes=(20,), max_iter=3, random_state=0)
    expected = SETClassifier(**parameters).fit(X, y).predict_proba(X)
    for view in (mapped, np.asfortranarray(X), twice[::2], X[::-1][::-1]):
        clf = SETClassifier(**parameters).fit(view, y)
        np.testing.assert_array_equal(clf.predict_proba(view), expected)


def test_only_float32_is_read_feature_after_feature(data):
    X, y = data
    seen = []

    class Watched(SETClassifier):
        def _train_epoch(self, X, *rest):
            seen.append(X)
            return super()._train_epoch(X, *rest)

    single, double = np.asfortranarray(X), np.asfortranarray(X, dtype=np.float64)
    for given in (single, double, pd.DataFrame(double)):
        Watched((10,), max_iter=1).fit(given, y)
    assert np.shares_memory(seen[0], single)
    assert all(copy.flags.c_contiguous for copy in seen[1:])


def test_dtype_of_predictions_follows_the_input(data):
    X, y = data
    clf = SETClassifier((10,), max_iter=2).fit(X, y)
    assert clf.predict_proba(X).dtype == np.float32
    assert clf.predict_proba(X.astype(float)).dtype == np.float64
    regr = SETRegressor((10,), max_iter=2).fit(X, y)
    assert regr.predict(X).dtype == np.float32
    assert regr.predict(X.tolist()).dtype == np.float64


def test_scoring_monitor_sees_each_epoch(data):
    X, y = data
    monitor = ScoringMonitor(scoring="accuracy")
    clf = SETClassifier((20,), max_iter=4, random_state=0).set_callbacks(monitor)
    clf.fit(X, y)
    logged = monitor.get_logs().data_as_pandas["accuracy"].to_numpy()
    assert len(logged) == 5  # four epochs and the fit
    assert logged[-1] == pytest.approx(clf.score(X, y))


def test_progress_bar_alone_and_in_a_grid_search(data, capsys):
    pytest.importorskip("rich")
    X, y = data
    SETClassifier((20,), max_iter=3).set_callbacks(ProgressBar()).fit(X, y)
    search = GridSearchCV(SETClassifier((20,), max_iter=3), {"zeta": [0.1]}, cv=2)
    search.set_callbacks(ProgressBar(max_propagation_depth=1)).fit(X, y)
    assert "SETClassifier - fit" in capsys.readouterr().out


class StopAtEpoch:
    """A callback that stops training and keeps what it was given."""

    def __init__(self, last):
        self.last, self.kept = last, []

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        if context.task_name == "epoch":
            self.kept.append(fitted_estimator)
            return context.task_id + 1 == self.last


def test_callback_can_stop_and_keeps_snapshots(data):
    X, y = data
    callback = StopAtEpoch(last=3)
    clf = SETClassifier((20,), max_iter=50, random_state=0).set_callbacks(callback)
    clf.fit(X, y)
    assert clf.n_iter_ == 3 == len(callback.kept)
    first = SETClassifier((20,), max_iter=1, random_state=0).fit(X, y)
    np.testing.assert_array_equal(
        callback.kept[0].predict_proba(X), first.predict_proba(X)
    )
