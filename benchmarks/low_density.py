"""Does rewiring help where connections are few? SET beside the same network without it.

Each network is trained at several values of `epsilon`, with and without rewiring, on
stratified splits, a seed for each; mean and standard deviation over the seeds::

    python benchmarks/low_density.py                          # perceptrons
    python benchmarks/low_density.py --network autoencoder    # or another

Perceptrons: two hidden layers of 1,000, `StandardScaler`, 40 epochs, or 200 below 300
samples; test accuracy. Deep ones: ten such layers, other settings by default. All
others have 500 hidden neurons. Autoencoders: 50 epochs; the score on the test samples.
Boltzmann machines: features scaled to [0, 1], 20 epochs; minus 100 times the mean
squared error of the reconstruction. Selectors: 25 features, 50 epochs; test accuracy of
extremely randomised trees on them.

Data as in `panel_data.py`. Results are added to those in the file of ``--json``, so
that it can be stopped and go on.
"""

import argparse
import warnings
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
from common import key_of, print_table, run_missing
from panel_data import PANEL
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from sklearn_sparse_nn import (
    QuickSelectionSelector,
    SETAutoencoder,
    SETClassifier,
    SETRBMTransformer,
)

DATA = "digits cancer isolet coil20 tox_171 allaml".split()
EPSILONS, EVOLUTIONS = (0.5, 1.0, 2.0, 5.0, 20.0), ("static", "set")
SMALL = 300  # samples


def scaled_accuracy(clf, parts):
    X, X_test, y, y_test = parts
    return make_pipeline(StandardScaler(), clf).fit(X, y).score(X_test, y_test)


def perceptron(parts, epochs, **options):
    clf = SETClassifier(
        (1000, 1000),
        zeta=0.3,
        batch_size=min(200, len(parts[0])),
        learning_rate="constant",
        learning_rate_init=0.001,
        max_iter=epochs,
        **options,
    )
    return scaled_accuracy(clf, parts)


def deep(parts, epochs, **options):
    return scaled_accuracy(SETClassifier((1000,) * 10, **options), parts)


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


NETWORKS = {
    "perceptron": perceptron,
    "deep, ReLU": deep,
    "deep, All-ReLU": partial(deep, activation="all_relu"),
    "autoencoder": autoencoder,
    "rbm": rbm,
    "selector": selector,
}


def run(network, name, epsilon, evolution, seed):
    """The score of one network, on a split of its own."""
    X, y = PANEL[name].load()
    small = len(y) < SMALL
    parts = train_test_split(
        X, y, test_size=0.3 if small else 0.2, random_state=seed, stratify=y
    )
    options = dict(epsilon=epsilon, evolution=evolution, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        score = NETWORKS[network](parts, 200 if small else 40, **options)
    return {"score": float(score)}


def scores(results, *job):
    """Of all seeds."""
    start = key_of(*job, "")
    return [r["score"] for key, r in results.items() if key.startswith(start)]


def print_results(results, network, data, epsilons):
    rows = []
    for name, evolution in product(data, EVOLUTIONS):
        found = [scores(results, network, name, e, evolution) for e in epsilons]
        cells = [f"{np.mean(each):.3f} ± {np.std(each, ddof=1):.3f}" for each in found]
        rows.append([f"{name}, {evolution}", *cells])
    print_table([network, *map(str, epsilons)], rows)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--network", choices=list(NETWORKS), default="perceptron")
    parser.add_argument("--data", nargs="+", default=DATA)
    parser.add_argument("--epsilons", nargs="+", type=float, default=EPSILONS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3])
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--json", type=Path, help="added to, if it is there")
    args = parser.parse_args()
    wanted = product([args.network], args.data, args.epsilons, EVOLUTIONS, args.seeds)
    results = run_missing(run, list(wanted), args.json, args.processes)
    print_results(results, args.network, args.data, args.epsilons)


if __name__ == "__main__":
    main()
