"""Where rules connect the inputs when most of them are noise: madelon.

20 of its 500 features say something of the classes: those that 300 randomised
trees find. The setting is that of `rules.py` at a density of 2 %. Beside accuracy on
training and test samples are the last loss of training, and the share of the
connections of the inputs, and of their strength, that the 20 features have; at random
it would be 0.04::

    SPARSE_NN_DATA=data python benchmarks/rules_on_noise.py
"""

import argparse
import warnings
from itertools import product
from pathlib import Path

import numpy as np
from common import key_of, print_table, run_missing
from rules import DATA, RULES, classifier, load
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.exceptions import ConvergenceWarning

DENSITY, N_INFORMATIVE = 0.02, 20


def run(rule, seed):
    """Accuracies, loss and shares of one network."""
    X, X_test, y, y_test = load("madelon", seed)
    trees = ExtraTreesClassifier(300, random_state=0).fit(X, y)
    best = np.argsort(-trees.feature_importances_)[:N_INFORMATIVE]
    model = classifier(rule, DATA["madelon"], DENSITY, len(X))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.set_params(random_state=seed).fit(X, y)
    weights = abs(model.coefs_[0])
    degree, strength = (weights != 0).sum(axis=1), weights.sum(axis=1)
    return {
        "training": model.score(X, y),
        "test": model.score(X_test, y_test),
        "loss": float(model.loss_curve_[-1]),
        "connections": float(degree[best].sum() / degree.sum()),
        "strength": float(strength[best].sum() / strength.sum()),
    }


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    rules = ["static", "set", "rigl", "granet", "cht", "chts", "ctre"]
    parser.add_argument("--rules", nargs="+", default=rules, choices=list(RULES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--json", type=Path, help="added to, if it is there")
    args = parser.parse_args()
    jobs = list(product(args.rules, args.seeds))
    results = run_missing(run, jobs, args.json, args.processes)
    rows = []
    for rule in args.rules:
        found = [list(results[key_of(rule, seed)].values()) for seed in args.seeds]
        rows.append([rule, *(f"{value:.3f}" for value in np.mean(found, axis=0))])
    headings = ["rule", "training", "test", "loss", "connections", "strength"]
    print_table(headings, rows)


if __name__ == "__main__":
    main()
