"""A grid search on a microarray: nine sparse networks against nine dense ones.

`GridSearchCV` with three folds and two processes on GLIOMA, 50 samples of 4,434 genes
in 4 classes. Behind a `StandardScaler` are two hidden layers of 1,000 neurons: those of
`SETClassifier` over zeta and epsilon, those of `MLPClassifier` over alpha and
learning_rate_init. All networks train for the same number of epochs; all else is by
default. The processes and their imports are there before the first search is timed.

    python benchmarks/grid_search.py

The data are read from `glioma.npz`, arrays X and y, in the folder that the environment
variable SPARSE_NN_DATA names.
"""

import os
import warnings
from pathlib import Path
from statistics import median

import numpy as np
from common import (
    argument_parser,
    describe_machine,
    format_ratio,
    interleave,
    print_table,
    ratio,
    report,
    stopwatch,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_sparse_nn import SETClassifier

HIDDEN = (1000, 1000)
GRIDS = {
    "SETClassifier": {"zeta": [0.1, 0.3, 0.5], "epsilon": [5, 10, 20]},
    "MLPClassifier": {
        "alpha": [1e-5, 1e-4, 1e-3],
        "learning_rate_init": [1e-4, 1e-3, 1e-2],
    },
}
CLASSES = {"SETClassifier": SETClassifier, "MLPClassifier": MLPClassifier}


def load_glioma():
    with np.load(Path(os.environ["SPARSE_NN_DATA"]) / "glioma.npz") as data:
        return data["X"].astype(np.float32), data["y"]


def grid_search(name, max_iter):
    """The search over one kind of network; every network runs all epochs."""
    network = CLASSES[name](
        HIDDEN, max_iter=max_iter, n_iter_no_change=max_iter, tol=0, random_state=0
    )
    grid = {f"{name.lower()}__{key}": values for key, values in GRIDS[name].items()}
    pipeline = make_pipeline(StandardScaler(), network)
    return GridSearchCV(pipeline, grid, cv=3, n_jobs=2)


def print_results(results):
    rows = []
    for name, result in results.items():
        best = ", ".join(f"{k} {v}" for k, v in result["best_params"].items())
        rows.append(
            [
                name,
                f"{median(result['seconds']):.1f}",
                format_ratio(result["times_ours"]),
                f"{result['best_score']:.3f}",
                best,
            ]
        )
    print_table(["", "s", "times ours", "best score", "with"], rows)


def draw(results):
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(7, 2), layout="constrained")
    middle = [median(result["seconds"]) for result in results.values()]
    bars = ax.barh(list(results), middle, color=["C0", "0.6"])
    labels = [
        f"{seconds:.3g} s, best accuracy {result['best_score']:.2f}"
        for seconds, result in zip(middle, results.values())
    ]
    ax.bar_label(bars, labels, padding=4)
    ax.invert_yaxis()
    ax.margins(x=0.5)
    ax.set(xlabel="seconds", title="Grid search on GLIOMA, 9 networks, 3 folds")
    return figure


def main():
    parser = argument_parser(__doc__, n_rounds=3)
    parser.add_argument("--max-iter", type=int, default=50, help="epochs of each fit")
    args = parser.parse_args()
    # scikit-learn passes the filter on to its processes.
    warnings.simplefilter("ignore", ConvergenceWarning)
    X, y = load_glioma()
    for name in GRIDS:
        grid_search(name, 1).fit(X, y)  # starts the processes, compiles

    searches = {name: grid_search(name, args.max_iter) for name in GRIDS}
    sides = {
        name: stopwatch(lambda search=search: search.fit(X, y))
        for name, search in searches.items()
    }
    seconds = interleave(sides, args.rounds)
    results = {
        name: {
            "seconds": seconds[name],
            "times_ours": ratio(seconds[name], seconds["SETClassifier"]),
            "best_score": search.best_score_,
            "best_params": {
                key.split("__")[1]: value for key, value in search.best_params_.items()
            },
        }
        for name, search in searches.items()
    }
    print_results(results)
    report(describe_machine(), results, args, draw)


if __name__ == "__main__":
    main()
