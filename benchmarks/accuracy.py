"""Accuracy out of the box: SET, the same network without rewiring, a dense one.

Each model is ``make_pipeline(StandardScaler(), ...)`` with its default settings and two
hidden layers of 1,000 neurons, judged by repeated stratified cross-validation::

    python benchmarks/accuracy.py --json accuracy.json

Three data sets come with scikit-learn; the others are read from the folder that the
environment variable ``SPARSE_NN_DATA`` names, as ``NAME.npz`` with arrays X and y, and
left out where it does not have them.
"""

import argparse
import json
import os
import warnings
from pathlib import Path

import numpy as np
from common import describe_machine
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_sparse_nn import SETClassifier

SHIPPED = {"cancer": load_breast_cancer, "digits": load_digits, "wine": load_wine}
LOCAL = "colon leukemia allaml glioma tox_171 isolet coil20 madelon".split()
HIDDEN = (1000, 1000)
MODELS = {
    "dense": lambda seed: MLPClassifier(HIDDEN, max_iter=200, random_state=seed),
    "static": lambda seed: SETClassifier(HIDDEN, evolution="static", random_state=seed),
    "SET": lambda seed: SETClassifier(HIDDEN, random_state=seed),
}


def load(name):
    if name in SHIPPED:
        return SHIPPED[name](return_X_y=True)
    archive = np.load(Path(os.environ["SPARSE_NN_DATA"]) / f"{name}.npz")
    return archive["X"].astype(np.float32), archive["y"]


def n_repeats(n_samples):
    """Small data sets need more repetitions for the same certainty."""
    return 4 if n_samples < 200 else 2 if n_samples < 1000 else 1


def scores_of(make_model, X, y, seeds):
    """Accuracy on each fold of 3, with the folds and the model of each seed."""
    scores = []
    for seed in seeds:
        folds = RepeatedStratifiedKFold(
            n_splits=3, n_repeats=n_repeats(len(y)), random_state=seed
        )
        model = make_pipeline(StandardScaler(), make_model(seed))
        scores.extend(cross_val_score(model, X, y, cv=folds))
    return scores


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds, from 0")
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    parser.add_argument("--data", nargs="+", default=[*SHIPPED, *LOCAL])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    folder = Path(os.environ.get("SPARSE_NN_DATA", "."))
    names = [
        n for n in arguments.data if n in SHIPPED or (folder / f"{n}.npz").exists()
    ]
    results = {}
    print(f"{'':>10}" + "".join(f"{model:>18}" for model in arguments.models))
    for name in names:
        X, y = load(name)
        results[name] = {
            model: scores_of(MODELS[model], X, y, range(arguments.seeds))
            for model in arguments.models
        }
        cells = [f"{np.mean(s):.4f} ± {np.std(s):.4f}" for s in results[name].values()]
        print(f"{name:>10}" + "".join(f"{cell:>18}" for cell in cells), flush=True)
    means = {
        model: np.mean([np.mean(results[name][model]) for name in names])
        for model in arguments.models
    }
    print(f"{'mean':>10}" + "".join(f"{mean:>18.4f}" for mean in means.values()))
    if arguments.json:
        record = {"machine": describe_machine(), "scores": results, "means": means}
        arguments.json.write_text(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
