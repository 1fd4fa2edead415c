"""How long a user waits in a fresh process, with and without a warm cache.

Fresh processes in turns: one imports `sklearn.neural_network` only; one imports our
classifier, fits 200 samples and predicts them; one uses all five estimators. The latter
two run with a warm cache of compiled code, and with an empty one, so that they compile
everything. What counts is `fit` and prediction with an empty cache, and what the whole
takes beyond the import of scikit-learn with a warm one. The start of the interpreter is
not counted.

    python benchmarks/start_up.py
    python benchmarks/start_up.py --other CHECKOUT    # in turns with another commit
"""

import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from common import (
    argument_parser,
    describe_machine,
    draw_spreads,
    format_ratio,
    interleave,
    print_table,
    report,
    spread,
)

# Each program prints the seconds of its parts.
SKLEARN = """
from time import perf_counter
start = perf_counter()
import sklearn.neural_network
print(perf_counter() - start)
"""
PREPARE = """
from time import perf_counter
start = perf_counter()
import sklearn_sparse_nn
from sklearn_sparse_nn import *
imported = perf_counter()
import numpy as np
rng = np.random.default_rng(0)
X = rng.random((200, 20), dtype=np.float32)
y = rng.integers(0, 3, 200)
prepared = perf_counter()
SETClassifier((100, 100), max_iter=2, random_state=0).fit(X, y).predict(X)
"""
OTHERS = """
SETRegressor((100, 100), max_iter=2, random_state=0).fit(X, y).predict(X)
SETRBMTransformer(100, n_iter=2, random_state=0).fit(X).transform(X)
SETAutoencoder(100, max_iter=2, random_state=0).fit(X).transform(X)
selector = QuickSelectionSelector(5, hidden_layer_sizes=(100,), max_iter=2)
selector.fit(X).transform(X)
"""
REPORT = """
print(imported - start, perf_counter() - prepared)
"""
PROGRAMS = {
    "classifier": PREPARE + REPORT,
    "five estimators": PREPARE + OTHERS + REPORT,
}


def run(program, cache, checkout=None):
    """Run a program in a fresh process; return the seconds that it prints."""
    environment = os.environ | {"NUMBA_CACHE_DIR": cache}
    if checkout:
        environment["PYTHONPATH"] = str(checkout)
    output = subprocess.run(
        [sys.executable, "-P", "-W", "ignore", "-c", program],  # not from here
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    return [float(seconds) for seconds in output.stdout.split()]


def run_cold(program, checkout=None):
    """Seconds of `fit` and prediction with an empty cache."""
    with tempfile.TemporaryDirectory() as cache:
        return run(program, cache, checkout)[1]


def sides(cache, checkout=None):
    """What is measured of one checkout, by name; fills its cache before."""
    run(PROGRAMS["five estimators"], cache, checkout)
    functions = {}
    for name, program in PROGRAMS.items():
        functions[f"cold, {name}"] = partial(run_cold, program, checkout)
        functions[f"warm, {name}"] = lambda program=program: sum(
            run(program, cache, checkout)
        )
    return functions


def draw(results):
    spreads = {name: spread(times) for name, times in results.items()}
    return draw_spreads(spreads, "A fresh process", "seconds")


def main():
    parser = argument_parser(__doc__, n_rounds=5)
    parser.add_argument("--other", type=Path, help="checkout to measure in turns")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache, tempfile.TemporaryDirectory() as other:
        functions = {"scikit-learn": lambda: sum(run(SKLEARN, cache))}
        functions |= sides(cache)
        if args.other:
            of_other = sides(other, args.other)
            functions |= {f"other, {name}": f for name, f in of_other.items()}
        seconds = interleave(functions, args.rounds)

    base = seconds.pop("scikit-learn")
    results = {"import of sklearn.neural_network": base}
    for name, times in seconds.items():
        results[name] = times
        if "warm" in name:
            pairs = zip(times, base, strict=True)
            results[f"{name}, beyond scikit-learn"] = [a - b for a, b in pairs]
    rows = [[name, format_ratio(spread(times))] for name, times in results.items()]
    print_table(["", "seconds (least to greatest)"], rows)
    report(describe_machine(), results, args, draw)


if __name__ == "__main__":
    main()
