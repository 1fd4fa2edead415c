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

import numpy as np
from common import print_table
from rules import DATA, RULES, classifier, load
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.exceptions import ConvergenceWarning

DENSITY, N_INFORMATIVE = 0.02, 20


def judge(rule, seed):
    """Accuracies, loss and shares of one network."""
    X, X_test, y, y_test = load("madelon", seed)
    trees = ExtraTreesClassifier(300, random_state=0).fit(X, y)
    best = np.argsort(-trees.feature_importances_)[:N_INFORMATIVE]
    model = classifier(rule, DATA["madelon"], DENSITY, len(X))
    model.set_params(random_state=seed).fit(X, y)
    weights = abs(model.coefs_[0])
    degree, strength = (weights != 0).sum(axis=1), weights.sum(axis=1)
    shares = [each[best].sum() / each.sum() for each in (degree, strength)]
    accuracies = model.score(X, y), model.score(X_test, y_test)
    return [*accuracies, model.loss_curve_[-1], *shares]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    rules = ["static", "set", "rigl", "granet", "cht", "chts", "ctre"]
    parser.add_argument("--rules", nargs="+", default=rules, choices=list(RULES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    args = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    rows = []
    for rule in args.rules:
        found = np.array([judge(rule, seed) for seed in args.seeds])
        rows.append([rule, *(f"{value:.3f}" for value in found.mean(axis=0))])
    headings = ["rule", "training", "test", "loss", "connections", "strength"]
    print_table(headings, rows)


if __name__ == "__main__":
    main()
