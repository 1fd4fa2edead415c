"""Hidden neurons as features: accuracy of a logistic regression on them, scaled.

`SETRBMTransformer` and `BernoulliRBM` have as many hidden neurons and epochs, and the
same mini-batches. Each takes the learning rate that is best on a quarter of the
training data; the test data decide nothing::

    python benchmarks/rbm_features.py --json rbm_features.json

Digits comes with scikit-learn; COIL-20 is read from the folder that the environment
variable ``SPARSE_NN_DATA`` names, MNIST too or from OpenML.
"""

import argparse
import json
import os
import warnings
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np
from common import describe_machine, load_mnist
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import BernoulliRBM
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_sparse_nn import SETRBMTransformer

LEARNING_RATES = (0.01, 0.05, 0.1, 0.2, 0.5, 1.0)
BATCH_SIZES = {"digits": 10, "coil20": 10, "mnist": 100}
MODELS = {
    "BernoulliRBM": partial(BernoulliRBM, 256),
}
for epsilon in (11, 30, 60):
    MODELS[f"SET, epsilon={epsilon}"] = partial(
        SETRBMTransformer, 256, epsilon=epsilon, n_jobs=2
    )


def load(name, seed):
    """X_train, X_test, y_train, y_test; MNIST has its own test set."""
    if name == "mnist":
        X, y, X_test, y_test = load_mnist()
        return X, X_test, y, y_test
    if name == "digits":
        X, y = load_digits(return_X_y=True)
    else:
        archive = np.load(Path(os.environ["SPARSE_NN_DATA"]) / f"{name}.npz")
        X, y = archive["X"], archive["y"]
    X = (X / X.max()).astype(np.float32)
    return train_test_split(X, y, test_size=0.25, stratify=y, random_state=seed)


def accuracy(model, X, X_test, y, y_test):
    """Accuracy on the test data, and seconds that the features took."""
    start = perf_counter()
    model.fit(X)
    seconds = perf_counter() - start
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))
    classifier.fit(model.transform(X), y)
    return make_pipeline(model, classifier).score(X_test, y_test), seconds


def judge(make_model, batch_size, seed, X, X_test, y, y_test):
    """Choose the learning rate on held-out training data; test it."""

    def model(rate):
        return make_model(learning_rate=rate, batch_size=batch_size, random_state=seed)

    split = train_test_split(X, y, test_size=0.25, stratify=y, random_state=seed)
    scores = [accuracy(model(rate), *split)[0] for rate in LEARNING_RATES]
    rate = LEARNING_RATES[int(np.argmax(scores))]
    return *accuracy(model(rate), X, X_test, y, y_test), rate


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", default=list(BATCH_SIZES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    results = {}
    for name in arguments.data:
        for model, make_model in MODELS.items():
            judged = [
                judge(make_model, BATCH_SIZES[name], seed, *load(name, seed))
                for seed in arguments.seeds
            ]
            scores, seconds, rates = zip(*judged)
            results[f"{name}, {model}"] = judged
            print(
                f"{name:>8}  {model:<16} {np.mean(scores):.4f} ± {np.std(scores):.4f}  "
                f"{np.median(seconds):6.1f} s  learning rates {rates}",
                flush=True,
            )
    if arguments.json:
        record = {"machine": describe_machine(), "judged": results}
        arguments.json.write_text(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
