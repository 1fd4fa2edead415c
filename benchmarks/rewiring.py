"""The share of an epoch that rewiring takes.

Two networks: 784-1000-1000-1000-10 on MNIST, batches of 128, and one whose hidden layer
has ten million connections (250,000 inputs and neurons at epsilon=20) on 1,400 samples
of noise: few samples make rewiring, which does not depend on their number, look worst.
Training and rewiring alternate, so
they are interleaved as they are in `fit`. The large network takes 3 GB.

    python benchmarks/rewiring.py
"""

from statistics import median
from time import perf_counter

import numpy as np
from common import (
    argument_parser,
    class_targets,
    describe_machine,
    draw_spreads,
    load_mnist,
    print_table,
    report,
    spread,
)

from sklearn_sparse_nn.engine.threads import ThreadTeam
from sklearn_sparse_nn.evolution import SET, TrainingClock
from sklearn_sparse_nn.networks.mlp import MLP, Targets, TrainingParameters
from sklearn_sparse_nn.networks.network import Start
from sklearn_sparse_nn.topology import ErdosRenyi

EPSILON, ZETA, BATCH_SIZE = 20, 0.3, 128
PARAMETERS = TrainingParameters(
    solver="sgd",
    learning_rate=0.01,
    batch_size=BATCH_SIZE,
    alpha=0.0,
    momentum=0.9,
    nesterovs_momentum=True,
    beta_1=0.9,
    beta_2=0.999,
    adam_epsilon=1e-8,
    dropout=0.0,
)


def mnist():
    """Samples and targets, sizes of the layers, output activation."""
    X, y, _, _ = load_mnist()
    return X, class_targets(y), [784, 1000, 1000, 1000, 10], "softmax"


def noise(n_neurons, n_samples):
    """The same for the large network, whose single output is a class of two."""
    rng = np.random.default_rng(0)
    X = rng.random((n_samples, n_neurons), dtype=np.float32)
    values = rng.integers(0, 2, (n_samples, 1)).astype(np.float32)
    targets = Targets(np.zeros(0, np.int32), values, np.zeros(0, np.float32))
    return X, targets, [n_neurons, n_neurons, 1], "logistic"


def measure(X, targets, sizes, output, n_rounds, n_jobs):
    """Seconds of training and of rewiring in each epoch, after one to warm up."""
    network = MLP(sizes, Start(ErdosRenyi(), EPSILON, seed=0), "relu", output)
    network.reset_optimiser("sgd")
    rng = np.random.default_rng(0)
    training, rewiring = [], []
    with ThreadTeam(n_jobs) as team:
        for epoch in range(n_rounds + 1):
            order = rng.permutation(len(X))
            start = perf_counter()
            network.train_epoch(X, targets, order, PARAMETERS, team)
            trained = perf_counter()
            updates = network.updates_since_rewiring
            clock = TrainingClock(epoch + 1, None, network.n_updates, updates)
            network.evolve(SET(), ZETA, clock, team)
            training.append(trained - start)
            rewiring.append(perf_counter() - trained)
    return {
        "n_connections": np.diff(network.layers.indptr[network.layers.first]).tolist(),
        "n_samples": len(X),
        "training": training[1:],
        "rewiring": rewiring[1:],
    }


def shares(result):
    """Rewiring as a fraction of each epoch."""
    pairs = zip(result["training"], result["rewiring"], strict=True)
    return [rewiring / (training + rewiring) for training, rewiring in pairs]


def row(name, result):
    parts = shares(result)
    return [
        name,
        f"{sum(result['n_connections']):,}",
        f"{median(result['training']):.3f}",
        f"{median(result['rewiring']):.3f}",
        f"{median(parts):.1%} ({min(parts):.1%} to {max(parts):.1%})",
    ]


def draw(results):
    spreads = {}
    for name, result in results.items():
        parts = [100 * share for share in result["shares"]]
        spreads[f"{name}, {result['n_samples']:,} samples"] = spread(parts)
    return draw_spreads(spreads, "Rewiring, share of an epoch", "%")


def main():
    parser = argument_parser(__doc__, n_rounds=5)
    parser.add_argument("--n-jobs", type=int, default=2, help="%(default)s")
    parser.add_argument("--neurons", type=int, default=250_000)
    parser.add_argument("--samples", type=int, default=1_400)
    args = parser.parse_args()

    results = {"MNIST": measure(*mnist(), args.rounds, args.n_jobs)}
    large = noise(args.neurons, args.samples)
    results["large"] = measure(*large, args.rounds, args.n_jobs)
    for result in results.values():
        result["shares"] = shares(result)
    headings = ["", "connections", "training, s", "rewiring, s", "share"]
    print_table(headings, [row(name, result) for name, result in results.items()])
    report(describe_machine(), results, args, draw)


if __name__ == "__main__":
    main()
