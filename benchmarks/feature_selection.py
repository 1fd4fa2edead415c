"""Unsupervised feature selection: accuracy on the selected features, and stability.

Features are chosen without labels on the training part of stratified 80/20 splits, 50
of them (madelon: 20), then extremely randomised trees and an RBF support vector machine
are trained on them and judged on the test part. Each seed has its own split::

    SPARSE_NN_DATA=data python benchmarks/feature_selection.py --json selection.json

`paper` is the algorithm of QuickSelection in plain NumPy (`plain_quick_selection.py`),
100 epochs; it takes most of the time. `WAST, paper` is that of WAST (`plain_wast.py`).
`f_classif` sees the labels. Data sets are read from the folder that ``SPARSE_NN_DATA``
names, as ``NAME.npz`` with arrays X and y. Results are added to those in the file, so
that it can be stopped and go on.
"""

import argparse
import os
import warnings
from itertools import combinations, product
from pathlib import Path
from time import perf_counter

import numpy as np
from common import key_of, load_mnist, print_table, run_missing
from plain_quick_selection import quick_selection
from plain_wast import wast
from scipy.stats import kendalltau, rankdata
from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.feature_selection import f_classif
from sklearn.model_selection import train_test_split
from sklearn.neighbors import kneighbors_graph
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sklearn_sparse_nn import QuickSelectionSelector

DATA = "coil20 isolet madelon pcmac mnist tox_171 glioma prostate_ge allaml".split()
STABLE = "strength", "communality", "communality, 5 networks"


def load(name):
    if name == "mnist":
        X, y, _, _ = load_mnist()
        return train_test_split(X, y, train_size=12_500, stratify=y, random_state=0)[
            ::2
        ]
    archive = np.load(Path(os.environ["SPARSE_NN_DATA"]) / f"{name}.npz")
    return archive["X"].astype(np.float32), archive["y"]


def n_selected(name):
    return 20 if name == "madelon" else 50


def laplacian_score(X):
    """Negative Laplacian score (He et al., 2005): 5 neighbours, heat kernel."""
    Z = StandardScaler().fit_transform(X)
    graph = kneighbors_graph(Z, 5, mode="distance")
    graph = graph.maximum(graph.T)
    graph.data = np.exp(-(graph.data**2) / np.mean(graph.data**2))
    degrees = np.asarray(graph.sum(axis=1)).ravel()
    Z = Z - degrees @ Z / degrees.sum()
    spread = (Z**2 * degrees[:, np.newaxis]).sum(axis=0)
    rough = spread - np.einsum("ij,ij->j", Z, graph @ Z)
    return np.where(spread > 0, -rough / np.where(spread > 0, spread, 1), -np.inf)


def loadings(X):
    """Variance of each feature within the first 50 principal components."""
    pca = PCA(min(50, min(X.shape) - 1), svd_solver="full").fit(X)
    return pca.explained_variance_ @ pca.components_**2


def selector(X, seed, stability_selection=1, **parameters):
    model = QuickSelectionSelector(
        stability_selection=stability_selection,
        random_state=seed,
        n_jobs=1,
        **parameters,
    ).fit(X)
    return -model.ranking_


def mean_magnitude(X):
    """Mean of the magnitudes of the standardised values of each feature."""
    return np.abs(StandardScaler().fit_transform(X)).mean(axis=0)


# The network of the paper on WAST, and its 10 epochs.
_SHORT = dict(
    hidden_layer_sizes=(200,), density=0.2, zeta=0.3, dropout=0, alpha=0, max_iter=10
)


def attentive(X, seed, **parameters):
    settings = dict(evolution="wast", importance="evolution", batch_size=128)
    return selector(X, seed, **_SHORT | settings | parameters)


# What each method thinks of the features: the larger, the better.
METHODS = {
    "random": lambda X, y, seed: np.random.RandomState(seed).rand(X.shape[1]),
    "variance": lambda X, y, seed: X.var(axis=0, dtype=np.float64),
    "Laplacian score": lambda X, y, seed: laplacian_score(X),
    "PCA loadings": lambda X, y, seed: loadings(X),
    "paper": lambda X, y, seed: quick_selection(
        StandardScaler().fit_transform(X.astype(np.float64)), 100, seed
    ),
    "strength": lambda X, y, seed: selector(X, seed, importance="strength"),
    "attribution": lambda X, y, seed: selector(X, seed, importance="attribution"),
    "communality": lambda X, y, seed: selector(X, seed),
    "communality, 5 networks": lambda X, y, seed: selector(
        X, seed, stability_selection=5
    ),
    "communality, standardised X": lambda X, y, seed: selector(
        StandardScaler().fit_transform(X), seed
    ),
    "mean magnitude": lambda X, y, seed: mean_magnitude(X),
    "WAST, paper": lambda X, y, seed: wast(
        StandardScaler().fit_transform(X).astype(np.float32), 10, seed
    ),
    # The loss of the paper is a mean over the outputs, ours a sum.
    "WAST, its settings": lambda X, y, seed: attentive(
        X, seed, learning_rate_init=0.2 / X.shape[1]
    ),
    "WAST, tuned": lambda X, y, seed: attentive(X, seed, learning_rate_init=0.003),
    "WAST, communality": lambda X, y, seed: attentive(
        X, seed, importance="communality"
    ),
    "SET, 10 epochs, communality": lambda X, y, seed: attentive(
        X, seed, importance="communality", evolution="set"
    ),
    "f_classif": lambda X, y, seed: np.nan_to_num(f_classif(X, y)[0]),
    "all features": lambda X, y, seed: None,
}


def judge(features, X, X_test, y, y_test, seed):
    """Accuracy of both classifiers on some of the features."""
    trees = ExtraTreesClassifier(50, random_state=seed)
    machine = make_pipeline(StandardScaler(), SVC())
    return [
        model.fit(X[:, features], y).score(X_test[:, features], y_test)
        for model in (trees, machine)
    ]


def agreement(scores, n):
    """Kendall's tau of the scores, and Jaccard of the best `n`, over pairs of seeds."""
    best = [set(np.argsort(-s, kind="stable")[:n]) for s in scores]
    taus = [kendalltau(a, b).statistic for a, b in combinations(scores, 2)]
    jaccards = [len(a & b) / len(a | b) for a, b in combinations(best, 2)]
    return float(np.mean(taus)), float(np.mean(jaccards))


def run(name, method, seed):
    """Accuracies and seconds of one method on a split of one data set."""
    X, y = load(name)
    parts = train_test_split(X, y, test_size=0.2, stratify=y, random_state=seed)
    start = perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        scores = METHODS[method](parts[0], parts[2], seed)
    seconds = perf_counter() - start
    features = slice(None)
    if scores is not None:
        features = np.argsort(-scores, kind="stable")[: n_selected(name)]
    trees, machine = judge(features, *parts, seed)
    return {"trees": trees, "machine": machine, "seconds": round(seconds, 3)}


def run_stability(name, method, *seeds):
    """Agreement between seeds on the same training data."""
    X, y = load(name)
    X = train_test_split(X, y, test_size=0.2, stratify=y, random_state=0)[0]
    scores = [METHODS[method](X, None, seed) for seed in seeds]
    tau, jaccard = agreement(scores, n_selected(name))
    return {"tau": tau, "jaccard": jaccard}


def accuracies(results, name, method):
    """Mean of both classifiers, for each seed."""
    start = key_of(name, method, "")
    found = [r for key, r in results.items() if key.startswith(start)]
    return [(each["trees"] + each["machine"]) / 2 for each in found]


def print_accuracies(results, data, methods):
    """Accuracies on each data set, their mean, and the mean rank without labels."""
    rows = []
    for name in data:
        found = [accuracies(results, name, method) for method in methods]
        rows.append([name, *(f"{np.mean(a):.3f} ± {np.std(a):.3f}" for a in found)])
    means = [
        [np.mean(accuracies(results, name, method)) for name in data]
        for method in methods
    ]
    rows.append(["mean", *(f"{np.mean(each):.3f}" for each in means)])
    judged = [m for m in methods if m not in ("f_classif", "all features")]
    ranks = rankdata([np.negative(means[methods.index(m)]) for m in judged], axis=0)
    rank_of = dict(zip(judged, ranks.mean(axis=1)))
    ranks = [f"{rank_of[m]:.1f}" if m in rank_of else "" for m in methods]
    print_table(["", *methods], [*rows, ["mean rank", *ranks]])


def print_stability(results):
    rows = [
        [key, f"{found['tau']:.2f}", f"{found['jaccard']:.2f}"]
        for key, found in results.items()
    ]
    print_table(["", "tau", "Jaccard"], rows)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", nargs="+", default=DATA)
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--stability", action="store_true", help="between seeds")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--json", type=Path, help="added to, if it is there")
    args = parser.parse_args()
    if args.stability:
        jobs = [(*job, *args.seeds) for job in product(args.data, STABLE)]
        print_stability(run_missing(run_stability, jobs, args.json, args.processes))
    else:
        jobs = [
            (name, method, seed)
            for seed, name, method in product(args.seeds, args.data, args.methods)
        ]
        results = run_missing(run, jobs, args.json, args.processes)
        print_accuracies(results, args.data, args.methods)


if __name__ == "__main__":
    main()
