"""How the cost of training grows: time per connection and sample of an epoch.

A network of two equal hidden layers, with as many inputs as neurons in a layer, learns
ten classes of noise, with SGD, momentum of 0.9 and mini-batches of 128. Each panel
varies one thing and keeps the others as they are; the threads are one, the neurons of a
layer 1,000 and `epsilon` 20 where nothing else is said. A cost that follows connections
times samples makes a flat line. Samples are dense, and reading them is included.

The more connections, the fewer samples, so that an epoch takes seconds: from about
100,000 neurons per layer on it is a single mini-batch. The largest network, 1,000,000
neurons per layer with 90 million connections, takes about 6 GB, at the full mini-batch
of 128. The points of a panel are measured in turns. All panels take several minutes.

    python benchmarks/scaling.py
    python benchmarks/scaling.py --largest 10000 --panels neurons density
"""

from dataclasses import asdict, dataclass
from itertools import groupby
from statistics import median

import numpy as np
from common import (
    argument_parser,
    class_targets,
    describe_machine,
    interleave,
    print_table,
    report,
    stopwatch,
)

from sklearn_sparse_nn.engine.threads import ThreadTeam
from sklearn_sparse_nn.networks.mlp import MLP, TrainingParameters
from sklearn_sparse_nn.networks.network import Start
from sklearn_sparse_nn.topology import ErdosRenyi

N_CLASSES, EPSILON = 10, 20
# Connections times samples of a measurement, if a mini-batch alone does not exceed it.
WORK, MOST_SAMPLES = 2_000_000_000, 65_536
# Time does not depend on it, and the largest network must not diverge.
RATE = 1e-6


@dataclass(frozen=True)
class Setting:
    """A point of a panel. `None` means: as many as there are neurons in a layer
    (features), that of `EPSILON` (density), by the number of connections (samples)."""

    neurons: int = 1000
    features: int | None = None
    density: float | None = None
    samples: int | None = None
    batch_size: int = 128
    threads: int = 1


SIZES = (100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
DENSITIES = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
FEATURES = (10, 100, 1_000, 10_000, 100_000, 1_000_000)
BATCHES = (1, 8, 16, 32, 64, 128, 256, 512)
LARGE = 100_000
PANELS = {
    "neurons": [Setting(neurons=n) for n in SIZES],
    "density": [Setting(density=density) for density in DENSITIES],
    "samples": [Setting(samples=n) for n in (100, 1_000, 10_000, 100_000)],
    "features": [Setting(features=n) for n in FEATURES],
    "batch_size": [Setting(batch_size=n) for n in BATCHES]
    + [Setting(LARGE, batch_size=n) for n in BATCHES[2:]],
    "threads": [Setting(n, threads=t) for n in (1_000, LARGE) for t in (1, 2)],
}
LABELS = {
    "neurons": "neurons per layer",
    "density": "density of a layer",
    "samples": "samples",
    "features": "features",
    "batch_size": "samples in a mini-batch",
    "threads": "threads",
}


def new_network(setting):
    features = setting.features or setting.neurons
    epsilon = EPSILON
    if setting.density is not None:
        epsilon = setting.density * setting.neurons / 2
    sizes = [features, setting.neurons, setting.neurons, N_CLASSES]
    network = MLP(sizes, Start(ErdosRenyi(), epsilon, seed=0), "relu", "softmax")
    network.reset_optimiser("sgd")
    return network


def number_of_samples(setting, n_connections):
    """Whole mini-batches that make about the same work, whatever the network."""
    if setting.samples is not None:
        return setting.samples
    n_batches = min(WORK // n_connections, MOST_SAMPLES) // setting.batch_size
    return max(1, n_batches) * setting.batch_size


class Training:
    """A network, and noise to train it with."""

    def __init__(self, setting):
        self.network = new_network(setting)
        self.n_connections = len(self.network.layers.weights)
        self.n_samples = number_of_samples(setting, self.n_connections)
        self.work = self.n_connections * self.n_samples
        rng = np.random.default_rng(0)
        n_features = int(self.network.layers.sizes[0])
        self.X = rng.random((self.n_samples, n_features), dtype=np.float32)
        self.targets = class_targets(rng.integers(0, N_CLASSES, self.n_samples))
        self.order = rng.permutation(self.n_samples)
        self.parameters = TrainingParameters("sgd", RATE, setting.batch_size)
        self.n_threads = setting.threads

    def epoch(self):
        with ThreadTeam(self.n_threads) as team:
            self.network.train_epoch(
                self.X, self.targets, self.order, self.parameters, team
            )


def measure(settings, n_rounds):
    """Each setting as a dict, with its interleaved times."""
    trainings = {setting: Training(setting) for setting in settings}
    for training in trainings.values():
        training.epoch()  # compiles, and touches all memory
    seconds = interleave(
        {s: stopwatch(t.epoch, max(1, WORK // t.work)) for s, t in trainings.items()},
        n_rounds,
    )
    return [
        asdict(setting)
        | {
            "n_connections": training.n_connections,
            "n_samples": training.n_samples,
            "seconds": seconds[setting],
            "nanoseconds": [1e9 * s / training.work for s in seconds[setting]],
        }
        for setting, training in trainings.items()
    ]


def print_panel(name, points):
    rows = []
    for point in points:
        cost = point["nanoseconds"]
        rows.append(
            [
                f"{point[name]:,}",
                f"{point['neurons']:,}",
                f"{point['n_connections']:,}",
                f"{point['n_samples']:,}",
                f"{median(point['seconds']):.4f}",
                f"{median(cost):.3f} ({min(cost):.3f} to {max(cost):.3f})",
            ]
        )
    cost = "ns per connection and sample"
    headings = [LABELS[name], "neurons", "connections", "samples", "s per epoch", cost]
    print_table(headings, rows)
    print(flush=True)


def draw_panel(ax, name, points):
    """One line, or one for each number of neurons if the panel varies another thing."""
    by_neurons = {"all": points}
    if name != "neurons":
        groups = groupby(points, key=lambda point: point["neurons"])
        by_neurons = {neurons: list(group) for neurons, group in groups}
    for neurons, line in by_neurons.items():
        x, costs = [p[name] for p in line], [p["nanoseconds"] for p in line]
        label = "" if neurons == "all" else f"{neurons:,} neurons per layer"
        (drawn,) = ax.plot(x, [median(c) for c in costs], marker="o", label=label)
        least, greatest = [min(c) for c in costs], [max(c) for c in costs]
        ax.fill_between(x, least, greatest, color=drawn.get_color(), alpha=0.2)
    ax.set(xscale="log", yscale="log", xlabel=LABELS[name])
    if name in ("batch_size", "threads"):
        ax.set_xscale("log", base=2)
        ax.set_xticks(sorted({p[name] for p in points}))
        ax.xaxis.set_major_formatter("{x:.0f}")
    ax.grid(alpha=0.3)
    if len(by_neurons) > 1:
        ax.legend(fontsize="small")


def draw(results):
    """A panel for each thing that varies."""
    import matplotlib.pyplot as plt
    from matplotlib.ticker import LogLocator, NullLocator

    n_rows = -(-len(results) // 3)
    figure, axes = plt.subplots(
        n_rows,
        min(3, len(results)),
        figsize=(11, 3.2 * n_rows),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for ax, (name, points) in zip(axes.flat, results.items(), strict=False):
        draw_panel(ax, name, points)
    axes[0, 0].yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes[0, 0].yaxis.set_major_formatter("{x:g}")
    axes[0, 0].yaxis.set_minor_locator(NullLocator())
    figure.supylabel("ns per connection and sample")
    figure.suptitle("Training: cost of a connection per sample")
    return figure


def main():
    parser = argument_parser(__doc__, n_rounds=3)
    parser.add_argument("--panels", nargs="+", choices=PANELS, default=list(PANELS))
    parser.add_argument(
        "--largest", type=int, default=max(SIZES), help="neurons, features, samples"
    )
    args = parser.parse_args()

    def is_wanted(setting):
        sizes = setting.neurons, setting.features, setting.samples
        return all(size is None or size <= args.largest for size in sizes)

    results = {}
    for name in args.panels:
        wanted = [setting for setting in PANELS[name] if is_wanted(setting)]
        results[name] = measure(wanted, args.rounds)
        print_panel(name, results[name])
    report(describe_machine(), results, args, draw)


if __name__ == "__main__":
    main()
