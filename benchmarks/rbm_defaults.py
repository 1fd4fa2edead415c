"""What the defaults of `SETRBMTransformer` are chosen by.

On a quarter of the data that is held out: accuracy of a logistic regression on 256
hidden neurons, standardised, and log-likelihood by annealed importance sampling, above
that of independent features, for several sizes of mini-batches, numbers of updates,
and times the automatic learning rate::

    SPARSE_NN_DATA=data python benchmarks/rbm_defaults.py --times 1

Results are added to those in the file, so that it can be stopped and go on.
"""

import argparse
import os
import warnings
from itertools import product
from pathlib import Path
from time import process_time

import numpy as np
from common import print_table, run_missing
from scipy.stats import norm
from sklearn.datasets import load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_sparse_nn import SETRBMTransformer

# Of files: whether the machine reads grey values from 0 to 1, or real numbers.
FILES = {
    "mnist": "bernoulli",
    "coil20": "bernoulli",
    "coil20 as numbers": "gaussian",
    "isolet": "gaussian",
    "tox_171": "gaussian",
    "glioma": "gaussian",
}
BUNDLED = {"digits": load_digits, "wine": load_wine, "iris": load_iris}
# Samples of MNIST, chains and machines of the likelihood.
N_MNIST, N_CHAINS, N_TEMPERATURES = 6000, 50, 1000


def load(name, seed):
    """Samples for training, held-out ones, and the classes of both."""
    if name in BUNDLED:
        X, y = BUNDLED[name](return_X_y=True)
        X = X / 16 if name == "digits" else X
    else:
        archive = np.load(Path(os.environ["SPARSE_NN_DATA"]) / f"{name.split()[0]}.npz")
        if name == "mnist":
            X, y = archive["x_train"].reshape(-1, 784), archive["y_train"]
            X, _, y, _ = train_test_split(
                X, y, train_size=N_MNIST, stratify=y, random_state=seed
            )
        else:
            X, y = archive["X"], archive["y"]
        X = X / X.max() if FILES[name] == "bernoulli" else X
    X = X.astype(np.float32)
    return train_test_split(X, y, test_size=0.25, stratify=y, random_state=seed)


def independent(X, X_test, kind):
    """Log-likelihood of samples if features were independent."""
    if kind == "gaussian":
        deviation = X.std(axis=0, dtype=np.float64)
        deviation[deviation == 0] = 1
        return norm.logpdf(X_test, X.mean(axis=0), deviation).sum(axis=1)
    p = np.clip(X.mean(axis=0, dtype=np.float64), 0.01, 0.99)
    return (X_test * np.log(p) + (1 - X_test) * np.log1p(-p)).sum(axis=1)


def run(name, batch_size, n_updates, times, persistent, seed):
    """Judge one machine."""
    X, X_test, y, y_test = load(name, seed)
    kind = FILES.get(name, "bernoulli" if name == "digits" else "gaussian")
    start = process_time()
    model = SETRBMTransformer(
        visible=kind,
        batch_size=batch_size,
        persistent=persistent,
        n_iter=0,
        random_state=seed,
    ).fit(X)
    settings = {"learning_rate": times * model._effective_rate()}
    settings["n_iter"] = max(1, round(n_updates / -(-len(X) // batch_size)))
    try:
        model.set_params(**settings).fit(X)
    except ValueError:  # it diverged
        return {"accuracy": np.nan, "likelihood": np.nan, "error": np.nan}
    seconds = process_time() - start
    likelihood, error = model.log_likelihood(
        X_test, n_chains=N_CHAINS, n_temperatures=N_TEMPERATURES
    )
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        classifier.fit(model.transform(X), y)
    return {
        "accuracy": classifier.score(model.transform(X_test), y_test),
        "likelihood": float(likelihood.mean() - independent(X, X_test, kind).mean()),
        "error": float(error),
        "n_iter": model.n_iter_,
        "seconds": round(seconds, 1),
    }


def print_results(results, names):
    """Mean accuracy and likelihood of each setting."""
    settings = list(
        dict.fromkeys(key.split("|", 1)[1].rsplit("|", 1)[0] for key in results)
    )
    rows = []
    for setting in settings:
        row = [setting]
        for name in names:
            key = f"{name}|{setting}|"
            found = [r for k, r in results.items() if k.startswith(key)]
            means = [np.mean([r[k] for r in found]) for k in ("accuracy", "likelihood")]
            row.append("{:.3f} {:8.2f}".format(*means) if found else "")
        rows.append(row)
    print_table(["batch, updates, rate, persistent", *names], rows)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [*BUNDLED, *FILES]
    parser.add_argument("--data", nargs="+", default=names, choices=names)
    parser.add_argument("--batch-sizes", nargs="+", type=int, default=[10, 32, 100])
    parser.add_argument("--updates", nargs="+", type=int, default=[1000, 3000, 10000])
    parser.add_argument("--times", nargs="+", type=float, default=[0.3, 1, 3])
    parser.add_argument(
        "--persistent", nargs="+", default=["auto"], choices=["auto", "True", "False"]
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--json", type=Path, help="added to, if it is there")
    args = parser.parse_args()
    persistent = [{"True": True, "False": False}.get(p, p) for p in args.persistent]
    grid = args.batch_sizes, args.updates, args.times, persistent
    jobs = [
        (name, *setting, seed)
        for seed, name, setting in product(args.seeds, args.data, product(*grid))
    ]
    results = run_missing(run, jobs, args.json, args.processes)
    print_results(results, args.data)


if __name__ == "__main__":
    main()
