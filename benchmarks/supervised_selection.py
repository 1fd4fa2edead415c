"""Supervised feature selection: accuracy, agreement between seeds, known truth, time.

Features are chosen on the training part of each fold of a repeated stratified
cross-validation, by each method with two seeds. Three models are trained on the best K
of them and judged on the test part: a linear support vector machine, one with an RBF
kernel and extremely randomised trees; their mean is reported for K = 25, 50 and 100.
The overlap is how many of the best 50 the two seeds have in common::

    SPARSE_NN_DATA=data python benchmarks/supervised_selection.py --json FILE

With ``--known``, the features that matter are known, as the data are made: the
precision is the share of them among the best, as many as there are of them. Data sets
are read from the folder that ``SPARSE_NN_DATA`` names, as ``NAME.npz`` with arrays X
and y. Results are added to those in the file, so that it can be stopped and go on.
"""

import argparse
import os
import warnings
from functools import partial
from itertools import product
from pathlib import Path
from time import perf_counter

import numpy as np
from common import print_table, run_missing
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.feature_selection import f_classif, mutual_info_classif
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sklearn_sparse_nn import SETFeatureSelector

CHOOSE = "colon glioma prostate_ge coil20 pcmac".split()
REPORT = "allaml leukemia tox_171 isolet madelon mnist".split()
NUMBERS = 25, 50, 100
_N_SAMPLES = 2000  # of mnist


def load(name):
    archive = np.load(Path(os.environ["SPARSE_NN_DATA"]) / f"{name}.npz")
    if "X" in archive:
        return archive["X"].astype(np.float32), archive["y"]
    X, y = archive["x_train"].reshape(-1, 784), archive["y_train"]
    rows = np.random.default_rng(0).choice(len(y), _N_SAMPLES, replace=False)
    return X[rows].astype(np.float32), y[rows]


def ours(X, y, seed, n=50, **parameters):
    return -SETFeatureSelector(n, random_state=seed, **parameters).fit(X, y).ranking_


def l1(X, y, seed):
    """Magnitudes of the coefficients, of the class where they are largest."""
    model = LogisticRegression(
        l1_ratio=1, C=1.0, solver="saga", max_iter=200, random_state=seed
    )
    model.fit(StandardScaler().fit_transform(X), y)
    return np.abs(model.coef_).max(axis=0)


def forest(X, y, seed):
    return RandomForestClassifier(500, random_state=seed).fit(X, y).feature_importances_


# What each method thinks of the features: the larger, the better.
METHODS = {
    "random": lambda X, y, seed: np.random.RandomState(seed).rand(X.shape[1]),
    "f_classif": lambda X, y, seed: np.nan_to_num(f_classif(X, y)[0]),
    "mutual information": lambda X, y, seed: mutual_info_classif(
        X, y, random_state=seed
    ),
    "L1 logistic regression": l1,
    "random forest": forest,
    "attribution": ours,
    "attribution, 1 network": partial(ours, stability_selection=1),
    "attribution, diversity 0": partial(ours, diversity=0.0),
    "attribution over training": partial(ours, over_training=True),
    "strength": partial(ours, importance="strength"),
    "strength over training": partial(ours, importance="strength", over_training=True),
    "NeuroFS": partial(ours, evolution="neurofs"),
}


def judge(features, X, X_test, y, y_test):
    """Mean accuracy of three models on some of the features."""
    models = (
        make_pipeline(StandardScaler(), SVC(kernel="linear")),
        make_pipeline(StandardScaler(), SVC()),
        ExtraTreesClassifier(100, random_state=0),
    )
    accuracies = [
        model.fit(X[:, features], y).score(X_test[:, features], y_test)
        for model in models
    ]
    return np.mean(accuracies)


def best(scores, n):
    return np.argsort(-scores, kind="stable")[:n]


def run(name, method, n_folds, n_repeats):
    """Accuracies for each K, overlap of the best 50, and seconds, over the folds."""
    X, y = load(name)
    folds = RepeatedStratifiedKFold(
        n_splits=n_folds, n_repeats=n_repeats, random_state=0
    )
    accuracies, overlaps, seconds = [], [], []
    for train, test in folds.split(X, y):
        parts = X[train], X[test], y[train], y[test]
        found = []
        for seed in (0, 1):
            start = perf_counter()
            found.append(scores_of(method, X[train], y[train], seed))
            seconds.append(perf_counter() - start)
            accuracies.append([judge(best(found[-1], n), *parts) for n in NUMBERS])
        overlaps.append(len(np.intersect1d(*(best(scores, 50) for scores in found))))
    return {
        "accuracies": np.mean(accuracies, axis=0).tolist(),
        "spread": np.std(accuracies, axis=0).tolist(),
        "overlap": float(np.mean(overlaps)),
        "seconds": float(np.median(seconds)),
    }


def scores_of(method, X, y, seed):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return METHODS[method](X, y, seed)


def print_results(results):
    rows = [
        [
            key,
            "  ".join(f"{accuracy:.3f}" for accuracy in found["accuracies"]),
            f"{found['overlap']:.1f}",
            f"{found['seconds']:.1f}",
        ]
        for key, found in results.items()
    ]
    print_table(["", "accuracy", "overlap", "seconds"], rows)


# Data sets of known truth: X, y and which features matter.


def independent(rng, n_samples, n_features, n_true=20):
    """The class depends on a sum of independent features."""
    X = rng.standard_normal((n_samples, n_features))
    y = X[:, :n_true] @ rng.choice([-1, 1], n_true) + rng.standard_normal(n_samples) > 0
    return X, y, np.arange(n_features) < n_true


def correlated(rng, n_samples, n_features, n_true=20):
    """The same, where ten neighbours correlate by 0.5, and one of them counts."""
    n_true = min(n_true, n_features // 10)
    shared = np.repeat(rng.standard_normal((n_samples, n_features // 10)), 10, axis=1)
    X = np.sqrt(0.5) * shared + np.sqrt(0.5) * rng.standard_normal(shared.shape)
    true = np.arange(n_features) % 10 == 0
    true &= np.cumsum(true) <= n_true
    y = X[:, true] @ rng.choice([-1, 1], n_true) + rng.standard_normal(n_samples) > 0
    return X, y, true


def interactions(rng, n_samples, n_features, n_true=10):
    """The class depends on products of pairs: no feature tells anything alone."""
    X = rng.standard_normal((n_samples, n_features))
    products = X[:, 0:n_true:2] * X[:, 1:n_true:2]
    return X, products.sum(axis=1) > 0, np.arange(n_features) < n_true


def bumps(rng, n_samples, n_features, n_true=10):
    """The class depends on squares: of each feature, but on no mean."""
    X = rng.standard_normal((n_samples, n_features))
    return X, (X[:, :n_true] ** 2).sum(axis=1) > n_true, np.arange(n_features) < n_true


MADE = {
    "independent": independent,
    "correlated": correlated,
    "interactions": interactions,
    "bumps": bumps,
}
SIZES = [(60, 500), (200, 2000), (1000, 500), (2000, 100), (2000, 10_000)]


def run_known(name, n_samples, n_features, method, seed):
    """Precision of a method on made data."""
    rng = np.random.default_rng(seed)
    X, y, true = MADE[name](rng, n_samples, n_features)
    start = perf_counter()
    scores = scores_of(method, X.astype(np.float32), y.astype(int), seed)
    seconds = perf_counter() - start
    precision = true[best(scores, true.sum())].mean()
    return {"precision": float(precision), "seconds": round(seconds, 3)}


def print_precisions(results):
    rows = [
        [key, f"{found['precision']:.3f}", f"{found['seconds']:.1f}"]
        for key, found in results.items()
    ]
    print_table(["", "precision", "seconds"], rows)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", nargs="+", default=CHOOSE + REPORT)
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--known", action="store_true", help="on made data")
    parser.add_argument("--made", nargs="+", default=list(MADE))
    parser.add_argument("--sizes", nargs="+", type=int, default=range(len(SIZES)))
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--json", type=Path, help="added to, if it is there")
    args = parser.parse_args()
    if args.known:
        sizes, seeds = [SIZES[each] for each in args.sizes], range(args.repeats)
        wanted = product(args.made, sizes, args.methods, seeds)
        jobs = [(name, *size, method, seed) for name, size, method, seed in wanted]
        print_precisions(run_missing(run_known, jobs, args.json, args.processes))
    else:
        wanted = product(args.data, args.methods)
        jobs = [(*job, args.folds, args.repeats) for job in wanted]
        print_results(run_missing(run, jobs, args.json, args.processes))


if __name__ == "__main__":
    main()
