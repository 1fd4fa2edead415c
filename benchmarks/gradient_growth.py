"""What growth by gradient costs, and what it brings where connections are few.

MNIST, mini-batches of 128. Seconds of an epoch of 784-1000-1000-1000-10 at `epsilon=20`
without rewiring, and with SET and RigL every 100 updates, RigL with the gradient of all
cells and of candidates; and the share of it that rewirings take. Each has a network of
its own, and all train in turns. There is one thread, and seconds are those of the
processor, which others on the machine disturb less::

    python benchmarks/gradient_growth.py

Accuracy on the test samples of the same network where connections are few, with these
rules and others, after ten epochs; mean and standard deviation over the seeds::

    python benchmarks/gradient_growth.py --accuracy

Rewirings of the network of `million_neurons.py`, with 20.5 million connections, on its
mini-batches of 128 samples: seconds, and how much higher they make the peak of the
memory. Each rule has a fresh process (Linux only)::

    python benchmarks/gradient_growth.py --million
"""

import json
import subprocess
import sys
import warnings
from itertools import product
from statistics import median
from time import process_time

import numpy as np
from common import (
    argument_parser,
    class_targets,
    describe_machine,
    format_ratio,
    interleave,
    key_of,
    load_mnist,
    print_table,
    ratio,
    report,
    run_missing,
    spread,
)
from memory import memory
from million_neurons import EPSILON, N_CLASSES, N_FEATURES, noise, sizes_of
from rewiring import BATCH_SIZE, PARAMETERS
from sklearn.exceptions import ConvergenceWarning

from sklearn_sparse_nn import SETClassifier
from sklearn_sparse_nn.engine.threads import ThreadTeam
from sklearn_sparse_nn.evolution import DSR, ITOP, MEST, SET, SNFS, RigL, Static
from sklearn_sparse_nn.networks.evolving import Evolution
from sklearn_sparse_nn.networks.mlp import MLP
from sklearn_sparse_nn.networks.network import Start
from sklearn_sparse_nn.topology import ErdosRenyi

HIDDEN = (1000, 1000, 1000)
TIMED = {
    "static": Static(),
    "set": SET(interval=100),
    "rigl": RigL(),
    "rigl, 3 candidates": RigL(candidates=3),
    "rigl, 10 candidates": RigL(candidates=10),
}
SAMPLED = {
    "set": SET(interval=1),
    "rigl, 3 candidates": RigL(interval=1, candidates=3),
    "rigl, 10 candidates": RigL(interval=1, candidates=10),
}
JUDGED = TIMED | {
    "snfs": SNFS(),
    "dsr, zeta=0.05": DSR(),
    "mest": MEST(),
    "itop": ITOP(),
}


class Timed(MLP):
    """Notes the seconds of its rewirings."""

    def evolve(self, *arguments):
        start = process_time()
        super().evolve(*arguments)
        self.rewirings.append(process_time() - start)


def epoch_of(rule, team):
    """A function that trains a network of its own for an epoch each time.

    It returns the seconds of the epoch, and of each rewiring in it.
    """
    X, y, _, _ = load_mnist()
    targets, rng = class_targets(y), np.random.default_rng(0)
    start = Start(ErdosRenyi(), 20, seed=0)
    network = Timed([X.shape[1], *HIDDEN, 10], start, "relu", "softmax")
    network.reset_optimiser("sgd")
    network.follow(rule)

    def train():
        order, network.rewirings = rng.permutation(len(X)), []
        # At the beginning of a long fit, when most is replaced.
        evolution = Evolution(rule, zeta=0.3, epoch=0, max_epochs=10**6)
        start = process_time()
        network.train_epoch(X, targets, order, PARAMETERS, team, evolution)
        return process_time() - start, network.rewirings

    return train


def seconds(args):
    """Seconds of each epoch and its rewirings with each rule, after one to warm up."""
    with ThreadTeam(1) as team:
        epochs = {name: epoch_of(rule, team) for name, rule in TIMED.items()}
        for epoch in epochs.values():
            epoch()
        results = interleave(epochs, args.rounds)
    static = [whole for whole, _ in results["static"]]
    rows = [_row(name, each, static) for name, each in results.items()]
    headings = ["", "epoch, s", "times static", "a rewiring, ms", "share"]
    print_table(headings, rows)
    return results


def _row(name, epochs, static):
    wholes = [whole for whole, _ in epochs]
    each = [seconds for _, rewirings in epochs for seconds in rewirings]
    shares = [sum(parts) / whole for whole, parts in epochs]
    middle, least, greatest = spread(shares)
    return [
        name,
        f"{median(wholes):.2f}",
        format_ratio(ratio(wholes, static)),
        f"{1000 * median(each or [0]):.0f}",
        f"{middle:.1%} ({least:.1%} to {greatest:.1%})",
    ]


def accuracy(name, epsilon, seed, n_epochs):
    """Test accuracy of one network."""
    X, y, X_test, y_test = load_mnist()
    rule = JUDGED[name]
    clf = SETClassifier(
        HIDDEN,
        epsilon=epsilon,
        zeta=0.05 if isinstance(rule, DSR) else 0.3,
        evolution=rule,
        batch_size=BATCH_SIZE,
        max_iter=n_epochs,
        n_iter_no_change=n_epochs,
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        clf.fit(X, y)
    return {"accuracy": clf.score(X_test, y_test)}


def accuracies(args):
    """Accuracy of each rule, `epsilon` and seed; it is added to those in the file."""
    wanted = product(JUDGED, args.epsilons, args.seeds)
    jobs = [(*job, args.epochs) for job in wanted]
    results = run_missing(accuracy, jobs, args.json, args.processes)
    rows = []
    for name in JUDGED:
        found = [
            [results[key_of(name, e, s, args.epochs)]["accuracy"] for s in args.seeds]
            for e in args.epsilons
        ]
        cells = [f"{np.mean(each):.4f} ± {np.std(each, ddof=1):.4f}" for each in found]
        rows.append([name, *cells])
    print_table(["", *(f"epsilon={epsilon:g}" for epsilon in args.epsilons)], rows)


def rewirings_of_a_million(name):
    """Seconds of an update and of rewirings, and MiB at the peak before and after."""
    X, labels = noise(8 * BATCH_SIZE, N_FEATURES, N_CLASSES)
    targets, rule = class_targets(labels), SAMPLED[name]
    network = Timed(
        sizes_of(500_000), Start(ErdosRenyi(), EPSILON, seed=0), "relu", "softmax"
    )
    network.reset_optimiser("sgd")
    network.follow(rule)
    network.rewirings, found = [], {}
    # A network of this size must not diverge.
    parameters = PARAMETERS._replace(learning_rate=1e-6)
    with ThreadTeam(1) as team:
        for key, n, evolution in (
            ("first", 2, None),
            ("before", 2, None),
            ("after", 8, Evolution(rule, zeta=0.3, epoch=0, max_epochs=10**6)),
        ):
            start, order = process_time(), np.arange(n * BATCH_SIZE)
            network.train_epoch(X, targets, order, parameters, team, evolution)
            found[key] = {"s": process_time() - start, "MiB": memory("VmHWM")}
    return {
        "update": found["before"]["s"] / 2,
        "rewirings": network.rewirings,
        "peak": found["before"]["MiB"],
        "more": found["after"]["MiB"] - found["before"]["MiB"],
    }


def million(args):
    """What `rewirings_of_a_million` returns, of each rule in a fresh process."""
    results = {}
    for name in SAMPLED:
        command = [sys.executable, *sys.argv, "--one", name]
        output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        results[name] = json.loads(output.stdout)
    rows = [
        [
            name,
            f"{each['update']:.2f}",
            f"{median(each['rewirings']):.2f}",
            f"{each['peak']:,.0f}",
            f"{each['more']:,.0f}",
        ]
        for name, each in results.items()
    ]
    headings = ["", "an update, s", "a rewiring, s", "peak, MiB", "more, MiB"]
    print_table(headings, rows)
    return results


def main():
    parser = argument_parser(__doc__, n_rounds=9)
    parser.add_argument("--accuracy", action="store_true", help="not seconds")
    parser.add_argument("--million", action="store_true", help="a million neurons")
    parser.add_argument("--one", choices=SAMPLED, help="used by the script itself")
    parser.add_argument("--epochs", type=int, default=10, help="%(default)s")
    parser.add_argument("--epsilons", nargs="+", type=float, default=[0.5, 1.0, 2.0])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--processes", type=int, default=1, help="with --accuracy")
    args = parser.parse_args()
    if args.one:
        print(json.dumps(rewirings_of_a_million(args.one)))
        return
    if args.accuracy:
        accuracies(args)
        return
    results = million(args) if args.million else seconds(args)
    report(describe_machine(), results, args)


if __name__ == "__main__":
    main()
