"""What importances of features are worth: agreement, known truth, accuracy.

`feature_importances_` of `SETClassifier`, of one network and averaged over five, are
compared with those of a random forest, permutation importances of that forest, the F
statistic, and the coefficients of a logistic regression with an L1 penalty::

    SPARSE_NN_DATA=data python benchmarks/importance_rankings.py

Printed are the share of the best 50 features that two fits have in common, with other
random numbers on the same samples (seeds), and on two halves of the samples (halves);
and the accuracy on test samples of a logistic regression and of extremely randomised
trees that see the best 50 of the training samples. On data that are made, of which 20
features matter, the share of these among the best 20::

    python benchmarks/importance_rankings.py --known

It comes out that such a list says which features matter if there are 2,000 samples,
gives candidates if there are 200, and may at most serve to predict if there are 60.

No two fits that are compared have the same random numbers. The default of `importance`
was chosen on the data sets `CHOOSE`, and on made data of the seeds 10 to 12; made data
are reported for other seeds. Data sets are read from the folder that ``SPARSE_NN_DATA``
names, as ``NAME.npz`` with arrays X and y.
"""

import argparse
import json
import warnings
from itertools import count
from pathlib import Path

import numpy as np
from common import describe_machine
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.feature_selection import f_classif
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from supervised_selection import best, correlated, independent, l1, load

from sklearn_sparse_nn import SETClassifier

CHOOSE = "glioma prostate_ge leukemia".split()
REPORT = "allaml colon tox_171".split()
N_BEST, N_NETWORKS, N_TREES = 50, 5, 100
MADE = {"independent": independent, "correlated": correlated}
SIZES = [
    (60, 500),
    (60, 2000),
    (60, 10_000),
    (200, 500),
    (200, 2000),
    (2000, 500),
    (2000, 2000),
]


def networks(X, y, seed):
    """Importances of one network and of five, by strength and by attribution."""
    X = StandardScaler().fit_transform(X)
    found = {"strength": [], "attribution": []}
    for each in range(N_NETWORKS):
        model = SETClassifier(
            importance="attribution", random_state=N_NETWORKS * seed + each
        )
        found["attribution"].append(model.fit(X, y).feature_importances_)
        strength = model.feature_strength_ * (X.std(axis=0) > 0)
        found["strength"].append(strength / strength.sum())
    for name, importances in found.items():
        yield f"{name}, 1 network", importances[0]
        yield f"{name}, {N_NETWORKS} networks", np.mean(importances, axis=0)


def forest(X, y, seed):
    """Importances of a forest, by impurity and by permutation of its own samples."""
    model = RandomForestClassifier(N_TREES, random_state=seed).fit(X, y)
    yield "forest, impurity", model.feature_importances_
    yield "forest, permutation", permutation(model, X.copy(), y, seed)


def permutation(model, X, y, seed):
    """How much the log loss of a forest grows when a feature is permuted in X."""
    rng, increases = np.random.default_rng(seed), np.zeros(X.shape[1])
    trees = [each.tree_ for each in model.estimators_]
    votes, looked_at = [tree.predict(X) for tree in trees], {}
    for number, tree in enumerate(trees):
        for feature in np.unique(tree.feature[tree.feature >= 0]):
            looked_at.setdefault(feature, []).append(number)
    total, labels = np.sum(votes, axis=0), np.searchsorted(model.classes_, y)

    def loss(votes):
        right = votes[np.arange(len(y)), labels] / len(trees)
        return -np.log(np.maximum(right, 1e-9)).mean()

    # A permutation changes nothing in trees that do not look at the feature.
    for feature, numbers in looked_at.items():
        before = X[:, feature].copy()
        X[:, feature] = rng.permutation(before)
        changes = [trees[number].predict(X) - votes[number] for number in numbers]
        increases[feature] = loss(total + np.sum(changes, axis=0)) - loss(total)
        X[:, feature] = before
    return increases


def filters(X, y, seed):
    """What needs no network and no tree."""
    yield "f_classif", np.nan_to_num(f_classif(X, y)[0])
    yield "L1 logistic regression", l1(X, y, seed)


def rankings(X, y, seed):
    """Scores of the features by each method."""
    methods = networks, forest, filters
    return {k: scores for method in methods for k, scores in method(X, y, seed)}


def shared(one, other):
    """For each method, the share of the best features that both have."""
    pairs = {k: [best(scores[k], N_BEST) for scores in (one, other)] for k in one}
    return {k: len(np.intersect1d(*pair)) / N_BEST for k, pair in pairs.items()}


def accuracies(scores, X, X_test, y, y_test):
    """For each method, the mean accuracy of two models that see the best features."""
    models = (
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        ExtraTreesClassifier(200, random_state=0),
    )
    found = {}
    for name, each in scores.items():
        chosen = best(each, N_BEST)
        parts = X[:, chosen], X_test[:, chosen]
        right = [m.fit(parts[0], y).score(parts[1], y_test) for m in models]
        found[name] = np.mean(right)
    return found


def mean(results):
    """Mean of each method."""
    return {k: float(np.mean([each[k] for each in results])) for k in results[0]}


def on_data(name, n_repeats):
    """Agreement between seeds and between halves, and accuracy, on one data set."""
    X, y = load(name)
    seeds, found = count(), {"seeds": [], "halves": [], "accuracy": []}
    for repeat in range(n_repeats):
        found["seeds"].append(shared(*(rankings(X, y, next(seeds)) for _ in range(2))))
        halves = StratifiedKFold(2, shuffle=True, random_state=repeat).split(X, y)
        found["halves"].append(
            shared(*(rankings(X[half], y[half], next(seeds)) for half, _ in halves))
        )
        folds = StratifiedKFold(3, shuffle=True, random_state=repeat).split(X, y)
        for train, test in folds:
            scores = rankings(X[train], y[train], next(seeds))
            parts = X[train], X[test], y[train], y[test]
            found["accuracy"].append(accuracies(scores, *parts))
    return {measure: mean(results) for measure, results in found.items()}


def on_known(name, shape, seeds):
    """Precision on made data."""
    found = []
    for seed in seeds:
        X, y, true = MADE[name](np.random.default_rng(seed), *shape)
        scores = rankings(X.astype(np.float32), y.astype(int), seed)
        n_true = true.sum()
        found.append({k: true[best(each, n_true)].mean() for k, each in scores.items()})
    return {"precision": mean(found)}


def show(name, results):
    for method in next(iter(results.values())):
        figures = "  ".join(f"{k} {each[method]:.3f}" for k, each in results.items())
        print(f"{name:<26} {method:<25} {figures}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", default=CHOOSE + REPORT)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--known", action="store_true", help="on made data")
    parser.add_argument("--sizes", nargs="+", type=int, default=range(len(SIZES)))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write results here")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    results = {}
    if arguments.known:
        for name in MADE:
            for shape in (SIZES[size] for size in arguments.sizes):
                label = f"{name} {shape[0]} × {shape[1]}"
                results[label] = on_known(name, shape, arguments.seeds)
                show(label, results[label])
    else:
        for name in arguments.data:
            results[name] = on_data(name, arguments.repeats)
            show(name, results[name])
    if arguments.json:
        record = {"machine": describe_machine(), "results": results}
        arguments.json.write_text(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
