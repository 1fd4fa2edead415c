"""Seconds of `fit` on small data: SETClassifier against a dense MLPClassifier.

Iris, breast cancer and digits, standardised and in float32; networks from one hidden
layer of 100 neurons, the default of scikit-learn, to two of 1,000, our default. Both
sides run the same number of epochs and have their default settings otherwise. Here it
is not the connections that cost time, but what happens once per call, per epoch and per
mini-batch.

All sides live in one process. Each rests before it is timed, so that the threads of the
one before no longer spin.

    python benchmarks/small_data.py
"""

import warnings
from statistics import median

import numpy as np
from common import (
    argument_parser,
    describe_machine,
    draw_ratios,
    format_ratio,
    interleave,
    print_table,
    ratio,
    report,
    stopwatch,
)
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import scale
from threadpoolctl import threadpool_limits

from sklearn_sparse_nn import SETClassifier

DATA = {"iris": load_iris, "breast cancer": load_breast_cancer, "digits": load_digits}
HIDDEN = [(100,), (100, 100), (1000, 1000)]


def sides(hidden, X, y, n_threads, max_iter):
    """One `fit` of each side as a function."""
    shared = dict(max_iter=max_iter, n_iter_no_change=max_iter, tol=0, random_state=0)
    shared["batch_size"] = min(200, len(y))
    sparse = SETClassifier(hidden, epsilon=20, n_jobs=n_threads, **shared)
    dense = MLPClassifier(hidden, **shared)
    return {"ours": lambda: sparse.fit(X, y), "MLPClassifier": lambda: dense.fit(X, y)}


def compare(calls, n_threads, args):
    """Interleaved seconds of both sides, and the dense one relative to ours."""
    timed = {name: stopwatch(call) for name, call in calls.items()}
    with threadpool_limits(n_threads):
        seconds = interleave(timed, args.rounds, args.pause)
    times_ours = ratio(seconds["MLPClassifier"], seconds["ours"])
    return {"seconds": seconds, "times_ours": times_ours}


def print_results(results):
    rows = []
    for label, result in results.items():
        milliseconds = [f"{median(s) * 1e3:.1f}" for s in result["seconds"].values()]
        rows.append([label, *milliseconds, format_ratio(result["times_ours"])])
    print_table(["", "ours, ms", "MLPClassifier, ms", "times ours"], rows)


def draw(results):
    return draw_ratios(results, "Time of MLPClassifier.fit on small data")


def main():
    parser = argument_parser(__doc__, n_rounds=7)
    parser.add_argument("--max-iter", type=int, default=20, help="epochs")
    parser.add_argument("--pause", type=float, default=0.3, help="seconds of rest")
    args = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    results = {}
    for name, load in DATA.items():
        X, y = load(return_X_y=True)
        X = scale(X).astype(np.float32)
        for hidden in HIDDEN:
            for n_threads in (1, 2):
                calls = sides(hidden, X, y, n_threads, args.max_iter)
                calls["ours"]()  # compiles
                layers = "-".join(map(str, hidden))
                label = f"{name}, {layers}, {n_threads} thread{'s' * (n_threads > 1)}"
                results[label] = compare(calls, n_threads, args)
    print_results(results)
    report(describe_machine(), results, args, draw)


if __name__ == "__main__":
    main()
