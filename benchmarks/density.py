"""Below which density is a sparse layer faster than a dense one in training?

Networks n-n-n-n-10 of several sizes, float32 data, mini-batches of 128, SGD with
Nesterov's momentum. A sparse network of each density trains in turns with the same
network with all connections in scikit-learn and in PyTorch. A measurement is the time
of a few mini-batches. Ours is rewired once, as after an epoch, and that time is shared
out over the mini-batches of an epoch of 60,000 samples.

Where a dense network takes just as long as ours is found by log-linear interpolation
between two densities.

All sides live in one process. Each rests before it is timed, so that the threads of the
one before no longer spin.

    python benchmarks/density.py

PyTorch is optional: it is left out where it cannot be imported.
"""

from itertools import pairwise
from math import log
from statistics import median
from time import perf_counter

import numpy as np
from common import (
    argument_parser,
    class_targets,
    describe_machine,
    format_ratio,
    interleave,
    print_table,
    ratio,
    report,
)
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from sklearn_sparse_nn.engine.threads import ThreadTeam
from sklearn_sparse_nn.evolution import SET, TrainingClock
from sklearn_sparse_nn.networks.mlp import MLP, TrainingParameters
from sklearn_sparse_nn.networks.network import Start
from sklearn_sparse_nn.topology import ErdosRenyi

try:
    import torch
except ImportError:
    torch = None

DENSITIES = [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 1.0]
N_CLASSES, BATCH_SIZE, RATE, MOMENTUM, ZETA = 10, 128, 0.01, 0.9, 0.3
BATCHES_PER_EPOCH = 469

# Each side is a function that prepares its network and returns another one, which
# trains on all of X and y and returns the seconds per mini-batch.


def ours(density, X, y, team):
    n_neurons = X.shape[1]
    targets = class_targets(y)
    parameters = TrainingParameters("sgd", RATE, BATCH_SIZE, nesterovs_momentum=True)
    sizes = [n_neurons] * 4 + [N_CLASSES]
    epsilon = density * n_neurons / 2
    network = MLP(sizes, Start(ErdosRenyi(), epsilon, seed=0), "relu", "softmax")
    network.reset_optimiser("sgd")
    order, n_batches = np.arange(len(X)), len(X) // BATCH_SIZE

    def train():
        start = perf_counter()
        network.train_epoch(X, targets, order, parameters, team)
        middle = perf_counter()
        if density < 1:
            clock = TrainingClock(1, None, network.n_updates, n_batches)
            network.evolve(SET(), ZETA, clock, team)
        rewiring = perf_counter() - middle
        return (middle - start) / n_batches + rewiring / BATCHES_PER_EPOCH

    return train


def dense_sklearn(X, y, n_threads):
    model = MLPClassifier(
        [X.shape[1]] * 3,
        solver="sgd",
        momentum=MOMENTUM,
        learning_rate_init=RATE,
        batch_size=BATCH_SIZE,
        alpha=0.0,
        random_state=0,
    )

    def train():
        with threadpool_limits(n_threads):
            start = perf_counter()
            model.partial_fit(X, y, classes=range(N_CLASSES))
            return (perf_counter() - start) * BATCH_SIZE / len(X)

    return train


def dense_torch(X, y, n_threads):
    torch.set_num_threads(n_threads)
    layers = [
        layer
        for _ in range(3)
        for layer in (torch.nn.Linear(X.shape[1], X.shape[1]), torch.nn.ReLU())
    ]
    model = torch.nn.Sequential(*layers, torch.nn.Linear(X.shape[1], N_CLASSES))
    optimiser = torch.optim.SGD(
        model.parameters(), lr=RATE, momentum=MOMENTUM, nesterov=True
    )
    X, y = torch.from_numpy(X), torch.from_numpy(y)

    def train():
        start = perf_counter()
        for samples in torch.randperm(len(X)).split(BATCH_SIZE):
            loss = torch.nn.functional.cross_entropy(model(X[samples]), y[samples])
            loss.backward()
            optimiser.step()
            optimiser.zero_grad()
        return (perf_counter() - start) * BATCH_SIZE / len(X)

    return train


def random_data(n_neurons, n_batches):
    rng = np.random.default_rng(0)
    n_samples = n_batches * BATCH_SIZE
    X = rng.standard_normal((n_samples, n_neurons), dtype=np.float32)
    return X, rng.integers(N_CLASSES, size=n_samples)


def compare(X, y, args):
    """Interleaved seconds per mini-batch of ours, density by density, and of others."""
    dense = {"scikit-learn": dense_sklearn(X, y, args.threads)}
    if torch is not None:
        dense["PyTorch"] = dense_torch(X, y, args.threads)
    for train in dense.values():
        train()  # wakes up what is lazy
    results = {}
    with ThreadTeam(args.threads) as team:
        for density in args.densities:
            sparse = ours(density, X, y, team)
            sparse()  # compiles
            seconds = interleave({"ours": sparse} | dense, args.rounds, args.pause)
            times_ours = {name: ratio(seconds[name], seconds["ours"]) for name in dense}
            results[density] = {"seconds": seconds, "times_ours": times_ours}
    return results


def break_even(densities, ratios):
    """The density where the ratio falls below 1; None where it is never passed."""
    for (density, here), (denser, there) in pairwise(zip(densities, ratios)):
        if here >= 1 > there:
            return density * (denser / density) ** (log(here) / log(here / there))
    return None


def ratios_to(name, by_density):
    """Median ratios of one dense side to ours, over density."""
    return [result["times_ours"][name][0] for result in by_density.values()]


def print_results(results):
    names = list(next(iter(results.values()))["break_even"])
    rows = []
    for n_neurons, result in results.items():
        for density, at_density in result["densities"].items():
            row = [f"{n_neurons}, density {density:g}"]
            row += [f"{median(s) * 1e3:.1f}" for s in at_density["seconds"].values()]
            row += [format_ratio(at_density["times_ours"][name]) for name in names]
            rows.append(row)
    ratios = [f"{name} / ours" for name in names]
    print("Milliseconds per mini-batch, and ratios\n")
    print_table(["neurons per layer", "ours", *names, *ratios], rows)
    print("\nAs fast as the dense one at a density of")
    for n_neurons, result in results.items():
        for name, density in result["break_even"].items():
            where = "none of these" if density is None else f"{density:.2f}"
            print(f"{n_neurons} neurons, {name}: {where}")


def draw(results):
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
    for colour, (n_neurons, result) in enumerate(results.items()):
        by_density = result["densities"]
        densities = [float(density) for density in by_density]
        for name, style in zip(result["break_even"], ("o-", "s--")):
            ratios = ratios_to(name, by_density)
            label = f"{name}, {n_neurons} neurons per layer"
            ax.loglog(densities, ratios, style, color=f"C{colour}", label=label)
    ax.axhline(1, color="0.4", linewidth=1)
    ax.set_xticks(densities, [f"{density:g}" for density in densities])
    ax.set_yticks([0.5, 1, 2, 5, 10, 20, 50], ["0.5", "1", "2", "5", "10", "20", "50"])
    ax.minorticks_off()
    ax.set(xlabel="density of ours", ylabel="time of dense training / ours")
    ax.legend()
    return figure


def main():
    parser = argument_parser(__doc__, n_rounds=5)
    parser.add_argument("--neurons", type=int, nargs="+", default=[1000, 2000, 4000])
    parser.add_argument("--densities", type=float, nargs="+", default=DENSITIES)
    parser.add_argument("--batches", type=int, default=8, help="per measurement")
    parser.add_argument("--threads", type=int, default=2, help="%(default)s")
    parser.add_argument("--pause", type=float, default=0.3, help="seconds of rest")
    args = parser.parse_args()
    results = {}
    for n_neurons in args.neurons:
        by_density = compare(*random_data(n_neurons, args.batches), args)
        dense = next(iter(by_density.values()))["times_ours"]
        results[n_neurons] = {
            "densities": by_density,
            "break_even": {
                name: break_even(args.densities, ratios_to(name, by_density))
                for name in dense
            },
        }
    print_results(results)
    report(describe_machine(), results, args, draw)


if __name__ == "__main__":
    main()
