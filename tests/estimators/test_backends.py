import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


def run_on(engine, **variables):
    """Run all searches in new processes."""
    script = Path(__file__).with_name("search_on_workers.py")
    environment = {**os.environ, "COLUMNS": "200", **variables}
    for name in "OMP_NUM_THREADS", "NUMBA_NUM_THREADS":
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, str(script), engine],
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    *progress, seen = done.stdout.splitlines()
    finished = [line for line in progress if "100%" in line]
    fits = [line for line in finished if "SETClassifier - fit" in line]
    return json.loads(seen) | {"n_fits_shown": len(fits)}


def test_searches_on_workers_of_dask(tmp_path):
    pytest.importorskip("distributed")
    # The cache is cold, and what is compiled is counted.
    seen = run_on("dask", NUMBA_CACHE_DIR=str(tmp_path))
    assert seen["n_workers"] == 2
    # Threads of the workers do not take each other's processors.
    assert seen["n_threads"] == [1]
    assert seen["n_compiled"] == {"decide": 1, "train": 1}
    # Six candidates in two folds, and the best of them.
    assert seen["n_fits_shown"] == 13
    assert seen["same"]
    assert seen["n_killed"] == 1
    assert seen["same_without_one"]


def test_searches_on_workers_of_ray():
    pytest.importorskip("ray")
    seen = run_on("ray")
    assert seen["n_workers"] == 2
    assert seen["n_threads"] == [1]
    assert seen["same"]
