"""Does rewiring help where connections are few? SET beside the same network without it.

Each network is trained at several values of `epsilon`, with and without rewiring, on
stratified splits, a seed for each; mean and standard deviation over the seeds::

    python benchmarks/low_density.py                          # perceptrons
    python benchmarks/low_density.py --network autoencoder    # or rbm, selector

Perceptrons: two hidden layers of 1,000, `StandardScaler`, 40 epochs, or 200 below 300
samples; test accuracy. The others have 500 hidden neurons. Autoencoders: 50 epochs; the
score on the test samples. Boltzmann machines: features scaled to [0, 1], 20 epochs;
minus 100 times the mean squared error of the reconstruction. Selectors: 25 features, 50
epochs; test accuracy of extremely randomised trees on them.

Data as in `panel_data.py`.
"""

import argparse
import json
import warnings
from pathlib import Path

import numpy as np
from common import describe_machine
from panel_data import PANEL
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from sklearn_sparse_nn import (
    QuickSelectionSelector,
    SETAutoencoder,
    SETClassifier,
    SETRBMTransformer,
)

DATA = "digits cancer isolet coil20 tox_171 allaml".split()
SMALL = 300  # samples


def perceptron(parts, epochs, **options):
    X, X_test, y, y_test = parts
    scaler = StandardScaler().fit(X)
    clf = SETClassifier(
        (1000, 1000),
        zeta=0.3,
        batch_size=min(200, len(y)),
        learning_rate="constant",
        learning_rate_init=0.001,
        max_iter=epochs,
        **options,
    )
    return clf.fit(scaler.transform(X), y).score(scaler.transform(X_test), y_test)


def autoencoder(parts, epochs, **options):
    X, X_test, *_ = parts
    return SETAutoencoder(500, max_iter=50, **options).fit(X).score(X_test)


def rbm(parts, epochs, **options):
    X, X_test, *_ = parts
    scaler = MinMaxScaler(clip=True).fit(X)
    model = SETRBMTransformer(500, batch_size=10, n_iter=20, **options)
    model.fit(scaler.transform(X))
    V = scaler.transform(X_test)
    return -100 * np.mean((model.reconstruct(V) - V) ** 2)


def selector(parts, epochs, **options):
    X, X_test, y, y_test = parts
    options = {"stability_selection": 1} | options
    model = QuickSelectionSelector(
        25, hidden_layer_sizes=(500,), max_iter=50, **options
    ).fit(X)
    trees = ExtraTreesClassifier(100, random_state=0).fit(model.transform(X), y)
    return trees.score(model.transform(X_test), y_test)


NETWORKS = dict(perceptron=perceptron, autoencoder=autoencoder, rbm=rbm)
NETWORKS["selector"] = selector


def scores_of(judge, X, y, epsilon, evolution, seeds):
    """The score of each seed, with a split of its own."""
    small = len(y) < SMALL
    scores = []
    for seed in seeds:
        parts = train_test_split(
            X, y, test_size=0.3 if small else 0.2, random_state=seed, stratify=y
        )
        options = dict(epsilon=epsilon, evolution=evolution, random_state=seed)
        scores.append(judge(parts, 200 if small else 40, **options))
    return scores


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", choices=list(NETWORKS), default="perceptron")
    parser.add_argument("--data", nargs="+", default=DATA)
    parser.add_argument("--epsilons", nargs="+", type=float, default=[0.5, 1, 2, 5, 20])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    results = []
    for name in arguments.data:
        X, y = PANEL[name].load()
        for epsilon in arguments.epsilons:
            row = {"data": name, "epsilon": epsilon}
            for evolution in ("static", "set"):
                row[evolution] = scores_of(
                    NETWORKS[arguments.network],
                    *(X, y, epsilon, evolution, arguments.seeds),
                )
            results.append(row)
            cells = [
                f"{evolution} {np.mean(row[evolution]):.4f} ± "
                f"{np.std(row[evolution], ddof=1):.4f}"
                for evolution in ("static", "set")
            ]
            print(f"{name:>10}  epsilon {epsilon:<5g}", *cells, sep="  ", flush=True)
    if arguments.json:
        record = {"machine": describe_machine(), "results": results}
        arguments.json.write_text(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
