"""Seconds per training epoch on MNIST: ours against SparseLab, PyTorch, scikit-learn.

A network 784-1000-1000-1000-10 at epsilon=20, mini-batches of 128, SGD with Nesterov's
momentum of 0.9; the sparse ones are rewired once per epoch with zeta=0.3. Dense PyTorch
and scikit-learn have the same shape with all connections; PyTorch's sparse CSR tensors
have the connections of ours at first and keep them. Ours runs once more with Adam and a
dropout of 0.3.

Each side lives in a process of its own, which sleeps until told to run one epoch: the
OpenMP threads of PyTorch spin for a while after their work and would slow down whoever
comes next in the same process. Before each run all sides rest for a second, in which
the load of the machine by others is measured: where it is not near zero, the times of
OpenMP programs with two threads mean nothing. The dense sides run some of the batches
of an epoch, and their time is scaled up. Ratios are to ours with as many threads.

    python benchmarks/training_epoch.py
    python benchmarks/training_epoch.py --peers-python other_env/bin/python

PyTorch and SparseLab are optional: what cannot be imported is left out, with a note.
"""

import itertools
import json
import os
import subprocess
import sys
import time
import warnings
from functools import partial
from statistics import median

import numpy as np
from common import (
    argument_parser,
    class_targets,
    describe_machine,
    draw_ratios,
    format_ratio,
    interleave,
    load_mnist,
    print_table,
    ratio,
    report,
    rest,
    versions,
)

HIDDEN = (1000, 1000, 1000)
SIZES = (784, *HIDDEN, 10)
BATCH_SIZE, EPSILON, ZETA, MOMENTUM = 128, 20, 0.3, 0.9
RATE, ADAM_RATE = 0.01, 0.001


# Each side is a function that prepares its network and returns another one, which
# trains on `n_batches` mini-batches of samples and returns the seconds and the loss.


def ours(n_threads, solver="sgd", dropout=0.0):
    from sklearn_sparse_nn.engine.threads import ThreadTeam
    from sklearn_sparse_nn.evolution import SET, TrainingClock
    from sklearn_sparse_nn.networks.mlp import MLP, TrainingParameters
    from sklearn_sparse_nn.networks.network import Start
    from sklearn_sparse_nn.topology import ErdosRenyi

    X, y, _, _ = load_mnist()
    targets = class_targets(y)
    parameters = TrainingParameters(
        solver=solver,
        learning_rate=RATE if solver == "sgd" else ADAM_RATE,
        batch_size=BATCH_SIZE,
        momentum=MOMENTUM,
        nesterovs_momentum=True,
        dropout=dropout,
    )
    network = MLP(SIZES, Start(ErdosRenyi(), EPSILON, seed=0), "relu", "softmax")
    network.reset_optimiser(solver)
    team = ThreadTeam(n_threads).__enter__()
    rng = np.random.default_rng(0)

    def train(n_batches):
        start = time.perf_counter()
        order = rng.permutation(len(X))[: n_batches * BATCH_SIZE]
        loss = network.train_epoch(X, targets, order, parameters, team)
        clock = TrainingClock(1, None, network.n_updates, n_batches)
        network.evolve(SET(), ZETA, clock, team)
        return time.perf_counter() - start, loss

    return train


def torch_training(model, n_threads, after_step=lambda: None):
    """The usual PyTorch loop over tensors in memory."""
    import torch

    torch.set_num_threads(n_threads)
    X, y, _, _ = load_mnist()
    X, y = torch.from_numpy(X), torch.from_numpy(y)
    optimiser = torch.optim.SGD(
        model.parameters(), lr=RATE, momentum=MOMENTUM, nesterov=True
    )

    def train(n_batches):
        start = time.perf_counter()
        order = torch.randperm(len(X))
        total = 0.0
        for batch in range(n_batches):
            samples = order[batch * BATCH_SIZE : (batch + 1) * BATCH_SIZE]
            loss = torch.nn.functional.cross_entropy(model(X[samples]), y[samples])
            loss.backward()
            optimiser.step()
            after_step()
            optimiser.zero_grad()
            total += float(loss.detach())
        return time.perf_counter() - start, total / n_batches

    return train


def sparselab_set(n_threads):
    import sparselab
    import torch

    layers, updates_per_epoch = [], -(-60000 // BATCH_SIZE)
    for n_inputs, n_neurons in itertools.pairwise(SIZES[:-1]):
        density = EPSILON * (n_inputs + n_neurons) / (n_inputs * n_neurons)
        layer = sparselab.SparseLinear(n_inputs, n_neurons, sparsity=1 - density)
        layers += [layer, torch.nn.ReLU()]
    # At epsilon=20 the output layer of ten neurons is dense on our side, too.
    model = torch.nn.Sequential(*layers, torch.nn.Linear(SIZES[-2], SIZES[-1]))
    # `sparsity` is a label here: each layer has its own, of which rewiring keeps track.
    rule = sparselab.SET(
        sparsity=1 - density, drop_fraction=ZETA, update_freq=updates_per_epoch
    )
    model.apply(rule)
    return torch_training(model, n_threads, after_step=rule.step)


def dense_torch(n_threads):
    import torch

    layers = []
    for n_inputs, n_neurons in itertools.pairwise(SIZES):
        layers += [torch.nn.Linear(n_inputs, n_neurons), torch.nn.ReLU()]
    return torch_training(torch.nn.Sequential(*layers[:-1]), n_threads)


def sparse_torch(n_threads):
    import torch

    from sklearn_sparse_nn.engine.layers import connections_of, layer_indptr
    from sklearn_sparse_nn.networks.mlp import MLP
    from sklearn_sparse_nn.networks.network import Start
    from sklearn_sparse_nn.topology import ErdosRenyi

    layers = MLP(SIZES, Start(ErdosRenyi(), EPSILON, seed=0), "relu", "softmax").layers

    class SparseLinear(torch.nn.Module):
        """Takes and returns feature-major batches, which suit CSR best."""

        def __init__(self, layer):
            super().__init__()
            here = connections_of(layers, layer)
            self.shape = int(layers.sizes[layer + 1]), int(layers.sizes[layer])
            self.indptr = torch.from_numpy(layer_indptr(layers, layer))
            self.indices = torch.from_numpy(layers.indices[here].astype(np.int64))
            self.weights = torch.nn.Parameter(torch.from_numpy(layers.weights[here]))
            self.bias = torch.nn.Parameter(torch.zeros(self.shape[0], 1))

        def forward(self, x):
            structure = self.indptr, self.indices, self.weights
            matrix = torch.sparse_csr_tensor(*structure, size=self.shape)
            return torch.sparse.mm(matrix, x) + self.bias

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            every = [SparseLinear(layer) for layer in range(len(SIZES) - 1)]
            self.layers = torch.nn.ModuleList(every)

        def forward(self, X):
            x = X.T.contiguous()
            for layer in self.layers[:-1]:
                x = torch.relu(layer(x))
            return self.layers[-1](x).T

    return torch_training(Network(), n_threads)


def dense_sklearn(n_threads):
    from sklearn.neural_network import MLPClassifier

    X, y, _, _ = load_mnist()
    model = MLPClassifier(
        HIDDEN,
        solver="sgd",
        momentum=MOMENTUM,
        learning_rate_init=RATE,
        batch_size=BATCH_SIZE,
        alpha=0.0,
        random_state=0,
    )
    classes = np.unique(y)

    def train(n_batches):
        start = time.perf_counter()
        n_samples = n_batches * BATCH_SIZE
        model.partial_fit(X[:n_samples], y[:n_samples], classes=classes)
        return time.perf_counter() - start, model.loss_

    return train


BASELINES = {2: "ours, 2 threads", 1: "ours, 1 thread"}
# Above this share of the machine in other hands, a warning is printed.
BUSY = 0.05
# Name: function, threads, whether it needs the peers' interpreter, whether it runs
# whole epochs. The sparse ones do, as an epoch ends with one rewiring.
SIDES = {
    "ours, 2 threads": (ours, 2, False, True),
    "ours, 1 thread": (ours, 1, False, True),
    "ours, Adam, dropout, 2 threads": (
        partial(ours, solver="adam", dropout=0.3),
        2,
        False,
        True,
    ),
    "SparseLab SET, 2 threads": (sparselab_set, 2, True, True),
    "SparseLab SET, 1 thread": (sparselab_set, 1, True, True),
    "PyTorch dense, 2 threads": (dense_torch, 2, True, False),
    "PyTorch dense, 1 thread": (dense_torch, 1, True, False),
    "PyTorch sparse CSR, 2 threads": (sparse_torch, 2, False, False),
    "scikit-learn dense, 2 threads": (dense_sklearn, 2, False, False),
}


def serve(name, n_batches):
    """The life of one side: prepare, then run an epoch for each line on stdin."""
    warnings.filterwarnings("ignore")
    # Whatever a library prints must not get between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(content):
        print(json.dumps(content), file=answers, flush=True)

    prepare, n_threads, _, _ = SIDES[name]
    try:
        train = prepare(n_threads)
    except ImportError as error:
        answer({"missing": str(error)})
        return
    train(2)  # compiles, and wakes up what is lazy
    answer({"versions": versions()})
    for _ in sys.stdin:
        seconds, loss = train(n_batches)
        answer({"seconds": seconds, "loss": loss})


class Side:
    """A process that trains one network when told to."""

    def __init__(self, name, python, n_batches, batches_per_epoch, pause):
        self.pause, self.busy = pause, []
        self.scale = batches_per_epoch / n_batches
        self.losses = []
        n_threads = str(SIDES[name][1])
        limits = {"OMP_NUM_THREADS": n_threads, "OPENBLAS_NUM_THREADS": n_threads}
        limits["MKL_NUM_THREADS"] = n_threads
        command = [python, __file__, "--serve", name, "--batches", str(n_batches)]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | limits,
        )
        self.greeting = self.listen()

    def listen(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args} ended with an error, see above")
        return json.loads(line)

    def run(self):
        """Seconds of one epoch, after a rest."""
        self.busy.append(rest(self.pause))
        print("run", file=self.process.stdin, flush=True)
        answer = self.listen()
        self.losses.append(answer["loss"])
        return answer["seconds"] * self.scale

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def start_sides(args, batches_per_epoch):
    """Start all sides, one after the other; tell which ones are missing."""
    sides = {}
    wanted = {*BASELINES.values(), *args.sides}
    for name, (_, _, is_peer, is_whole) in SIDES.items():
        if name not in wanted:
            continue
        python = args.peers_python if is_peer else sys.executable
        n_batches = batches_per_epoch if is_whole else args.dense_batches
        side = Side(name, python, n_batches, batches_per_epoch, args.pause)
        if "missing" in side.greeting:
            print(f"{name}: left out, {side.greeting['missing']}")
            side.close()
            continue
        if not is_whole:
            print(f"{name}: {n_batches} of {batches_per_epoch} batches, scaled up")
        sides[name] = side
    return sides


def draw(results):
    return draw_ratios(results, "An epoch on MNIST, 784-1000-1000-1000-10")


def main():
    parser = argument_parser(__doc__, n_rounds=7)
    parser.add_argument("--peers-python", default=sys.executable)
    parser.add_argument("--dense-batches", type=int, default=150, help="%(default)s")
    parser.add_argument("--pause", type=float, default=1.0, help="seconds of rest")
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES))
    parser.add_argument("--serve", choices=SIDES, help="used by the script itself")
    parser.add_argument("--batches", type=int, help="used by the script itself")
    args = parser.parse_args()
    if args.serve:
        serve(args.serve, args.batches)
        return

    sides = start_sides(args, batches_per_epoch=-(-60000 // BATCH_SIZE))
    seconds = interleave({name: s.run for name, s in sides.items()}, args.rounds)
    results = {name: summary(name, side, seconds) for name, side in sides.items()}
    print_results(results)
    machine = describe_machine()
    for side in sides.values():
        side.close()
        machine = side.greeting["versions"] | machine
    report(machine, results, args, draw)


def summary(name, side, seconds):
    baseline = BASELINES[SIDES[name][1]]
    return {
        "seconds": seconds[name],
        "median": median(seconds[name]),
        "times_ours": ratio(seconds[name], seconds[baseline]),
        "scaled_by": side.scale,
        "losses": side.losses,
        "busy_before": side.busy,
    }


def print_results(results):
    rows = []
    for name, result in results.items():
        ratios, loss = format_ratio(result["times_ours"]), result["losses"][-1]
        rows.append([name, f"{result['median']:.2f}", ratios, f"{loss:.3f}"])
    print()
    print_table(["", "s per epoch", "times ours, same threads", "last loss"], rows)
    busy = [b for r in results.values() for b in r["busy_before"] if b is not None]
    if busy:
        print(f"\nOthers kept {median(busy):.0%} of the machine busy, {max(busy):.0%}")
        print("at most, measured before each run.")
    if busy and max(busy) > BUSY:
        print("WARNING: not a quiet machine. Do not quote ratios with 2 threads.")


if __name__ == "__main__":
    main()
