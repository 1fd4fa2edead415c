"""Seconds per training epoch of the autoencoder on MNIST, against PyTorch and SciPy.

A network 784-1000-784 at epsilon=13 with logistic hidden neurons, mini-batches of 100,
SGD with momentum 0.9, Gaussian noise on the inputs, dropout of hidden neurons, rewired
once per epoch. PyTorch trains the same network with all connections. The plain side is
the algorithm of QuickSelection in NumPy and SciPy (`plain_quick_selection.py`), which
runs on one thread and is not rewired here. Both run a part of the epoch, and their time
is scaled up. Ratios are to ours with as many threads.

All sides live in one process. Each rests before it is timed, so that the threads of the
one before no longer spin.

    python benchmarks/autoencoder_epoch.py

PyTorch is optional: it is left out where it cannot be imported.
"""

from statistics import median
from time import perf_counter

import numpy as np
from common import (
    argument_parser,
    describe_machine,
    draw_ratios,
    format_ratio,
    interleave,
    load_mnist,
    print_table,
    ratio,
    report,
)
from plain_quick_selection import DROPOUT, NOISE, quick_selection

from sklearn_sparse_nn.engine.threads import ThreadTeam
from sklearn_sparse_nn.evolution import SET, TrainingClock
from sklearn_sparse_nn.networks.autoencoder import Autoencoder, Corruption
from sklearn_sparse_nn.networks.mlp import TrainingParameters
from sklearn_sparse_nn.networks.network import Start
from sklearn_sparse_nn.topology import ErdosRenyi

try:
    import torch
except ImportError:
    torch = None

N_HIDDEN, EPSILON, ZETA, BATCH_SIZE = 1000, 13, 0.2, 100
RATE, MOMENTUM = 0.01, 0.9

# Each side is a function that prepares its network and returns another one, which
# trains on X once and returns the seconds.


def ours(X, n_threads):
    n_features = X.shape[1]
    as_they_are = np.zeros(n_features, "f4"), np.ones(n_features, "f4")
    start = Start(ErdosRenyi(), EPSILON, seed=0)
    network = Autoencoder([N_HIDDEN], start, "logistic", *as_they_are)
    network.reset_optimiser("sgd")
    parameters = TrainingParameters("sgd", RATE, BATCH_SIZE, dropout=DROPOUT)
    corruption = Corruption("gaussian", NOISE)
    team = ThreadTeam(n_threads).__enter__()
    rng = np.random.default_rng(0)

    def train():
        start = perf_counter()
        order = rng.permutation(len(X))
        network.train_epoch(X, order, parameters, corruption, team)
        n_updates = len(X) // BATCH_SIZE
        clock = TrainingClock(1, None, network.n_updates, n_updates)
        network.evolve(SET(), ZETA, clock, team)
        return perf_counter() - start

    return train


def dense_torch(X, n_threads):
    X = torch.from_numpy(X)
    model = torch.nn.Sequential(
        torch.nn.Linear(X.shape[1], N_HIDDEN),
        torch.nn.Sigmoid(),
        torch.nn.Dropout(DROPOUT),
        torch.nn.Linear(N_HIDDEN, X.shape[1]),
    )
    optimiser = torch.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM)

    def train():
        torch.set_num_threads(n_threads)
        start = perf_counter()
        for samples in torch.randperm(len(X)).split(BATCH_SIZE):
            batch = X[samples]
            restored = model(batch + NOISE * torch.randn_like(batch))
            loss = torch.nn.functional.mse_loss(restored, batch)
            loss.backward()
            optimiser.step()
            optimiser.zero_grad()
        return perf_counter() - start

    return train


def plain(X, n_threads):
    X = X.astype(np.float64)

    def train():
        start = perf_counter()
        quick_selection(X, 1, 0, N_HIDDEN, EPSILON, ZETA)
        return perf_counter() - start

    return train


# Name: function, threads, number of samples.
SIDES = {
    "ours, 2 threads": (ours, 2, 60_000),
    "ours, 1 thread": (ours, 1, 60_000),
    "PyTorch dense, 2 threads": (dense_torch, 2, 15_000),
    "PyTorch dense, 1 thread": (dense_torch, 1, 15_000),
    "NumPy and SciPy, 1 thread": (plain, 1, 5_000),
}
BASELINES = {2: "ours, 2 threads", 1: "ours, 1 thread"}


def start_side(name, X):
    """A function that returns the seconds of one epoch of one side."""
    prepare, n_threads, n_samples = SIDES[name]
    train = prepare(X[:n_samples], n_threads)
    train()  # compiles, and wakes up what is lazy

    return lambda: train() * len(X) / n_samples


def print_results(results):
    rows = [
        [name, f"{median(r['seconds']):.2f}", format_ratio(r["times_ours"])]
        for name, r in results.items()
    ]
    print_table(["", "s per epoch", "times ours, same threads"], rows)


def draw(results):
    peers = {name: r for name, r in results.items() if not name.startswith("ours")}
    return draw_ratios(peers, "An epoch of an autoencoder 784-1000-784 on MNIST")


def main():
    parser = argument_parser(__doc__, n_rounds=7)
    parser.add_argument("--pause", type=float, default=0.3, help="seconds of rest")
    args = parser.parse_args()
    X = load_mnist()[0]
    names = [name for name in SIDES if torch is not None or "PyTorch" not in name]
    sides = {name: start_side(name, X) for name in names}
    seconds = interleave(sides, args.rounds, args.pause)
    results = {
        name: {
            "seconds": seconds[name],
            "times_ours": ratio(seconds[name], seconds[BASELINES[SIDES[name][1]]]),
        }
        for name in sides
    }
    print_results(results)
    report(describe_machine(), results, args, draw)


if __name__ == "__main__":
    main()
