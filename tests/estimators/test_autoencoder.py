"""The autoencoder as users meet it."""

import os
import pickle
import signal
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import InvalidParameterError

from sklearn_sparse_nn import SETAutoencoder
from sklearn_sparse_nn.topology import SET, Dense
from tests import naive

METHODS = "transform", "inverse_transform", "reconstruct", "score"
SPARSE = [sparse.csr_array, sparse.csr_matrix, sparse.csc_matrix, sparse.coo_array]


@pytest.fixture(scope="module")
def digits():
    """Images of 64 pixels from 0 to 16, float32, and their digits."""
    X, y = load_digits(return_X_y=True)
    return X[:500].astype(np.float32), y[:500]


def make_autoencoder(hidden=(30,), **parameters):
    defaults = {"epsilon": 4, "max_iter": 4, "random_state": 0}
    return SETAutoencoder(hidden, **(defaults | parameters))


def parameters_of(autoencoder):
    arrays = [*autoencoder.intercepts_, autoencoder.mean_, autoencoder.scale_]
    for coefs in autoencoder.coefs_:
        arrays += [coefs.data, coefs.indices, coefs.indptr]
    return [array.tobytes() for array in arrays]


def connected(autoencoder):
    return [coefs.toarray() != 0 for coefs in autoencoder.coefs_]


def test_attributes(digits):
    X, _ = digits
    autoencoder = make_autoencoder((30, 10, 20), epsilon=3.5).fit(X)
    shapes = [(64, 30), (30, 10), (10, 20), (20, 64)]
    numbers = [329, 140, 105, 294]
    assert [coefs.shape for coefs in autoencoder.coefs_] == shapes
    assert [len(b) for b in autoencoder.intercepts_] == [30, 10, 20, 64]
    assert all(coefs.dtype == np.float32 for coefs in autoencoder.coefs_)
    np.testing.assert_array_equal(autoencoder.n_connections_, numbers)
    np.testing.assert_allclose(
        autoencoder.density_, np.divide(numbers, [64 * 30, 300, 200, 20 * 64])
    )
    np.testing.assert_allclose(
        autoencoder.feature_strength_,
        abs(autoencoder.coefs_[0]).sum(axis=1),
        rtol=1e-5,
    )
    assert autoencoder.n_iter_ == len(autoencoder.loss_curve_) == 4
    assert autoencoder.loss_ == autoencoder.loss_curve_[-1]
    assert autoencoder.n_features_in_ == 64
    names = autoencoder.get_feature_names_out()
    assert list(names[:2]) == ["setautoencoder0", "setautoencoder1"]
    assert len(names) == 10


def test_an_integer_is_one_hidden_layer(digits):
    X, _ = digits
    for hidden in (30, np.int64(30), [30], np.array([30])):
        one = make_autoencoder(hidden).fit(X)
        assert parameters_of(one) == parameters_of(make_autoencoder((30,)).fit(X))


@pytest.mark.parametrize(
    "hidden, code", [((9, 8), 8), ((9, 8, 7), 8), ((9, 8, 7, 6), 7)]
)
def test_the_code_is_the_layer_in_the_middle(digits, hidden, code):
    X, _ = digits
    autoencoder = make_autoencoder(hidden).fit(X)
    H = autoencoder.transform(X)
    assert H.shape == (500, code) and len(autoencoder.get_feature_names_out()) == code
    Z = (X - autoencoder.mean_) / autoencoder.scale_
    dense = naive.Network(
        [coefs.toarray() for coefs in autoencoder.coefs_], [], autoencoder.intercepts_
    )
    activations, _ = naive.forward(dense, "tanh", Z)
    close = {"rtol": 1e-3, "atol": 1e-4}
    np.testing.assert_allclose(H, activations[1 + hidden.index(code)], **close)
    outputs = activations[-1] * autoencoder.scale_ + autoencoder.mean_
    np.testing.assert_allclose(autoencoder.inverse_transform(H), outputs, **close)
    np.testing.assert_array_equal(
        autoencoder.reconstruct(X), autoencoder.inverse_transform(H)
    )
    assert autoencoder.score(X) == pytest.approx(
        -np.mean((activations[-1] - Z) ** 2), rel=1e-4
    )
    np.testing.assert_array_equal(make_autoencoder(hidden).fit_transform(X), H)


def test_writing_to_an_attribute_does_not_change_the_network(digits):
    X, _ = digits
    autoencoder = make_autoencoder().fit(X)
    before = autoencoder.reconstruct(X)
    for array in (
        autoencoder.coefs_[0].data,
        autoencoder.intercepts_[0],
        autoencoder.mean_,
        autoencoder.scale_,
    ):
        array[:] = 0
    np.testing.assert_array_equal(autoencoder.reconstruct(X), before)


def test_features_are_standardised_as_by_the_standard_scaler(digits):
    X, _ = digits
    assert (X.std(axis=0) == 0).any()
    scaler = StandardScaler().fit(X.astype(np.float64))
    autoencoder = make_autoencoder().fit(X)
    np.testing.assert_allclose(autoencoder.mean_, scaler.mean_, rtol=1e-6)
    np.testing.assert_allclose(autoencoder.scale_, scaler.scale_, rtol=1e-6)
    plain = make_autoencoder(standardize=False, learning_rate_init=1e-3).fit(X)
    assert (plain.mean_ == 0).all() and (plain.scale_ == 1).all()


def test_the_scale_of_the_features_does_not_matter(digits):
    X, _ = digits
    rng = np.random.default_rng(0)
    scaled = (X * rng.exponential(100, 64) + rng.normal(0, 50, 64)).astype(np.float32)
    plain, other = make_autoencoder().fit(X), make_autoencoder().fit(scaled)
    np.testing.assert_allclose(other.loss_curve_, plain.loss_curve_, rtol=1e-3)
    np.testing.assert_allclose(
        other.feature_strength_, plain.feature_strength_, rtol=1e-2
    )
    assert other.score(scaled) == pytest.approx(plain.score(X), rel=1e-2)
    np.testing.assert_allclose(other.transform(scaled), plain.transform(X), atol=0.02)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_preserved(digits, dtype):
    X = digits[0].astype(dtype)
    autoencoder = make_autoencoder().fit(X)
    for result in (
        autoencoder.transform(X),
        autoencoder.reconstruct(X),
        autoencoder.fit_transform(X),
    ):
        assert result.dtype == dtype
    assert autoencoder.transform(X.astype(int)).dtype == np.float64
    assert autoencoder.transform(X.tolist()).dtype == np.float64
    assert isinstance(autoencoder.score(X), float)


@pytest.mark.parametrize("make", SPARSE)
@pytest.mark.parametrize("noise", ["gaussian", "masking"])
def test_sparse_and_dense_data_give_the_same_bits(digits, make, noise):
    X, _ = digits
    dense = make_autoencoder(noise=noise, n_jobs=2).fit(X)
    other = make_autoencoder(noise=noise, n_jobs=2).fit(make(X))
    assert parameters_of(other) == parameters_of(dense)
    assert other.loss_curve_ == dense.loss_curve_
    np.testing.assert_array_equal(other.transform(make(X)), dense.transform(X))
    np.testing.assert_array_equal(other.reconstruct(make(X)), dense.reconstruct(X))
    assert other.score(make(X)) == dense.score(X)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"noise": "masking"},
        {"solver": "adam", "learning_rate_init": 3e-3},
        {"hidden": (40, 20, 40)},
        {"activation": "all_relu"},
    ],
)
def test_reconstruction_gets_better(digits, parameters):
    X, _ = digits
    autoencoder = make_autoencoder(max_iter=25, **parameters).fit(X)
    curve = autoencoder.loss_curve_
    assert curve[-1] < 0.75 * curve[0]
    assert autoencoder.score(X) > -0.7  # means alone would score -1
    varies = X.std(axis=0) > 0
    errors = np.mean((X - autoencoder.reconstruct(X))[:, varies] ** 2, axis=0)
    assert np.mean(errors / X[:, varies].var(axis=0)) < 0.7


def test_score_of_a_network_that_restores_means_is_minus_1(digits):
    X, _ = digits
    X = X[:, X.std(axis=0) > 0]
    # Almost no connections and a huge penalty on their weights.
    autoencoder = make_autoencoder(epsilon=0.02, alpha=100, max_iter=10).fit(X)
    assert autoencoder.score(X) == pytest.approx(-1, abs=0.03)


def test_score_is_the_same_in_many_small_pieces(digits, monkeypatch):
    X, _ = digits
    autoencoder = make_autoencoder().fit(X)
    score = autoencoder.score(X)
    monkeypatch.setattr("sklearn_sparse_nn.estimators._autoencoder._SCORE_CELLS", 500)
    assert autoencoder.score(X) == pytest.approx(score, rel=1e-6)


def test_a_noisy_image_is_restored(digits):
    X, _ = digits
    autoencoder = make_autoencoder(
        (200,), epsilon=20, max_iter=40, noise_factor=1.0
    ).fit(X)
    rng = np.random.default_rng(0)
    noisy = X + autoencoder.scale_ * rng.normal(size=X.shape).astype(np.float32)
    varies = X.std(axis=0) > 0
    errors = [
        np.mean(((V - X) / autoencoder.scale_)[:, varies] ** 2)
        for V in (noisy, autoencoder.reconstruct(noisy))
    ]
    assert errors[1] < 0.6 * errors[0]


@pytest.mark.parametrize(
    "change",
    [
        {"noise_factor": 0.5},
        {"noise": "masking"},
        {"dropout": 0.0},
        {"momentum": 0.0},
        {"batch_size": 50},
        {"alpha": 5.0},
        {"activation": "relu"},
        {"solver": "adam"},
        {"topology": "dense"},
        {"topology": "xbm"},
        {"standardize": False, "learning_rate_init": 1e-4},
    ],
)
def test_parameters_of_training_matter(digits, change):
    X, _ = digits
    changed = make_autoencoder(**change).fit(X)
    assert parameters_of(changed) != parameters_of(make_autoencoder().fit(X))
    assert np.isfinite(changed.reconstruct(X)).all()


def test_more_alpha_makes_smaller_weights(digits):
    X, _ = digits
    norms = [
        (make_autoencoder(alpha=alpha, max_iter=10).fit(X).coefs_[0].data ** 2).sum()
        for alpha in (0, 50)
    ]
    assert norms[1] < norms[0] / 2


@pytest.mark.parametrize("hidden", [(30,), (30, 20, 30)])
def test_set_changes_connections_but_not_their_number(digits, hidden):
    X, _ = digits
    start = make_autoencoder(hidden, max_iter=1).fit(X)
    static = make_autoencoder(hidden, evolution="static", max_iter=12).fit(X)
    evolved = make_autoencoder(hidden, max_iter=12).fit(X)
    for first, same, other in zip(*map(connected, (start, static, evolved))):
        np.testing.assert_array_equal(same, first)
        assert (other & first).sum() < 0.9 * first.sum()
    np.testing.assert_array_equal(evolved.n_connections_, start.n_connections_)


@pytest.mark.parametrize("zeta", [0.0, 0.5])
def test_zeta_is_how_much_is_replaced(digits, zeta):
    X, _ = digits
    start = make_autoencoder(max_iter=1, batch_size=25).fit(X)
    once = make_autoencoder(max_iter=2, batch_size=25, zeta=zeta).fit(X)
    for first, other in zip(connected(start), connected(once)):
        assert 1 - (other & first).sum() / first.sum() == pytest.approx(zeta, abs=0.03)


def test_epsilon_and_dense_topology_set_the_number_of_connections(digits):
    X, _ = digits
    for epsilon in (1, 2.5):
        autoencoder = make_autoencoder(epsilon=epsilon).fit(X)
        np.testing.assert_array_equal(autoencoder.n_connections_, epsilon * 94)
    assert (make_autoencoder(topology=Dense()).fit(X).density_ == 1).all()
    assert (make_autoencoder(epsilon=1000).fit(X).density_ == 1).all()


def test_warm_start_goes_on(digits):
    X, _ = digits
    autoencoder = make_autoencoder(warm_start=True).fit(X)
    before = parameters_of(autoencoder)
    assert before == parameters_of(make_autoencoder().fit(X))
    autoencoder.set_params(max_iter=10).fit(X)
    curve = autoencoder.loss_curve_
    assert len(curve) == 14 and autoencoder.n_iter_ == 10
    assert curve[-1] < 0.9 * curve[3]
    autoencoder.set_params(warm_start=False, max_iter=4).fit(X)
    assert parameters_of(autoencoder) == before
    assert autoencoder.loss_curve_ == curve[:4]


def test_a_warm_start_does_not_repeat_its_noise(digits):
    X, _ = digits
    # A step too small to change a weight, and one batch: noise alone tells fits apart.
    autoencoder = make_autoencoder(
        warm_start=True, learning_rate_init=1e-30, max_iter=1, batch_size=len(X)
    )
    losses = {autoencoder.fit(X).loss_ for _ in range(3)}
    assert len(losses) == 3


def test_fit_frees_its_buffers(digits):
    network = make_autoencoder().fit(digits[0])._network
    assert not any(name in vars(network) for name in ("_workspace", "_last_batch"))


def test_partial_fit_goes_on(digits):
    X, _ = digits
    autoencoder = make_autoencoder()
    for epoch in range(12):
        assert autoencoder.partial_fit(X) is autoencoder
        assert autoencoder.n_iter_ == len(autoencoder.loss_curve_) == epoch + 1
    assert autoencoder.loss_curve_[-1] < 0.8 * autoencoder.loss_curve_[0]
    start = make_autoencoder(max_iter=1).fit(X)
    assert any(map(np.any, map(np.not_equal, *map(connected, (autoencoder, start)))))
    np.testing.assert_array_equal(autoencoder.n_connections_, start.n_connections_)


def test_one_pass_of_partial_fit_is_one_epoch_of_fit(digits):
    X, _ = digits
    once = make_autoencoder(max_iter=1).fit(X)
    partly = make_autoencoder().partial_fit(X)
    np.testing.assert_allclose(partly.loss_, once.loss_, rtol=0.1)
    np.testing.assert_array_equal(once.coefs_[0].indices, partly.coefs_[0].indices)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_partial_fit_standardises_by_all_data_so_far(digits, make):
    X, _ = digits
    X = X + np.linspace(0, 50, 500, dtype=np.float32)[:, None]
    autoencoder, start = make_autoencoder(), 0
    for size in (1, 99, 150, 250):
        autoencoder.partial_fit(make(X[start : start + size]))
        start += size
        seen = StandardScaler().fit(X[:start].astype(np.float64))
        np.testing.assert_allclose(autoencoder.mean_, seen.mean_, rtol=1e-5)
        np.testing.assert_allclose(autoencoder.scale_, seen.scale_, rtol=1e-4)
    plain = make_autoencoder(standardize=False, learning_rate_init=1e-5)
    plain.partial_fit(X[:9]).partial_fit(X)
    assert (plain.mean_ == 0).all() and (plain.scale_ == 1).all()


def test_partial_fit_rewires_after_updates_not_after_calls(digits):
    X, _ = digits
    autoencoder = make_autoencoder(evolution=SET(min_updates=5), batch_size=20)
    autoencoder.partial_fit(X[:20])
    start = autoencoder.coefs_[0].indices
    for chunk in range(1, 5):
        autoencoder.partial_fit(X[20 * chunk : 20 * chunk + 20])
        np.testing.assert_array_equal(autoencoder.coefs_[0].indices, start)
    autoencoder.partial_fit(X[:20])
    assert (autoencoder.coefs_[0].indices != start).any()


@pytest.mark.parametrize("first", ["fit", "partial_fit"])
def test_solver_may_change_between_calls(digits, first):
    X, _ = digits
    autoencoder = getattr(make_autoencoder(), first)(X)
    for solver in ("adam", "sgd", "adam"):
        autoencoder.set_params(solver=solver, learning_rate_init=1e-3).partial_fit(X)
    assert autoencoder.loss_ < autoencoder.loss_curve_[0]


@pytest.mark.parametrize("noise", ["gaussian", "masking"])
@pytest.mark.parametrize("n_jobs", [2, 3, -1])
def test_same_bits_for_any_n_jobs(digits, noise, n_jobs):
    X = np.tile(digits[0], (5, 1))  # enough for transform to take two threads
    one, many = (
        make_autoencoder((30, 20), noise=noise, n_jobs=n).fit(X) for n in (1, n_jobs)
    )
    assert parameters_of(one) == parameters_of(many)
    assert one.loss_curve_ == many.loss_curve_
    np.testing.assert_array_equal(one.transform(X), many.transform(X))
    np.testing.assert_array_equal(one.reconstruct(X), many.reconstruct(X))
    assert one.score(X) == many.score(X)


def test_random_state_decides(digits):
    X, _ = digits
    first = parameters_of(make_autoencoder().fit(X))
    assert first == parameters_of(make_autoencoder().fit(X))
    assert first != parameters_of(make_autoencoder(random_state=1).fit(X))
    stream = np.random.RandomState(0)
    drawn = [parameters_of(make_autoencoder(random_state=stream).fit(X)) for _ in "ab"]
    assert drawn[0] == first != drawn[1]


@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_data_of_any_shape(data):
    shape = data.draw(st.tuples(st.integers(1, 12), st.integers(1, 8)))
    X = np.random.default_rng(0).normal(size=shape)
    X[:, data.draw(st.integers(0, shape[1] - 1))] = data.draw(st.floats(-1e6, 1e6))
    make = data.draw(st.sampled_from([np.asarray, sparse.csr_array]))
    autoencoder = make_autoencoder(
        data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=3)),
        noise=data.draw(st.sampled_from(["gaussian", "masking"])),
        batch_size=data.draw(st.sampled_from([1, 5, "auto"])),
    )
    autoencoder.fit(make(X))
    assert autoencoder.transform(X).shape == (
        shape[0],
        len(autoencoder.get_feature_names_out()),
    )
    assert autoencoder.partial_fit(make(X)).reconstruct(make(X)).shape == shape
    assert np.isfinite(autoencoder.score(X))


@pytest.mark.parametrize("constant", [0.0, 0.1, -3e5, 1e7])
def test_constant_features_are_restored(digits, constant):
    X = digits[0].copy()
    X[:, 20] = constant
    autoencoder = make_autoencoder(max_iter=20).fit(X)
    assert autoencoder.scale_[20] == 1
    restored = autoencoder.reconstruct(X)[:, 20]
    np.testing.assert_allclose(restored, constant, rtol=1e-5, atol=0.5)


@pytest.mark.parametrize("make_frame", [pd.DataFrame, pl.DataFrame])
def test_frames_keep_their_names(digits, make_frame):
    X, _ = digits
    frame = make_frame({f"pixel{i}": X[:, i] for i in range(64)})
    autoencoder = make_autoencoder().fit(frame)
    assert list(autoencoder.feature_names_in_) == list(frame.columns)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(
            autoencoder.transform(frame), make_autoencoder().fit(X).transform(X)
        )
        autoencoder.reconstruct(frame)
        autoencoder.score(frame)
        autoencoder.partial_fit(frame)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        autoencoder.transform(X)


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_set_output_makes_frames_of_the_code_only(digits, container):
    X, _ = digits
    plain = make_autoencoder().fit(X)
    autoencoder = make_autoencoder().set_output(transform=container)
    code = autoencoder.fit_transform(X)
    assert list(code.columns) == list(autoencoder.get_feature_names_out())
    np.testing.assert_array_equal(code, plain.transform(X))
    restored = autoencoder.reconstruct(X)
    assert isinstance(restored, np.ndarray)
    np.testing.assert_array_equal(restored, plain.reconstruct(X))
    np.testing.assert_allclose(autoencoder.inverse_transform(code), restored, atol=1e-5)
    assert autoencoder.score(X) == plain.score(X)


def test_grid_search_in_a_pipeline(digits):
    X, y = digits
    classifier = LogisticRegression(C=0.1, max_iter=100)
    steps = [("code", make_autoencoder(max_iter=10)), ("classifier", classifier)]
    grid = {
        "code__zeta": [0.1, 0.3],
        "code__epsilon": [2, 8],
        "code__hidden_layer_sizes": [40, (40, 30)],
    }
    search = GridSearchCV(Pipeline(steps), grid, cv=2).fit(X, y)
    assert len(search.cv_results_["params"]) == 8
    assert search.best_score_ > 0.6


def test_grid_search_by_its_own_score(digits):
    X, _ = digits
    # A pixel that hardly varies in one half may be far out in the other one.
    X = X[:, (X[:250].std(axis=0) > 1) & (X[250:].std(axis=0) > 1)]
    search = GridSearchCV(make_autoencoder(max_iter=15), {"epsilon": [0.1, 10]}, cv=2)
    assert search.fit(X).best_params_ == {"epsilon": 10}
    assert -1 < search.best_score_ < 0


def test_scoring_monitor_sees_each_epoch(digits):
    X, y = digits
    monitor = ScoringMonitor(scoring={"score": lambda model, X, y: model.score(X)})
    autoencoder = make_autoencoder().set_callbacks(monitor).fit(X, y)
    logged = monitor.get_logs().data_as_pandas["score"].to_numpy()
    assert len(logged) == 5  # four epochs and the fit
    assert logged[-1] == pytest.approx(autoencoder.score(X))


def test_progress_bar(digits, capsys):
    pytest.importorskip("rich")
    make_autoencoder().set_callbacks(ProgressBar()).fit(digits[0])
    assert "SETAutoencoder - fit" in capsys.readouterr().out


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


def test_callback_can_stop_and_keeps_snapshots(digits):
    X, _ = digits
    callback = StopAtEpoch(last=3)
    autoencoder = make_autoencoder(max_iter=50).set_callbacks(callback).fit(X)
    assert autoencoder.n_iter_ == 3 == len(callback.kept)
    first = make_autoencoder(max_iter=1).fit(X)
    for method in (SETAutoencoder.transform, SETAutoencoder.reconstruct):
        np.testing.assert_array_equal(method(callback.kept[0], X), method(first, X))


def test_verbose_prints_each_epoch(digits, capsys):
    make_autoencoder(verbose=1).fit(digits[0])
    printed = capsys.readouterr().out
    assert printed.count("Iteration") == printed.count("loss = ") == 4
    make_autoencoder().fit(digits[0])
    assert capsys.readouterr().out == ""


def test_pickle_joblib_and_clone(digits, tmp_path):
    X, _ = digits
    autoencoder = make_autoencoder(n_jobs=2).fit(X)
    joblib.dump(autoencoder, tmp_path / "model.joblib")
    for other in (
        pickle.loads(pickle.dumps(autoencoder)),
        joblib.load(tmp_path / "model.joblib"),
        clone(autoencoder).fit(X),
    ):
        np.testing.assert_array_equal(other.transform(X), autoencoder.transform(X))
        np.testing.assert_array_equal(other.reconstruct(X), autoencoder.reconstruct(X))
    twin = pickle.loads(pickle.dumps(autoencoder)).partial_fit(X)
    assert parameters_of(twin) == parameters_of(autoencoder.partial_fit(X))


def test_views_and_memory_maps_are_read_where_they_lie(digits, tmp_path):
    X, _ = digits
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    expected = make_autoencoder().fit(X)
    for view in (mapped, np.asfortranarray(X), np.repeat(X, 2, axis=0)[::2]):
        autoencoder = make_autoencoder().fit(view)
        assert parameters_of(autoencoder) == parameters_of(expected)
        assert autoencoder.score(view) == pytest.approx(expected.score(X))


# Trouble


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_non_finite_data(digits, value, make):
    X = digits[0].copy()
    good = make_autoencoder().fit(X)
    X[3, 4] = value
    message = "contains NaN" if np.isnan(value) else "contains infinity"
    for use in (
        make_autoencoder().fit,
        good.partial_fit,
        good.transform,
        good.reconstruct,
        good.score,
    ):
        with pytest.raises(ValueError, match=message):
            use(make(X))


def test_wrong_number_of_features(digits):
    X, _ = digits
    good = make_autoencoder().fit(X)
    for use in (good.transform, good.partial_fit, good.reconstruct, good.score):
        with pytest.raises(ValueError, match="X has 63 features, but SETAutoencoder"):
            use(X[:, 1:])
    with pytest.raises(ValueError, match=r"X has 64 features, but the code.* 30 neu"):
        good.inverse_transform(X)


@pytest.mark.parametrize(
    "parameters",
    [
        {"hidden_layer_sizes": 0},
        {"activation": "gelu"},
        {"epsilon": 0},
        {"zeta": 1.1},
        {"evolution": "rigl"},
        {"topology": "small_world"},
        {"noise": "salt"},
        {"noise_factor": -0.1},
        {"dropout": 1.0},
        {"standardize": "yes"},
        {"solver": "lbfgs"},
        {"alpha": -1},
        {"batch_size": 0},
        {"learning_rate_init": 0},
        {"momentum": 1.5},
        {"max_iter": 0},
        {"warm_start": "yes"},
        {"n_jobs": 1.5},
    ],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_parameter_out_of_range(digits, parameters, method):
    (name,) = parameters
    with pytest.raises(
        InvalidParameterError, match=f"The '{name}' parameter of SETAutoencoder"
    ):
        getattr(SETAutoencoder(**parameters), method)(digits[0])


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("sizes", [(10, 0), (10, -3), (2.5,)])
def test_hidden_layer_sizes_out_of_range(digits, sizes, method):
    with pytest.raises(ValueError, match="hidden_layer_sizes must be integers > 0"):
        getattr(SETAutoencoder(sizes), method)(digits[0])


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_not_everything_can_be_masked(digits, method):
    X, _ = digits
    for factor in (1, 1.5):
        everything = make_autoencoder(noise="masking", noise_factor=factor)
        with pytest.raises(ValueError, match=f"must be below 1, got {factor}"):
            getattr(everything, method)(X)
    getattr(make_autoencoder(noise_factor=1.5), method)(X)  # as a deviation, it may be
    much = make_autoencoder(noise="masking", noise_factor=0.99)
    assert np.isfinite(getattr(much, method)(X).reconstruct(X)).all()


@pytest.mark.parametrize("method", METHODS)
def test_unfitted(digits, method):
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        getattr(SETAutoencoder(), method)(digits[0])


def test_a_fit_that_was_refused_is_no_fit(digits):
    autoencoder = make_autoencoder(noise="masking", noise_factor=1)
    with pytest.raises(ValueError, match="must be below 1"):
        autoencoder.fit(digits[0])
    for method in METHODS:
        with pytest.raises(NotFittedError):
            getattr(autoencoder, method)(digits[0])


def test_unfitted_has_no_fitted_attributes():
    with pytest.raises(NotFittedError):
        SETAutoencoder().get_feature_names_out()
    for name in ("coefs_", "intercepts_", "mean_", "scale_", "feature_strength_"):
        assert not hasattr(SETAutoencoder(), name)


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("standardize", [True, False])
def test_divergence_names_the_likely_cause(digits, method, standardize):
    autoencoder = make_autoencoder(
        activation="relu", learning_rate_init=1e4, standardize=standardize, max_iter=50
    )
    with pytest.raises(
        ValueError, match=r"learning_rate_init=10000\.0 is too large"
    ) as caught:
        for _ in range(50):
            getattr(autoencoder, method)(digits[0])
    # If they are standardised, the scale of the features is not to blame.
    assert ("standardize=True" in str(caught.value)) == (not standardize)


def test_features_of_any_scale_do_not_make_it_diverge(digits):
    X = digits[0] * np.logspace(-6, 12, 64, dtype=np.float32)
    autoencoder = make_autoencoder(max_iter=20).fit(X)
    assert autoencoder.score(X) > -0.8


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_interrupt_leaves_a_usable_estimator(digits, n_jobs):
    X, _ = digits
    make_autoencoder(max_iter=1).fit(X)  # compiled before the clock starts
    autoencoder = make_autoencoder(500, max_iter=10**6, n_jobs=n_jobs)
    timer = threading.Timer(1.5, signal.raise_signal, [signal.SIGINT])
    timer.start()
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        autoencoder.fit(X)
    assert 0 < autoencoder.n_iter_ == len(autoencoder.loss_curve_) < 10**6
    assert autoencoder.score(X) > -0.8
    autoencoder.partial_fit(X)
    assert np.isfinite(autoencoder.transform(X)).all()


def test_fits_and_transforms_in_several_threads(digits):
    X, _ = digits
    autoencoder = make_autoencoder(n_jobs=2).fit(X)
    expected = autoencoder.transform(X)

    def work(_):
        other = make_autoencoder(n_jobs=2).fit(X)
        np.testing.assert_array_equal(other.transform(X), expected)
        np.testing.assert_array_equal(autoencoder.transform(X), expected)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(8)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_forked_child_can_fit_and_transform(digits):
    X, _ = digits
    autoencoder = make_autoencoder(n_jobs=2).fit(X)
    expected = autoencoder.transform(X)
    child = os.fork()
    if child == 0:
        again = make_autoencoder(n_jobs=2).fit(X)
        os._exit(0 if np.array_equal(again.transform(X), expected) else 1)
    assert os.waitpid(child, 0)[1] == 0
