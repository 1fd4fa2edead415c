"""Threads and processes: any number of them gives the same bits."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import joblib
import numpy as np
import pytest
from joblib import Parallel, delayed, parallel_config
from sklearn.base import clone

from sklearn_sparse_nn.estimators import _parallel
from sklearn_sparse_nn.estimators._parallel import n_threads
from tests.estimators.battery import (
    ESTIMATORS,
    all_estimators,
    all_variants,
    assert_same,
    outputs,
    samples,
    train_part,
)


@pytest.fixture
def three_processors(monkeypatch):
    """More than this machine may have."""
    monkeypatch.setattr(_parallel, "cpu_count", lambda: 3)
    monkeypatch.setattr(_parallel.config, "NUMBA_NUM_THREADS", 3)


@all_variants
def test_any_number_of_threads_gives_the_same_bits(estimator, three_processors):
    X, y = samples(2100)  # enough to be read by three threads
    one, many = clone(estimator).fit(X, y), clone(estimator)
    for n_jobs in (2, 3, -1):
        many.set_params(n_jobs=n_jobs).fit(X, y)
        assert_same(many, one, X)
    assert_same(train_part(many, X, y), train_part(one, X, y), X)


@all_estimators
def test_fits_and_outputs_in_several_threads(estimator):
    X, y = samples()
    estimator.set_params(n_jobs=2).fit(X, y)
    expected = outputs(estimator, X)

    def work(_):
        other = clone(estimator).fit(X, y)
        np.testing.assert_array_equal(outputs(other, X), expected)
        np.testing.assert_array_equal(outputs(estimator, X), expected)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(8)))


@all_estimators
@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_fits_in_workers_of_joblib_give_the_same_bits(estimator, backend):
    X, y = samples()
    estimator.set_params(n_jobs=-1)
    with parallel_config(backend, n_jobs=2):
        fitted = Parallel()(delayed(clone(estimator).fit)(X, y) for _ in range(2))
    for each in fitted:
        assert_same(each, estimator.fit(X, y), X)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@all_estimators
def test_a_forked_child_can_fit_and_predict(estimator):
    X, y = samples()
    estimator.set_params(n_jobs=2).fit(X, y)
    expected = outputs(estimator, X)
    child = os.fork()
    if child == 0:
        same = np.array_equal(outputs(clone(estimator).fit(X, y), X), expected)
        os._exit(0 if same else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_models_of_two_threads_go_on_on_one_core(tmp_path):
    X, y = samples()
    models = [clone(each).set_params(n_jobs=2).fit(X, y) for each in ESTIMATORS]
    joblib.dump((models, X, y), tmp_path / "models")
    script = (
        "import os, sys, joblib\n"
        "if hasattr(os, 'sched_setaffinity'):\n"
        "    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "models, X, y = joblib.load(sys.argv[1])\n"
        "from tests.estimators.battery import assert_same, clone\n"
        "for model in models:\n"
        "    assert_same(clone(model).fit(X, y), model, X)\n"
    )
    command = [sys.executable, "-W", "ignore", "-c", script, str(tmp_path / "models")]
    root = Path(__file__).parents[2]
    subprocess.run(command, cwd=root, check=True, timeout=300)


def test_many_processes_with_a_cold_cache(tmp_path):
    script = (
        "import numpy as np\n"
        "from sklearn_sparse_nn import SETClassifier\n"
        "X = np.random.default_rng(0).normal(size=(60, 5))\n"
        "SETClassifier((10,), max_iter=2, n_jobs=2).fit(X, X[:, 0] > 0).predict(X)\n"
        "from sklearn_sparse_nn.networks.forward import decide\n"
        "from sklearn_sparse_nn.networks.mlp_epoch import train_batches\n"
        "for function in decide, train_batches:\n"
        "    print(sum(function.stats.cache_misses.values()))\n"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", script],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    outputs = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    # Each function is compiled by one of them.
    n_compiled = np.array([output.split() for output in outputs], dtype=int)
    assert n_compiled.sum(axis=0).tolist() == [1, 1]


@pytest.mark.parametrize(
    "processors, share, asked, expected",
    [(2, 2, 8, 2), (2, 1, -1, 1), (4, 2, 3, 2), (4, 8, None, 1), (4, 4, -2, 3)],
)
def test_threads_are_bounded_by_the_processors_at_hand(
    monkeypatch, processors, share, asked, expected
):
    monkeypatch.setattr(_parallel, "cpu_count", lambda: processors)
    monkeypatch.setattr(_parallel.config, "NUMBA_NUM_THREADS", share)
    effective = {8: 8, -1: processors, 3: 3, None: 1, -2: processors - 1}
    monkeypatch.setattr(_parallel, "effective_n_jobs", effective.get)
    monkeypatch.setattr(_parallel, "_TOLD", ())
    assert n_threads(asked) == expected


@pytest.mark.parametrize(
    "told, expected",
    [("1", 1), ("3", 3), ("3,2", 3), ("8", 4), ("", 4), ("all", 4), ("0", 1)],
)
def test_threads_are_bounded_as_those_of_openmp_are(monkeypatch, told, expected):
    monkeypatch.setattr(_parallel, "cpu_count", lambda: 4)
    monkeypatch.setattr(_parallel.config, "NUMBA_NUM_THREADS", 4)
    monkeypatch.setattr(_parallel, "effective_n_jobs", lambda n_jobs: 4)
    monkeypatch.setenv("OMP_NUM_THREADS", told)
    monkeypatch.setattr(_parallel, "_TOLD", tuple(_parallel.told_by_environment()))
    assert n_threads(-1) == n_threads(4) == expected


def test_a_worker_has_its_share_of_the_processors():
    shares = Parallel(n_jobs=2)(delayed(n_threads)(-1) for _ in range(2))
    assert shares == [max(1, _parallel.cpu_count() // 2)] * 2
