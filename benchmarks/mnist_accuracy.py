"""Test accuracy on MNIST, 784-1000-1000-1000-10, within 50 epochs: SET and dense.

SET has `epsilon=20`, 4.5 % of the connections of the dense network. Both train by
SGD with momentum 0.9, mini-batches of 128 and the 'adaptive' schedule, on pixels
shifted and scaled to mean 0 and variance 1. SET starts from twice the learning rate,
keeps each rate longer, and has a dropout of 0.15, which the dense network,
scikit-learn's, does not offer::

    python benchmarks/mnist_accuracy.py --models SET --seeds 0 1 2

Results are added to those in the file of `--json`.
"""

import argparse
import warnings
from itertools import product
from pathlib import Path
from time import perf_counter

import numpy as np
from common import key_of, load_mnist, print_table, run_missing
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from sklearn_sparse_nn import SETClassifier

COMMON = dict(
    hidden_layer_sizes=(1000, 1000, 1000),
    solver="sgd",
    learning_rate="adaptive",
    batch_size=128,
    n_iter_no_change=3,
    max_iter=50,
    alpha=0.02,
)


def make_model(name, seed):
    if name == "dense":
        return MLPClassifier(
            **COMMON, learning_rate_init=0.05, tol=6e-3, random_state=seed
        )
    return SETClassifier(
        **COMMON,
        learning_rate_init=0.1,
        tol=3e-3,
        dropout=0.15,
        epsilon=20,
        zeta=0.2,
        evolution="static" if name == "static" else "set",
        n_jobs=2,
        random_state=seed,
    )


def run(name, seed):
    """Train and judge one network."""
    X, y, X_test, y_test = load_mnist()
    mean, std = X.mean(), X.std()
    X, X_test = (X - mean) / std, (X_test - mean) / std
    model = make_model(name, seed)
    start = perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y)
    seconds = perf_counter() - start
    found = {"accuracy": model.score(X_test, y_test), "epochs": model.n_iter_}
    found |= {"seconds": round(seconds, 1)}
    print(name, seed, found, flush=True)
    return found


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=["SET", "static", "dense"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--json", type=Path, help="added to, if it is there")
    args = parser.parse_args()
    jobs = list(product(args.models, args.seeds))
    results = run_missing(run, jobs, args.json, n_processes=1)
    rows = []
    for name in args.models:
        found = [results[key_of(name, seed)] for seed in args.seeds]
        accuracy, epochs, seconds = (
            [each[key] for each in found] for key in ("accuracy", "epochs", "seconds")
        )
        rows.append(
            [
                name,
                f"{np.mean(accuracy):.4f} ± {np.std(accuracy):.4f}",
                f"{min(epochs)} to {max(epochs)}",
                f"{min(seconds):.0f} to {max(seconds):.0f}",
            ]
        )
    print_table(["", "test accuracy", "epochs", "seconds"], rows)


if __name__ == "__main__":
    main()
