"""Train a network of fifty million neurons, and say what it takes.

65,536 inputs, ten hidden layers of 5,000,000 neurons, two outputs, at epsilon=1, about
100 million connections: the largest network of Curci et al. (2021, arXiv:2102.01732).
It has their activation function, All-ReLU. It learns two classes of 256 dense float32
samples, mixtures of a few hidden causes, one of which decides the class. SGD with
momentum of 0.9 and mini-batches of 16, the least width of the kernels, as the
activations take most of the memory; SET rewires before each epoch but the first.

Compiling is over before anything is timed. Memory is that of the whole process (Linux
only), and of what came with the network; of that, the buffers of the activations and of
the error terms are told apart. There is one run, whatever `--rounds` says.

    python benchmarks/fifty_million.py
    python benchmarks/fifty_million.py --neurons 20000     # a small try
"""

from statistics import median
from time import perf_counter

import numpy as np
from common import (
    argument_parser,
    class_targets,
    describe_machine,
    print_table,
    report,
)
from memory import activation_bytes, memory, reset_peak

from sklearn_sparse_nn.engine.threads import ThreadTeam
from sklearn_sparse_nn.evolution import SET, TrainingClock
from sklearn_sparse_nn.networks.mlp import MLP, TrainingParameters
from sklearn_sparse_nn.networks.network import Start
from sklearn_sparse_nn.topology import ErdosRenyi

N_FEATURES, N_HIDDEN, N_CLASSES, ZETA = 65_536, 10, 2, 0.3
RANK, NOISE = 10, 0.5


def mixtures(n_samples, n_features):
    """Standardised mixtures of hidden causes with noise, and the sign of the first."""
    rng = np.random.default_rng(0)
    causes = rng.standard_normal((n_samples, RANK), dtype=np.float32)
    X = causes @ rng.standard_normal((RANK, n_features), dtype=np.float32)
    X += NOISE * rng.standard_normal(X.shape, dtype=np.float32)
    X -= X.mean(axis=0)
    X /= X.std(axis=0)
    return X, (causes[:, 0] > 0).astype(np.int32)


class Run:
    """A network, its samples, and what it takes to train it."""

    def __init__(self, X, labels, n_neurons, args):
        self.X, self.targets = X, class_targets(labels)
        self.n_epochs, self.n_threads = args.epochs, args.threads
        self.rng, self.losses = np.random.default_rng(0), []
        self.seconds = {"initialisation": [], "training": [], "rewiring": []}
        # The scores move by the rate times the sum of the squares of the activations
        # that they see, of which there are as many as neurons in the last layer.
        rate = args.learning_rate / n_neurons
        self.parameters = TrainingParameters("sgd", rate, args.batch_size)
        reset_peak()
        self.before, start = memory("VmRSS"), perf_counter()
        sizes = [X.shape[1], *[n_neurons] * N_HIDDEN, N_CLASSES]
        # With ReLU, which is zero half of the time, little of the signal is left after
        # ten layers of two connections per neuron, and after rewiring nothing.
        self.network = MLP(
            sizes, Start(ErdosRenyi(), args.epsilon, seed=0), "all_relu", "softmax"
        )
        self.network.reset_optimiser("sgd")
        self.seconds["initialisation"].append(perf_counter() - start)

    def epochs(self):
        """Train and rewire; after each epoch, the caller may say what came of it."""
        with ThreadTeam(self.n_threads) as team:
            for epoch in range(1, self.n_epochs + 1):
                self.train_epoch(team)
                if epoch < self.n_epochs:
                    self.rewire(epoch, team)
                yield epoch

    def train_epoch(self, team):
        order, start = self.rng.permutation(len(self.X)), perf_counter()
        loss = self.network.train_epoch(
            self.X, self.targets, order, self.parameters, team
        )
        self.seconds["training"].append(perf_counter() - start)
        self.losses.append(loss)

    def rewire(self, epoch, team):
        start, network = perf_counter(), self.network
        updates = network.updates_since_rewiring
        clock = TrainingClock(epoch, self.n_epochs, network.n_updates, updates)
        network.evolve(SET(), ZETA, clock, team)
        self.seconds["rewiring"].append(perf_counter() - start)

    def memory(self):
        """MiB of the process and of the network, and bytes per connection."""
        peak, n_connections = memory("VmHWM"), len(self.network.layers.weights)
        activations = activation_bytes(self.network)
        network = 2**20 * (peak - self.before)
        return {
            "peak": peak,
            "before": self.before,
            "activations": activations / 2**20,
            "bytes_per_connection": network / n_connections,
            "without_activations": (network - activations) / n_connections,
        }


def tell(*words, end="\n"):
    print(*words, end=end, flush=True)


def train(args):
    """Train, and tell what happens as it does."""
    X, labels = mixtures(args.samples, N_FEATURES)
    for _ in Run(X[:, :100], labels, 100, args).epochs():
        pass  # compiles
    tell(f"{N_FEATURES:,} inputs, {N_HIDDEN} layers of {args.neurons:,} neurons,")
    tell(f"{args.samples} samples, {args.threads} threads")
    run = Run(X, labels, args.neurons, args)
    n_connections = len(run.network.layers.weights)
    seconds = run.seconds["initialisation"][0]
    tell(f"{n_connections:,} connections, made in {seconds:.1f} s,", end=" ")
    tell(f"peak memory so far {memory('VmHWM'):,.0f} MiB")
    for epoch in run.epochs():
        seconds = [f"{run.seconds['training'][-1]:.1f} s"]
        if len(run.seconds["rewiring"]) == epoch:
            seconds.append(f"rewiring {run.seconds['rewiring'][-1]:.1f} s")
        tell(f"epoch {epoch}: loss {run.losses[-1]:.4f},", ", ".join(seconds))
    return {
        "n_neurons": N_HIDDEN * args.neurons,
        "n_connections": n_connections,
        "losses": run.losses,
        "seconds": run.seconds,
        "memory": run.memory(),
    }


def print_results(results):
    rows = [
        [f"{name}, s", f"{median(seconds):.1f}"]
        for name, seconds in results["seconds"].items()
        if seconds
    ]
    names = {
        "peak": "peak memory, MiB",
        "before": "of it before the network, MiB",
        "activations": "of it activations and error terms, MiB",
        "bytes_per_connection": "bytes per connection",
        "without_activations": "without activations and error terms",
    }
    rows += [[label, f"{results['memory'][key]:,.1f}"] for key, label in names.items()]
    print()
    print_table(["", "median"], rows)


def main():
    parser = argument_parser(__doc__, n_rounds=1)
    parser.add_argument("--neurons", type=int, default=5_000_000, help="per layer")
    parser.add_argument("--epsilon", type=float, default=1.0)
    parser.add_argument("--samples", type=int, default=256)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--learning-rate", type=float, default=10, help="times neurons of a layer"
    )
    args = parser.parse_args()
    results = train(args)
    print_results(results)
    report(describe_machine(), results, args)


if __name__ == "__main__":
    main()
