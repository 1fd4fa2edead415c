"""All options of all estimators run the code that `warm_up` compiles."""

import gc
import os
import runpy
import subprocess
import sys

import numpy as np
import pytest
from numba import types
from numba.core.caching import NullCache
from numba.core.dispatcher import Dispatcher
from scipy import sparse
from sklearn.base import clone

from sklearn_sparse_nn import SETClassifier
from sklearn_sparse_nn.networks.forward import decide
from sklearn_sparse_nn.warm_up import warm_up
from tests.estimators.battery import all_variants, outputs, samples, train_part


def _compiled():
    return [
        function
        for function in gc.get_objects()
        if issubclass(type(function), Dispatcher)  # not of a dead weak reference
        and function.py_func.__module__.startswith("sklearn_sparse_nn.")
    ]


@pytest.fixture(scope="module")
def counts():
    """Signatures of each compiled function after `warm_up`."""
    warm_up()
    return {function: len(function.signatures) for function in _compiled()}


@all_variants
def test_nothing_is_compiled_again(counts, estimator):
    X, y = samples()
    for make in (np.asfortranarray, np.float64, sparse.csr_array):
        other = clone(estimator).set_params(n_jobs=2)
        outputs(other.fit(make(X), y), make(X))
        outputs(train_part(other, make(X[:30]), y[:30]), X[:1])
    assert {f: len(f.signatures) for f in _compiled()} == counts


@pytest.mark.parametrize("n_features", [30, 5000])
def test_no_size_of_a_network_compiles_anything_again(counts, n_features):
    X, y = np.ones((70, n_features), dtype=np.float32), np.arange(70) % 3
    clf = SETClassifier((10, 3000), batch_size=64, max_iter=2, epsilon=1)
    outputs(clf.fit(X, y, sample_weight=np.arange(70)), X)
    assert {f: len(f.signatures) for f in _compiled()} == counts


def test_no_function_is_compiled_for_a_literal(counts):
    for function in counts:
        plain = {tuple(map(types.unliteral, each)) for each in function.signatures}
        assert len(plain) == len(function.signatures), function


def test_the_module_fills_the_cache(tmp_path):
    command = [sys.executable, "-m", "sklearn_sparse_nn.warm_up"]
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    options = dict(env=environment, check=True, capture_output=True, text=True)
    first, second = (subprocess.run(command, **options) for _ in range(2))
    assert str(tmp_path) in first.stdout == second.stdout
    assert "Compiling" in first.stderr and not second.stderr
    assert len(list(tmp_path.rglob("*.nbc"))) == 9


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
def test_the_module_fails_without_a_place_for_the_cache(monkeypatch):
    monkeypatch.setattr(decide, "_cache", NullCache())
    with pytest.raises(SystemExit, match="NUMBA_CACHE_DIR"):
        runpy.run_module("sklearn_sparse_nn.warm_up", run_name="__main__")
