"""Bad input, interrupts, threads and forks."""

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.utils._param_validation import InvalidParameterError

from sklearn_sparse_nn import SETClassifier, SETRegressor


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_non_finite_input(data, value):
    X, y = data
    X = X.astype(float)
    X[3, 4] = value
    message = "contains NaN" if np.isnan(value) else "contains infinity or a value too"
    with np.errstate(over="ignore"), pytest.raises(ValueError, match=message):
        SETClassifier((10,)).fit(X, y)


@pytest.mark.parametrize("value", [np.nan, -np.inf, 1e300])
def test_non_finite_sample(data, value):
    X, y = data
    clf = SETClassifier((10,), max_iter=1).fit(X, y)
    sample = X[:1].astype(float)
    sample[0, 4] = value
    message = "contains NaN" if np.isnan(value) else "contains infinity or a value too"
    with np.errstate(over="ignore"), pytest.raises(ValueError, match=message):
        clf.predict(sample)


@pytest.mark.parametrize("dtype", [float, ">f8", np.float16, int, object, "csr", list])
def test_one_sample_of_any_kind_is_predicted_like_all(data, dtype):
    X, y = data
    X = np.rint(X).astype(np.float32)
    clf = SETClassifier((10,), max_iter=1).fit(X, y)
    expected = clf.predict_proba(X)
    for i in range(3):
        sample = X[i : i + 1]
        if dtype == "csr":
            sample = sparse.csr_array(sample)
        else:
            sample = sample.tolist() if dtype is list else sample.astype(dtype)
        np.testing.assert_allclose(clf.predict_proba(sample)[0], expected[i], 1e-6)


def test_no_sample(data):
    X, y = data
    clf = SETClassifier((10,), max_iter=1).fit(X, y)
    with pytest.raises(ValueError, match=r"0 sample\(s\)"):
        clf.predict(X[:0])


def test_one_sample_without_the_feature_names_of_fit(data):
    pandas = pytest.importorskip("pandas")
    X, y = data
    names = [f"feature {i}" for i in range(X.shape[1])]
    clf = SETClassifier((10,), max_iter=1).fit(pandas.DataFrame(X, columns=names), y)
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        clf.predict(X[:1])


def test_wrong_shapes(data):
    X, y = data
    clf = SETClassifier((10,), max_iter=1).fit(X, y)
    with pytest.raises(ValueError, match="X has 19 features, but SETClassifier is exp"):
        clf.predict(X[:, 1:])
    with pytest.raises(ValueError, match="X has 1 features, but SETClassifier is exp"):
        clf.predict(X[:1, :1])
    with pytest.raises(ValueError, match="Expected 2D array, got 1D array instead"):
        clf.predict(X[0])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        clf.fit(X, y[1:])
    with pytest.raises(ValueError, match=r"sample_weight.shape == \(149,\)"):
        clf.fit(X, y, sample_weight=np.ones(149))


def test_single_class(data):
    X, _ = data
    with pytest.raises(ValueError, match="contains only one class: 'healthy'"):
        SETClassifier((10,)).fit(X, ["healthy"] * len(X))


def test_class_unknown_to_partial_fit(data):
    X, y = data
    clf = SETClassifier((10,)).partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="`y` has classes not in `self"):
        clf.partial_fit(X, y + 1)
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


@pytest.mark.parametrize(
    "change", [{"solver": "sgd"}, {"early_stopping": False, "batch_size": 10}]
)
def test_parameters_may_change_between_fit_and_partial_fit(data, change):
    X, y = data
    clf = SETClassifier((30,), max_iter=3, early_stopping=True, random_state=0)
    clf.fit(X, y).set_params(**{"early_stopping": False, **change})
    clf.partial_fit(X, y).set_params(solver="adam").partial_fit(X, y)
    assert np.isfinite(clf.predict_proba(X)).all()
    assert len(clf._network.state.second) == clf.n_connections_.sum()


def test_multiclass_multioutput_is_refused(data):
    X, y = data
    with pytest.raises(ValueError, match="Multioutput target data is not supported"):
        SETClassifier((10,)).fit(X, np.column_stack([y, y]))


@pytest.mark.parametrize(
    "parameters",
    [
        {"epsilon": 0},
        {"zeta": 1.1},
        {"zeta": -0.1},
        {"evolution": "rigl"},
        {"evolution": object()},
        {"topology": "small_world"},
        {"activation": "gelu"},
        {"solver": "lbfgs"},
        {"alpha": -1},
        {"batch_size": 0},
        {"learning_rate": "cosine"},
        {"learning_rate_init": 0},
        {"max_iter": 0},
        {"momentum": 1.5},
        {"dropout": 1},
        {"beta_1": 1},
        {"class_weight": "unbalanced"},
        {"n_jobs": 1.5},
        {"hidden_layer_sizes": 0},
    ],
)
def test_parameter_out_of_range(data, parameters):
    (name,) = parameters
    with pytest.raises(InvalidParameterError, match=f"The '{name}' parameter of SETCl"):
        SETClassifier(**parameters).fit(*data)


@pytest.mark.parametrize("sizes", [(10, 0), (10, -3), (2.5,)])
def test_hidden_layer_sizes_out_of_range(data, sizes):
    with pytest.raises(ValueError, match="hidden_layer_sizes must be integers > 0"):
        SETClassifier(sizes).fit(*data)


def test_divergence_names_the_likely_cause(data):
    X, y = data
    clf = SETRegressor((50, 50), solver="sgd", learning_rate_init=10.0)
    with pytest.raises(ValueError, match=r"StandardScaler.*learning_rate_init=10\.0"):
        clf.fit(X * 1e6, y)


def test_no_convergence(data):
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(2\) reached"):
        SETClassifier((10,), max_iter=2).fit(*data)


def test_small_validation_set(data):
    X, y = data
    clf = SETClassifier((10,), early_stopping=True, validation_fraction=0.001)
    with pytest.raises(ValueError, match=r"validation|test_size"):
        clf.fit(X, y)


@pytest.mark.parametrize(
    "method", ["predict", "predict_proba", "predict_log_proba", "score"]
)
def test_unfitted(data, method):
    X, y = data
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        getattr(SETClassifier(), method)(*((X, y) if method == "score" else (X,)))
    assert not hasattr(SETClassifier(), "coefs_")


def test_empty_rows_and_constant_features():
    X = sparse.csr_array((12, 7), dtype=np.float32)
    clf = SETClassifier((5,), max_iter=2).fit(X, [0, 1, 2] * 4)
    assert np.isfinite(clf.predict_proba(X)).all()


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_interrupt_leaves_a_usable_estimator(n_jobs):
    X = np.random.default_rng(0).normal(size=(2000, 50)).astype(np.float32)
    y = (X[:, 0] > 0).astype(int)
    clf = SETClassifier(
        (1000, 1000), max_iter=10**6, n_iter_no_change=10**6, n_jobs=n_jobs
    )
    SETClassifier((5,), max_iter=1).fit(X, y)  # compiled before the clock starts
    timer = threading.Timer(2.0, signal.raise_signal, [signal.SIGINT])
    timer.start()
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        clf.fit(X, y)
    assert clf.score(X, y) > 0.6
    assert clf.n_iter_ == len(clf.loss_curve_) > 0


def test_fits_and_predictions_in_several_threads(data):
    X, y = data
    clf = SETClassifier((50, 50), max_iter=8, n_jobs=2, random_state=0).fit(X, y)
    expected = clf.predict_proba(X)

    def work(seed):
        other = SETClassifier((50, 50), max_iter=8, n_jobs=2, random_state=0).fit(X, y)
        np.testing.assert_array_equal(other.predict_proba(X), expected)
        np.testing.assert_array_equal(clf.predict_proba(X), expected)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(8)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_forked_child_can_fit_and_predict(data):
    X, y = data
    clf = SETClassifier((50,), max_iter=5, n_jobs=2, random_state=0).fit(X, y)
    expected = clf.predict_proba(X)
    child = os.fork()
    if child == 0:
        again = SETClassifier((50,), max_iter=5, n_jobs=2, random_state=0).fit(X, y)
        os._exit(0 if np.array_equal(again.predict_proba(X), expected) else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_many_processes_with_a_cold_cache(tmp_path):
    script = (
        "import numpy as np\n"
        "from sklearn_sparse_nn import SETClassifier\n"
        "X = np.random.default_rng(0).normal(size=(60, 5))\n"
        "SETClassifier((10,), max_iter=2, n_jobs=2).fit(X, X[:, 0] > 0).predict(X)\n"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", script], env=environment
        )
        for _ in range(3)
    ]
    assert [process.wait(timeout=300) for process in processes] == [0, 0, 0]
