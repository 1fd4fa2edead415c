"""Searches on two workers of Dask or Ray, in a process of its own: see test_backends.

It prints the progress of one search, and at last a JSON object of what it has seen.
"""

import json
import os
import signal
import sys
import threading
import time
import warnings
from contextlib import contextmanager

import numpy as np
from joblib import Parallel, delayed, parallel_config
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingRandomSearchCV,
    cross_val_predict,
)

from sklearn_sparse_nn import QuickSelectionSelector, SETClassifier

GRID = {"zeta": [0.1, 0.3], "epsilon": [2, 5, 10]}
# It asks for as many threads as there are processors, in each of the workers.
CLASSIFIER = SETClassifier((30,), max_iter=3, random_state=0, n_jobs=-1)
# Arrays that a grid search sends: X, y, and the samples of two folds.
N_SENT = 6
SELECTOR = QuickSelectionSelector(20, hidden_layer_sizes=(30,), max_iter=3, n_jobs=-1)


def process_and_threads():
    from sklearn_sparse_nn.estimators._parallel import n_threads

    time.sleep(0.5)  # so that each worker has one of them
    return os.getpid(), n_threads(-1), n_threads(2)


def n_compiled():
    """How many kernels this process has compiled, by name."""
    from sklearn_sparse_nn.networks.forward import decide
    from sklearn_sparse_nn.networks.mlp_epoch import train_batches

    time.sleep(0.5)
    kernels = {"decide": decide, "train": train_batches}
    misses = {k: sum(f.stats.cache_misses.values()) for k, f in kernels.items()}
    return os.getpid(), misses


def select(seed, X):
    return clone(SELECTOR).set_params(random_state=seed).fit(X).ranking_


def grid_search(X, y, callbacks=(), **changes):
    classifier = clone(CLASSIFIER).set_params(**changes)
    search = GridSearchCV(classifier, GRID, cv=2, n_jobs=2)
    search.set_callbacks(*callbacks).fit(X, y)
    weights = [layer.toarray() for layer in search.best_estimator_.coefs_]
    return [search.cv_results_["mean_test_score"], *weights]


def grid_search_and_selections(X, y):
    """What they come to, as arrays."""
    selections = Parallel(n_jobs=2)(delayed(select)(seed, X) for seed in range(3))
    return [*grid_search(X, y), *selections]


def everything(X, y):
    """These and other ways to fit several networks, likewise."""
    halving = HalvingRandomSearchCV(
        clone(CLASSIFIER), GRID, n_candidates=4, cv=2, random_state=0, n_jobs=2
    ).fit(X, y)
    return [
        *grid_search_and_selections(X, y),
        halving.cv_results_["mean_test_score"],
        cross_val_predict(clone(CLASSIFIER), X, y, cv=2, n_jobs=2),
    ]


def same(one, two):
    return all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


@contextmanager
def killer(client):
    """Kill a worker that trains, once others have all that was sent to it, too.

    joblib waits for ever for a worker that is lost while data are sent to it.

    Yields
    ------
    killed : list of int
        The process, when it has been killed.
    """
    address, pid = min(client.run(os.getpid).items())
    killed, over = [], threading.Event()

    def kill():
        while not over.wait(0.02):
            sent = [n for key, n in client.who_has().items() if "ndarray" in str(key)]
            copied = len(sent) == N_SENT and min(map(len, sent)) > 1
            if copied and client.processing()[address]:
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
                return

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join()


@contextmanager
def dask_workers():
    import dask
    from distributed import Client, LocalCluster

    options = {"threads_per_worker": 1, "dashboard_address": None}
    # Dask would remove copies of what was sent to several workers.
    with dask.config.set({"distributed.scheduler.active-memory-manager.start": False}):
        with LocalCluster(2, **options) as cluster, Client(cluster) as client:
            with parallel_config("dask"):
                yield client


@contextmanager
def ray_workers():
    import ray
    from ray.util.joblib import register_ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    register_ray()
    try:
        with parallel_config("ray"):
            yield None
    finally:
        ray.shutdown()


def main(engine):
    X, y = load_digits(return_X_y=True)
    X, seen = X / 16, {}
    # Those of Ray are other processes at each call, which take long to start.
    workers, work = {
        "dask": (dask_workers, everything),
        "ray": (ray_workers, grid_search_and_selections),
    }[engine]
    with workers() as client:
        probes = Parallel(n_jobs=2)(delayed(process_and_threads)() for _ in range(4))
        seen["n_threads"] = sorted({n for _, *threads in probes for n in threads})
        seen["n_workers"] = len({pid for pid, *_ in probes})
        found = work(X, y)
        if engine == "dask":
            counts = dict(Parallel(n_jobs=2)(delayed(n_compiled)() for _ in range(4)))
            counts = [*counts.values(), n_compiled()[1]]
            seen["n_compiled"] = {k: sum(c[k] for c in counts) for k in counts[0]}
            grid_search(X, y, [ProgressBar(max_propagation_depth=None)])
            expected = grid_search(X, y, max_iter=30)
            with killer(client) as killed, parallel_config("dask", scatter=[X, y]):
                less = grid_search(X, y, max_iter=30)
            seen["same_without_one"] = same(less, expected)
            seen["n_killed"] = len(killed)
    seen["same"] = same(found, work(X, y))
    print(json.dumps(seen))


if __name__ == "__main__":
    warnings.simplefilter("ignore", ConvergenceWarning)
    os.environ["PYTHONWARNINGS"] = "ignore"
    main(sys.argv[1])
