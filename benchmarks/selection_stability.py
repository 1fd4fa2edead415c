"""How far unsupervised feature selection repeats: seeds, halves of the samples, truth.

Features are chosen with two seeds from the same samples, and from either half of them.
Printed are the share of the selected features that both have, the share of their
groups, and the correlation of the importances; means over pairs of seeds::

    SPARSE_NN_DATA=data python benchmarks/selection_stability.py

Groups are those of the default on all samples, whatever selected the features.
With ``--synthetic`` the data are factors, each with some features that follow it, among
noise that is correlated too, but only in pairs. Printed is the share of the selected
features that follow a factor::

    python benchmarks/selection_stability.py --synthetic

Data sets are read from the folder that ``SPARSE_NN_DATA`` names, as ``NAME.npz`` with
arrays X and y.
"""

import argparse
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
from common import describe_machine
from feature_selection import load, n_selected
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits

from sklearn_sparse_nn import QuickSelectionSelector

DATA = "allaml colon tox_171 isolet madelon pcmac".split()
SHIPPED = {"digits": (load_digits, 20), "cancer": (load_breast_cancer, 8)}
SHAPES = [(60, 500), (60, 10_000), (200, 2_000), (2_000, 500)]
N_FACTORS, N_FOLLOWERS = 10, 5


def samples_of(name):
    """Samples of a data set, and how many features to select."""
    if name in SHIPPED:
        load_shipped, n = SHIPPED[name]
        return load_shipped().data.astype(np.float32), n
    return load(name)[0], n_selected(name)


def synthetic(n_samples, n_features, seed):
    """Samples, the features that follow a factor being the first 50."""
    rng = np.random.default_rng(seed)
    factors = np.repeat(rng.normal(size=(n_samples, N_FACTORS)), N_FOLLOWERS, axis=1)
    pairs = np.repeat(rng.normal(size=(n_samples, n_features // 2)), 2, axis=1)
    X = 0.6 * pairs[:, :n_features] + 0.8 * rng.normal(size=(n_samples, n_features))
    n_true = N_FACTORS * N_FOLLOWERS
    X[:, :n_true] = 0.8 * factors + 0.6 * rng.normal(size=(n_samples, n_true))
    return X.astype(np.float32)


def greedy(selector, X, n, diversity=0.9):
    """The choice before groups: one after the other, by importance and correlation."""
    importances = selector.importances_
    Z = X.astype(np.float64) - X.mean(axis=0)
    lengths = np.linalg.norm(Z, axis=0)
    Z /= np.where(lengths > 0, lengths, 1)
    left, overlap, chosen = importances > -1, np.zeros(X.shape[1]), []
    for _ in range(n):
        scores = importances * (1 - diversity * np.minimum(overlap, 1))
        best = int(np.argmax(np.where(left, scores, -1)))
        chosen.append(best)
        left[best] = False
        np.maximum(overlap, np.abs(Z.T @ Z[:, best]), out=overlap)
    return chosen


# What each chooses, of a fitted selector.
CHOICES = {
    "default": lambda s, X, n: np.flatnonzero(s.ranking_ <= n),
    "diversity=0": lambda s, X, n: np.argsort(-s.importances_, kind="stable")[:n],
    "greedy": greedy,
}


def shared(a, b):
    """Share of what two selections have in common."""
    a, b = set(map(int, a)), set(map(int, b))
    return len(a & b) / max(len(a), len(b))


def compare(pairs, groups, n):
    """Overlaps of each choice between the selectors of each pair, fitted to samples."""
    results = {name: [] for name in CHOICES}
    for pair in pairs:
        r = np.corrcoef(*(selector.importances_ for selector, _ in pair))[0, 1]
        for name, choose in CHOICES.items():
            features = [choose(selector, X, n) for selector, X in pair]
            of_groups = shared(*(groups[each] for each in features))
            results[name].append((shared(*features), of_groups, r))
    return {name: np.mean(each, axis=0).tolist() for name, each in results.items()}


def stability(name, model, seeds):
    """Overlaps between seeds and between halves of the samples of one data set."""
    X, n = samples_of(name)

    def fitted(samples, seed):
        return clone(model).set_params(random_state=seed).fit(samples), samples

    of_all = [fitted(X, seed) for seed in seeds]
    halves = []
    for seed in seeds[:-1]:
        order = np.random.default_rng(seed).permutation(len(X))
        parts = X[order[: len(X) // 2]], X[order[len(X) // 2 :]]
        halves.append([fitted(part, seed) for part in parts])
    groups = of_all[0][0].feature_groups_
    results = {
        "seeds": compare(list(pairwise(of_all)), groups, n),
        "halves": compare(halves, groups, n),
    }
    for between, choices in results.items():
        for choice, (features, of_groups, r) in choices.items():
            print(
                f"{name:>12} {between:<6} {choice:<12} features {features:.2f}  "
                f"groups {of_groups:.2f}  r {r:.2f}",
                flush=True,
            )
    return results


def precision(shape, model, seeds):
    """Share of selected features that follow a factor: the first 10, and 50."""
    found = {name: [] for name in CHOICES}
    for seed in seeds:
        X = synthetic(*shape, seed)
        selector = clone(model).set_params(random_state=seed).fit(X)
        for name, choose in CHOICES.items():
            true = [
                np.asarray(choose(selector, X, n)) < N_FACTORS * N_FOLLOWERS
                for n in (N_FACTORS, N_FACTORS * N_FOLLOWERS)
            ]
            followed = np.asarray(choose(selector, X, N_FACTORS))[true[0]]
            n_factors = len(set((followed // N_FOLLOWERS).tolist()))
            found[name].append((true[0].mean(), true[1].mean(), n_factors / N_FACTORS))
    results = {name: np.mean(each, axis=0).tolist() for name, each in found.items()}
    for name, (few, many, factors) in results.items():
        print(
            f"{shape[0]:>6} x {shape[1]:<6} {name:<12} of 10: {few:.2f}  of 50: "
            f"{many:.2f}  factors among 10: {factors:.2f}",
            flush=True,
        )
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", default=DATA)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--networks", type=int, default=1, help="stability_selection")
    parser.add_argument("--synthetic", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write results here")
    arguments = parser.parse_args()
    model = QuickSelectionSelector(stability_selection=arguments.networks)
    if arguments.synthetic:
        results = {
            f"{n} x {p}": precision((n, p), model, arguments.seeds) for n, p in SHAPES
        }
    else:
        results = {
            name: stability(name, model, arguments.seeds) for name in arguments.data
        }
    if arguments.json:
        record = {"machine": describe_machine(), "results": results}
        arguments.json.write_text(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
