"""Hidden neurons as features: accuracy of a logistic regression on them, standardised.

`SETRBMTransformer` has its default parameters but for what is named, and as many hidden
neurons as there are features, 1,000 at most. Beside it are the features themselves,
principal components, and `BernoulliRBM` with as many hidden neurons::

    SPARSE_NN_DATA=data python benchmarks/rbm_features.py --json rbm_features.json

Digits comes with scikit-learn, the others are read from the folder that the variable
``SPARSE_NN_DATA`` names. MNIST has its own test data; of sets below 500 samples each
seed is a cross-validation of four folds, of the others a split. Results are added to
those in the file, so that it can be stopped and go on.
"""

import argparse
import os
import warnings
from functools import partial
from pathlib import Path
from time import process_time

import numpy as np
from common import load_mnist, print_table, run_missing
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.neural_network import BernoulliRBM
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_sparse_nn import SETRBMTransformer

# Data and visible neurons: of grey values, binary ones read them from 0 to 1.
DATA = {
    "digits": "bernoulli",
    "mnist": "bernoulli",
    "coil20": "bernoulli",
    "coil20 as numbers": "gaussian",
    "isolet": "gaussian",
    "tox_171": "gaussian",
    "glioma": "gaussian",
    "allaml": "gaussian",
}
MOST_NEURONS, SMALL = 1000, 500
MODELS = {
    "features": lambda n, seed: FunctionTransformer(),
    "PCA": lambda n, seed: make_pipeline(StandardScaler(), PCA(n, random_state=seed)),
    "BernoulliRBM": lambda n, seed: BernoulliRBM(n, random_state=seed),
}
for _name, _changes in {
    "SET": {},
    "static": {"evolution": "static"},
    "XBM": {"topology": "xbm", "evolution": "static"},
    "SET, epsilon=30": {"epsilon": 30},
}.items():
    MODELS[_name] = partial(
        lambda changes, n, seed: SETRBMTransformer(n, random_state=seed, **changes),
        _changes,
    )


def load(name):
    """X and y, and of MNIST how many samples are for training."""
    if name == "mnist":
        X, y, X_test, y_test = load_mnist()
        return np.concatenate([X, X_test]), np.concatenate([y, y_test]), len(X)
    if name == "digits":
        X, y = load_digits(return_X_y=True)
    else:
        archive = np.load(Path(os.environ["SPARSE_NN_DATA"]) / f"{name.split()[0]}.npz")
        X, y = archive["X"], archive["y"]
    X = X / X.max() if DATA[name] == "bernoulli" else X
    return X.astype(np.float32), y, None


def splits(X, y, n_train, seed):
    """Indices of samples for training and test."""
    if n_train is not None:
        return [(np.arange(n_train), np.arange(n_train, len(X)))]
    if len(X) < SMALL:
        return list(StratifiedKFold(4, shuffle=True, random_state=seed).split(X, y))
    parts = train_test_split(
        np.arange(len(X)), test_size=0.25, stratify=y, random_state=seed
    )
    return [parts]


def run(name, model, seed):
    """Mean accuracy over the splits of a seed, and seconds that the features took."""
    X, y, n_train = load(name)
    scores, seconds = [], 0.0
    for train, test in splits(X, y, n_train, seed):
        n = min(X.shape[1], MOST_NEURONS)
        n = min(n, len(train) - 1) if model == "PCA" else n
        transformer = MODELS[model](n, seed)
        if isinstance(transformer, SETRBMTransformer):
            transformer.set_params(visible=DATA[name])
        start = process_time()
        H = transformer.fit(X[train]).transform(X[train])
        seconds += process_time() - start
        # The last components are noise, which should not be made as large as the first.
        scaler = "passthrough" if model == "PCA" else StandardScaler()
        classifier = make_pipeline(scaler, LogisticRegression(max_iter=200))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            classifier.fit(H, y[train])
        scores.append(classifier.score(transformer.transform(X[test]), y[test]))
    return {"accuracy": float(np.mean(scores)), "seconds": round(seconds, 1)}


def print_results(results, data, models):
    """Accuracy over the seeds, and median seconds."""
    rows = []
    for name in data:
        row = [name]
        for model in models:
            found = [r for k, r in results.items() if k.startswith(f"{name}|{model}|")]
            if not found:
                row.append("")
                continue
            scores = [each["accuracy"] for each in found]
            seconds = np.median([each["seconds"] for each in found])
            figures = np.mean(scores), np.std(scores), seconds
            row.append("{:.3f} ± {:.3f} {:6.1f}".format(*figures))
        rows.append(row)
    print_table(["accuracy, seconds", *models], rows)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", nargs="+", default=list(DATA), choices=list(DATA))
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--json", type=Path, help="added to, if it is there")
    args = parser.parse_args()
    jobs = [
        (name, model, seed)
        for seed in args.seeds
        for name in args.data
        for model in args.models
        # It reads numbers in [0, 1] only.
        if model != "BernoulliRBM" or DATA[name] == "bernoulli"
    ]
    results = run_missing(run, jobs, args.json, args.processes)
    print_results(results, args.data, args.models)


if __name__ == "__main__":
    main()
