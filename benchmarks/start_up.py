"""How long a user waits for the first fit of a fresh process.

Three kinds of fresh processes in turns: one imports `sklearn.neural_network` only; one
imports our classifier and fits 200 samples with a warm cache of compiled code; one does
the same with an empty cache, so that it compiles everything. What counts is the third's
first fit, and the difference between the second and the first: what we add to the start
of scikit-learn itself. The start of the interpreter is not counted.

    python benchmarks/start_up.py
"""

import os
import subprocess
import sys
import tempfile

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
FIT = """
from time import perf_counter
start = perf_counter()
from sklearn_sparse_nn import SETClassifier
imported = perf_counter()
import numpy as np
rng = np.random.default_rng(0)
X = rng.standard_normal((200, 20), dtype=np.float32)
y = rng.integers(0, 3, 200)
prepared = perf_counter()
SETClassifier((100, 100), max_iter=2, random_state=0).fit(X, y)
print(imported - start, perf_counter() - prepared)
"""


def run(program, cache):
    """Run a program in a fresh process; return the seconds that it prints."""
    output = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env=os.environ | {"NUMBA_CACHE_DIR": cache},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [float(seconds) for seconds in output.stdout.split()]


def run_cold():
    with tempfile.TemporaryDirectory() as cache:
        return run(FIT, cache)


def draw(results):
    spreads = {name: spread(times) for name, times in results.items()}
    return draw_spreads(spreads, "A fresh process", "seconds")


def main():
    args = argument_parser(__doc__, n_rounds=7).parse_args()
    fits = {"cold": [], "warm": []}

    def timed(name, times):
        fits[name].append(times[1])
        return sum(times)

    with tempfile.TemporaryDirectory() as cache:
        run(FIT, cache)  # fills the cache, and lets Python compile its own files
        functions = {
            "scikit-learn": lambda: sum(run(SKLEARN, cache)),
            "warm": lambda: timed("warm", run(FIT, cache)),
            "cold": lambda: timed("cold", run_cold()),
        }
        seconds = interleave(functions, args.rounds)

    pairs = zip(seconds["warm"], seconds["scikit-learn"], strict=True)
    results = {
        "import of sklearn.neural_network": seconds["scikit-learn"],
        "cold cache: first fit": fits["cold"],
        "cold cache: import and first fit": seconds["cold"],
        "warm cache: first fit": fits["warm"],
        "warm cache: import and first fit": seconds["warm"],
        "warm cache: beyond the import of sklearn": [a - b for a, b in pairs],
    }
    rows = [[name, format_ratio(spread(times))] for name, times in results.items()]
    print_table(["", "seconds (least to greatest)"], rows)
    report(describe_machine(), results, args, draw)


if __name__ == "__main__":
    main()
