"""Peak memory of training: where dense weights would not fit, and per connection.

First a network 54,675-27,500-27,500-18 at epsilon=10, the size of a microarray study,
on 1,400 samples of dense float32 noise, batches of 32. What counts is the peak of the
resident memory during `SETClassifier.fit`, above what the process holds once all is
imported and the samples are made; compiling, with an empty cache, is included.

Then bytes per connection, of a network of ten hidden layers of 50,000 neurons and
20.5 million connections, with either optimiser: the peak while it is made, while it
trains for an epoch, while SET rewires it, and while it trains again, above what the
process held before, compiled code and samples included, and less the buffers of a
mini-batch, which hold activations and error terms and grow with the mini-batch only.

Each run is a fresh process. Linux only, as it reads /proc.

    python benchmarks/memory.py
"""

import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from statistics import median

import numpy as np
from common import (
    argument_parser,
    class_targets,
    describe_machine,
    print_table,
    report,
)

from sklearn_sparse_nn import SETClassifier
from sklearn_sparse_nn.engine.threads import ThreadTeam
from sklearn_sparse_nn.evolution import SET, TrainingClock
from sklearn_sparse_nn.networks.mlp import MLP, TrainingParameters
from sklearn_sparse_nn.networks.network import Start
from sklearn_sparse_nn.topology import ErdosRenyi

N_SAMPLES, N_FEATURES, HIDDEN, N_CLASSES = 1_400, 54_675, (27_500, 27_500), 18
# The network of the second part, and its samples: two mini-batches.
LAYER, N_LAYERS, N_OUTPUTS, EPSILON, BATCH_SIZE = 50_000, 10, 10, 20, 32
# A connection has its input, its weight and one or two numbers of the optimiser.
LEAST_BYTES = {"sgd": 12, "adam": 16}


def memory(field):
    """A field of /proc/self/status in MiB: VmRSS is the present, VmHWM the peak."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    raise OSError(f"no {field} in /proc/self/status")


def reset_peak():
    """Let the peak start anew from the present."""
    Path("/proc/self/clear_refs").write_text("5")


def activation_bytes(network):
    """Bytes of the buffers that hold a mini-batch: they grow with it."""
    work = network._workspace
    return work.activations.nbytes + work.deltas.nbytes + work.errors.nbytes


def fit(n_jobs):
    """Fit in this process; return what it took."""
    warnings.filterwarnings("ignore")
    rng = np.random.default_rng(0)
    X = rng.random((N_SAMPLES, N_FEATURES), dtype=np.float32)
    y = rng.permutation(np.arange(N_SAMPLES) % N_CLASSES)
    model = SETClassifier(
        HIDDEN, epsilon=10, batch_size=32, max_iter=2, random_state=0, n_jobs=n_jobs
    )
    before, start = memory("VmRSS"), time.perf_counter()
    model.fit(X, y)
    return {
        "before": before,
        "above": memory("VmHWM") - before,
        "seconds": time.perf_counter() - start,
        "n_connections": int(model.n_connections_.sum()),
    }


class Training:
    """A deep network, its samples, and what one does with it."""

    def __init__(self, solver, n_neurons):
        rng = np.random.default_rng(0)
        self.X = rng.random((2 * BATCH_SIZE, n_neurons), dtype=np.float32)
        self.targets = class_targets(rng.integers(0, N_OUTPUTS, len(self.X)))
        self.parameters = TrainingParameters(solver, 1e-6, BATCH_SIZE)
        self.network = None

    def make(self):
        sizes = [self.X.shape[1]] * (N_LAYERS + 1) + [N_OUTPUTS]
        self.network = MLP(
            sizes, Start(ErdosRenyi(), EPSILON, seed=0), "relu", "softmax"
        )
        self.network.reset_optimiser(self.parameters.solver)

    def epoch(self):
        order = np.arange(len(self.X))
        with ThreadTeam(1) as team:
            self.network.train_epoch(self.X, self.targets, order, self.parameters, team)

    def rewire(self):
        n_updates = self.network.n_updates
        clock = TrainingClock(1, None, n_updates, n_updates)
        with ThreadTeam(1) as team:
            self.network.evolve(SET(), 0.3, clock, team)

    def phases(self):
        return {
            "making it": self.make,
            "training": self.epoch,
            "rewiring": self.rewire,
            "training again": self.epoch,
        }


def train(solver):
    """Train in this process; return bytes per connection at the peak of each phase."""
    for phase in Training(solver, n_neurons=100).phases().values():
        phase()  # compiles
    training = Training(solver, LAYER)
    before, peaks = memory("VmRSS"), {}
    for name, phase in training.phases().items():
        reset_peak()
        phase()
        # The buffers of a mini-batch come with the first epoch.
        batch = 0 if name == "making it" else activation_bytes(training.network)
        peaks[name] = 2**20 * (memory("VmHWM") - before) - batch
    n_connections = len(training.network.layers.weights)
    return {
        "n_connections": n_connections,
        "bytes": {name: peak / n_connections for name, peak in peaks.items()},
    }


def in_fresh_process(*options, **environment):
    """What this script prints with these options."""
    output = subprocess.run(
        [sys.executable, __file__, *options],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(output.stdout)


def fit_in_fresh_process(n_jobs):
    with tempfile.TemporaryDirectory() as cache:
        return in_fresh_process("--fit", str(n_jobs), NUMBA_CACHE_DIR=cache)


def print_fits(fits):
    rows = []
    for n_jobs, runs in fits.items():
        above = [run["above"] for run in runs]
        before = median(run["before"] for run in runs)
        rows.append(
            [
                str(n_jobs),
                f"{median(above):.0f} ({min(above):.0f} to {max(above):.0f})",
                f"{before:.0f}",
                f"{median(run['seconds'] for run in runs):.1f}",
            ]
        )
    sizes = (N_FEATURES, *HIDDEN, N_CLASSES)
    n_cells = sum(a * b for a, b in itertools.pairwise(sizes))
    n_connections = runs[0]["n_connections"]
    print(
        f"{n_connections:,} connections; dense: {n_cells:,}, {4 * n_cells / 2**20:,.0f}"
    )
    print("MiB of float32 weights alone\n")
    print_table(["n_jobs", "MiB above data", "MiB before", "s, 2 epochs"], rows)


def median_bytes(runs):
    """Median over the runs of the bytes per connection in each phase."""
    phases = runs[0]["bytes"]
    return {phase: median(run["bytes"][phase] for run in runs) for phase in phases}


def print_bytes(trainings):
    rows = []
    for solver, runs in trainings.items():
        phases = median_bytes(runs)
        sizes = *phases.values(), max(phases.values()), LEAST_BYTES[solver]
        rows.append([solver, *(f"{size:.1f}" for size in sizes)])
    print(f"\n{runs[0]['n_connections']:,} connections, bytes for each at the peak of")
    print("each phase, without the buffers of a mini-batch\n")
    print_table(["", *phases, "all phases", "parameters and state alone"], rows)


def draw(results):
    """Bytes per connection at the peak of each phase, for both optimisers."""
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
    for i, (solver, runs) in enumerate(results["bytes_per_connection"].items()):
        phases = median_bytes(runs)
        places = np.arange(len(phases)) + 0.4 * i
        bars = ax.bar(places, phases.values(), width=0.38, label=solver)
        ax.bar_label(bars, [f"{size:.1f}" for size in phases.values()], padding=2)
        least, colour = LEAST_BYTES[solver], f"C{i}"
        label = f"parameters and state, {solver}"
        ax.axhline(least, color=colour, linestyle="--", linewidth=1, label=label)
    ax.set_xticks(np.arange(len(phases)) + 0.2, list(phases))
    ax.set(ylabel="bytes per connection", title="Peak memory without mini-batch")
    ax.margins(y=0.12)
    figure.legend(fontsize="small", loc="outside lower center", ncols=4)
    return figure


def main():
    parser = argument_parser(__doc__, n_rounds=3)
    parser.add_argument("--n-jobs", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--fit", type=int, help="used by the script itself")
    parser.add_argument("--train", choices=LEAST_BYTES, help="the same")
    args = parser.parse_args()
    if args.fit is not None:
        print(json.dumps(fit(args.fit)))
        return
    if args.train is not None:
        print(json.dumps(train(args.train)))
        return

    fits = {n_jobs: [] for n_jobs in args.n_jobs}
    trainings = {solver: [] for solver in LEAST_BYTES}
    for _ in range(args.rounds):
        for n_jobs, runs in fits.items():
            runs.append(fit_in_fresh_process(n_jobs))
        for solver, runs in trainings.items():
            runs.append(in_fresh_process("--train", solver))
    print_fits(fits)
    print_bytes(trainings)
    results = {"fit": fits, "bytes_per_connection": trainings}
    report(describe_machine(), results, args, draw)


if __name__ == "__main__":
    main()
