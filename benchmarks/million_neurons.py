"""An epoch of a network with a million neurons, ours against SciPy's sparse matrices.

54,675-500,000-500,000-18 at epsilon=10, 20.5 million connections, the largest network
of Liu et al. (2021, arXiv:1901.09181), who report a total of 4,914 s on a laptop. Here:
1,397 dense float32 samples of noise, mini-batches of 128, SGD with momentum of 0.9, one
thread. After each epoch ours rewires with SET, which is timed apart.

The other sides train the same network, same connections and weights at first, from
SciPy's sparse matrices, as the code of the paper does: a CSR matrix times a dense
batch, the transposed matrix times the error terms, and the gradient at the existing
connections only. "Plain" is in float64, SciPy's default, and finds the gradient in a
compiled loop over the connections. "Best" is in float32 and takes the dot products of
the rows of a thousand connections at a time. They run some mini-batches of an epoch in
turns with ours, scaled up. Before, all sides train a small network, and must come to
the same weights.

Peak memory is that of a fresh process which trains and rewires ours (Linux only). All
sides together take about 7 GB.

    python benchmarks/million_neurons.py
"""

import json
import subprocess
import sys
from functools import partial
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
from memory import memory
from numba import njit
from scipy import sparse
from scipy.special import softmax
from threadpoolctl import threadpool_limits

from sklearn_sparse_nn.engine.layers import connections_of, layer_indptr
from sklearn_sparse_nn.engine.threads import ThreadTeam
from sklearn_sparse_nn.evolution import SET, TrainingClock
from sklearn_sparse_nn.networks.mlp import MLP, TrainingParameters
from sklearn_sparse_nn.networks.network import Start
from sklearn_sparse_nn.topology import ErdosRenyi

N_FEATURES, N_CLASSES, EPSILON, ZETA, MOMENTUM = 54_675, 18, 10, 0.3, 0.9
# Time does not depend on it, and a network of this size must not diverge.
RATE = 1e-6
# Connections whose activations and error terms SciPy's side gathers at a time.
BLOCK = 1024


def new_network(sizes, epsilon):
    network = MLP(sizes, Start(ErdosRenyi(), epsilon, seed=0), "relu", "softmax")
    network.reset_optimiser("sgd")
    return network


def noise(n_samples, n_features, n_classes):
    rng = np.random.default_rng(0)
    X = rng.random((n_samples, n_features), dtype=np.float32)
    return X, rng.integers(0, n_classes, n_samples)


class Ours:
    """Our network, which trains whole epochs."""

    def __init__(self, network, X, labels, batch_size, rate=RATE):
        self.network, self.X, self.targets = network, X, class_targets(labels)
        self.parameters = TrainingParameters(
            "sgd", rate, batch_size, momentum=MOMENTUM, nesterovs_momentum=False
        )
        self.rewiring = []

    def train(self, n_samples=None):
        """Seconds of an epoch, or of its first samples, without rewiring."""
        order = np.arange(len(self.X))[:n_samples]
        start = perf_counter()
        with ThreadTeam(1) as team:
            self.network.train_epoch(self.X, self.targets, order, self.parameters, team)
        return perf_counter() - start

    def rewire(self):
        start = perf_counter()
        network = self.network
        clock = TrainingClock(1, None, network.n_updates, network.n_updates)
        with ThreadTeam(1) as team:
            network.evolve(SET(), ZETA, clock, team)
        self.rewiring.append(perf_counter() - start)

    def train_and_rewire(self):
        seconds = self.train()
        self.rewire()
        return seconds


def blocked_gradient(out, rows, columns, x, deltas):
    """Sum over the samples of `deltas[row] * x[column]` for each connection."""
    buffers = [np.empty((BLOCK, x.shape[1]), x.dtype) for _ in range(2)]
    for start in range(0, len(out), BLOCK):
        block = slice(start, start + BLOCK)
        deltas_here, x_here = (buffer[: len(out[block])] for buffer in buffers)
        # To take with "raise", the default, NumPy would copy once more.
        np.take(deltas, rows[block], axis=0, out=deltas_here, mode="clip")
        np.take(x, columns[block], axis=0, out=x_here, mode="clip")
        np.vecdot(deltas_here, x_here, out=out[block])


@njit
def looped_gradient(out, rows, columns, x, deltas):
    """The same, one connection and one sample after the other."""
    for k in range(len(out)):
        total = 0.0
        for sample in range(x.shape[1]):
            total += deltas[rows[k], sample] * x[columns[k], sample]
        out[k] = total


class SciPyLayer:
    """A layer as a CSR matrix with a row for each neuron, and its velocities."""

    def __init__(self, layers, layer, dtype, add_products):
        self.add_products = add_products
        here = connections_of(layers, layer)
        shape = layers.sizes[layer + 1], layers.sizes[layer]
        structure = layers.indices[here].astype(np.int32), layer_indptr(layers, layer)
        weights = layers.weights[here].astype(dtype)
        self.weights = sparse.csr_array((weights, *structure), shape=shape)
        self.rows, self.columns = self.weights.tocoo().coords
        self.intercepts = np.zeros((shape[0], 1), dtype)
        self.gradient, self.velocities = np.zeros_like(weights), np.zeros_like(weights)
        self.intercept_velocities = np.zeros_like(self.intercepts)

    def find_gradient(self, x, deltas):
        self.add_products(self.gradient, self.rows, self.columns, x, deltas)
        self.gradient /= np.float32(x.shape[1])

    def update(self, deltas, rate):
        mean_deltas = deltas.mean(axis=1, keepdims=True)
        for parameters, velocities, gradient in (
            (self.weights.data, self.velocities, self.gradient),
            (self.intercepts, self.intercept_velocities, mean_deltas),
        ):
            velocities *= np.float32(MOMENTUM)
            velocities -= np.float32(rate) * gradient
            parameters += velocities


class SciPyNetwork:
    """A copy of one of our networks, in SciPy's matrices."""

    def __init__(self, layers, dtype, add_products):
        self.dtype = dtype
        self.layers = [
            SciPyLayer(layers, layer, dtype, add_products)
            for layer in range(len(layers.sizes) - 1)
        ]

    def train(self, X, labels, batch_size, rate=RATE):
        """Seconds of an epoch over X."""
        start = perf_counter()
        for first in range(0, len(X), batch_size):
            batch = slice(first, first + batch_size)
            x = np.ascontiguousarray(X[batch].T, dtype=self.dtype)
            self.step(x, labels[batch], rate)
        return perf_counter() - start

    def step(self, x, labels, rate):
        activations = [x]
        for layer in self.layers:
            z = layer.weights @ activations[-1]
            z += layer.intercepts
            if layer is not self.layers[-1]:
                np.maximum(z, 0, out=z)
            activations.append(z)
        deltas = softmax(activations.pop(), axis=0)
        deltas[labels, np.arange(len(labels))] -= 1
        for layer in reversed(self.layers):
            x = activations.pop()
            layer.find_gradient(x, deltas)
            errors = None
            if activations:
                errors = layer.weights.T @ deltas
                errors *= x > 0
            layer.update(deltas, rate)
            deltas = errors


BASELINES = {
    "SciPy, best": (np.float32, blocked_gradient),
    "SciPy, plain": (np.float64, looped_gradient),
}


def check():
    """All sides must come to the same weights."""
    sizes, batch_size, rate = [60, 50, 40, 5], 16, 0.1
    X, labels = noise(80, sizes[0], sizes[-1])
    network = new_network(sizes, epsilon=5)
    others = [SciPyNetwork(network.layers, *b) for b in BASELINES.values()]
    start = network.layers.weights.copy()
    Ours(network, X, labels, batch_size, rate).train()
    moved = np.abs(network.layers.weights - start).max()
    for theirs in others:
        theirs.train(X, labels, batch_size, rate)
        weights = np.concatenate([layer.weights.data for layer in theirs.layers])
        np.testing.assert_allclose(weights, network.layers.weights, atol=1e-4 * moved)


def sizes_of(n_neurons):
    return [N_FEATURES, n_neurons, n_neurons, N_CLASSES]


def peak_memory(args):
    """MiB of this process after two mini-batches, a rewiring and two more."""
    X, labels = noise(args.samples, N_FEATURES, N_CLASSES)
    before = memory("VmRSS")
    network = new_network(sizes_of(args.neurons), EPSILON)
    ours = Ours(network, X, labels, args.batch_size)
    ours.train(2 * args.batch_size)
    ours.rewire()
    ours.train(2 * args.batch_size)
    peak = memory("VmHWM")
    return {"peak": peak, "above": peak - before}


def peak_memory_in_fresh_process():
    command = [sys.executable, *sys.argv, "--peak"]
    output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(output.stdout)


def compare(args):
    """Interleaved seconds per epoch of all sides."""
    X, labels = noise(args.samples, N_FEATURES, N_CLASSES)
    start = perf_counter()
    network = new_network(sizes_of(args.neurons), EPSILON)
    initialisation = perf_counter() - start
    others = {name: SciPyNetwork(network.layers, *b) for name, b in BASELINES.items()}
    ours = Ours(network, X, labels, args.batch_size)
    n_theirs = min(args.their_batches * args.batch_size, args.samples)

    def train(theirs, n_samples):
        seconds = theirs.train(X[:n_samples], labels[:n_samples], args.batch_size)
        return seconds * args.samples / n_samples

    with threadpool_limits(1):
        # Fresh memory is slow.
        ours.train(args.batch_size)
        for theirs in others.values():
            train(theirs, args.batch_size)
        sides = {name: partial(train, o, n_theirs) for name, o in others.items()}
        seconds = interleave({"ours": ours.train_and_rewire} | sides, args.rounds)
    with_rewiring = [a + b for a, b in zip(seconds["ours"], ours.rewiring, strict=True)]
    return {
        "n_connections": len(network.layers.weights),
        "initialisation": initialisation,
        "seconds": seconds | {"ours, rewired": with_rewiring},
        "times_ours": {b: ratio(seconds[b], seconds["ours"]) for b in BASELINES},
        "times_ours_rewired": {b: ratio(seconds[b], with_rewiring) for b in BASELINES},
    }


def print_results(results):
    seconds = {name: f"{median(s):.1f}" for name, s in results["seconds"].items()}
    rows = [
        ["ours, without rewiring", seconds["ours"], "1", ""],
        ["ours, with rewiring", seconds["ours, rewired"], "", "1"],
    ]
    for name in BASELINES:
        ratios = results["times_ours"][name], results["times_ours_rewired"][name]
        rows.append([f"{name}, without", seconds[name], *map(format_ratio, ratios)])
    print(f"{results['n_connections']:,} connections, made in", end=" ")
    print(f"{results['initialisation']:.1f} s\n")
    headings = ["one thread", "s per epoch", "times ours", "times ours with rewiring"]
    print_table(headings, rows)
    peak = results["memory"]
    print(f"\nPeak memory of ours: {peak['peak']:,.0f} MiB in all, of which")
    print(f"{peak['above']:,.0f} MiB came with the network.")


def draw(results):
    """Seconds per epoch of all sides."""
    import matplotlib.pyplot as plt

    seconds = results["seconds"]
    labels = {"ours": "ours", "ours, rewired": "ours, and rewiring"}
    labels |= {name: name for name in BASELINES}
    times = np.array([seconds[name] for name in labels])
    middle = np.median(times, axis=1)
    spread = [middle - times.min(axis=1), times.max(axis=1) - middle]
    figure, ax = plt.subplots(figsize=(7, 2.3), layout="constrained")
    colours = ["C0", "C0", "0.6", "0.6"]
    bars = ax.barh(list(labels.values()), middle, xerr=spread, color=colours)
    ax.bar_label(bars, [f"{m:.1f}" for m in middle], padding=8)
    ax.invert_yaxis()
    ax.margins(x=0.12)
    title = f"An epoch with {results['n_connections'] / 1e6:.1f} million connections"
    ax.set(title=title, xlabel="seconds, one thread")
    return figure


def main():
    parser = argument_parser(__doc__, n_rounds=3)
    parser.add_argument("--neurons", type=int, default=500_000, help="per hidden layer")
    parser.add_argument("--samples", type=int, default=1_397)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--their-batches", type=int, default=2, help="of each epoch")
    parser.add_argument("--peak", action="store_true", help="used by the script itself")
    args = parser.parse_args()
    if args.peak:
        print(json.dumps(peak_memory(args)))
        return

    check()  # compiles, too
    results = compare(args)
    results["memory"] = peak_memory_in_fresh_process()
    print_results(results)
    report(describe_machine(), results, args, draw)


if __name__ == "__main__":
    main()
