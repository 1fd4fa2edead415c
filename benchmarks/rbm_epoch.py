"""Seconds per epoch of the sparse RBM and of scikit-learn's, and how they grow.

First MNIST, 500 hidden neurons, mini-batches of 100, against `BernoulliRBM` with as
many threads: one epoch of `fit`, everything included. Then `SETRBMTransformer` alone
with up to 100,000 hidden neurons on 6,000 samples: the cost follows the connections.

    python benchmarks/rbm_epoch.py
"""

from functools import partial
from statistics import median
from time import perf_counter

from common import (
    argument_parser,
    describe_machine,
    draw_spreads,
    format_ratio,
    interleave,
    load_mnist,
    print_table,
    ratio,
    report,
    stopwatch,
)
from sklearn.neural_network import BernoulliRBM
from threadpoolctl import threadpool_limits

from sklearn_sparse_nn import SETRBMTransformer

N_HIDDEN, BATCH_SIZE, EPSILON = 500, 100, 11
SIZES = [500, 2_000, 10_000, 30_000, 100_000]


def sparse_epoch(X, n_hidden, n_jobs, n_iter=1):
    SETRBMTransformer(
        n_hidden,
        epsilon=EPSILON,
        batch_size=BATCH_SIZE,
        n_iter=n_iter,
        random_state=0,
        n_jobs=n_jobs,
    ).fit(X)


def dense_epoch(X, n_threads):
    with threadpool_limits(n_threads):
        BernoulliRBM(N_HIDDEN, batch_size=BATCH_SIZE, n_iter=1, random_state=0).fit(X)


def compare(X, n_rounds, pause):
    """Interleaved seconds of both, on one and two threads."""
    sides = {}
    for n in (2, 1):
        sides[f"SET, {n}"] = stopwatch(partial(sparse_epoch, X, N_HIDDEN, n))
        sides[f"BernoulliRBM, {n}"] = stopwatch(partial(dense_epoch, X, n))
    return interleave(sides, n_rounds, pause)


def growth(X, n_rounds):
    """Connections and seconds per epoch of larger and larger machines."""
    rows = {}
    for n_hidden in SIZES:
        seconds = []
        for _ in range(n_rounds):
            # Two epochs less one: the time of an epoch without that of the beginning.
            times = []
            for n_iter in (1, 2):
                start = perf_counter()
                sparse_epoch(X, n_hidden, 2, n_iter)
                times.append(perf_counter() - start)
            seconds.append(times[1] - times[0])
        rows[n_hidden] = EPSILON * (X.shape[1] + n_hidden), median(seconds)
    return rows


def draw(results):
    seconds = results["seconds"]
    names = [name for name in seconds if "Bernoulli" in name]
    spreads = {
        f"{name} threads": ratio(seconds[name], seconds[f"SET, {name[-1]}"])
        for name in names
    }
    title = "Boltzmann machine, MNIST, 500 neurons"
    return draw_spreads(spreads, title, "times ours")


def main():
    parser = argument_parser(__doc__, n_rounds=5)
    parser.add_argument("--pause", type=float, default=1.0, help="seconds of rest")
    args = parser.parse_args()
    X = load_mnist()[0]
    sparse_epoch(X[:200], 20, 2)  # compiles

    seconds = compare(X, args.rounds, args.pause)
    rows = []
    for name, times in seconds.items():
        ours = seconds[f"SET, {name[-1]}"]
        spread = format_ratio(ratio(times, ours))
        rows.append([f"{name} threads", f"{median(times):.2f}", spread])
    print_table(["MNIST, 500 hidden", "s per epoch", "times ours"], rows)

    grown = growth(X[:6000], 3)
    rows = [
        [
            f"{n_hidden:,}",
            f"{n_connections:,}",
            f"{s:.2f}",
            f"{s / n_connections / 6000 * 1e9:.2f}",
        ]
        for n_hidden, (n_connections, s) in grown.items()
    ]
    print()
    headings = ["hidden neurons", "connections", "s per epoch", "ns per connection"]
    print_table(headings, rows)
    results = {"seconds": seconds, "growth": {str(k): v for k, v in grown.items()}}
    report(describe_machine(), results, args, draw)


if __name__ == "__main__":
    main()
