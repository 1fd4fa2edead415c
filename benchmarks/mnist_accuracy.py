"""Test accuracy on MNIST, 784-1000-1000-1000-10, within 50 epochs: SET and dense.

SET has `epsilon=20`, 4.5 % of the connections of the dense network. Both train by
SGD with momentum 0.9, mini-batches of 128 and the 'adaptive' schedule, on pixels
shifted and scaled to mean 0 and variance 1. SET starts from twice the learning rate,
keeps each rate longer, and has a dropout of 0.15, which the dense network,
scikit-learn's, does not offer::

    python benchmarks/mnist_accuracy.py --models SET --seeds 0 1 2
"""

import argparse
import json
import warnings
from pathlib import Path
from time import perf_counter

import numpy as np
from common import describe_machine, load_mnist
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


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", default=["SET", "static", "dense"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    X, y, X_test, y_test = load_mnist()
    mean, std = X.mean(), X.std()
    X, X_test = (X - mean) / std, (X_test - mean) / std
    results = {}
    for name in arguments.models:
        results[name] = []
        for seed in arguments.seeds:
            model = make_model(name, seed)
            start = perf_counter()
            accuracy = model.fit(X, y).score(X_test, y_test)
            seconds = perf_counter() - start
            results[name].append(accuracy)
            print(
                f"{name:>7}, seed {seed}: {accuracy:.4f} after {model.n_iter_} epochs "
                f"in {seconds:.0f} s",
                flush=True,
            )
        scores = results[name]
        print(f"{name:>7}: {np.mean(scores):.4f} ± {np.std(scores):.4f}", flush=True)
    if arguments.json:
        record = {"machine": describe_machine(), "accuracy": results}
        arguments.json.write_text(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
