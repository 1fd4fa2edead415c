"""Rules in the setting of a published table, beside what it says.

Table 7 of Zhang et al. (NeurIPS 2025, arXiv:2501.19107): three hidden layers of 1,568
neurons with 1 % of all connections, and a dense output layer; 100 epochs in
mini-batches of 32, SGD with momentum of 0.9 and a rate that falls from 0.025, a weight
decay of 5e-4; each epoch replaces the fraction 0.3. Pixels are shifted and scaled
alike. CHT begins with CSTI, CHTs with BRF; CHTss begins five times as dense, not half
dense as there. There, connections begin again with the weight with which they went: so
do the rules here that remember, at the price of an array of all cells. The authors'
code tests the network after each epoch, keeps the best one, and replaces the same
fraction to the end with RigL, too: hence the best of all epochs, and such a RigL::

    SPARSE_NN_DATA=data python benchmarks/published_rules.py --json table7.json

Results are added to those in the file, so that it can be stopped and go on.
"""

import argparse
import copy
import os
import warnings
from itertools import product
from pathlib import Path
from time import process_time

import numpy as np
from common import print_table, run_missing
from sklearn.exceptions import ConvergenceWarning

from sklearn_sparse_nn import SETClassifier
from sklearn_sparse_nn.evolution import CHT, SET, CHTs, RigL, Sigmoid, Static
from sklearn_sparse_nn.topology import BRF, CSTI, ErdosRenyi

HIDDEN, DENSITY, BATCH_SIZE, WEIGHT_DECAY = (1568,) * 3, 0.01, 32, 5e-4
_FALLING = Sigmoid(last=0.2, end=0.8)


class _Remembering:
    """Connections that begin again have the weight with which they went."""

    def new_weights(self, layer, cells):
        memory = self.__dict__.setdefault("_memory", {}).setdefault(
            layer.index, np.zeros(layer.n_inputs * layer.n_neurons, dtype=np.float32)
        )
        memory[layer.cells[layer.pruned]] = layer.weights[layer.pruned]
        return memory[cells]


class RememberingRigL(_Remembering, RigL):
    """RigL with the weights of all connections that ever were."""


class RememberingCHT(_Remembering, CHT):
    """CHT with the weights of all connections that ever were."""

    uses_gradient = False


class ConstantRigL(RigL):
    """RigL that replaces the same fraction throughout."""

    schedule = staticmethod(lambda progress: 1.0)


# Topology, rule, and how many times as dense the network begins.
RULES = {
    "static": (ErdosRenyi(), Static(), 1),
    "set": (ErdosRenyi(), SET(output_layer=False), 1),
    "rigl": (ErdosRenyi(), RigL(interval=None, output_layer=False), 1),
    "rigl, constant": (
        ErdosRenyi(),
        ConstantRigL(interval=None, end=1.0, output_layer=False),
        1,
    ),
    "rigl, remembers": (
        ErdosRenyi(),
        RememberingRigL(interval=None, output_layer=False),
        1,
    ),
    "rigl, remembers, to the end": (
        ErdosRenyi(),
        RememberingRigL(interval=None, end=1.0, output_layer=False),
        1,
    ),
    "cht": (CSTI(), CHT(), 1),
    "cht, remembers": (CSTI(), RememberingCHT(), 1),
    "chts": (BRF(), CHTs(), 1),
    "chts, relative importance": (BRF(), CHTs("relative_importance"), 1),
    "chtss": (BRF(), CHTs(fraction=_FALLING), 5),
}
PUBLISHED = {
    "mnist": {
        "set": 0.9814,
        "rigl": 0.9861,
        "cht": 0.9848,
        "chts": 0.9876,
        "chtss": 0.9883,
    },
    "fashion_mnist": {
        "set": 0.8900,
        "rigl": 0.8991,
        "cht": 0.8870,
        "chts": 0.9067,
        "chtss": 0.9081,
    },
}


def load(data):
    """Training and test samples, all pixels shifted and scaled alike, and classes."""
    archive = np.load(Path(os.environ["SPARSE_NN_DATA"]) / f"{data}.npz")
    X, X_test = (
        archive[f"x_{part}"].reshape(-1, 784).astype(np.float32)
        for part in ("train", "test")
    )
    mean, deviation = np.float32(X.mean(dtype=float)), np.float32(X.std(dtype=float))
    X, X_test = ((each - mean) / deviation for each in (X, X_test))
    return X, X_test, archive["y_train"], archive["y_test"]


class Examiner:
    """Callback that tests a classifier after each epoch."""

    def __init__(self, X, y):
        self.X, self.y, self.accuracies = X, y, []

    def setup(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch":
            now = copy.copy(estimator)
            now._network = estimator._network.copy()
            self.accuracies.append(now.score(self.X, self.y))

    def teardown(self, estimator, context):
        pass


def run(data, rule, seed, n_epochs):
    """Train and judge one network."""
    X, X_test, y, y_test = load(data)
    topology, evolution, more = RULES[rule]
    model = SETClassifier(
        HIDDEN,
        density=[more * DENSITY] * len(HIDDEN) + [1.0],
        topology=topology,
        evolution=evolution,
        zeta=0.3,
        solver="sgd",
        learning_rate_init=0.025,
        # The penalty of a mini-batch is divided by the number of its samples.
        alpha=WEIGHT_DECAY * BATCH_SIZE,
        batch_size=BATCH_SIZE,
        max_iter=n_epochs,
        tol=0,
        n_iter_no_change=np.inf,
        random_state=seed,
    )
    examiner = Examiner(X_test, y_test)
    model.set_callbacks(examiner)
    start = process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y)
    hidden = model.coefs_[:-1]
    alive = [np.mean(each.count_nonzero(axis=0) > 0) for each in hidden]
    return {
        "accuracy": model.score(X_test, y_test),
        "best": max(examiner.accuracies),
        "seconds": round(process_time() - start, 1),
        "alive": round(float(np.mean(alive)), 4),
        "density": round(
            sum(each.nnz for each in hidden) / sum(np.prod(c.shape) for c in hidden), 5
        ),
    }


def print_results(results, data):
    """Accuracy beside the published one, seconds and neurons of each rule."""
    rows = []
    for rule in RULES:
        found = [r for k, r in results.items() if k.startswith(f"{data}|{rule}|")]
        if found:
            accuracy = np.array([each["accuracy"] for each in found])
            means = {k: np.mean([r.get(k, np.nan) for r in found]) for k in found[-1]}
            rows.append(
                [
                    rule,
                    f"{accuracy.mean():.4f} ± {accuracy.std():.4f}",
                    f"{means['best']:.4f}",
                    f"{PUBLISHED[data].get(rule, float('nan')):.4f}",
                    f"{means['alive']:.2f}",
                    f"{means['seconds']:.0f}",
                ]
            )
    headings = [data, "accuracy", "best epoch", "published", "neurons", "seconds"]
    print()
    print_table(headings, rows)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", nargs="+", default=list(PUBLISHED))
    parser.add_argument("--rules", nargs="+", default=list(RULES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--json", type=Path, help="added to, if it is there")
    args = parser.parse_args()
    wanted = product(args.seeds, args.data, args.rules)
    jobs = [(data, rule, seed, args.epochs) for seed, data, rule in wanted]
    results = run_missing(run, jobs, args.json, args.processes)
    for data in args.data:
        print_results(results, data)


if __name__ == "__main__":
    main()
