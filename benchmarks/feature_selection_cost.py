"""What feature selection costs, and whether noise features fool it.

1. Ten epochs of `QuickSelectionSelector` and of its algorithm in plain NumPy and SciPy
   (`plain_quick_selection.py`), one thread each, in turns; then all 100 epochs of ours.
2. 140,000 features and 1,000 sparse samples, like the thrombin data: seconds, and the
   peak of the resident memory above what the process held before. Linux only.
3. Ten times as many columns of Gaussian noise are appended to the digits of
   scikit-learn and to 2,000 of MNIST: which share of the 50 selected features is real?

    python benchmarks/feature_selection_cost.py
"""

import json
import subprocess
import sys
from statistics import median
from time import perf_counter

import numpy as np
from common import (
    argument_parser,
    describe_machine,
    format_ratio,
    interleave,
    load_mnist,
    print_table,
    ratio,
    report,
    stopwatch,
)
from memory import memory
from plain_quick_selection import quick_selection
from scipy import sparse
from sklearn.datasets import load_digits
from threadpoolctl import threadpool_limits

from sklearn_sparse_nn import QuickSelectionSelector
from sklearn_sparse_nn.evolution import SET

SHAPES = {"microarray": (100, 7_000), "madelon": (2_000, 500)}
# The network and the rewiring of the plain version.
AS_IN_THE_PAPER = dict(
    importance="strength",
    activation="logistic",
    evolution=SET(min_updates=0, grown_weights="random"),
)


def data_of_rank(n_samples, n_features, rank=20):
    """Standardised data whose features are mixtures of a few hidden causes."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_samples, rank)) @ rng.normal(size=(rank, n_features))
    X += rng.normal(scale=2, size=X.shape)
    return (X - X.mean(axis=0)) / X.std(axis=0)


def compare(shape, n_rounds):
    """Interleaved seconds for ten epochs, and ours for 100 with default settings."""
    X = data_of_rank(*shape)
    X32 = X.astype(np.float32)
    with threadpool_limits(1):
        sides = {
            "ours": lambda: QuickSelectionSelector(
                max_iter=10, stability_selection=1, random_state=0, **AS_IN_THE_PAPER
            ).fit(X32),
            "plain": lambda: quick_selection(X, 10, 0),
        }
        sides["ours"]()  # compiles
        seconds = interleave({k: stopwatch(s) for k, s in sides.items()}, n_rounds)
        start = perf_counter()
        QuickSelectionSelector(stability_selection=1, random_state=0).fit(X32)
    return seconds | {"ours, 100 epochs": [perf_counter() - start]}


def thrombin_like():
    """Seconds and MiB of a selection from 140,000 sparse features."""
    rng = np.random.default_rng(0)
    X = sparse.random_array(
        (1_000, 140_000), density=0.01, format="csr", dtype=np.float32, rng=rng
    )
    X.data[:] = 1
    before, start = memory("VmRSS"), perf_counter()
    selector = QuickSelectionSelector(random_state=0, n_jobs=2).fit(X)
    return {
        "seconds": perf_counter() - start,
        "MiB": memory("VmHWM") - before,
        "peak MiB": memory("VmHWM"),
        "connections": int(selector.autoencoder_.n_connections_.sum()),
    }


def real_share(X, importance, seed):
    """Share of real features among 50 of those with ten times as many of noise."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(len(X), 10 * X.shape[1]))
    # Noise that varies as much as the data do on average.
    noise = X.mean() + noise * X.std(axis=0).mean()
    noisy = np.hstack([X, noise]).astype(np.float32)
    selector = QuickSelectionSelector(importance=importance, random_state=seed)
    selected = selector.fit(noisy).get_support(indices=True)
    return float(np.mean(selected < X.shape[1]))


def main():
    parser = argument_parser(__doc__, n_rounds=5)
    parser.add_argument("--thrombin", action="store_true", help="only part 2, as JSON")
    args = parser.parse_args()
    if args.thrombin:
        print(json.dumps(thrombin_like()))
        return

    rows, results = [], {}
    for name, shape in SHAPES.items():
        seconds = results[name] = compare(shape, args.rounds)
        rows.append(
            [
                f"{name}, {shape[0]:,} x {shape[1]:,}",
                f"{median(seconds['ours']):.2f}",
                f"{median(seconds['plain']):.2f}",
                format_ratio(ratio(seconds["plain"], seconds["ours"])),
                f"{seconds['ours, 100 epochs'][0]:.2f}",
            ]
        )
    headings = ["10 epochs", "ours, s", "plain, s", "ratio", "ours, 100 epochs, s"]
    print_table(headings, rows)

    command = [sys.executable, __file__, "--thrombin"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    results["thrombin"] = json.loads(output)
    print("\n140,000 sparse features:", results["thrombin"])

    rows = []
    images = {"digits": load_digits().data, "MNIST": load_mnist()[0][:2_000]}
    for name, X in images.items():
        for importance in ("strength", "communality"):
            shares = [real_share(X, importance, seed) for seed in range(3)]
            results[f"{name}, {importance}"] = shares
            spread = f"{np.mean(shares):.2f} ({min(shares):.2f} to {max(shares):.2f})"
            rows.append([name, importance, spread])
    print()
    print_table(["10 times noise", "importance", "share of real features"], rows)
    report(describe_machine(), results, args)


if __name__ == "__main__":
    main()
